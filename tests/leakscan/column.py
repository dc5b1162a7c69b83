# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One ansible-core, one way: every target on a sandbox of its own, then what each said and left is searched."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import copy_collection
import integration
import leak_search

from leakscan import planting, runner
from leakscan.watching import Places, Processes

# Longer than any of them takes on a machine that is busy; then it has failed, as timeout(1) says it.
_TARGET_SECONDS = 1800
_TIMED_OUT = 124
# async_wrapper looks every five seconds whether its job is over, and then takes the module's files away.
_BACKGROUND_SECONDS = 15
# A token of OpenBao as its audit.log has it, one per login.
_CLIENT_TOKEN = re.compile(r'"client_token":"([^"]+)"')
# What 300 hosts say, 20 say as well.
_LARGE_FLEET = 20


@dataclass
class Findings:
    """What was run and found. `hits` name secret and place, never the value."""

    runs: int = 0
    secrets: int = 0
    hits: list[str] = field(default_factory=list)
    planted: int = 0
    caught: int = 0
    missed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class Column:
    """The targets, in the environment of the Python that runs this."""

    def __init__(self, directory: Path, *, force_module: bool) -> None:
        self._directory = directory
        self._force_module = force_module
        copy_collection.main(str(directory))
        self._copy = directory / "ansible_collections" / "fleetops" / "argocd"
        self._targets = self._copy / "tests" / "integration" / "targets"
        self.findings = Findings()

    def names(self, wanted: list[str], which: str) -> list[str]:
        """The targets of the set that this way can run."""
        names = sorted(path.parent.name for path in self._targets.glob("*/runme.sh"))
        if wanted:
            return [name for name in names if name in wanted]
        names = integration.in_set(self._copy, names, which)
        return integration.without_in_process_only(self._copy, names) if self._force_module else names

    def run(self, names: list[str]) -> None:
        """Run each, then what leaks on purpose and what ansible-runner leaves."""
        info = self._directory / "sandbox" / "info.json"
        seen = self._directory / "secrets"
        with integration.running(integration.SANDBOX, info, ["--names", "c1,c2,c3", "--secrets", str(seen)]):
            integration.write_variables(self._copy, info, force_module=self._force_module, large_fleet=_LARGE_FLEET)
            for name in names:
                self._target(name, info, seen)
            self._leaks()
            self._runner(info, seen)

    def _target(self, name: str, info: Path, seen: Path) -> None:
        started = time.monotonic()
        # As ansible-test has it: below the collection, where some targets look for its documents.
        output = self._copy / "tests" / "output" / ".tmp" / name
        places = self._places(name)
        with Processes(str(places.temporary)) as processes, (places.directory / "output").open("w") as file:
            environment = {**self._environment(places), "OUTPUT_DIR": str(output)}
            shutil.rmtree(output, ignore_errors=True)
            output.mkdir(parents=True)
            code = self._call(["./runme.sh"], environment, cwd=self._targets / name, file=file)
            processes.wait(_BACKGROUND_SECONDS)
        if code:
            self.findings.failed.append(name)
        self._search(name, places, processes, {**self._known(info), **_planted_by(output), **dict(_lines(seen))})
        shutil.rmtree(places.temporary, ignore_errors=True)
        if not code:
            shutil.rmtree(places.directory)
        word = "failed" if code else "ran"
        print(
            f"{name}: {word} in {time.monotonic() - started:.0f} s, {len(self.findings.hits)} hits so far", flush=True
        )

    def _places(self, name: str) -> Places:
        directory = self._directory / "said" / name
        shutil.rmtree(directory, ignore_errors=True)
        return Places.make(directory)

    def _environment(self, places: Places) -> dict[str, str]:
        setup = self._targets / "setup_sandbox"
        return {
            **os.environ,
            **places.environment(setup / "watch"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self._directory / "home"),
            "ANSIBLE_COLLECTIONS_PATH": str(self._directory),
            "ANSIBLE_CALLBACK_PLUGINS": str(setup / "callback_plugins"),
        }

    def _call(self, command: list[str], environment: dict[str, str], *, cwd: Path, file: object) -> int:
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,  # type: ignore[call-overload]
            start_new_session=True,
        )  # fmt: skip
        with integration.stopped_at_the_end(process):
            try:
                return int(process.wait(_TARGET_SECONDS))
            except subprocess.TimeoutExpired:
                return _TIMED_OUT

    def _known(self, info: Path) -> dict[str, str]:
        clusters = json.loads(info.read_text())["clusters"].items()
        keys = {f"client_key of {which}": Path(cluster["client_key"]).read_text() for which, cluster in clusters}
        return keys | _logins(info)

    def _search(self, name: str, places: Places, processes: Processes, secrets: dict[str, str]) -> None:
        secrets = {about: secret for about, secret in secrets.items() if len(secret) >= leak_search.LEAST}
        self.findings.runs += 1
        self.findings.secrets += len(secrets)
        search = leak_search.Search(secrets)
        for where, text in [*places.texts(), ("the process list", processes.text)]:
            for about in search.found_in(text):
                hit = f"{name}: {about} in {where}"
                self.findings.hits.append(hit)
                print(f"  HIT {hit}", flush=True)

    def _leaks(self) -> None:
        """What leaks on purpose must be found, or nothing else that is said here is worth anything."""
        places = self._places("leaks")
        with Processes(str(places.temporary)) as processes, (places.directory / "output").open("w") as file:
            self._call(planting.command(self._directory), self._environment(places), cwd=self._directory, file=file)
        self._catch(planting.LEAKS, [*places.texts(), ("the process list", processes.text)])
        shutil.rmtree(places.temporary, ignore_errors=True)

    def _catch(self, leaks: Sequence[planting.Leak], texts: Sequence[tuple[str, str]]) -> None:
        self.findings.planted += len(leaks)
        for leak in leaks:
            search = leak_search.Search({"it": leak.secret})
            if any(leak.place in where and search.found_in(text) for where, text in texts):
                self.findings.caught += 1
            else:
                self.findings.missed.append(leak.name)

    def _runner(self, info: Path, seen: Path) -> None:
        """Jobs of ansible-runner: one that leaks on purpose, one that works, those that fail or are stopped."""
        self._catch(planting.RUNNER_LEAKS, runner.leak(self._directory))
        for name, texts in runner.jobs(info, self._directory, force_module=self._force_module):
            secrets = {**self._known(info), "vault password": runner.VAULT_PASSWORD, **dict(_lines(seen))}
            search = leak_search.Search(secrets)
            self.findings.runs += 1
            self.findings.secrets += len(secrets)
            for where, text in texts:
                self.findings.hits += [f"{name}: {about} in {where}" for about in search.found_in(text)]


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """The secrets that went over the wire, by their number."""
    for number, line in enumerate(file.read_text().splitlines() if file.is_file() else ()):
        yield f"secret {number} of {file.name} ({'a token' if line.startswith('eyJ') else 'a password'})", line


def _logins(info: Path) -> dict[str, str]:
    """Of every cluster that a sandbox describes in the file."""
    names = ("admin_password", "kubernetes_token", "provisioner_token")
    clusters = json.loads(info.read_text())["clusters"].items()
    return {f"{name} of {which} in {info.name}": cluster[name] for which, cluster in clusters for name in names}


def _planted_by(output: Path) -> dict[str, str]:
    """What a target made for itself: vault passwords, a fleet's logins, OpenBao's tokens, what bad_input plants."""
    passwords = (*output.glob("*/vault-password"), *output.glob("*/password-*"))
    found = {f"{path.name} of {path.parent.name}": path.read_text().strip() for path in passwords}
    for path in output.glob("fleet.json"):
        found.update({**_logins(path), **dict(_lines(output / "fleet-secrets"))})
    for file, names in (("openbao-*/info.json", ("root", "reader", "secret_id")), ("planted.json", ())):
        for path in output.glob(file):
            shape = json.loads(path.read_text())
            found.update({f"{path.stem} {name}": str(shape[name]) for name in names or shape})
    for path in output.glob("openbao-*/audit.log"):
        given = dict.fromkeys(_CLIENT_TOKEN.findall(path.read_text()))
        found.update({f"token {number} of {path.parent.name}": token for number, token in enumerate(given)})
    return found


def main(directory: str, way: str, which: str, *wanted: str) -> int:
    """Write findings.json into the directory."""
    column = Column(Path(directory).absolute(), force_module=way == "module")
    column.run(column.names(list(wanted), which))
    (Path(directory) / "findings.json").write_text(json.dumps(asdict(column.findings), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    integration.unwind_when_stopped()
    sys.exit(main(*sys.argv[1:]))
