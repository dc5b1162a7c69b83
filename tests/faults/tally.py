# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts verdicts into the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .bench import Case, Verdict
from .judging import DEAD, LEAK, ORPHAN, TRACE

# All but the errors are kill points.
KILLS, INTERRUPTS, JOBS, ERRORS = "kills", "interrupts", "jobs", "errors"
PARTS = (KILLS, INTERRUPTS, JOBS, ERRORS)


@dataclass
class Tally:
    """`expected` is how many there must be by the traces; all three by case and part. `planted` has who was seen."""

    expected: Counter[tuple[str, str]] = field(default_factory=Counter)
    planted: dict[str, str] = field(default_factory=dict)
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    good: Counter[tuple[str, str]] = field(default_factory=Counter)
    complaints: Counter[str] = field(default_factory=Counter)
    repeated: int = 0

    def expect(self, case: Case, part: str, number: int) -> None:
        self.expected[str(case), part] += number

    def add(self, verdict: Verdict, part: str) -> None:
        key = (str(verdict.case), part)
        self.done[key] += 1
        self.good[key] += not verdict.complaints
        self.repeated += verdict.repeated
        self.complaints.update({kind for kind, _words in verdict.complaints})

    def summary(self, case: Case) -> str:
        told = [
            f"{self.good[str(case), part]} of {self.done[str(case), part]} {part} good"
            for part in PARTS
            if self.done[str(case), part]
        ]
        return ", ".join(told) or "nothing asked"

    def report(self) -> dict[str, Any]:
        return {
            "kill_points": _kills(self.done),
            "converged": _kills(self.good),
            "orphans": self.complaints[ORPHAN],
            "dead_window": self.complaints[DEAD],
            "injected_errors": self.done.total() - _kills(self.done),
            "survived_errors": self.good.total() - _kills(self.good),
            "tracebacks": self.complaints[TRACE],
            "leaks": self.complaints[LEAK],
            "next_run_seen_already": self.repeated,
            "planted_caught": sum(1 for seen in self.planted.values() if seen),
            "planted": self.planted,
            "cases": {
                f"{case}: {part}": {"by_trace": self.expected[case, part], "run": number, "good": self.good[case, part]}
                for (case, part), number in self.done.items()
            },
        }

    def shortcomings(self) -> Iterator[str]:
        """What makes the check fail."""
        for (case, part), expected in self.expected.items():
            if self.done[case, part] != expected:
                yield f"{case}: {self.done[case, part]} {part} were run, by the trace there are {expected}"
        for (case, part), number in self.done.items():
            if self.good[case, part] != number:
                yield f"{case}: {number - self.good[case, part]} of {number} {part} were not made good"
        yield from (f"planted and not caught: {name}" for name, seen in self.planted.items() if not seen)
        if not self.done and not self.planted:
            yield "nothing was run"


def _kills(counted: Counter[tuple[str, str]]) -> int:
    return sum(number for (_case, part), number in counted.items() if part != ERRORS)
