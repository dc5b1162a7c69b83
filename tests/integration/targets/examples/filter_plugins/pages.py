# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in for the reader's own kubeconfig."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def kubeconfig_of(contexts: dict[str, str], hostvars: Mapping[str, Any]) -> dict[str, Any]:
    """One kubeconfig, from {context: inventory host}; no context is the current one."""
    config: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for context, host in contexts.items():
        one = yaml.safe_load(Path(hostvars[host]["cluster"]["kubeconfig"]).read_text())
        for kind in ("clusters", "users"):
            config[kind] += [item for item in one[kind] if item not in config[kind]]
        config["contexts"].append({**one["contexts"][0], "name": context})
    return config


class FilterModule:
    """Ansible finds filters here."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"kubeconfig_of": kubeconfig_of}
