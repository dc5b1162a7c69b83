# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts verdicts into the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .bench import Case, Trace, Verdict
from .judging import DEAD, LEAK, ORPHAN, TRACE

KILLS, ERRORS = "kills", "errors"


@dataclass
class Tally:
    """`expected` is the number of kill points by the traces, by case."""

    expected: dict[str, int] = field(default_factory=dict)
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    good: Counter[tuple[str, str]] = field(default_factory=Counter)
    complaints: Counter[str] = field(default_factory=Counter)

    def expect(self, trace: Trace) -> None:
        self.expected[str(trace.case)] = 2 * len(trace.asked) + len(trace.operations)

    def add(self, verdict: Verdict, part: str) -> None:
        key = (str(verdict.case), part)
        self.done[key] += 1
        self.good[key] += not verdict.complaints
        self.complaints.update({kind for kind, _words in verdict.complaints})

    def summary(self, case: Case) -> str:
        told = [
            f"{self.good[str(case), part]} of {self.done[str(case), part]} {part} good"
            for part in (KILLS, ERRORS)
            if self.done[str(case), part]
        ]
        return ", ".join(told) or "nothing asked"

    def _sum(self, counted: Counter[tuple[str, str]], wanted: str) -> int:
        return sum(count for (_case, part), count in counted.items() if part == wanted)

    def report(self) -> dict[str, Any]:
        return {
            "kill_points": self._sum(self.done, KILLS),
            "converged": self._sum(self.good, KILLS),
            "orphans": self.complaints[ORPHAN],
            "dead_window": self.complaints[DEAD],
            "injected_errors": self._sum(self.done, ERRORS),
            "survived_errors": self._sum(self.good, ERRORS),
            "tracebacks": self.complaints[TRACE],
            "leaks": self.complaints[LEAK],
            "cases": {
                case: {
                    "kill_points": self.done[case, KILLS],
                    "by_trace": self.expected.get(case, 0),
                    "converged": self.good[case, KILLS],
                    "injected_errors": self.done[case, ERRORS],
                    "survived_errors": self.good[case, ERRORS],
                }
                for case in dict.fromkeys(case for case, _part in self.done)
            },
        }

    def shortcomings(self) -> Iterator[str]:
        """What makes the check fail."""
        for case, expected in self.expected.items():
            if self.done[case, KILLS] != expected:
                yield f"{case}: {self.done[case, KILLS]} kill points were run, the trace has {expected}"
        for part in (KILLS, ERRORS):
            bad = self._sum(self.done, part) - self._sum(self.good, part)
            if bad:
                yield f"{bad} {part} were not made good"
        if not self.done:
            yield "nothing was run"
