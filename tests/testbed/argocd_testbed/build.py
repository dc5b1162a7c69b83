# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the servers that go.mod pins, once, into a directory of the user.

A module carries no version of itself into its binary, so the linker sets it as each project's own release build does.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import CannotRun

MODULES = Path(__file__).resolve().parents[1]
KUBERNETES_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True)
class Program:
    """`stamps` are -X flags of the linker, with the module's version ({version}, {bare}: without v, {minor})."""

    name: str
    module: str
    package: str
    stamps: tuple[str, ...] = ()


PROGRAMS = (
    Program("etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"),
    Program(
        "kube-apiserver",
        "k8s.io/kubernetes",
        "k8s.io/kubernetes/cmd/kube-apiserver",
        (
            f"{KUBERNETES_VERSION}.gitVersion={{version}}",
            f"{KUBERNETES_VERSION}.gitMajor=1",
            f"{KUBERNETES_VERSION}.gitMinor={{minor}}",
        ),
    ),
    # One binary that is every component of Argo CD, by the name it is called with.
    Program(
        "argocd-server",
        "github.com/argoproj/argo-cd/v3",
        "github.com/argoproj/argo-cd/v3/cmd",
        ("github.com/argoproj/argo-cd/v3/common.version={bare}",),
    ),
)


@dataclass(frozen=True)
class Binaries:
    """Where the servers are, and the version of each, e.g. {"argocd-server": "v3.5.3"}."""

    directory: Path
    versions: dict[str, str]

    def path(self, name: str) -> str:
        return str(self.directory / name)


def built(cache: Path | None = None) -> Binaries:
    """Return the servers, building what is missing; raises CannotRun."""
    if shutil.which("go") is None:
        raise CannotRun(f"cannot build the servers: no go on PATH; install Go {_wanted_go()} from https://go.dev/dl")
    versions = {program.name: _go("list", "-m", "-f", "{{.Version}}", program.module) for program in PROGRAMS}
    directory = (cache or _user_cache()) / _fingerprint()
    directory.mkdir(parents=True, exist_ok=True)
    with _alone(directory):
        for program in PROGRAMS:
            if not (directory / program.name).exists():
                _build(program, versions[program.name], directory)
    return Binaries(directory, versions)


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fleetops-argocd-testbed"


def _wanted_go() -> str:
    lines = (MODULES / "go.mod").read_text().splitlines()
    return next(line.removeprefix("go ") for line in lines if line.startswith("go "))


def _fingerprint() -> str:
    """Of everything that decides what is built."""
    parts = [(MODULES / name).read_bytes() for name in ("go.mod", "go.sum")]
    parts += [_go("env", "GOVERSION", "GOOS", "GOARCH").encode(), repr(PROGRAMS).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Two testbeds that start at once build once."""
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(program: Program, version: str, directory: Path) -> None:
    values = {"version": version, "bare": version.removeprefix("v"), "minor": version.split(".")[1]}
    flags = " ".join(["-s", "-w", *(f"-X {stamp.format(**values)}" for stamp in program.stamps)])
    print(f"building {program.name} {version} into {directory}: minutes, the first time only", flush=True)
    begin = time.monotonic()
    unfinished = directory / f".{program.name}"
    _go("build", "-buildvcs=false", "-trimpath", f"-ldflags={flags}", "-o", str(unfinished), program.package)
    unfinished.replace(directory / program.name)
    print(f"built {program.name} in {time.monotonic() - begin:.0f} s", flush=True)


def _go(*arguments: str) -> str:
    """Run go in our module, politely; what it says on stderr goes to the user as it comes."""
    environment = {**os.environ, "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"}
    command = ["nice", "-n", "19", "go", *arguments]
    done = subprocess.run(command, cwd=MODULES, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise CannotRun(f"cannot run go {arguments[0]} in {MODULES}: see what it said above")
    return done.stdout.strip()
