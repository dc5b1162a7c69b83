# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File operations of a run: counted by strace, and killed at by strace.

Ansible forks one worker for each task. A worker is traced on its own, so that `the third rename of the second worker`
always names the same operation; it waits at its birth until strace has attached itself.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# One run replaces the file three times at most, and finds what killed runs left.
TEMPORARIES = 12
ATTACH_SECONDS = 20
# `openat(AT_FDCWD, "...`, also where strace could not write the whole line.
CALL = re.compile(r"^(\w+)\(")


@dataclass(frozen=True)
class Operation:
    """The `nth` call of that name by the worker with that number."""

    worker: int
    call: str
    nth: int


def missing() -> str:
    """What to install; empty where strace is there."""
    return "" if shutil.which("strace") else "cannot trace file operations: strace is missing; apt-get install strace"


def watched(file: Path) -> list[str]:
    """What one vault file comes with: its directory, lock and temporary files (see warm.numbered_names)."""
    temporaries = [file.with_name(f".{file.name}.t{number}.tmp") for number in range(TEMPORARIES)]
    return [str(path) for path in (file, file.with_name(f".{file.name}.lock"), file.parent, *temporaries)]


def count_calls(directory: Path, file: Path) -> dict[str, Any]:
    """The wish of a run whose workers are all traced; see `operations`."""
    return {"directory": str(directory), "paths": watched(file), "worker": None, "options": []}


def kill_at(operation: Operation, directory: Path, file: Path) -> dict[str, Any]:
    """The wish of a run that is killed as it begins the operation, which then does not happen."""
    inject = f"inject={operation.call}:signal=SIGKILL:when={operation.nth}"
    options = ["-e", f"trace={operation.call}", "-e", inject]
    return {"directory": str(directory), "paths": watched(file), "worker": operation.worker, "options": options}


def operations(directory: Path) -> list[Operation]:
    """What the traced workers did, in order."""
    found = []
    for file in sorted(directory.glob("*.strace"), key=lambda path: int(path.stem)):
        found += parse(int(file.stem), file.read_text(errors="replace").splitlines())
    return found


def parse(worker: int, lines: Iterable[str]) -> list[Operation]:
    seen: Counter[str] = Counter()
    found = []
    for line in lines:
        call = CALL.match(line)
        if call:
            seen[call[1]] += 1
            found.append(Operation(worker, call[1], seen[call[1]]))
    return found


def attach_when_due(wish: dict[str, Any] | None) -> None:
    """In the run, before Ansible forks: let each worker that is meant be traced from its first moment."""
    if wish is None:
        return
    born = 0

    def count() -> None:
        nonlocal born
        born += 1

    def attach() -> None:
        # `born` is as the parent had it at the fork.
        if wish["worker"] in (None, born):
            _trace_me(Path(wish["directory"], f"{born}.strace"), wish)

    os.register_at_fork(after_in_parent=count, after_in_child=attach)


def _trace_me(output: Path, wish: dict[str, Any]) -> None:
    paths = [part for path in wish["paths"] for part in ("-P", path)]
    command = ["strace", "-q", "-o", str(output), *wish["options"], *paths, "-p", str(os.getpid())]
    # In a session of its own: what ends the run must not end the witness.
    with Path(os.devnull).open("w") as nowhere:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=nowhere, stderr=nowhere, start_new_session=True)
    deadline = time.monotonic() + ATTACH_SECONDS
    while "TracerPid:\t0\n" in Path("/proc/self/status").read_text():
        if time.monotonic() > deadline:
            os._exit(251)
        time.sleep(0.002)
