# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One world and the runs over it: a trace, then the same command with one fault each time, then again without."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argocd_sandbox.faults import Fault

from . import judging
from .injected import Asked, Injection, Watch, injections, killed
from .judging import Complaint
from .places import VaultFile
from .runs import Run, Warm
from .scenarios import Command, Make, Scenario
from .tracing import Operation, count_calls, kill_at, operations
from .world import Saved, View, World

PLAYBOOKS = Path(__file__).parent / "playbooks"
Strace = dict[str, Any] | None
Act = Callable[[int, str, str], Fault | None]


def nothing(_number: int, _method: str, _path: str) -> None:
    """No fault."""


@dataclass(frozen=True)
class Case:
    """A scenario with one place, on one of the execution paths."""

    scenario: Scenario
    sink: str
    as_modules: bool

    def __str__(self) -> str:
        return f"{self.scenario.name} {self.sink} {'module' if self.as_modules else 'in-process'}"


@dataclass(frozen=True)
class Trace:
    """A run without a fault: where it starts, where it ends, what it did on the way."""

    case: Case
    saved: Saved
    start: View
    end: View
    asked: tuple[Asked, ...]
    operations: tuple[Operation, ...]


@dataclass
class Verdict:
    """What came of one fault."""

    case: Case
    what: str
    complaints: list[Complaint] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set, repr=False)

    def complain(self, kind: str, words: str) -> None:
        self.complaints.append((kind, words))


class Bench:
    """A world of its own, so that several work side by side."""

    def __init__(self, world: World, warm: Warm) -> None:
        self.world = world
        self.warm = warm

    # -- running

    def start(self, command: Command, case: Case, *, strace: Strace = None) -> Run:
        directory = self.world.directory
        log, variables = directory / "run.log", directory / "variables.json"
        log.unlink(missing_ok=True)
        given = {
            "argocd_user_connection": self.world.connection(),
            "argocd_force_module": case.as_modules,
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            # As the role does: a module that is killed leaves its file otherwise, arguments and all.
            "ansible_pipelining": True,
            "ansible_remote_tmp": str(self.world.temporary / "remote"),
            **command.variables,
        }
        variables.write_text(json.dumps(given))
        argv = ["ansible-playbook", "-vvv", "--diff", "-i", str(directory / "inventory.yml"), "-e", f"@{variables}"]
        argv.append(str(PLAYBOOKS / command.playbook))
        return self.warm.start(argv, log=log, temporary=self.world.temporary, strace=strace)

    def _watched(
        self,
        command: Command,
        case: Case,
        act: Act,
        trace: Trace | None,
        verdict: Verdict,
        *,
        running: list[Run],
        strace: Strace = None,
    ) -> Run:
        """Run to its end, looking at the place before every request is handled."""

        def look() -> None:
            if trace is not None and not verdict.complaints:
                found = judging.moment(trace.start, self.world.view(), ends=case.scenario.ends)
                verdict.complaints.extend(found)

        self.world.cluster.faults = Watch(look, act)
        self.world.cluster.requests.clear()
        run = self.start(command, case, strace=strace)
        running.append(run)
        run.wait()
        return run

    def _must(self, make: Make, case: Case, strace: Strace = None) -> Run:
        verdict = Verdict(case, "nothing")
        run = self._watched(make(self.world), case, nothing, None, verdict, running=[], strace=strace)
        if run.code:
            raise RuntimeError(f"{case}: a run without any fault fails:\n{run.output()}")
        return run

    # -- the trace

    def trace(self, case: Case) -> Trace:
        scenario, world = case.scenario, self.world
        world.start_fresh(case.sink, account=scenario.account)
        in_process = Case(scenario, case.sink, as_modules=False)
        for make in scenario.before:
            self._must(make, in_process)
        saved = world.save()
        # From exactly where every run with a fault starts.
        world.restore(saved, case.sink)
        start, secrets = world.view(), world.secrets()
        wish = None
        if isinstance(world.place, VaultFile):
            wish = count_calls(self._strace_directory(), world.place.file)
        run = self._must(scenario.command, case, strace=wish)
        below = len(f"/{world.cluster.name}")
        asked = tuple(
            Asked(number, item["method"], item["path"][below:]) for number, item in enumerate(world.cluster.requests, 1)
        )
        complaints = list(judging.output(run.output(), secrets | world.secrets()))
        if complaints:
            raise RuntimeError(f"{case}: the run without a fault: {complaints}\n{run.output()}")
        done = tuple(operations(Path(wish["directory"]))) if wish else ()
        return Trace(case, saved, start, world.view(), asked, done)

    # -- one fault

    def kill_at_request(self, trace: Trace, asked: Asked, *, after: bool) -> Verdict:
        """SIGKILL for all of its processes while the server has the request."""
        running: list[Run] = []

        def kill() -> None:
            running[0].kill()

        what = f"killed {'after' if after else 'before'}"
        return self._at_request(trace, asked, what, killed(kill, after=after), running=running)

    def inject(self, trace: Trace, asked: Asked, injection: Injection) -> Verdict:
        """The request, or it and those like it from then on, goes wrong."""
        fault = injection.make(self.world)
        return self._at_request(trace, asked, injection.name, fault, lasting=injection.lasting, running=[])

    def kill_at_operation(self, trace: Trace, operation: Operation) -> Verdict:
        """SIGKILL as the worker begins the operation, then for the rest of its processes."""
        verdict = Verdict(trace.case, f"killed at {operation.call} {operation.nth} of worker {operation.worker}")
        place = self.world.places["ansible_vault"]
        assert isinstance(place, VaultFile)
        wish = kill_at(operation, self._strace_directory(), place.file)
        self._first(trace, verdict, nothing, running=[], strace=wish)
        told = "".join(path.read_text(errors="replace") for path in Path(wish["directory"]).glob("*.strace"))
        if "killed by SIGKILL" not in told:
            verdict.complain(judging.OTHER, "the operation was never begun")
        return self._again(trace, verdict)

    def _at_request(
        self, trace: Trace, asked: Asked, what: str, fault: Fault, *, running: list[Run], lasting: bool = False
    ) -> Verdict:
        verdict = Verdict(trace.case, f"{what}: request {asked.number}, {asked.method} {asked.path}")
        hit: list[int] = []

        def act(number: int, method: str, path: str) -> Fault | None:
            due = number == asked.number or (lasting and number > asked.number)
            if not due or not asked.is_like(method, path):
                return None
            hit.append(number)
            return fault

        self._first(trace, verdict, act, running=running)
        if not hit:
            verdict.complain(judging.OTHER, "the request was never made")
        return self._again(trace, verdict)

    def _strace_directory(self) -> Path:
        directory = self.world.directory / "strace"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        return directory

    def _first(self, trace: Trace, verdict: Verdict, act: Act, *, running: list[Run], strace: Strace = None) -> None:
        """From the start, the run with the fault in it."""
        world, case = self.world, trace.case
        world.restore(trace.saved, case.sink)
        verdict.hidden |= world.secrets()
        run = self._watched(case.scenario.command(world), case, act, trace, verdict, running=running, strace=strace)
        verdict.complaints += judging.moment(trace.start, world.view(), ends=case.scenario.ends)
        verdict.hidden |= world.secrets()
        verdict.complaints += judging.output(run.output(), verdict.hidden)
        verdict.complaints += judging.left_over(world.temporary, verdict.hidden)

    def _again(self, trace: Trace, verdict: Verdict) -> Verdict:
        """The same command once more, without a fault: it must come to where the trace came."""
        case, world = trace.case, self.world
        run = self._watched(case.scenario.command(world), case, nothing, trace, verdict, running=[])
        verdict.hidden |= world.secrets()
        verdict.complaints += judging.output(run.output(), verdict.hidden)
        if run.code:
            verdict.complain(judging.OTHER, f"the next run fails:\n{run.output()[-3000:]}")
            return verdict
        scenario = case.scenario
        verdict.complaints += judging.end(
            trace.start, world.view(), trace.end, ends=scenario.ends, removes=scenario.removes
        )
        return verdict


def all_injections(trace: Trace) -> Iterator[tuple[Asked, Injection]]:
    for asked in trace.asked:
        for injection in injections(asked):
            yield asked, injection
