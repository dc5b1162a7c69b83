# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that has Ansible and the collection imported and forks one ansible-playbook per line of its input.

A run costs a fraction of one that starts from nothing, so that thousands are affordable. In, as JSON: {"id", "argv",
"log", "temporary", "hurried", "strace"}; out: {"id", "pid"} when it started, {"id", "code"} when it ended, negative
after a signal. It is the reaper of whatever the runs leave behind.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from argocd_sandbox.cluster import BCRYPT_COST

from .forked import Bundles, fork_modules
from .injected import HURRIED_SECONDS
from .tracing import attach_when_due

ACTIONS = ("argocd_account", "argocd_rbac_policy", "argocd_token", "argocd_can_i")
PR_SET_CHILD_SUBREAPER = 36
# How many of a run's loads of each file of a role are spared: password.yml names the role twice.
ROLE_LOADS = 4


def warm_up(bundles: Bundles) -> None:
    """Import what every run would import; the collection by Ansible's own loader."""
    # A run tells its loader to be there, and finds that it is.
    warnings.filterwarnings("ignore", message=".*AnsibleCollectionFinder has already been configured.*")
    loader = importlib.import_module("ansible.plugins.loader")
    loader.init_plugin_loader()
    importlib.import_module("ansible.cli.playbook")
    importlib.import_module("ansible.plugins.strategy.linear")
    for name in ACTIONS:
        importlib.import_module(f"ansible_collections.fleetops.argocd.plugins.action.{name}")
    # Every run looks at all of these; their documentation is what takes the time.
    for kind in ("become", "callback", "cache", "connection", "inventory", "shell", "strategy", "vars"):
        list(getattr(loader, f"{kind}_loader").all(class_only=True))
    for name in ("hvac", "multiprocessing.popen_fork", "multiprocessing.synchronize"):
        importlib.import_module(name)
    hash_cheaply(importlib.import_module("bcrypt"))
    read_roles(importlib.import_module("ansible.parsing.dataloader").DataLoader)
    fork_modules(loader.connection_loader.get("local", class_only=True), bundles)
    keep_shared()


def hash_cheaply(bcrypt: Any) -> None:
    """At the lowest cost there is: slow on purpose, and nobody attacks these hashes."""
    gensalt = bcrypt.gensalt
    bcrypt.gensalt = lambda _rounds: gensalt(BCRYPT_COST)


def read_roles(loader: type[Any]) -> None:
    """The YAML of our roles, for the first times that a run loads it: its copies would be a sixth of a run.

    What was handed out is the caller's, who may change it: once all are, Ansible reads and copies on its own.
    """
    collection = Path(importlib.import_module("ansible_collections.fleetops.argocd").__path__[0])
    load: Callable[..., Any] = loader.load_from_file
    read = {
        str(path): [load(loader(), str(path), unsafe=True, trusted_as_template=True) for _time in range(ROLE_LOADS)]
        for path in collection.glob("roles/*/*/*.yml")
    }

    def load_from_file(self: Any, file_name: str, *rest: Any, **how: Any) -> Any:
        waiting = read.get(file_name)
        return waiting.pop() if waiting else load(self, file_name, *rest, **how)

    loader.load_from_file = load_from_file


def keep_shared() -> None:
    """What every run shares stays shared: a collection of garbage writes to each object that it looks at."""
    gc.collect()
    gc.freeze()


def shorten_timeouts() -> None:
    """A server that does not answer is given up soon, where no option says how long to wait."""
    place = "ansible_collections.fleetops.argocd.plugins.module_utils._clients"
    client: Any = importlib.import_module(f"{place}.http").HttpClient
    client.__init__.__kwdefaults__["timeout"] = HURRIED_SECONDS
    importlib.import_module(f"{place}.vault")._TIMEOUT = HURRIED_SECONDS  # type: ignore[attr-defined] # noqa: SLF001 # it has no option


def numbered_names() -> Iterator[str]:
    """The same in every run, so that strace can be told of a temporary file before it exists."""
    return (f"t{number}" for number in count())


def play(wish: dict[str, Any], cache: Path) -> int:
    """As the program ansible-playbook; returns its exit code."""
    from ansible import constants
    from ansible.cli.playbook import PlaybookCLI

    temporary = Path(wish["temporary"])
    os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
    # What mkstemp takes its names from, here and in the workers.
    tempfile._name_sequence = numbered_names()  # type: ignore[attr-defined] # noqa: SLF001 # it has no public twin
    constants.DEFAULT_LOCAL_TMP = tempfile.mkdtemp(prefix="ansible-local-")
    # What Ansible has made of a module and all that it imports serves every run.
    (Path(constants.DEFAULT_LOCAL_TMP) / "ansiballz_cache").symlink_to(cache)
    if wish["hurried"]:
        shorten_timeouts()
    attach_when_due(wish.get("strace"))
    try:
        PlaybookCLI.cli_executor(wish["argv"])
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        shutil.rmtree(constants.DEFAULT_LOCAL_TMP, ignore_errors=True)
    return 0


def become_run(wish: dict[str, Any], cache: Path) -> None:
    """In the child: a session of its own, its output in a file, and no way back."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(wish["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, handle in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
        os.dup2(handle, number)
    code = 250
    try:
        code = play(wish, cache)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not sys.exit: what is registered to run at the end belongs to the parent.
        os._exit(code)


def say(shape: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(shape) + "\n")
    sys.stdout.flush()


def reap(running: dict[int, Any]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in running:
            say({"id": running.pop(pid), "code": os.waitstatus_to_exitcode(status)})


def serve(cache: Path, bundles: Bundles) -> None:
    running: dict[int, Any] = {}
    awake, wake = os.pipe()
    for end in (awake, wake):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    import select

    unread = b""
    while True:
        ready, _to_write, _broken = select.select([0, awake], [], [])
        if awake in ready:
            os.read(awake, 4096)
            reap(running)
        if 0 not in ready:
            continue
        read = os.read(0, 1 << 20)
        if not read:
            return
        *lines, unread = (unread + read).split(b"\n")
        for line in lines:
            wish = json.loads(line)
            if bundles.learn():
                keep_shared()
            pid = os.fork()
            if pid == 0:
                become_run(wish, cache)
            running[pid] = wish["id"]
            say({"id": wish["id"], "pid": pid})


def main() -> None:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    bundles = Bundles(Path.home() / "bundles")
    warm_up(bundles)
    say({"ready": True})
    serve(Path(tempfile.mkdtemp(dir=Path.home())), bundles)


if __name__ == "__main__":
    main()
