# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a run says and leaves, and what of it is ours to answer for."""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import leak_search

# The callback `watched` puts it before each task.
_MARK = re.compile(r"^(?:.*\| )?@@watched (.*)$", re.MULTILINE)
_OURS = ("fleetops.argocd.", "{{", "leaky")
_SAMPLE_SECONDS = 0.05


def is_ours(action: str) -> bool:
    """Whether a task of the collection (see the callback `watched`), or one that leaks on purpose.

    A template stands for one in the tests.
    """
    return action.startswith(_OURS)


def ours(text: str) -> str:
    """Return what was said while tasks of ours ran; everything where there are no marks."""
    marks = list(_MARK.finditer(text))
    if not marks:
        return text
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return "\n".join(text[mark.end() : end] for mark, end in zip(marks, ends, strict=True) if is_ours(mark.group(1)))


class Processes:
    """The arguments of every process that this one starts from now on, or that those start; looked at all the time.

    `mark` is in their environments: one in the background may have no parent left to know it by (async_wrapper of
    ansible-core), and one behind sudo has an environment of its own.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark.encode()
        self._seen: set[str] = set()
        # Of each process: whether it is ours. Looked up once, since there are many others on a machine.
        self._known: dict[int, bool] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Processes:
        self._known = dict.fromkeys(_present(), False)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def text(self) -> str:
        return "\n".join(sorted(self._seen))

    def wait(self, seconds: float) -> None:
        """Wait for what went to the background: only then it has left what it leaves.

        A process may be listed before its child is there, and be over when it is asked whose it is: a second look
        sees the child.
        """
        deadline = time.monotonic() + seconds
        while (self._look() or self._look()) and time.monotonic() < deadline:
            time.sleep(_SAMPLE_SECONDS)

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            self._look()

    def _look(self) -> bool:
        """Return whether any of ours runs."""
        with self._lock:
            present = _present()
            parents = {pid: _parent(pid) for pid in present - self._known.keys()}
            known = {pid: is_ours for pid, is_ours in self._known.items() if pid in present}
            new = {pid: _descends(pid, parents, known) or self._mark in _environment(pid) for pid in parents}
            self._known = known | new
            running = {pid for pid, is_ours in self._known.items() if is_ours}
            self._seen |= {_arguments(pid) for pid in running}
            return bool(running)


def _present() -> set[int]:
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}


def _parent(pid: int) -> int:
    """Return 0 where there is none, or it is over already."""
    try:
        # The name of the program, in brackets, may hold anything.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _descends(pid: int, parents: Mapping[int, int], known: Mapping[int, bool]) -> bool:
    while pid in parents:
        pid = parents[pid]
    return pid == os.getpid() or known.get(pid, False)


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _arguments(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


@dataclass(frozen=True)
class Places:
    """Where a run leaves what it says and writes. Temporary ones are short: Ansible has a socket there."""

    directory: Path
    temporary: Path

    @classmethod
    def make(cls, directory: Path) -> Places:
        """Make them, empty."""
        for name in ("tmp", "remote", "cache"):
            (directory / name).mkdir(parents=True)
        return cls(directory, Path(tempfile.mkdtemp(prefix="scan-")))

    def environment(self, watch: Path) -> dict[str, str]:
        """Return what makes a run as talkative as can be."""
        return {
            "ANSIBLE_VERBOSITY": "4",
            "ANSIBLE_DIFF_ALWAYS": "true",
            "ANSIBLE_DEBUG": "true",
            "ANSIBLE_INJECT_INVOCATION": "true",
            "ANSIBLE_LOG_PATH": str(self.directory / "ansible.log"),
            "ANSIBLE_STDOUT_CALLBACK": "watched",
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.directory / "cache"),
            "ANSIBLE_LOCAL_TEMP": str(self.directory / "tmp"),
            "ANSIBLE_REMOTE_TMP": str(self.directory / "remote"),
            "TMPDIR": str(self.temporary),
            "WATCHED_RESULTS": str(self.directory / "results.jsonl"),
            "WATCHED_OUTPUT": str(self.directory / "nested"),
            "RECORD_COMMANDS": str(self.directory / "commands"),
            "PYTHONPATH": str(watch),
        }

    def texts(self) -> Iterator[tuple[str, str]]:
        """Return what there is to be searched, by name."""
        for name in ("output", "ansible.log", "nested"):
            file = self.directory / name
            if file.is_file():
                yield name, ours(file.read_text(errors="replace"))
        commands = self.directory / "commands"
        if commands.is_file():
            yield "commands", commands.read_text(errors="replace")
        yield "results.jsonl", "\n".join(_results(self.directory / "results.jsonl"))
        for directory in (self.directory / "tmp", self.directory / "remote", self.directory / "cache", self.temporary):
            for path, text in leak_search.files_below(directory):
                yield str(path.relative_to(directory.parent)), text


def _results(file: Path) -> Iterator[str]:
    for line in file.read_text().splitlines() if file.is_file() else ():
        shape = json.loads(line)
        if is_ours(shape["action"]):
            yield json.dumps(shape["result"])
