# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look for secrets in all that runs say and leave: `python -m leakscan REPORT DIRECTORY [--only NAME...] [--set SET]`.

DIRECTORY has an environment for each ansible-core, `<core>/venv` (see the Makefile). Writes {"runs", "secrets_planted",
"hits", "planted_leaks_caught", ...}; fails where there is a hit, a leak on purpose was missed, or a target did not come
to its end, since what it would have said is not known then.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import integration

ROOT = Path(__file__).resolve().parents[2]
CORES = ("2.16", "2.19", "2.21")
WAYS = ("in-process", "module")
# Targets wait for a good part of their time: for patience, lifetimes and what does not answer.
AT_A_TIME = 3
# Each stops what it started when it is stopped.
RUNNING: list[subprocess.Popen[bytes]] = []


def run_column(directory: Path, core: str, way: str, options: argparse.Namespace) -> dict[str, Any] | None:
    """Return what it found, None where it did not come to its end."""
    place = directory / core / way
    place.mkdir(parents=True, exist_ok=True)
    findings = place / "findings.json"
    findings.unlink(missing_ok=True)
    python = directory / core / "venv" / "bin" / "python"
    setup = ROOT / "tests" / "integration" / "targets" / "setup_sandbox"
    path = os.pathsep.join(str(part) for part in (ROOT / "tests", ROOT / "tests" / "tools", setup))
    command = [str(python), "-m", "leakscan.column", str(place), way, options.set, *options.only]
    environment = os.environ | {"PYTHONPATH": path, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    with (place / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    RUNNING.append(process)
    process.wait()
    shape: dict[str, Any] | None = json.loads(findings.read_text()) if findings.is_file() else None
    say(f"{core} {way}", shape, place / "log")
    return shape


def say(name: str, shape: dict[str, Any] | None, log: Path) -> None:
    if shape is None:
        print(f"{name}: did not come to its end, see {log}", flush=True)
        return
    leaks = f"{shape['caught']} of {shape['planted']} leaks on purpose found"
    print(f"{name}: {shape['runs']} runs, {shape['secrets']} secrets, {len(shape['hits'])} hits, {leaks}", flush=True)
    for kind in ("hits", "missed", "failed"):
        for item in shape[kind]:
            print(f"  {kind}: {item}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="leakscan", description="Look for secrets in all that runs say and leave.")
    parser.add_argument("report", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--only", nargs="+", default=[], metavar="TARGET")
    parser.add_argument("--set", choices=["main", "edge", "all"], default="all")
    parser.add_argument("--cores", nargs="+", default=CORES, metavar="CORE")
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    options = parser.parse_args(arguments)
    columns = [(core, way) for core in options.cores for way in options.ways]
    directory = options.directory.absolute()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        try:
            found = list(pool.map(lambda column: run_column(directory, column[0], column[1], options), columns))
        except (KeyboardInterrupt, SystemExit):
            pool.shutdown(wait=False, cancel_futures=True)
            for process in RUNNING:
                process.terminate()
            raise
    whole = [shape for shape in found if shape is not None]
    report = {
        "runs": sum(shape["runs"] for shape in whole),
        "secrets_planted": sum(shape["secrets"] for shape in whole),
        "hits": sum(len(shape["hits"]) for shape in whole),
        "planted_leaks_caught": sum(shape["caught"] for shape in whole),
        "planted_leaks": sum(shape["planted"] for shape in whole),
        "failed": sum(len(shape["failed"]) for shape in whole),
        "columns": len(whole),
    }
    options.report.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report))
    caught = report["planted_leaks_caught"] == report["planted_leaks"] > 0
    return 0 if caught and len(whole) == len(columns) and not report["hits"] and not report["failed"] else 1


if __name__ == "__main__":
    integration.unwind_when_stopped()
    sys.exit(main())
