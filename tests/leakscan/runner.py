# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of ansible-runner and all that they leave: one that works, two that fail, two that are stopped on their way."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_runner
import leak_search
import requests

from leakscan import planting
from leakscan.watching import Processes

VAULT_PASSWORD = "planted-vault-password"
# The server answers otherwise than the policy, which is judged before a token is minted.
_WRONG_ANSWERS = {"match": {"path": "/can-i/clusters/"}, "times": 1000, "status": 200, "body": {"value": "no"}}
# The answer that has the token in it; a job that waits for it is stopped.
_LATE_TOKEN = {"match": {"method": "POST", "path": "/token"}, "delay": 60}
_PATIENT = {"argocd_timeout": 120}
_CANCEL_AT = "Keep or mint the token"
# Longer than a job takes to come to that answer, on a busy machine too.
_LIMIT_SECONDS = 40
Texts = list[tuple[str, str]]


@dataclass(frozen=True)
class Job:
    """`connection` is on top of the one that works; `status` is how ansible-runner must say it ended.

    `store` is where the token goes: a vault file, or a Secret.
    """

    name: str
    status: str
    connection: Mapping[str, Any] = field(default_factory=dict)
    fault: Mapping[str, Any] | None = None
    store: str = "ansible_vault"


JOBS = (
    Job("runner", "successful"),
    Job("runner, wrong password", "failed", {"argocd_password": "planted-wrong-password"}),
    Job("runner, failed checks", "failed", {"wait_timeout": 1}, _WRONG_ANSWERS),
    Job("runner, canceled", "canceled", _PATIENT, _LATE_TOKEN, "kubernetes_secret"),
    Job("runner, timed out", "timeout", _PATIENT, _LATE_TOKEN, "kubernetes_secret"),
)


class Stop:
    """Cancels a job two seconds after it came to a task; another thread counts them."""

    def __init__(self) -> None:
        self._due = threading.Event()

    def watch(self, event: Mapping[str, Any]) -> bool:
        """Look at an event of the job; it is kept in any case."""
        if event.get("event") == "playbook_on_task_start" and event["event_data"]["task"].endswith(_CANCEL_AT):
            threading.Timer(2, self._due.set).start()
        return True

    def due(self) -> bool:
        return self._due.is_set()


def jobs(info: Path, directory: Path, *, force_module: bool) -> Iterator[tuple[str, Texts]]:
    """Run each on a fresh installation, so that it ends for its own reason; return its name and all that it left."""
    shape = json.loads(info.read_text())
    cluster, verify = shape["clusters"]["c2"], shape["ca_file"]
    for number, job in enumerate(JOBS):
        private = _fresh(directory / f"runner-{number}")
        inventory = _fresh(directory / f"runner-inventory-{number}")
        requests.post(f"{cluster['control_url']}/reset", verify=verify, timeout=30).raise_for_status()
        _write_inventory(inventory, cluster, verify, job, force_module=force_module)
        if job.fault:
            url = f"{cluster['control_url']}/faults"
            requests.post(url, json=job.fault, verify=verify, timeout=30).raise_for_status()
        yield job.name, _run(job, private, inventory, directory)


def _run(job: Job, private: Path, inventory: Path, collections: Path) -> Texts:
    stop = Stop()
    stopped = {"event_handler": stop.watch, "cancel_callback": stop.due} if job.status == "canceled" else {}
    with Processes(str(private)) as processes:
        done = ansible_runner.run(
            private_data_dir=str(private),
            inventory=str(inventory / "hosts.yml"),
            playbook="fleetops.argocd.provision",
            extravars={"argocd_user_profile": "octopus"},
            cmdline=f"--vault-password-file {inventory / 'vault-password'} --diff",
            envvars={
                "ANSIBLE_COLLECTIONS_PATH": str(collections),
                "ANSIBLE_INJECT_INVOCATION": "true",
                "ANSIBLE_DEBUG": "true",
                "ANSIBLE_LOG_PATH": str(private / "ansible.log"),
            },
            timeout=_LIMIT_SECONDS if job.status == "timeout" else None,
            verbosity=4,
            quiet=True,
            **stopped,
        )
    if done.status != job.status:
        sys.exit(f"cannot judge the job {job.name}: it is {done.status}, see {private}")
    return [*_left(private), ("the process list", processes.text)]


def leak(directory: Path) -> Texts:
    """Run a job that leaks on purpose; return all that it left."""
    private = _fresh(directory / "runner-leaks")
    play = private / "project" / "leaks.json"
    play.parent.mkdir()
    planting.write_play(play, planting.RUNNER_LEAKS)
    ansible_runner.run(
        private_data_dir=str(private),
        inventory="localhost ansible_connection=local",
        playbook=play.name,
        cmdline=f"-M {planting.LIBRARY}",
        extravars={"ansible_python_interpreter": sys.executable},
        verbosity=4,
        quiet=True,
    )
    return _left(private)


def _left(private: Path) -> Texts:
    return [(str(path.relative_to(private)), text) for path, text in leak_search.files_below(private)]


def _fresh(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    return directory


def _write_inventory(
    directory: Path, cluster: Mapping[str, Any], ca_file: str, job: Job, *, force_module: bool
) -> None:
    connection = {
        "kubeconfig": cluster["kubeconfig"],
        "argocd_url": cluster["argocd_url"],
        "argocd_ca_cert": ca_file,
        "argocd_username": "admin",
        "argocd_password": cluster["admin_password"],
        **job.connection,
    }
    store: dict[str, Any] = {"type": job.store}
    if job.store == "kubernetes_secret":
        access = {"host": cluster["kubernetes_url"], "api_key": cluster["kubernetes_token"], "ca_cert": ca_file}
        store |= {"namespace": "default", "name": "consumer", "connection": access}
    variables = {
        "argocd_user_store": [store],
        "argocd_user_connection": connection,
        "argocd_force_module": force_module,
        "ansible_python_interpreter": sys.executable,
    }
    (directory / "hosts.yml").write_text(json.dumps({"argocd": {"hosts": {"c2": variables}}}))
    (directory / "vault-password").write_text(f"{VAULT_PASSWORD}\n")
