# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that has to run: the sandbox in this process, OpenBao and warm Ansibles beside it, stopped at the end."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import trustme
from argocd_sandbox.argocd.release import Release
from argocd_sandbox.cli import tls_context, write_private
from argocd_sandbox.cluster import Behaviour, Cluster
from argocd_sandbox.http import Request, Response
from argocd_sandbox.server import SandboxServer

from .bench import Bench
from .places import VAULT_PASSWORD
from .runs import Warm
from .world import Tls, World

TESTS = Path(__file__).resolve().parents[1]
SETUP = TESTS / "integration" / "targets" / "setup_sandbox"
OPENBAO = SETUP / "openbao.py"
START_SECONDS = 60
# What is seen at once is seen by the same number of requests in every run.
AT_ONCE = Behaviour(visible_after=0.0, login_delay=0.0, release=Release(3, 5, 0))
T = TypeVar("T")


@contextmanager
def openbao(directory: Path) -> Iterator[dict[str, str]]:
    info = directory / "openbao" / "info.json"
    process = subprocess.Popen([sys.executable, str(OPENBAO), str(info)])
    try:
        deadline = time.monotonic() + START_SECONDS
        while not info.is_file():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("cannot start OpenBao: see above")
            time.sleep(0.05)
        yield json.loads(info.read_text())
    finally:
        process.terminate()
        process.wait()


@contextmanager
def sandbox(directory: Path, bao: dict[str, str], *, worlds: int) -> Iterator[list[World]]:
    clusters = {name: Cluster(name, AT_ONCE) for name in (f"w{number}" for number in range(1, worlds + 1))}
    first = clusters["w1"]
    for cluster in clusters.values():
        # What is saved of one is restored in another, passwords and all.
        cluster.admin_password, cluster.admin_hash = first.admin_password, first.admin_hash
    authority = trustme.CA()
    ca_file = directory / "ca.pem"
    ca_file.write_bytes(authority.cert_pem.bytes())
    tls = Tls(authority, str(ca_file), authority.issue_cert("operator@example.com", common_name="operator"))
    made: dict[str, World] = {}

    def see(request: Request, response: Response | None) -> None:
        made[request.path.split("/")[1]].see(request, response)

    server = SandboxServer(0, tls_context(authority), clusters, None, see)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, cluster in clusters.items():
        own = directory / name
        own.mkdir()
        write_private(own / "inventory.yml", json.dumps({"all": {"hosts": {"one": {}}}}))
        made[name] = World(cluster, f"https://127.0.0.1:{server.port}", tls, own, bao)
    try:
        yield list(made.values())
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def warm(collections: Path, directory: Path) -> Iterator[Warm]:
    """A warm Ansible over the collection that is in the directory `collections`."""
    password = directory / "vault-password"
    write_private(password, VAULT_PASSWORD + "\n")
    home = directory / "home"
    home.mkdir(exist_ok=True)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANSIBLE_", "ARGOCD_", "K8S_", "VAULT_"))
    }
    environment |= {
        "HOME": str(home),
        # A job's ansible-playbook is that of this environment.
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{TESTS}:{TESTS / 'sandbox'}",
        "ANSIBLE_CONFIG": str(SETUP / "ansible.cfg"),
        "ANSIBLE_VAULT_PASSWORD_FILE": str(password),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
    }
    process = Warm(collections, directory, environment)
    try:
        yield process
    finally:
        process.stop()


Job = Callable[[Bench], T]


def spread(jobs: Iterable[Job[T]], benches: list[Bench]) -> Iterator[T]:
    """Do the jobs side by side, one at a time on each bench; results as they come."""
    waiting: queue.SimpleQueue[Job[T]] = queue.SimpleQueue()
    done: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()
    jobs = list(jobs)
    for job in jobs:
        waiting.put(job)

    def work(bench: Bench) -> None:
        while True:
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put(job(bench))
            except Exception as error:  # noqa: BLE001 # raised again where it is waited for
                done.put(error)

    for bench in benches:
        threading.Thread(target=work, args=(bench,), daemon=True).start()
    for _job in jobs:
        result = done.get()
        if isinstance(result, BaseException):
            raise result
        yield result
