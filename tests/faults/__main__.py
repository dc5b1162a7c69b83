# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill runs everywhere, let every answer go wrong, and look whether a token was lost: `python -m faults REPORT`.

README.md says what is done and what is asked. Writes {"kill_points", "converged", "orphans", "dead_window",
"injected_errors", "tracebacks", "leaks", "planted_caught", ...}; fails where any of it is not as it must be.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from . import tracing
from .bench import Bench, Case, Trace, Verdict, all_injections
from .hall import Job, openbao, sandbox, spread, warm
from .scenarios import SCENARIOS
from .tally import KILLS, Tally

PARTS = ("kills", "errors")
SHOWN = 1200


def cases(pattern: str) -> list[Case]:
    """Each scenario with each of its places; a second time as modules where anything of it can run as one."""
    found = [
        Case(scenario, sink, as_modules)
        for scenario in SCENARIOS
        for sink in scenario.sinks
        for as_modules in (False, True)
        if not as_modules or scenario.as_modules(sink)
    ]
    return [case for case in found if re.search(pattern, str(case))]


def kill_jobs(trace: Trace) -> Iterator[Job[Verdict]]:
    """One for each moment a run can be killed at; their number is that of the trace, and nothing else."""
    for asked in trace.asked:
        for after in (False, True):
            yield partial(Bench.kill_at_request, trace=trace, asked=asked, after=after)
    for operation in trace.operations:
        yield partial(Bench.kill_at_operation, trace=trace, operation=operation)


def error_jobs(trace: Trace) -> Iterator[Job[Verdict]]:
    for asked, injection in all_injections(trace):
        yield partial(Bench.inject, trace=trace, asked=asked, injection=injection)


def show(verdict: Verdict) -> None:
    for kind, words in verdict.complaints:
        print(f"FAILED {verdict.case}: {verdict.what}: {kind}: {words[-SHOWN:]}", flush=True)


def judge(case: Case, benches: list[Bench], tally: Tally, parts: list[str]) -> None:
    begin = time.monotonic()
    trace = benches[0].trace(case)
    for part, make in (("kills", kill_jobs), ("errors", error_jobs)):
        if part not in parts:
            continue
        jobs = list(make(trace))
        if part == KILLS:
            tally.expect(trace)
        for verdict in spread(jobs, benches):
            tally.add(verdict, part)
            show(verdict)
    told = f"{len(trace.asked)} requests, {len(trace.operations)} file operations"
    print(f"{case}: {told}; {tally.summary(case)} ({time.monotonic() - begin:.0f} s)", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("collections", type=Path, help="the directory that the copy of the collection is in")
    parser.add_argument("--only", default="", metavar="REGEX", help="of the cases' names, as they are printed")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of them, with commas between")
    parser.add_argument("--worlds", type=int, default=4, help="how many runs at a time")
    options = parser.parse_args()
    obstacle = tracing.missing()
    if obstacle:
        sys.exit(obstacle)
    begin, tally = time.monotonic(), Tally()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with (
            openbao(directory) as bao,
            sandbox(directory, bao, worlds=options.worlds) as worlds,
            warm(options.collections.absolute(), directory) as process,
        ):
            benches = [Bench(world, process) for world in worlds]
            for case in cases(options.only):
                judge(case, benches, tally, options.parts.split(","))
    report = {**tally.report(), "seconds": round(time.monotonic() - begin)}
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps({key: value for key, value in report.items() if key != "cases"}, indent=2))
    failures = list(tally.shortcomings())
    print("\n".join(failures) or "faults: every run that was hurt was made good by the next")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
