# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules in forks of an Ansible worker instead of interpreters that start from nothing, which is most of their time.

What Ansible made for the interpreter's standard input is run as that would: nothing of Ansible's or the collection's is
there but what is in it. The packages from elsewhere are imported already, and what was compiled once stays so.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib
import marshal
import os
import signal
import sys
import types
import zipimport
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGES = ("requests", "kubernetes", "kubernetes.config.kube_config", "kubernetes.client.api_response")


def fork_modules(connection: type[Any], compiled: Path) -> None:
    """From now on `connection`, Ansible's `local`, forks for a pipelined module; `compiled` is a directory."""
    for name in PACKAGES:
        importlib.import_module(name)
    remember_compiled(compiled)
    started: Callable[..., tuple[int, bytes, bytes]] = connection.exec_command

    def be_an_interpreter(program: bytes) -> None:
        sys.path[:] = [entry for entry in sys.path if entry != str(Path(__file__).parents[1])]
        sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("ansible")]
        sys.path_hooks[:] = [hook for hook in sys.path_hooks if "ansible" not in str(getattr(hook, "__module__", ""))]
        sys.path_importer_cache.clear()
        for name in [name for name in sys.modules if name.partition(".")[0] in ("ansible", "ansible_collections")]:
            del sys.modules[name]
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


def remember_compiled(directory: Path) -> None:
    """Compile each source of a zip file once, for all processes."""
    directory.mkdir(exist_ok=True)
    compiling = zipimport._compile_source  # type: ignore[attr-defined] # noqa: SLF001 # it has no public twin

    def remembered(name: str, source: bytes) -> Any:
        kept = directory / hashlib.sha256(source).hexdigest()
        try:
            return marshal.loads(kept.read_bytes())  # noqa: S302 # our own, of this run
        except FileNotFoundError:
            code = compiling(name, source)
        unfinished = kept.with_suffix(f".{os.getpid()}")
        unfinished.write_bytes(marshal.dumps(code))
        unfinished.rename(kept)
        return code

    zipimport._compile_source = remembered  # type: ignore[attr-defined] # noqa: SLF001
