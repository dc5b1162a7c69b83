# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a write where only the requests are known."""

from __future__ import annotations

from typing import Any

import pytest
from argocd_testbed import seen

MAP = "/c1/k8s/api/v1/namespaces/argocd/configmaps/argocd-cm"
BY_PROXY = "/c1/k8s/api/v1/namespaces/argocd/services/https:argocd-server:https/proxy"
API = "/c1/argocd/api/v1"


def request(method: str, path: str, status: int | None = 200, query: str = "") -> dict[str, Any]:
    return {"method": method, "path": path, "query": query, "status": status}


@pytest.mark.parametrize(
    ("one", "kubernetes", "argocd", "logins"),
    [
        (request("PATCH", MAP, query="fieldManager=fleetops.argocd"), 1, 0, 0),
        (request("PATCH", MAP, query="dryRun=All"), 0, 0, 0),
        (request("PATCH", MAP, 409), 0, 0, 0),
        (request("PATCH", MAP, None), 0, 0, 0),
        (request("GET", MAP), 0, 0, 0),
        (request("POST", "/c1/k8s/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 201), 0, 0, 0),
        (request("POST", f"{API}/session"), 0, 0, 1),
        (request("POST", f"{API}/account/octopus/token"), 0, 1, 0),
        (request("DELETE", f"{API}/account/octopus/token/octopus-1"), 0, 1, 0),
        (request("PUT", f"{API}/account/password"), 0, 1, 0),
        (request("GET", f"{API}/account/octopus"), 0, 0, 0),
        (request("POST", f"{BY_PROXY}/api/v1/account/octopus/token"), 0, 1, 0),
        (request("POST", f"{BY_PROXY}/api/v1/session"), 0, 0, 1),
    ],
)
def test_what_counts(one: dict[str, Any], kubernetes: int, argocd: int, logins: int) -> None:
    found = seen.writes([one])
    counted = (found["kubernetes"], found["argocd"], found["total"], found["logins"], len(found["log"]))
    assert counted == (kubernetes, argocd, kubernetes + argocd, logins, kubernetes + argocd)
