# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One world and the runs over it: a trace, then the same command with one fault each time, then again without."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argocd_sandbox.faults import Fault

from . import judging
from .injected import HURRIED_SECONDS, Asked, Injection, Watch, delayed, killed
from .jobs import RunnerJob
from .judging import Complaint
from .places import VaultFile
from .runs import RUN_SECONDS, Run, Warm
from .scenarios import Command, Scenario
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
    # From these the next run came to where it must, and the one after it found nothing to do.
    settled: set[str] = field(default_factory=set, compare=False, repr=False)


@dataclass
class Verdict:
    """What came of one fault. `repeated` says that the next run is one that was seen already; see Bench._again."""

    case: Case
    what: str
    hidden: set[str] = field(default_factory=set, repr=False)
    complaints: list[Complaint] = field(default_factory=list)
    repeated: bool = False

    def complain(self, kind: str, words: str) -> None:
        self.complaints.append((kind, words))


class Bench:
    """A world of its own, so that several work side by side."""

    def __init__(self, world: World, warm: Warm, *, each: bool = False) -> None:
        self.world = world
        self.warm = warm
        self._each = each
        self.run: Run

    # -- running

    def _variables(self, command: Command, case: Case) -> dict[str, Any]:
        return {
            "argocd_user_connection": self.world.connection(),
            "argocd_force_module": case.as_modules,
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            # As the role does: a module that is killed leaves its file otherwise, arguments and all.
            "ansible_pipelining": True,
            "ansible_remote_tmp": str(self.world.temporary / "remote"),
            **command.variables,
        }

    def _start(self, command: Command, case: Case, *, hurried: bool = False, strace: Strace = None) -> Run:
        directory = self.world.directory
        log, variables = directory / "run.log", directory / "variables.json"
        log.unlink(missing_ok=True)
        given = self._variables(command, case)
        if hurried:
            given["argocd_user_connection"]["argocd_timeout"] = HURRIED_SECONDS
        variables.write_text(json.dumps(given))
        argv = ["ansible-playbook", "-vvv", "--diff", "-i", str(directory / "inventory.yml"), "-e", f"@{variables}"]
        argv.append(str(PLAYBOOKS / command.playbook))
        temporary = str(self.world.temporary)
        return self.warm.start(argv, log=log, temporary=temporary, hurried=hurried, strace=strace)

    def _watched(self, command: Command, case: Case, act: Act, start: View | None, verdict: Verdict, **how: Any) -> Run:
        """Run to its end, looking at the place before every request is handled. `how` is for `_start`."""
        with self._watching(self._looking(start, case, verdict), act):
            self.run = self._start(command, case, **how)
            self.run.wait()
        return self.run

    @contextmanager
    def _watching(self, look: Callable[[], None], act: Act) -> Iterator[None]:
        """Until the server has handled what no run waits for any more: handled later, it would meet the next one."""
        cluster = self.world.cluster
        watch = Watch(look, act)
        with cluster.lock:
            # Together: what is counted here from now on is remembered here, too.
            cluster.faults = watch
            cluster.requests.clear()
        yield
        deadline = time.monotonic() + RUN_SECONDS
        while len(cluster.requests) < watch.seen:
            if time.monotonic() > deadline:
                raise TimeoutError("the server does not come to an end with its requests")
            time.sleep(0.002)

    def _looking(self, start: View | None, case: Case, verdict: Verdict) -> Callable[[], None]:
        def look() -> None:
            now = self.world.view()
            verdict.hidden |= now.secrets()
            if start is not None and not verdict.complaints:
                verdict.complaints.extend(judging.moment(start, now, ends=case.scenario.ends))

        return look

    def _must(self, command: Command, case: Case) -> None:
        run = self._watched(command, case, nothing, None, Verdict(case, "preparation"))
        if run.code:
            raise RuntimeError(f"{case}: a run without any fault fails:\n{run.output()}")

    # -- the trace

    def trace(self, case: Case) -> Trace:
        """Where the scenario starts, and a run from there without any fault; RuntimeError where that goes wrong."""
        scenario, world = case.scenario, self.world
        world.start_fresh(case.sink, account=scenario.account, keeps=scenario.keeps, place=scenario.place)
        for make in scenario.before:
            self._must(make(world), Case(scenario, case.sink, as_modules=False))
        trace, verdict = self.follow(case, world.save(), None)
        if verdict.complaints:
            raise RuntimeError(f"{case}: the run without a fault: {verdict.complaints}")
        return trace

    def follow(self, case: Case, saved: Saved, end: View | None) -> tuple[Trace, Verdict]:
        """The run without a fault; `end` is where it must come to, None for wherever it comes."""
        world, scenario = self.world, case.scenario
        # From exactly where every run with a fault starts.
        world.restore(saved, case.sink)
        start, verdict, wish = world.view(), Verdict(case, "no fault", world.secrets()), None
        if isinstance(world.place, VaultFile):
            wish = count_calls(self._strace_directory(), world.place.file)
        run = self._watched(scenario.command(world), case, nothing, start, verdict, strace=wish)
        asked = tuple(
            Asked(number, item["method"], item["path"].removeprefix(f"/{world.cluster.name}"))
            for number, item in enumerate(world.cluster.requests, 1)
        )
        done = tuple(operations(Path(wish["directory"]))) if wish else ()
        trace = Trace(case, saved, start, end or world.view(), asked, done)
        self._judge_output(run, verdict)
        self._judge_end(run, trace, verdict)
        return trace, verdict

    # -- one fault

    def kill_at_request(self, trace: Trace, asked: Asked, *, after: bool) -> Verdict:
        """SIGKILL for all of its processes while the server has the request."""
        what = f"killed {'after' if after else 'before'}"
        return self._at_request(trace, asked, what, killed(self._kill, after=after))

    def interrupt_at_request(self, trace: Trace, asked: Asked, number: signal.Signals) -> Verdict:
        """The signal for the process group; what outlives it works on."""
        fault = delayed(lambda: self.run.interrupt(number))
        verdict = self._at_request(trace, asked, number.name, fault)
        # Ansible tells at -vvv where it was interrupted.
        verdict.complaints = [complaint for complaint in verdict.complaints if complaint[0] != judging.TRACE]
        return verdict

    def stop_job_at_request(self, trace: Trace, asked: Asked, how: str) -> Verdict:
        """A job of ansible-runner; see RunnerJob."""
        world, case = self.world, trace.case
        verdict = Verdict(case, f"{how}: request {asked.number}, {asked.method} {asked.path}")
        world.restore(trace.saved, case.sink)
        verdict.hidden |= world.secrets()
        command = case.scenario.command(world)
        variables = self._variables(command, case)
        job = RunnerJob(world.directory / "job", PLAYBOOKS / command.playbook, variables, how)

        def act(number: int, _method: str, _path: str) -> Fault | None:
            return delayed(job.stop) if number == asked.number else None

        with self._watching(self._looking(trace.start, case, verdict), act):
            job.start(self.warm.environment)
            job.wait(RUN_SECONDS)
        if job.status() != how:
            verdict.complain(judging.MISSED, f"the job is {job.status()}")
        verdict.hidden |= world.secrets()
        verdict.complaints += judging.output(job.output(), verdict.hidden)
        self._again(trace, verdict)
        return verdict

    def inject(self, trace: Trace, asked: Asked, injection: Injection) -> Verdict:
        """The request, or it and those like it from then on, goes wrong."""
        fault, lasting = injection.make(self.world), injection.lasting
        return self._at_request(trace, asked, injection.name, fault, lasting=lasting, hurried=injection.hurried)

    def kill_at_operation(self, trace: Trace, operation: Operation) -> Verdict:
        """SIGKILL as the worker begins the operation, then for the rest of its processes."""
        verdict = Verdict(trace.case, f"killed at {operation.call} {operation.nth} of worker {operation.worker}")
        place = self.world.places["ansible_vault"]
        assert isinstance(place, VaultFile)
        wish = kill_at(operation, self._strace_directory(), place.file)
        self._first(trace, verdict, nothing, strace=wish)
        told = "".join(path.read_text(errors="replace") for path in Path(wish["directory"]).glob("*.strace"))
        if "killed by SIGKILL" not in told:
            verdict.complain(judging.MISSED, "the operation was never begun")
        self._again(trace, verdict)
        return verdict

    def _kill(self) -> None:
        self.run.kill()

    def _at_request(
        self,
        trace: Trace,
        asked: Asked,
        what: str,
        fault: Fault,
        *,
        lasting: bool = False,
        hurried: bool = False,
    ) -> Verdict:
        world = self.world
        verdict = Verdict(trace.case, f"{what}: request {asked.number}, {asked.method} {asked.path}")
        minted: list[int] = []

        def act(number: int, method: str, path: str) -> Fault | None:
            due = number == asked.number or (lasting and number > asked.number)
            if not due or not asked.is_like(method, path):
                return None
            minted.append(world.minted())
            return fault

        self._first(trace, verdict, act, hurried=hurried)
        if not minted:
            verdict.complain(judging.MISSED, "the request was never made")
        elif lasting and asked.of_sink and not asked.writes and world.minted() > minted[0]:
            verdict.complain(judging.OTHER, "a token was minted although the place could not be read")
        self._again(trace, verdict)
        return verdict

    def _first(self, trace: Trace, verdict: Verdict, act: Act, **how: Any) -> None:
        """From the start, the run with the fault in it."""
        world, case = self.world, trace.case
        world.restore(trace.saved, case.sink)
        verdict.hidden |= world.secrets()
        run = self._watched(case.scenario.command(world), case, act, trace.start, verdict, **how)
        verdict.complaints += judging.moment(trace.start, world.view(), ends=case.scenario.ends)
        self._judge_output(run, verdict)

    def _again(self, trace: Trace, verdict: Verdict) -> None:
        """The same command once more, without a fault: it must come to where the trace came, and leave nothing to do.

        Where the fault left everything as it was, that run is the trace's own; where it left what another one of this
        case left, but for ids and times, it is the one after that. Neither is repeated, unless `each` is asked for.
        """
        found = self.world.view()
        state = judging.state(trace.start, found, self.world.beside())
        if not self._each and (state in trace.settled or self.world.is_as_restored()):
            verdict.repeated = True
            return
        run = self._watched(trace.case.scenario.command(self.world), trace.case, nothing, found, verdict)
        self._judge_output(run, verdict)
        self._judge_end(run, trace, verdict)
        if trace.case.scenario.settles and not verdict.complaints:
            self._nothing_to_do(trace, verdict)
        if not verdict.complaints:
            trace.settled.add(state)

    def _nothing_to_do(self, trace: Trace, verdict: Verdict) -> None:
        """And once more: nothing is left to do. A place that is written with what it holds is something, too."""
        before = self.world.writes(), self.world.place.mark()
        run = self._watched(trace.case.scenario.command(self.world), trace.case, nothing, trace.start, verdict)
        if run.code or judging.changed(run.output()) or (self.world.writes(), self.world.place.mark()) != before:
            verdict.complain(judging.OTHER, "the run after the next one still has something to do")

    # -- judging

    def _judge_output(self, run: Run, verdict: Verdict) -> None:
        verdict.hidden |= self.world.secrets()
        verdict.complaints += judging.output(run.output(), verdict.hidden)
        verdict.complaints += judging.left_over(self.world.temporary, verdict.hidden)

    def _judge_end(self, run: Run, trace: Trace, verdict: Verdict) -> None:
        if run.code:
            verdict.complain(judging.OTHER, f"the run without a fault fails:\n{run.output()}")
            return
        scenario = trace.case.scenario
        now = self.world.view()
        verdict.complaints += judging.end(trace.start, now, trace.end, ends=scenario.ends, removes=scenario.removes)

    def _strace_directory(self) -> Path:
        directory = self.world.directory / "strace"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        return directory
