# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs by ansible-runner, as AWX has them, that are canceled or come to their time limit in the middle."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .runs import family, wait_until_gone

CANCELED, TIMEOUT = "canceled", "timeout"
# Longer than a run takes to come to any request, on a busy machine too.
LIMIT_SECONDS = 20
NAME = "job"


class RunnerJob:
    """One job. Canceled by a SIGTERM to ansible-runner, which kills the process group; its time limit does the same."""

    def __init__(self, directory: Path, playbook: Path, variables: Mapping[str, Any], how: str) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        limit = {"job_timeout": LIMIT_SECONDS} if how == TIMEOUT else {}
        for name, content in {
            "inventory/hosts.json": json.dumps({"all": {"hosts": {"one": {}}}}),
            "env/extravars": json.dumps(variables),
            "env/settings": json.dumps({"pexpect_timeout": 1, **limit}),
            "env/cmdline": "-vvv --diff",
            f"project/{playbook.name}": playbook.read_text(),
        }.items():
            file = directory / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        self._how = how
        self._artifacts = directory / "artifacts" / NAME
        self._command = [sys.executable, "-m", "ansible_runner", "run", str(directory)]
        self._command += ["-p", playbook.name, "--ident", NAME]
        self._members: list[int] = []
        self._process: subprocess.Popen[bytes]

    def start(self, environment: Mapping[str, str]) -> None:
        nowhere = subprocess.DEVNULL
        self._process = subprocess.Popen(
            self._command, env=environment, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
        )

    def stop(self) -> None:
        """Let it be stopped; returns when ansible-runner is done with it. What outlives that works on."""
        self._members = family(self._process.pid)
        if self._how == CANCELED:
            self._process.terminate()
        self._process.wait()

    def wait(self, seconds: float) -> None:
        """Until nothing of it is left."""
        self._process.wait(seconds)
        if not wait_until_gone(self._members, seconds):
            raise TimeoutError(f"processes {self._members} outlive their job")

    def status(self) -> str:
        return (self._artifacts / "status").read_text()

    def output(self) -> str:
        return (self._artifacts / "stdout").read_text()
