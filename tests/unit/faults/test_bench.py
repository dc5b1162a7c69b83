# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/faults sees a last run that has something to do, whatever it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faults.bench import Bench, Case, Trace, Verdict
from faults.judging import OTHER
from faults.places import VaultFile
from faults.scenarios import Command, Scenario

CASE = Case(Scenario("cold", lambda _world: Command("tokens.yml", {})), "ansible_vault", as_modules=False)
RECAP = "c1 : ok=1 changed={} unreachable=0 failed=0"
Act = Callable[[SimpleNamespace], None]


class LastRun(Bench):
    """A bench whose runs are the given one: it acts on the world, and says what it is told to say."""

    def __init__(self, world: Any, act: Act, code: int, changed: int) -> None:
        super().__init__(world, Any)
        self._act = act
        self._said = SimpleNamespace(code=code, output=lambda: RECAP.format(changed))

    def _watched(self, *_given: Any, **_how: Any) -> Any:
        self._act(self.world)
        return self._said

    def complaints(self) -> list[str]:
        verdict, trace = Verdict(CASE, "x"), Trace(CASE, *[Any] * 3, (), ())
        self._nothing_to_do(trace, verdict)
        return [kind for kind, _words in verdict.complaints]


def nothing(_world: SimpleNamespace) -> None:
    pass


def rewrite(world: SimpleNamespace) -> None:
    """As a run does that stores the same value anew, and says nothing of it."""
    world.place.file.write_bytes(world.place.file.read_bytes().replace(b"\n", b"\n\n", 1))


def leave_a_file(world: SimpleNamespace) -> None:
    (world.place.directory / ".argocd.yml.t0").touch()


def write_to_the_cluster(world: SimpleNamespace) -> None:
    world.count += 1


@pytest.mark.parametrize(
    ("act", "code", "changed", "complaints"),
    [
        (nothing, 0, 0, []),
        (rewrite, 0, 0, [OTHER]),
        (leave_a_file, 0, 0, [OTHER]),
        (write_to_the_cluster, 0, 0, [OTHER]),
        (nothing, 0, 1, [OTHER]),
        (nothing, 2, 0, [OTHER]),
    ],
)
def test_a_last_run_that_has_something_to_do_is_seen(
    tmp_path: Path, act: Act, code: int, changed: int, complaints: list[str]
) -> None:
    place = VaultFile(tmp_path / "place")
    place.fill()
    world = SimpleNamespace(place=place, count=3)
    world.writes = lambda: world.count
    assert LastRun(world, act, code, changed).complaints() == complaints
