# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the integration targets: `integration.py DIRECTORY [--force-module] [--real] [--set SET] [TARGET...]`.

On one sandbox (tests/sandbox); with --real, on the real servers (tests/testbed); with --attach FILE, on clusters of
your own, which FILE describes (tests/integration/README.md).

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
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO

import copy_collection

STOP_SECONDS = 10
# ansible-test's closing error names the targets that failed; its exit code only says that some did.
FAILED_LIST = re.compile(r"integration test\(s\) listed below \(out of \d+\) failed\b.*\n((?:[\w.-]+\n)+)")
# What it says as it starts one. A target may be listed and yet be left out, with a warning only.
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


def start(command: list[str], *, output: IO[str] | int, cwd: Path | None = None) -> subprocess.Popen[str]:
    """In a session of its own, so that it can be stopped together with whatever it starts."""
    return subprocess.Popen(
        command, cwd=cwd, stdout=output, stderr=subprocess.STDOUT, text=True, start_new_session=True
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


def set_environment(*, home: Path) -> None:
    """A home of its own: ansible-test makes an SSH key there, and two of them at once trip over each other."""
    home.mkdir(parents=True, exist_ok=True)
    os.environ["HOME"] = str(home)
    os.environ.pop("ANSIBLE_COLLECTIONS_PATH", None)


def list_targets(copy: Path, wanted: list[str]) -> list[str]:
    command = ["ansible-test", "integration", "--list-targets", *wanted]
    answer = subprocess.run(command, cwd=copy, stdout=subprocess.PIPE, text=True, check=False)
    if answer.returncode:
        sys.exit("cannot list the integration targets: see ansible-test's words above")
    return answer.stdout.split()


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


def run_targets(copy: Path, wanted: list[str]) -> tuple[int, str]:
    """Run ansible-test, its output passed on as it comes; its exit code and the output."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = ["ansible-test", "integration", "--local", "--python", version, "--continue-on-error", *wanted]
    lines = []
    with stopped_at_the_end(start(command, output=subprocess.PIPE, cwd=copy)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
        return process.wait(), "".join(lines)


def failed_targets(targets: list[str], code: int, output: str) -> list[str]:
    found = FAILED_LIST.search(output)
    named = found.group(1).split() if found else []
    # ansible-test may fail without naming a target (its own error): then none of them is known to have passed.
    return named if named or code == 0 else targets


def skipped_targets(targets: list[str], output: str) -> list[str]:
    started = set(STARTED.findall(output))
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
    parser.add_argument("--large-fleet", type=int, default=300, metavar="CLUSTERS", help="how many clusters that is")
    parser.add_argument("targets", nargs="*")
    # Intermixed, so that targets may follow the option.
    return parser.parse_intermixed_args(arguments)


def chosen_targets(copy: Path, options: argparse.Namespace) -> list[str]:
    targets = list_targets(copy, options.targets)
    if options.targets:
        return targets
    targets = [name for name in in_set(copy, targets, options.set) if name not in options.exclude]
    return without_in_process_only(copy, targets) if options.force_module else targets


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    directory = options.directory.absolute()
    result = directory / "result.json"
    result.unlink(missing_ok=True)
    copy_collection.main(str(directory))
    copy = directory / "ansible_collections" / "fleetops" / "argocd"
    servers = TESTBED if options.real or options.attach else SANDBOX
    which = ["--attach", str(options.attach.absolute())] if options.attach else ["--names", "c1,c2,c3"]
    info = directory / servers.program / "info.json"
    # Started before the home is another one: the built servers are kept in the user's.
    with running(servers, info, which) as versions:
        set_environment(home=directory / "home")
        targets = chosen_targets(copy, options)
        write_variables(copy, info, force_module=options.force_module, large_fleet=options.large_fleet)
        code, output = run_targets(copy, targets)
    output = COLOUR.sub("", output)
    failed, skipped = failed_targets(targets, code, output), skipped_targets(targets, output)
    write_result(result, targets, failed, skipped, servers=versions)
    way = "module" if options.force_module else "in-process"
    return report(targets, failed, skipped, way=way if servers is SANDBOX else f"{way}, real servers")


if __name__ == "__main__":
    unwind_when_stopped()
    sys.exit(main(sys.argv[1:]))
