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
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from . import tracing
from .bench import Bench, Case, Trace, Verdict
from .hall import Job, openbao, sandbox, spread, warm
from .injected import injections
from .jobs import CANCELED, TIMEOUT
from .judging import MISSED, OTHER
from .planted import BUGS, Bug, plant
from .scenarios import SCENARIOS, SINKS
from .tally import ERRORS, INTERRUPTS, JOBS, KILLS, PARTS, Tally

PLANTED = "planted"
SHOWN = 1200
PROGRESS_SECONDS = 60


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
    """One for each moment a run can be killed at."""
    for asked in trace.asked:
        for after in (False, True):
            yield partial(Bench.kill_at_request, trace=trace, asked=asked, after=after)
    for operation in trace.operations:
        yield partial(Bench.kill_at_operation, trace=trace, operation=operation)


def interrupt_jobs(trace: Trace) -> Iterator[Job[Verdict]]:
    for asked in trace.asked:
        for number in (signal.SIGINT, signal.SIGTERM):
            yield partial(Bench.interrupt_at_request, trace=trace, asked=asked, number=number)


def runner_jobs(trace: Trace) -> Iterator[Job[Verdict]]:
    """Canceled at every request; at its time limit, which takes long, at every one that writes."""
    for asked in trace.asked:
        for how in (CANCELED, TIMEOUT) if asked.writes else (CANCELED,):
            yield partial(Bench.stop_job_at_request, trace=trace, asked=asked, how=how)


def error_jobs(trace: Trace) -> Iterator[Job[Verdict]]:
    for asked in trace.asked:
        for injection in injections(asked):
            yield partial(Bench.inject, trace=trace, asked=asked, injection=injection)


def jobs_of(trace: Trace, parts: list[str]) -> Iterator[tuple[str, list[Job[Verdict]], int]]:
    """Part, jobs, and how many there must be by the trace."""
    scenario, requests = trace.case.scenario, len(trace.asked)
    if KILLS in parts:
        yield KILLS, list(kill_jobs(trace)), 2 * requests + len(trace.operations)
    if INTERRUPTS in parts and scenario.interrupted and not trace.case.as_modules:
        yield INTERRUPTS, list(interrupt_jobs(trace)), 2 * requests
    if JOBS in parts and scenario.interrupted and not trace.case.as_modules:
        yield JOBS, list(runner_jobs(trace)), requests + sum(asked.writes for asked in trace.asked)
    if ERRORS in parts and scenario.injected:
        jobs = list(error_jobs(trace))
        yield ERRORS, jobs, len(jobs)


def show(verdict: Verdict) -> None:
    for kind, words in verdict.complaints:
        print(f"FAILED {verdict.case}: {verdict.what}: {kind}: {words[-SHOWN:]}", flush=True)


def bounded(bench: Bench, *, case: Case, job: Job[Verdict]) -> Verdict:
    """A run that does not end is a finding like any other, and not the end of an hour's work."""
    try:
        return job(bench)
    except TimeoutError as exc:
        verdict = Verdict(case, name_of(job))
        verdict.complain(OTHER, str(exc))
        return verdict


def judge(case: Case, benches: list[Bench], tally: Tally, parts: list[str], every: int) -> None:
    begin = shown = time.monotonic()
    trace = benches[0].trace(case)
    for part, jobs, expected in jobs_of(trace, parts):
        tally.expect(case, part, -(-expected // every))
        for verdict in spread([partial(bounded, case=case, job=job) for job in jobs[::every]], benches):
            tally.add(verdict, part)
            show(verdict)
            if time.monotonic() - shown > PROGRESS_SECONDS:
                shown = time.monotonic()
                print(f"  {case}: of {expected} {part}: {tally.summary(case)}", flush=True)
    told = f"{len(trace.asked)} requests, {len(trace.operations)} file operations"
    print(f"{case}: {told}; {tally.summary(case)} ({time.monotonic() - begin:.0f} s)", flush=True)


def caught(bug: Bug, bench: Bench, hurt: Bench) -> str:
    """What the judge says of the collection with the bug, at the first fault that shows it; empty where none does.

    `bench` has the healthy collection, `hurt` the other.
    """
    (case,) = cases(bug.case)
    healthy = bench.trace(case)
    trace, verdict = hurt.follow(case, healthy.saved, healthy.end)
    if verdict.complaints:
        return f"{verdict.what}: {verdict.complaints[0][0]}"
    for job in [*kill_jobs(trace), *error_jobs(trace)]:
        if not re.search(bug.faults, name_of(job)):
            continue
        verdict = job(hurt)
        kinds = [kind for kind, _words in verdict.complaints if kind != MISSED]
        if kinds:
            return f"{verdict.what}: {kinds[0]}"
    return ""


def name_of(job: Job[Verdict]) -> str:
    """Whatever is known of it before it is done."""
    assert isinstance(job, partial)
    return str(job.keywords["injection"].name) if "injection" in job.keywords else "killed"


def judge_planted(collections: Path, directory: Path, benches: list[Bench], tally: Tally) -> None:
    bench, world = benches[0], benches[1].world
    for number, bug in enumerate(BUGS):
        copy = directory / f"planted-{number}"
        with warm(plant(bug, collections, copy), directory) as process:
            tally.planted[bug.name] = caught(bug, bench, Bench(world, process))
        print(f"planted: {bug.name}: {tally.planted[bug.name] or 'NOT CAUGHT'}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("collections", type=Path, help="the directory that the copy of the collection is in")
    parser.add_argument("--only", default="", metavar="REGEX", help="of the cases' names, as they are printed")
    parser.add_argument("--parts", default=",".join((*PARTS, PLANTED)), help="some of them, with commas between")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th fault, for a quick look")
    parser.add_argument("--each", action="store_true", help="the next run after each fault, also where one was seen")
    parser.add_argument("--worlds", type=int, default=6, help="how many runs at a time")
    options = parser.parse_args()
    parts = options.parts.split(",")
    chosen = cases(options.only)
    obstacle = tracing.missing()
    if obstacle and (PLANTED in parts or any(case.sink == SINKS[0] for case in chosen)):
        sys.exit(obstacle)
    begin, tally = time.monotonic(), Tally()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with (
            openbao(directory) as bao,
            sandbox(directory, bao, worlds=options.worlds) as worlds,
            warm(options.collections.absolute(), directory) as process,
        ):
            benches = [Bench(world, process, each=options.each) for world in worlds]
            for case in chosen:
                judge(case, benches, tally, parts, options.every)
            if PLANTED in parts:
                judge_planted(options.collections.absolute(), directory, benches, tally)
    spent = {"seconds": round(time.monotonic() - begin), "cpu_seconds": round(sum(os.times()[:4]))}
    report = {**tally.report(), "every": options.every, **spent}
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps({key: value for key, value in report.items() if key != "cases"}, indent=2))
    failures = list(tally.shortcomings())
    print("\n".join(failures) or "faults: every run that was hurt was made good by the next")
    return 1 if failures else 0


if __name__ == "__main__":
    # So that being stopped unwinds, and with it whatever was started.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
