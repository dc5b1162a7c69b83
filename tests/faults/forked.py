# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules in forks of an Ansible worker instead of interpreters that start from nothing, which is most of their time.

What Ansible made for the interpreter's standard input is run as that would: nothing of Ansible's or the collection's is
there but what is in it. The packages from elsewhere are imported already, and so is, from a copy of the module's
bundle, whatever it imports before it begins.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import hashlib
import importlib
import os
import re
import signal
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ANSIBLES = ("ansible", "ansible_collections")
PACKAGES = ("requests", "kubernetes", "kubernetes.config.kube_config", "kubernetes.client.api_response")
# The zip file within the program that Ansible makes; any other text of it is far shorter.
BUNDLE = re.compile(rb"[A-Za-z0-9+/]{20000,}={0,2}")
MODULE = re.compile(r"((?:ansible|ansible_collections/\w+/\w+/plugins)/modules/\w+)\.py")


class Bundles:
    """The bundles of modules, each with what its module imports: imported once, by the process that forks all runs."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self._directory = directory
        self._imported: dict[str, dict[str, types.ModuleType]] = {}

    def of(self, program: bytes) -> dict[str, types.ModuleType]:
        """What the program may find imported; nothing the first time, when its bundle is kept for learn()."""
        found = BUNDLE.search(program)
        if found is None:
            return {}
        kept = self._directory / f"{hashlib.sha256(found.group()).hexdigest()}.zip"
        if not kept.exists():
            unfinished = kept.with_suffix(f".{os.getpid()}")
            unfinished.write_bytes(base64.b64decode(found.group()))
            unfinished.rename(kept)
        return self._imported.get(kept.name, {})

    def learn(self) -> bool:
        """Import from each bundle that is new; whether one was."""
        new = [path for path in self._directory.glob("*.zip") if path.name not in self._imported]
        for path in new:
            with as_without_ansible():
                self._imported[path.name] = imported_from(path)
        return bool(new)


def imported_from(bundle: Path) -> dict[str, types.ModuleType]:
    """All of Ansible's and the collection's that its module imports, without the module itself: that is to be run."""
    with zipfile.ZipFile(bundle) as archive:
        matches = [MODULE.fullmatch(name) for name in archive.namelist()]
    modules = [match.group(1).replace("/", ".") for match in matches if match]
    sys.path.insert(0, str(bundle))
    for name in modules:
        importlib.import_module(name)
    return {name: module for name, module in of_ansible().items() if name not in modules}


def of_ansible() -> dict[str, types.ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] in ANSIBLES}


def forget_ansible() -> None:
    """As an interpreter that starts: Ansible's finders are not there, nor anything of its or the collection's."""
    sys.path[:] = [entry for entry in sys.path if entry != str(Path(__file__).parents[1])]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("ansible")]
    sys.path_hooks[:] = [hook for hook in sys.path_hooks if "ansible" not in str(getattr(hook, "__module__", ""))]
    sys.path_importer_cache.clear()
    for name in of_ansible():
        del sys.modules[name]


@contextlib.contextmanager
def as_without_ansible() -> Iterator[None]:
    """For a moment; then everything is as it was."""
    lists: tuple[list[Any], ...] = (sys.path, sys.meta_path, sys.path_hooks)
    before, modules = [list(entries) for entries in lists], of_ansible()
    forget_ansible()
    try:
        yield
    finally:
        forget_ansible()
        for entries, were in zip(lists, before, strict=True):
            entries[:] = were
        sys.modules.update(modules)


def fork_modules(connection: type[Any], bundles: Bundles) -> None:
    """From now on `connection`, Ansible's `local`, forks for a pipelined module."""
    for name in PACKAGES:
        importlib.import_module(name)
    started: Callable[..., tuple[int, bytes, bytes]] = connection.exec_command

    def be_an_interpreter(program: bytes) -> None:
        imported = bundles.of(program)
        forget_ansible()
        sys.modules.update(imported)
        sys.argv = [""]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(program, "<stdin>", "exec"), main.__dict__)  # noqa: S102 # what an interpreter does with its input

    def exec_command(self: Any, cmd: str, in_data: bytes | None = None, **how: Any) -> tuple[int, bytes, bytes]:
        if in_data is None:
            return started(self, cmd, in_data, **how)
        return in_a_fork(lambda: be_an_interpreter(in_data))

    connection.exec_command = exec_command


def in_a_fork(work: Callable[[], None]) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and standard error of the work."""
    outputs = [os.memfd_create(name) for name in ("out", "err")]
    pid = os.fork()
    if pid == 0:
        become_program(work, outputs)
    _pid, status = os.waitpid(pid, 0)
    out, err = (written(handle) for handle in outputs)
    return os.waitstatus_to_exitcode(status), out, err


def written(handle: int) -> bytes:
    with os.fdopen(handle, "rb") as file:
        file.seek(0)
        return file.read()


def become_program(work: Callable[[], None], outputs: list[int]) -> None:
    """In the child: input, output and exit of its own, and no way back."""
    code = 1
    try:
        atexit._clear()  # noqa: SLF001 # what the parent registered is the parent's
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, handle in enumerate([os.open(os.devnull, os.O_RDONLY), *outputs]):
            os.dup2(handle, number)
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
        code = exit_code_of(work)
        atexit._run_exitfuncs()  # noqa: SLF001 # as any program ends
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # Not sys.exit: what is on the stack belongs to the parent.
        os._exit(code)


def exit_code_of(work: Callable[[], None]) -> int:
    try:
        work()
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:  # noqa: BLE001 # as an interpreter ends with what nobody caught
        sys.excepthook(*sys.exc_info())
        return 1
    return 0
