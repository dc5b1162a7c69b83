# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One job: its private data directory is made, ansible-runner runs in it, what it said is gathered."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_runner

from .credentials import dump_unsafe, inject, read_types
from .inventory import read_source, sliced, write_script

ROOT = Path(__file__).resolve().parents[3]
TYPES = ROOT / "playbooks" / "files" / "awx" / "credential_types.yml"
# Variables of our own surroundings that a job in its container would not see.
FOREIGN = ("ANSIBLE_", "ARGOCD_", "K8S_AUTH_", "VAULT_", "REQUESTS_CA_BUNDLE", "PYTHONPATH")
# AWX and AAP, whose former name is Tower: each of these variables comes twice.
PREFIXES = ("awx", "tower")


@dataclass(frozen=True)
class Job:
    """What AWX knows of a job before it starts it."""

    id: int
    project: Path
    playbook: str
    inventory_source: str
    directory: Path
    template: str = "provision"
    credentials: list[dict[str, Any]] = field(default_factory=list)
    vault_passwords: dict[str, str] = field(default_factory=dict)
    extra_vars: dict[str, Any] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    slice: list[int] = field(default_factory=lambda: [1, 1])
    timeout: int = 0
    # The job is cancelled when this task starts in earnest; never if empty.
    cancel_at: str = ""
    # Without AWX: the same run by someone who uses ansible-runner alone.
    in_awx: bool = True

    def meta_vars(self) -> dict[str, Any]:
        """The extra variables that AWX adds: awx_job_id, tower_job_id and others."""
        said = {
            "job_id": self.id,
            "job_launch_type": "manual",
            "job_template_id": 7,
            "job_template_name": self.template,
            "inventory_id": 1,
            "inventory_name": "clusters",
            "project_revision": "0123456789abcdef0123456789abcdef01234567",
            "project_scm_branch": "",
            "user_id": 1,
            "user_name": "admin",
        }
        return {f"{prefix}_{name}": value for prefix in PREFIXES for name, value in said.items()}


class PrivateData:
    """The private data directory of a job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._directory = job.directory
        self.placed: list[Path] = []

    def _copy_project(self, environment: Mapping[str, str]) -> None:
        self._directory.mkdir(mode=0o700)
        (self._directory / "env").mkdir()
        shutil.copytree(self._job.project, self._directory / "project", symlinks=True)
        inventory = read_source(self._directory / "project" / self._job.inventory_source, environment)
        write_script(sliced(inventory, *self._job.slice), self._directory / "inventory" / "hosts")

    def keep(self, text: str) -> Path:
        """A file of a random name, as those of credentials are."""
        descriptor, name = tempfile.mkstemp(dir=self._directory / "env")
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        self.placed.append(Path(name))
        return Path(name)

    def write(self, name: str, text: str) -> None:
        path = self._directory / "env" / name
        path.touch(mode=0o600)
        path.write_text(text)
        self.placed.append(path)

    def make(self, environment: dict[str, str]) -> list[str]:
        """Fill the directory and the environment; return the arguments of ansible-playbook."""
        job = self._job
        if not self._directory.exists():
            self._copy_project(environment)
        arguments = ["-u", "root"] if job.in_awx else []
        for vault_id in job.vault_passwords:
            arguments += ["--vault-id", f"{vault_id}@prompt"]
        arguments += job.arguments
        types = read_types(TYPES)
        for credential in job.credentials:
            injected, files = inject(types[credential["type"]], credential["inputs"], self.keep)
            environment.update(injected)
            arguments += [word for file in files for word in ("-e", f"@{file}")]
        self.write("extravars", dump_unsafe({**job.extra_vars, **(job.meta_vars() if job.in_awx else {})}))
        # AWX suppresses the file with the output; it is kept here to be searched. And a cancellation is seen sooner.
        self.write("settings", json.dumps({"job_timeout": job.timeout, "pexpect_timeout": 0.2}))
        return arguments


class Watcher:
    """Collects the events, and says when the job is to be cancelled."""

    def __init__(self, cancel_at: str) -> None:
        self._cancel_at = cancel_at
        self._due = False
        self.events: list[dict[str, Any]] = []

    def take(self, event: dict[str, Any]) -> bool:
        self.events.append(event)
        data = event.get("event_data") or {}
        if self._cancel_at and event["event"] == "runner_on_start" and data.get("task") == self._cancel_at:
            self._due = True
        return True

    def due(self) -> bool:
        return self._due


def summary(events: list[dict[str, Any]]) -> dict[str, Any]:
    """What AWX shows of a job, and what it hands to the next one (`artifacts`)."""
    stats: dict[str, Any] = next((event["event_data"] for event in events if event["event"] == "playbook_on_stats"), {})
    failures = [
        {"host": event["event_data"]["host"], "task": event["event_data"]["task"], "msg": str(result.get("msg"))}
        for event in events
        if event["event"] in ("runner_on_failed", "runner_on_unreachable")
        for result in [event["event_data"].get("res") or {}]
    ]
    return {
        "events": len(events),
        "hosts": sorted(stats.get("processed") or {}),
        "changed": stats.get("changed") or {},
        "failures": failures,
        "artifacts": stats.get("artifact_data") or {},
    }


def outer_environment(environment: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environment.items() if not name.startswith(FOREIGN)}
    return {**kept, "ANSIBLE_COLLECTIONS_PATH": environment.get("ANSIBLE_COLLECTIONS_PATH") or str(ROOT.parents[2])}


def run(job: Job) -> dict[str, Any]:
    """Run it; return its `status`, what summary() says, and the files that were `placed` for it."""
    environment = outer_environment(os.environ)
    data = PrivateData(job)
    arguments = data.make(environment)
    # ansible-runner adds its own to what it finds in its own environment.
    os.environ.clear()
    os.environ.update(environment)
    watcher = Watcher(job.cancel_at)
    done = ansible_runner.run(
        ident=str(job.id),
        private_data_dir=str(job.directory),
        playbook=job.playbook,
        inventory=str(job.directory / "inventory"),
        cmdline=" ".join(arguments),
        passwords={rf"Vault password \({name}\):\s*?$": word for name, word in job.vault_passwords.items()},
        envvars={"JOB_ID": str(job.id), "ANSIBLE_RETRY_FILES_ENABLED": "False"},
        suppress_env_files=True,
        fact_cache_type="jsonfile",
        quiet=True,
        event_handler=watcher.take,
        cancel_callback=watcher.due,
    )
    return {"status": done.status, **summary(watcher.events), "placed": [str(path) for path in data.placed]}
