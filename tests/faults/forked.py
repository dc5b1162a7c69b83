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
import selectors
import signal
import sys
import types
import zipimport
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGES = ("requests", "kubernetes", "kubernetes.config.kube_config", "kubernetes.client.api_response", "bcrypt")
STANDARD = ("runpy", "zipfile", "syslog", "shlex", "platform", "grp", "pwd", "decimal", "dataclasses")


def fork_modules(connection: type[Any], compiled: Path) -> None:
    """From now on `connection`, Ansible's `local`, forks for a pipelined module; `compiled` is a directory."""
    for name in (*PACKAGES, *STANDARD):
        importlib.import_module(name)
    remember_compiled(compiled)
    path, meta_path, path_hooks = list(sys.path), list(sys.meta_path), list(sys.path_hooks)
    started: Callable[..., tuple[int, bytes, bytes]] = connection.exec_command

    def be_an_interpreter(program: bytes) -> None:
        sys.path[:] = [entry for entry in path if entry != str(Path(__file__).parents[1])]
        sys.meta_path[:] = [finder for finder in meta_path if not type(finder).__module__.startswith("ansible")]
        sys.path_hooks[:] = [hook for hook in path_hooks if "ansible" not in str(getattr(hook, "__module__", ""))]
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
    pipes = [os.pipe(), os.pipe()]
    pid = os.fork()
    if pid == 0:
        become_program(work, [write for _read, write in pipes])
    for _read, write in pipes:
        os.close(write)
    output = read_all([read for read, _write in pipes])
    _pid, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), *output


def read_all(handles: list[int]) -> tuple[bytes, bytes]:
    texts = {handle: bytearray() for handle in handles}
    with selectors.DefaultSelector() as selector:
        for handle in handles:
            selector.register(handle, selectors.EVENT_READ)
        while selector.get_map():
            for key, _events in selector.select():
                chunk = os.read(key.fd, 1 << 16)
                texts[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    out, err = texts.values()
    return bytes(out), bytes(err)


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
