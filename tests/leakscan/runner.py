# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of ansible-runner, and the artifacts they leave: one that works, and two that fail."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible_runner
import leak_search
import requests

# The server answers otherwise than the policy, which is judged before a token is minted.
_WRONG_ANSWERS = {"match": {"path": "/can-i/clusters/"}, "times": 1000, "status": 200, "body": {"value": "no"}}
JOBS: dict[str, dict[str, Any]] = {
    "runner": {},
    "runner, wrong password": {"argocd_password": "planted-wrong-password"},
    "runner, failed checks": {"wait_timeout": 1},
}


def jobs(info: Path, directory: Path, *, force_module: bool) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Run each on a fresh installation, so that it ends for its own reason; return its name and all that it left."""
    shape = json.loads(info.read_text())
    cluster = shape["clusters"]["c2"]
    for number, (name, changes) in enumerate(JOBS.items()):
        private = directory / f"runner-{number}"
        shutil.rmtree(private, ignore_errors=True)
        private.mkdir(mode=0o700)
        inventory = directory / f"runner-inventory-{number}"
        shutil.rmtree(inventory, ignore_errors=True)
        requests.post(f"{cluster['control_url']}/reset", verify=shape["ca_file"], timeout=30).raise_for_status()
        _write_inventory(inventory, cluster, shape["ca_file"], changes, force_module=force_module)
        if "checks" in name:
            url = f"{cluster['control_url']}/faults"
            requests.post(url, json=_WRONG_ANSWERS, verify=shape["ca_file"], timeout=30).raise_for_status()
        job = ansible_runner.run(
            private_data_dir=str(private),
            inventory=str(inventory / "hosts.yml"),
            playbook="fleetops.argocd.provision",
            extravars={"argocd_user_profile": "octopus"},
            cmdline=f"--vault-password-file {inventory / 'vault-password'} --diff",
            envvars={"ANSIBLE_COLLECTIONS_PATH": str(directory), "ANSIBLE_INJECT_INVOCATION": "true"},
            verbosity=4,
            quiet=True,
        )
        if (job.rc == 0) != (name == "runner"):
            sys.exit(f"cannot judge the job {name}: its exit code is {job.rc}, see {private}")
        yield name, [(str(path.relative_to(private)), text) for path, text in leak_search.files_below(private)]


def _write_inventory(
    directory: Path, cluster: dict[str, Any], ca_file: str, changes: dict[str, Any], *, force_module: bool
) -> None:
    directory.mkdir(mode=0o700)
    connection = {
        "kubeconfig": cluster["kubeconfig"],
        "argocd_url": cluster["argocd_url"],
        "argocd_ca_cert": ca_file,
        "argocd_username": "admin",
        "argocd_password": cluster["admin_password"],
        **changes,
    }
    variables = {
        "argocd_user_connection": connection,
        "argocd_force_module": force_module,
        "ansible_python_interpreter": sys.executable,
    }
    (directory / "hosts.yml").write_text(json.dumps({"argocd": {"hosts": {"c2": variables}}}))
    (directory / "vault-password").write_text("planted-vault-password\n")
