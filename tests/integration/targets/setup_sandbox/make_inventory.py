# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what a target runs over: `make_inventory.py CONFIG DIRECTORY`.

CONFIG is integration_config.yml (tests/tools/integration.py). DIRECTORY gets `inventory/hosts.yml`, one host per
cluster of `sandbox_info`, and `vault-password`. A server of another kind needs the same keys in its `sandbox_info`;
`control_url` may be missing there, and a cluster may have a `ca_file` of its own: of several self-signed certificates
of one subject in one file OpenSSL believes only the first.
"""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import Any

import yaml


def host(cluster: dict[str, Any], ca_file: str) -> dict[str, Any]:
    """Return a host's variables: `cluster` for our readers, and the connection that the collection is given."""
    return {
        "cluster": {**cluster, "ca_file": ca_file},
        "argocd_user_connection": {
            "kubeconfig": cluster["kubeconfig"],
            "argocd_url": cluster["argocd_url"],
            "argocd_ca_cert": ca_file,
            "argocd_username": "admin",
            "argocd_password": cluster["admin_password"],
        },
    }


def inventory(config: dict[str, Any]) -> dict[str, Any]:
    """Return the inventory. The interpreter is said, because ansible-test's environment would discover another."""
    info = json.loads(Path(config["sandbox_info"]).read_text())
    return {
        "argocd": {
            "hosts": {
                name: host({"real": info.get("real", False), **cluster}, cluster.get("ca_file", info["ca_file"]))
                for name, cluster in info["clusters"].items()
            },
            "vars": {"ansible_connection": "local", "ansible_python_interpreter": config["controller_python"]},
        }
    }


def write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def main(config_file: str, directory: str) -> None:
    work = Path(directory)
    (work / "inventory").mkdir(parents=True)
    config = yaml.safe_load(Path(config_file).read_text())
    # JSON is YAML.
    write_private(work / "inventory" / "hosts.yml", json.dumps(inventory(config), indent=2))
    write_private(work / "vault-password", secrets.token_hex(16) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
