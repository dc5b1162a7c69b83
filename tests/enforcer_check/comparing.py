# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw scenarios, ask everybody, count what differs."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from argocd_testbed.started import started
from hypothesis import HealthCheck, Phase, given, seed, settings

from ansible_collections.fleetops.argocd.plugins.module_utils._core.checks import NO_SEGMENTS

from .casbin_side import casbin_answers
from .real_server import RealServer
from .scenarios import Question, Scenario, scenarios
from .variants import FEATURES, PLANTED, our_answers

SHARDS = 2
Difference = tuple[str, Scenario, Question, bool]


@dataclass
class Tally:
    """What was asked and what came out; tallies of shards add up."""

    questions: int = 0
    yes: int = 0
    differs: Counter[str] = field(default_factory=Counter)
    mismatches: list[Difference] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.questions += other.questions
        self.yes += other.yes
        self.differs += other.differs
        self.mismatches += other.mismatches

    def compare(self, whom: str, scenario: Scenario, theirs: list[bool]) -> None:
        self.questions += len(theirs)
        self.yes += sum(theirs)
        for question, answer, ours in zip(scenario.questions, theirs, our_answers(scenario), strict=True):
            if answer != ours:
                self.mismatches.append((whom, scenario, question, answer))


def drawn(number: int, *, questions: int) -> Iterator[Scenario]:
    """Scenarios with that many questions at least; the same for the same number."""
    found: list[Scenario] = []

    def collect(count: int) -> None:
        @seed(number * 1_000_003 + len(found))
        @settings(
            max_examples=count,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(scenarios())
        def take(scenario: Scenario) -> None:
            found.append(scenario)

        take()

    asked = 0
    while asked < questions:
        begin = len(found)
        collect(50)
        for scenario in found[begin:]:
            asked += len(scenario.questions)
            yield scenario


def with_casbin(number: int, questions: int) -> Tally:
    """One shard: compare with casbin, and count what hangs on what."""
    tally = Tally()
    for scenario in drawn(number, questions=questions):
        truth = casbin_answers(scenario)
        tally.compare("casbin", scenario, truth)
        for name, patch in {**FEATURES, **PLANTED}.items():
            with patch():
                tally.differs[name] += sum(a != b for a, b in zip(truth, our_answers(scenario), strict=True))
    return tally


def _can_be_asked(question: Question) -> bool:
    return not question.groups and question.object not in NO_SEGMENTS


def with_the_real_server(questions: int) -> Tally:
    """Of the first shard's questions those that a local account can ask, who is in no group that SSO brings."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as directory, started(Path(directory)) as info:
        server = RealServer(info["clusters"]["c1"])
        for scenario in drawn(0, questions=10 * questions):
            asked = tuple(question for question in scenario.questions if _can_be_asked(question))
            local = Scenario(scenario.data, scenario.projects, asked)
            tally.compare("argocd-server", local, server.answers(local))
            if tally.questions >= questions:
                break
    return tally
