# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts runs of ansible-playbook, waits for them and kills them, all of their processes at once."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_SECONDS = 120
RUN_SECONDS = 180


def family(pid: int) -> list[int]:
    """The process and all that it started: workers of Ansible have a session of their own, which no group reaches."""
    found = [pid]
    for known in found:
        with suppress(OSError):
            for task in Path(f"/proc/{known}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def kill_all(pids: list[int], number: int = signal.SIGKILL) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def gone(pid: int) -> bool:
    """Whether it ended; one that nobody waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_until_gone(pids: list[int], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not all(gone(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


@dataclass
class Run:
    """One ansible-playbook. `code` is its exit code once it ended, negative after a signal.

    `left` are processes that may outlive it.
    """

    log: Path
    pid: int = 0
    code: int | None = None
    left: list[int] = field(default_factory=list)
    started: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float = RUN_SECONDS) -> int:
        if not self.ended.wait(seconds):
            self.kill()
            raise TimeoutError(f"a run did not end within {seconds:g} s:\n{self.output()}")
        assert self.code is not None
        if not wait_until_gone(self.left, seconds):
            raise TimeoutError(f"processes {self.left} outlive their run")
        return self.code

    def kill(self) -> None:
        """SIGKILL for every process of the run; returns when all of them are gone. wait() tells where one is not."""
        self.started.wait(START_SECONDS)
        self.left = family(self.pid)
        kill_all(self.left)
        wait_until_gone(self.left)

    def interrupt(self, number: int) -> None:
        """As a shell's Ctrl-C or the end of a job: the group gets it. Returns when ansible-playbook itself is gone."""
        self.started.wait(START_SECONDS)
        self.left = family(self.pid)
        os.killpg(self.pid, number)
        wait_until_gone([self.pid])

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Warm:
    """The process of warm.py, over one copy of the collection."""

    def __init__(self, collections: Path, directory: Path, environment: Mapping[str, str]) -> None:
        self._numbers = itertools.count(1)
        self._runs: dict[int, Run] = {}
        self._lock = threading.Lock()
        log = (directory / "warm.log").open("wb")
        self.environment = {**environment, "ANSIBLE_COLLECTIONS_PATH": str(collections)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=self.environment,
            start_new_session=True,
        )
        ready = self._process.stdout.readline() if self._process.stdout else ""
        if not ready:
            sys.exit(f"cannot warm Ansible up: see below\n{(directory / 'warm.log').read_text()}")
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self, argv: list[str], *, log: Path, **wish: Any) -> Run:
        """`wish` is what warm.py reads of it besides."""
        run = Run(log)
        with self._lock:
            number = next(self._numbers)
            self._runs[number] = run
            told = json.dumps({"id": number, "argv": argv, "log": str(log), **wish})
            assert self._process.stdin
            self._process.stdin.write(told + "\n")
            self._process.stdin.flush()
        return run

    def stop(self) -> None:
        """Ends it and whatever its runs may have left."""
        members = family(self._process.pid)
        kill_all(members)
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            told = json.loads(line)
            run = self._runs[told["id"]]
            if "pid" in told:
                run.pid = told["pid"]
                run.started.set()
            else:
                run.code = told["code"]
                run.ended.set()
                del self._runs[told["id"]]
