# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of ours: started with a log and nothing of our environment, awaited, and stopped by PID."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from .errors import CannotRun

# Seconds on an idle machine; one that other tests keep busy took more than two minutes.
START_SECONDS = 240
# An API server waits for its watchers, which are ours and gone with it: it need not be given long.
STOP_SECONDS = 2
SHOWN_LOG_LINES = 30
# Below those of Linux (net.ipv4.ip_local_port_range) and of IANA (RFC 6335, section 6).
PORTS = range(15_000, 32_000)


class Processes:
    """Children by name; the last one started is the first one stopped."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def log_file(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def start(
        self, name: str, command: list[str], environment: Mapping[str, str] | None = None, *, given: bytes = b""
    ) -> None:
        """`given` is what the process reads on its standard input; secrets go there or into the environment."""
        own = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "TMPDIR": str(self.directory)}
        with self.log_file(name).open("ab") as log:
            process = subprocess.Popen(
                command, env={**own, **(environment or {})}, stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        self._running[name] = process
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.close()

    def wait_until(self, name: str, ready: Callable[[], bool]) -> None:
        """Return when `ready()`; raises CannotRun with the end of the log where the process ends or time is up."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            code = self._running[name].poll()
            if code is not None or time.monotonic() > deadline:
                why = "it is not ready" if code is None else f"exit code {code}"
                raise CannotRun(f"cannot start {name}: {why}; the end of its log:\n{self._log_end(name)}")
            time.sleep(0.05)

    def _log_end(self, name: str) -> str:
        return "\n".join(self.log_file(name).read_text(errors="replace").splitlines()[-SHOWN_LOG_LINES:])

    def ended(self) -> dict[str, int]:
        """Return the exit codes of those that ended by themselves."""
        # A copy: a reset, in another thread, takes one away and puts its successor there.
        codes = {name: process.poll() for name, process in dict(self._running).items()}
        return {name: code for name, code in codes.items() if code is not None}

    def stop(self, *names: str) -> None:
        """Stop them at once and wait; without names, all. Those that do not run are left out."""
        chosen = names or tuple(reversed(self._running))
        stopping = [self._running.pop(name) for name in chosen if name in self._running]
        for process in stopping:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in stopping:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that were free a moment ago; all are held until the last is known.

    Not those that the system hands out: until a server has started, anybody could be given its port.
    """
    with contextlib.ExitStack() as held:
        found: list[int] = []
        for port in random.SystemRandom().sample(PORTS, len(PORTS)):
            if len(found) == count:
                break
            one = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                found.append(port)
        return found


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def own_address() -> str:
    """An address of this machine that others could reach; raises CannotRun where it has none."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            # Nothing is sent: the system only says where it would send from (192.0.2.0/24 is of RFC 5737).
            asking.connect(("192.0.2.1", 9))
            return str(asking.getsockname()[0])
    except OSError as error:
        raise CannotRun(
            "cannot lead a Service to argocd-server: this machine has only the loopback, which Kubernetes refuses as "
            "an endpoint; give it another address"
        ) from error
