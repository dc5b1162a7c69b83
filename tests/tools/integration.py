# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the integration targets: `integration.py DIRECTORY [--force-module] [--real] [--set SET] [--jobs N] [TARGET...]`.

On one sandbox (tests/sandbox); with --real, on the real servers (tests/testbed); with --attach FILE, on clusters of
your own, which FILE describes (tests/integration/README.md). With --jobs 2, two targets at once, each on servers of its
own; a target's output is then printed when it ends.

DIRECTORY takes the copy of the collection, the servers' files and, at the end, `result.json`, which matrix.py and
real.py read: {"python", "ansible_core", "servers": {name: version}, "targets", "failed", "skipped"}, the last three
lists of names.

The targets find, as variables: `sandbox_info` (the file tests/sandbox/README.md describes), `controller_python` (this
interpreter), `argocd_force_module` (true: the ordinary module; false: the action plugin's process, where it can) and
`large_fleet` (how many clusters that is).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

import copy_collection

STOP_SECONDS = 10
# What ansible-test says as it starts one.
STARTED = re.compile(r"^Running ([\w.-]+) integration test (?:script|role)\b", re.MULTILINE)
IN_PROCESS_ONLY = "# in-process only:"
# The many cases at the edges are a set of their own, so that `make test` stays short: `make test-edges`.
EDGE = "edge"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Servers:
    """A program of tests/ that starts three clusters, and how long it may take."""

    program: str
    start_seconds: int


SANDBOX = Servers("sandbox", 30)
# Nine servers, on a machine that may be busy; what must be built for them is built before (`make testbed`).
TESTBED = Servers("testbed", 300)


def start(
    command: list[str], *, output: IO[str] | int, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """In a session of its own, so that it can be stopped together with whatever it starts."""
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def unwind_when_stopped() -> None:
    """SIGTERM ends this process as an error would: what it has started is stopped first."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))


@contextlib.contextmanager
def stopped_at_the_end(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Never leave a process of ours behind, whatever happened."""
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextlib.contextmanager
def running(servers: Servers, info: Path, which: list[str]) -> Iterator[dict[str, str]]:
    """Their versions, once they listen; they write the info file, as a whole, when they do."""
    info.parent.mkdir(parents=True, exist_ok=True)
    info.unlink(missing_ok=True)
    command = [sys.executable, str(copy_collection.ROOT / "tests" / servers.program)]
    log = info.with_name(f"{servers.program}.log")
    with log.open("w") as output:
        process = start([*command, *which, "--info", str(info)], output=output)
    with stopped_at_the_end(process):
        deadline = time.monotonic() + servers.start_seconds
        while not info.is_file():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"cannot start the {servers.program}: see below\n{log.read_text()}")
            time.sleep(0.05)
        yield json.loads(info.read_text()).get("versions", {})


def write_variables(copy: Path, info: Path, *, force_module: bool, large_fleet: int) -> None:
    variables = {
        "sandbox_info": str(info),
        "controller_python": sys.executable,
        "argocd_force_module": force_module,
        "large_fleet": large_fleet,
    }
    # JSON is YAML, and quotes every path for us.
    (copy / "tests/integration/integration_config.yml").write_text(json.dumps(variables, indent=2) + "\n")


def environment(home: Path) -> dict[str, str]:
    """A home of its own: ansible-test makes an SSH key there, and two of them at once trip over each other."""
    home.mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if name != "ANSIBLE_COLLECTIONS_PATH"}
    return {**inherited, "HOME": str(home)}


def read_aliases(copy: Path, target: str) -> list[str]:
    return (copy / "tests/integration/targets" / target / "aliases").read_text().splitlines()


def in_set(copy: Path, targets: list[str], wanted: str) -> list[str]:
    """Targets of the set `main` or `edge` (marked so in `aliases`), or all of them."""
    return [name for name in targets if wanted == "all" or (EDGE in read_aliases(copy, name)) == (wanted == "edge")]


def without_in_process_only(copy: Path, targets: list[str]) -> list[str]:
    """Leave out, and say so, the targets whose tasks never run as modules: their `aliases` file says why."""
    kept = []
    for target in targets:
        reason = next((line for line in read_aliases(copy, target) if line.startswith(IN_PROCESS_ONLY)), "")
        if reason:
            print(f"{target}: {reason.removeprefix('# ')}")
        else:
            kept.append(target)
    return kept


def largest_first(copy: Path, targets: list[str]) -> list[str]:
    """So that no job is left alone with a long one at the end: by the bytes of what they say."""

    def size(target: str) -> int:
        directory = copy / "tests/integration/targets" / target
        return sum(path.stat().st_size for path in directory.rglob("*.yml"))

    return sorted(targets, key=size, reverse=True)


@dataclass(frozen=True)
class Ran:
    """How one target ended, and the versions of the servers it ran on."""

    target: str
    code: int
    output: str
    servers: dict[str, str]


def taken_from(waiting: SimpleQueue[str]) -> Iterator[str]:
    """Each is taken once, whoever else takes some; ends when none is left."""
    with contextlib.suppress(Empty):
        while True:
            yield waiting.get_nowait()


class Job:
    """A copy of the collection, and servers of its own, for one target after the other."""

    def __init__(self, directory: Path, options: argparse.Namespace) -> None:
        copy_collection.main(str(directory))
        self.copy = directory / "ansible_collections" / "fleetops" / "argocd"
        self._directory = directory
        self._environment = environment(directory / "home")
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def list_targets(self, wanted: list[str]) -> list[str]:
        """Those that are wanted, or all there are, as ansible-test knows them."""
        command = ["ansible-test", "integration", "--list-targets", *wanted]
        answer = subprocess.run(
            command, cwd=self.copy, env=self._environment, stdout=subprocess.PIPE, text=True, check=False
        )
        if answer.returncode:
            sys.exit("cannot list the integration targets: see ansible-test's words above")
        return answer.stdout.split()

    def run(self, waiting: SimpleQueue[str]) -> list[Ran]:
        """Take targets until none is left."""
        attached = self._options.attach
        servers = TESTBED if self._options.real or attached else SANDBOX
        which = ["--attach", str(attached.absolute())] if attached else ["--names", "c1,c2,c3"]
        info = self._directory / servers.program / "info.json"
        ran = []
        with running(servers, info, which) as versions:
            write_variables(
                self.copy, info, force_module=self._options.force_module, large_fleet=self._options.large_fleet
            )
            for target in taken_from(waiting):
                if self._stopped:
                    break
                ran.append(self._run_target(target, versions))
        return ran

    def stop(self) -> None:
        """End what runs, so that `run` comes to its end."""
        self._stopped = True
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)

    def _run_target(self, target: str, servers: dict[str, str]) -> Ran:
        """Run ansible-test; its output is passed on as it comes, or as a whole where another job prints, too."""
        alone = self._options.jobs == 1
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        command = ["ansible-test", "integration", "--local", "--python", version, target]
        lines, started = [], time.monotonic()
        process = start(command, output=subprocess.PIPE, cwd=self.copy, environment=self._environment)
        self._process = process
        if self._stopped:
            self.stop()
        with stopped_at_the_end(process):
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if alone:
                    print(line, end="", flush=True)
            code = process.wait()
        output = "".join(lines)
        word = "failed" if code else "passed"
        said = f"{target}: {word} in {time.monotonic() - started:.0f} s"
        # One write, so that jobs never mix.
        print(said if alone else f"{output}{said}", flush=True)
        return Ran(target, code, output, servers)


def run_all(jobs: list[Job], targets: list[str]) -> list[Ran]:
    """Let the jobs share the targets; an end from outside ends them all."""
    waiting: SimpleQueue[str] = SimpleQueue()
    for target in targets:
        waiting.put(target)
    with ThreadPoolExecutor(len(jobs)) as pool:
        try:
            return [ran for share in pool.map(lambda job: job.run(waiting), jobs) for ran in share]
        except (KeyboardInterrupt, SystemExit):
            for job in jobs:
                job.stop()
            raise


def failed_targets(ran: list[Ran]) -> list[str]:
    return [one.target for one in ran if one.code]


def skipped_targets(targets: list[str], ran: list[Ran]) -> list[str]:
    """Those that no job came to, or that ansible-test left out with a warning only."""
    started = {one.target for one in ran if one.target in STARTED.findall(COLOUR.sub("", one.output))}
    return [target for target in targets if target not in started]


def report(targets: list[str], failed: list[str], skipped: list[str], *, way: str) -> int:
    """Print the closing line; the exit code of this script. A target that was left out is no success."""
    for word, names in (("FAILED", failed), ("SKIPPED", skipped)):
        for target in names:
            print(f"{word} {target} ({way})")
    passed = len(set(targets) - {*failed, *skipped})
    left_out = f", {len(skipped)} skipped" if skipped else ""
    print(f"{passed} targets passed, {len(failed)} failed{left_out} ({way})")
    return 0 if targets and passed == len(targets) else 1


def write_result(
    file: Path, targets: list[str], failed: list[str], skipped: list[str], *, servers: dict[str, str]
) -> None:
    versions = {
        "python": platform.python_version(),
        "ansible_core": metadata.version("ansible-core"),
        "servers": servers,
    }
    file.write_text(json.dumps({**versions, "targets": targets, "failed": failed, "skipped": skipped}) + "\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the integration targets.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--force-module", action="store_true")
    parser.add_argument("--real", action="store_true", help="on real servers, not on the sandbox")
    parser.add_argument("--attach", type=Path, metavar="FILE", help="on clusters of your own")
    parser.add_argument("--set", choices=["main", "edge", "all"], default="all")
    parser.add_argument("--exclude", action="append", default=[], metavar="TARGET")
    parser.add_argument("--jobs", type=int, default=1, help="how many targets at once, each job on servers of its own")
    parser.add_argument("--large-fleet", type=int, default=300, metavar="CLUSTERS", help="how many clusters that is")
    parser.add_argument("targets", nargs="*")
    # Intermixed, so that targets may follow the option.
    options = parser.parse_intermixed_args(arguments)
    if options.attach:
        # There is one set of them.
        options.jobs = 1
    return options


def chosen_targets(job: Job, options: argparse.Namespace) -> list[str]:
    targets = job.list_targets(options.targets)
    if options.targets:
        return targets
    targets = [name for name in in_set(job.copy, targets, options.set) if name not in options.exclude]
    return without_in_process_only(job.copy, targets) if options.force_module else targets


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    directory = options.directory.absolute()
    result = directory / "result.json"
    result.unlink(missing_ok=True)
    first = Job(directory, options)
    targets = largest_first(first.copy, chosen_targets(first, options))
    options.jobs = max(1, min(options.jobs, len(targets)))
    more = [Job(directory / f"job{number}", options) for number in range(2, options.jobs + 1)]
    ran = run_all([first, *more], targets)
    failed, skipped = failed_targets(ran), skipped_targets(targets, ran)
    write_result(result, sorted(targets), failed, skipped, servers=ran[0].servers if ran else {})
    way = "module" if options.force_module else "in-process"
    return report(targets, failed, skipped, way=f"{way}, real servers" if options.real or options.attach else way)


if __name__ == "__main__":
    unwind_when_stopped()
    sys.exit(main(sys.argv[1:]))
