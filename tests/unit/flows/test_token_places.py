# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several places of one token: every way in which storing can fail, in each of them, and what is true afterwards.

For each: the old token is alive, the new one is alive unless every place was read and none holds it, no place holds a
token that is not alive, the error names the place, and the same command converges.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from flow_fakes import UID, After, World, jwt

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    FleetopsError,
    Lost,
    Refused,
    SinkConflict,
    SinkError,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._flows import token as flow
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.ports import Outcome
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.port import Entry

OLD = "octopus-20260101T000000Z-aaaaaaaa"
NAMES = ("first", "second", "third")
STORE = [{"file": name} for name in NAMES]


def options(**changes: Any) -> dict[str, Any]:
    texts = dict.fromkeys(("token_name", "expires_in", "renew_before", "renew_after", "renew_spread"))
    switches = dict.fromkeys(("recover", "overwrite", "return_token", "planned", "rotate"), False)
    rest = {"account": "octopus", "checks": [], "store": STORE, "instance_uid": UID, "wait_timeout": 5}
    kept = {"state": "present", "revoke_after": "7d", "revoke_unknown": [], "method": "api", "force_owner": False}
    return {**texts, **switches, **rest, **kept, **changes}


def run(world: World, *, check_mode: bool = False, **changes: Any) -> Outcome:
    return flow.run(options(**changes), world.ports(check_mode=check_mode))


@pytest.fixture
def world() -> World:
    """Three places that hold one working token."""
    made = World()
    made.add_sink("third")
    token = made.argocd.issue(OLD)
    current = {"id": OLD, "issued_at": "2026-01-31T12:00:00Z", "expires_at": None}
    shape = {"format": 1, "instance": UID, "account": "octopus", "token_name": "octopus", "current": current}
    rest = {"requested_lifetime": None, "announced": None, "superseded": [], "by": "tester@here"}
    for name in NAMES:
        made.sinks[name].entry = Entry(token=token, record={**shape, **rest})
    return made


def held(world: World) -> list[str | None]:
    return [world.sinks[name].token_id for name in NAMES]


# --- failures while storing ----------------------------------------------------------------------------------------

# What goes wrong at the write of the token, and at the next read of the place.
WRITES: dict[str, Callable[[str], Any]] = {
    "refused": lambda name: SinkError(f"cannot write sink {name}: refused"),
    "answer-lost": lambda name: After(SinkError(f"cannot write sink {name}: no answer")),
    "another-writer": lambda name: SinkConflict(f"cannot write sink {name}: it changed"),
    "stored": lambda _name: None,
}
READS: dict[str, Callable[[str], Any]] = {
    "readable": lambda _name: None,
    "unreadable": lambda name: SinkError(f"cannot read sink {name}"),
}
CASES = [
    (name, write, read)
    for name, write, read in product(NAMES, WRITES, READS)
    if (write, read) != ("stored", "readable")
]


def break_storing(world: World, name: str, write: str, read: str) -> None:
    """Break it once; the first place is written once before, to announce, and read once, to decide."""
    before = [None] if name == "first" else []
    world.fail(f"write.{name}", *before, WRITES[write](name))
    world.fail(f"read.{name}", None, READS[read](name))


@pytest.mark.parametrize(("name", "write", "read"), CASES)
def test_whatever_fails_in_whichever_place_every_place_holds_a_token_that_works(
    world: World, name: str, write: str, read: str
) -> None:
    break_storing(world, name, write, read)
    problem = ""
    try:
        run(world, rotate=True)
    except FleetopsError as exc:
        problem = str(exc)
    alive = set(world.argocd.tokens)
    assert OLD in alive
    assert set(held(world)) <= alive
    new = alive - {OLD}
    if problem:
        assert f"sink {name}" in problem
        # Revoked only where every place was read and none holds it.
        assert bool(new) == (read == "unreadable" or bool(set(held(world)) - {OLD}))
    else:
        assert new <= set(held(world))


@pytest.mark.parametrize(("name", "write", "read"), CASES)
def test_afterwards_the_same_command_converges_with_one_token_everywhere_and_forgets_no_id(
    world: World, name: str, write: str, read: str
) -> None:
    break_storing(world, name, write, read)
    try:
        run(world, rotate=True)
    except FleetopsError:
        world.faults.clear()
    outcome = run(world, rotate=False)
    assert outcome.values["unknown"] == []
    assert len({str(world.sinks[place].entry) for place in NAMES}) == 1
    assert set(held(world)) <= set(world.argocd.tokens)
    assert not run(world).changed


def test_a_failure_in_a_later_place_says_that_the_token_is_stored_in_part_and_what_to_do(world: World) -> None:
    world.fail("write.second", SinkError("cannot write sink second: refused"))
    with pytest.raises(SinkError) as caught:
        run(world, rotate=True)
    new = world.sinks["first"].token_id
    assert str(caught.value) == (
        f"cannot write sink second: refused. The new token {new} is stored in part and stays valid; run again"
    )
    assert held(world) == [new, OLD, OLD]


# --- healing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", [Entry(), Entry(token=jwt("octopus-20250101T000000Z-bbbbbbbb"))])
def test_a_later_place_that_lost_it_or_has_an_older_one_is_brought_in_line_with_the_first(
    world: World, entry: Entry
) -> None:
    world.sinks["second"].entry = entry
    planned = run(world, check_mode=True)
    outcome = run(world)
    assert (planned.changed, outcome.changed, outcome.values["action"]) == (True, True, "kept")
    assert "brought in line with the kept token" in outcome.values["reason"]
    assert (outcome.before, outcome.after) == (planned.before, planned.after)
    written = [event for event in world.events if event.startswith(("write", "mint", "revoke"))]
    assert written == [f"write.second {OLD}, current {OLD}, announced None, superseded []"]
    assert held(world) == [OLD, OLD, OLD]


def test_the_first_place_is_the_one_that_counts_even_where_a_later_one_holds_a_token(world: World) -> None:
    world.sinks["first"].entry = Entry()
    with pytest.raises(Lost, match="sink first"):
        run(world)
    assert held(world) == [None, OLD, OLD]


FOREIGN: dict[str, tuple[Entry, type[FleetopsError], str]] = {
    "no-token": (Entry(token="SEKRET"), Refused, "its value is not an Argo CD token"),
    "another-account": (Entry(token=jwt("x-20250101T000000Z-bbbbbbbb", "backstage")), Refused, "belongs to backstage"),
}


@pytest.mark.parametrize(("entry", "error", "words"), FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("changes", [{}, {"rotate": True}, {"state": "absent"}], ids=["keep", "mint", "remove"])
def test_what_is_not_ours_in_a_later_place_is_refused_before_anything_happens(
    world: World, entry: Entry, error: type[FleetopsError], words: str, changes: dict[str, Any]
) -> None:
    world.sinks["third"].entry = entry
    with pytest.raises(error) as caught:
        run(world, **changes)
    assert str(caught.value).startswith("cannot use sink third for a token of account octopus: ")
    assert words in str(caught.value)
    assert "SEKRET" not in str(caught.value)
    assert world.effects() == [event for event in world.effects() if event.startswith("prove")]
    assert world.sinks["third"].entry == entry


def test_a_later_place_of_another_installation_is_a_loss(world: World) -> None:
    record = dict(world.sinks["third"].entry.record or {}, instance="another")
    world.sinks["third"].entry = Entry(token=world.sinks["third"].entry.token, record=record)
    with pytest.raises(Lost, match="cannot use sink third: its record is of instance another"):
        run(world)


def test_overwriting_counts_for_every_place(world: World) -> None:
    world.sinks["third"].entry = Entry(token="SEKRET")
    assert run(world, overwrite=True).changed
    assert held(world) == [OLD, OLD, OLD]
    assert "SEKRET" in world.remembered


# --- a fact --------------------------------------------------------------------------------------------------------

WITH_FACT = [*STORE, {"type": "fact"}]


def test_a_fact_is_handed_over_kept_or_new_and_never_planned(world: World) -> None:
    kept = run(world, store=WITH_FACT)
    assert (kept.changed, kept.values["token"]) == (False, world.argocd.tokens[OLD])
    planned = run(world, store=WITH_FACT, rotate=True, check_mode=True)
    assert "token" not in planned.values
    renewed = run(world, store=WITH_FACT, rotate=True)
    assert renewed.values["token"] == world.argocd.tokens[renewed.values["id"]]
    assert len(renewed.values["stored_in"]) == len(STORE)
    assert renewed.values["id"] in held(world)


def test_without_a_fact_a_kept_token_is_not_returned(world: World) -> None:
    assert "token" not in run(world, return_token=True).values
