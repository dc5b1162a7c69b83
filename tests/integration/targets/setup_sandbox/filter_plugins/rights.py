# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request needs the right to, and a connection with less."""

from __future__ import annotations

import re
from typing import Any

LOGIN = ("argocd_username", "argocd_password")


def kubernetes_right(request: dict[str, Any]) -> str:
    """The right that a request to the Kubernetes API takes, `get configmaps argocd-cm`; '' for one to another API.

    Of what is no object of Argo CD's namespace, the path in full.
    """
    found = re.search(r"^/[^/]+/k8s(/.*)$", request["path"])
    if found is None:
        return ""
    named = re.search(r"^/api/v1/namespaces/argocd/(\w+)/([\w-]+)$", found.group(1))
    return " ".join([request["method"].lower(), *(named.groups() if named else found.groups())])


def without_login(connection: dict[str, Any]) -> dict[str, Any]:
    """The connection without what logs in to Argo CD."""
    return {name: value for name, value in connection.items() if name not in LOGIN}


class FilterModule:
    """Makes them known to Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"kubernetes_right": kubernetes_right, "without_login": without_login}
