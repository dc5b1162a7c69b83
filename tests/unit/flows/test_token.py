# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_token: the order of effects, and after every failure: what is revoked, what the sink holds, what is said."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flow_fakes import START, UID, After, Killed, World, jwt, server_error

from ansible_collections.fleetops.argocd.plugins.module_utils._clients.argocd import ListedAccount
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    Absent,
    ApiError,
    Conflict,
    Denied,
    FleetopsError,
    InvalidInput,
    Lost,
    Mismatch,
    Refused,
    SinkConflict,
    SinkError,
    Unauthenticated,
    UnexpectedReply,
    Unreachable,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.plan import UNKNOWN
from ansible_collections.fleetops.argocd.plugins.module_utils._core.renewal import spread_over
from ansible_collections.fleetops.argocd.plugins.module_utils._flows import token as flow
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.ports import Outcome
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.port import Entry

ISSUED = "2026-01-31T12:00:00Z"
NEW = "octopus-20260131T120000Z-00000001"
NEXT = "octopus-20260131T120000Z-00000002"
OLD = "octopus-20260101T000000Z-aaaaaaaa"
WINNER = "octopus-20260131T120000Z-ffffffff"
CHECKS = [
    {"action": "get", "resource": "clusters", "object": "*", "allowed": True},
    {"action": "delete", "resource": "applications", "object": "*", "allowed": False},
]
FIRST, SECOND = {"file": "first"}, {"file": "second"}


def options(**changes: Any) -> dict[str, Any]:
    shape = {"account": "octopus", "token_name": None, "expires_in": None, "checks": [], "store": [FIRST]}
    times = dict.fromkeys(("renew_before", "renew_after", "renew_spread"), None)
    switches = dict.fromkeys(("recover", "overwrite", "return_token", "planned", "rotate"), False)
    shape |= {"state": "present", "method": "api", "revoke_after": "7d", "revoke_unknown": []}
    shape["force_owner"] = False
    return {**shape, **times, **switches, "instance_uid": UID, "wait_timeout": 5, **changes}


def run(world: World, *, check_mode: bool = False, **changes: Any) -> Outcome:
    return flow.run(options(**changes), world.ports(check_mode=check_mode))


def record(current: str | None = None, *, issued_at: str = ISSUED, **changes: Any) -> dict[str, Any]:
    ref = {"id": current, "issued_at": issued_at, "expires_at": None} if current else None
    shape = {"format": 1, "instance": UID, "account": "octopus", "token_name": "octopus", "current": ref}
    more = {"requested_lifetime": None, "announced": None, "superseded": [], "by": "tester@here"}
    return {**shape, **more, **changes}


def stored(world: World, token_id: str = OLD, *, sink: str = "first", **changes: Any) -> Entry:
    """Let Argo CD know a token, and the sink hold it with its record."""
    entry = Entry(token=world.argocd.issue(token_id), record=record(token_id, **changes))
    world.sinks[sink].entry = entry
    return entry


def row(question: str, answer: str) -> dict[str, Any]:
    action, resource, target = question.split()
    asked = {"action": action, "resource": resource, "object": target}
    return {**asked, "expected": answer, "answer": answer, "ok": True}


def allowing_only_what_the_checks_allow(world: World) -> World:
    world.argocd.denied = {"delete applications *"}
    return world


def octopus(*, capabilities: tuple[str, ...] = ("apiKey",)) -> ListedAccount:
    return ListedAccount("octopus", enabled=True, capabilities=capabilities, tokens=())


# --- the ordinary run ----------------------------------------------------------------------------------------------


def test_the_first_run_announces_mints_proves_stores_and_reads_back_in_this_order() -> None:
    world = allowing_only_what_the_checks_allow(World())
    outcome = run(world, checks=CHECKS)
    assert world.events == [
        "prepare.first",
        "read.first",
        "look octopus",
        "may update octopus",
        f"write.first nothing, current None, announced {NEW}, superseded []",
        f"mint {NEW}",
        *["reconnect", f"prove octopus {NEW}"] * 5,
        "look octopus",
        f"ask get clusters * as {NEW}",
        f"ask delete applications * as {NEW}",
        f"write.first {NEW}, current {NEW}, announced None, superseded []",
        "read.first",
    ]
    assert outcome.changed
    assert dict(outcome.values) == {
        "account": "octopus",
        "token_name": "octopus",
        "instance_uid": UID,
        "action": "minted",
        "reason": "no token of this name exists yet",
        "id": NEW,
        "issued_at": ISSUED,
        "expires_at": None,
        "superseded": [],
        "revoked": [],
        "unknown": [],
        "matrix": [row("get clusters *", "yes"), row("delete applications *", "no")],
        "stored_in": [{"type": "fake", "file": "first", "label": "sink first"}],
    }
    assert world.sink.entry == Entry(token=world.argocd.tokens[NEW], record=record(NEW))
    assert outcome.before == {"account": "octopus", "token_name": "octopus"}
    assert outcome.after == {**outcome.before, "id": NEW, "issued_at": ISSUED, "expires_at": "never"}


def test_the_second_run_changes_nothing_and_needs_no_login_of_its_own() -> None:
    world = World()
    run(world)
    world.events.clear()
    outcome = run(world)
    assert world.events == ["prepare.first", "read.first", f"prove octopus {NEW}", "look octopus by itself"]
    assert (outcome.changed, outcome.values["action"], outcome.values["id"]) == (False, "kept", NEW)
    assert outcome.before == outcome.after
    assert world.remembered.count(world.argocd.tokens[NEW]) == 1


def test_an_expiring_token_is_asked_for_and_recorded_with_its_lifetime() -> None:
    world = World()
    outcome = run(world, expires_in="1h")
    assert world.argocd.asked_expiry == 3600
    assert outcome.values["expires_at"] == "2026-01-31T13:00:00Z"
    assert world.sink.entry.record is not None
    assert world.sink.entry.record["requested_lifetime"] == 3600
    assert world.sink.entry.record["current"]["expires_at"] == "2026-01-31T13:00:00Z"


def test_an_expired_token_is_replaced_and_pruned_at_once() -> None:
    world = World()
    run(world, expires_in="1h")
    world.slept = 3600
    outcome = run(world, expires_in="1h")
    assert (outcome.values["reason"], outcome.values["id"]) == (
        "the stored token has expired",
        "octopus-20260131T130000Z-00000002",
    )
    assert world.sink.entry.record is not None
    assert (world.sink.entry.record["superseded"], outcome.values["revoked"]) == ([], [NEW])
    assert set(world.argocd.tokens) == {"octopus-20260131T130000Z-00000002"}


def test_the_server_clock_counts_not_ours() -> None:
    world = World()
    world.argocd.server_time = START.replace(minute=59)
    outcome = run(world)
    assert outcome.values["id"] == "octopus-20260131T125900Z-00000001"
    assert [warning[:63] for warning in outcome.warnings] == [
        "the clock of Argo CD and the one of this machine are more than "
    ]


def test_a_server_clock_far_from_ours_is_refused_before_anything_is_written() -> None:
    world = World()
    world.argocd.server_time = START.replace(hour=14)
    with pytest.raises(Refused, match=r"more than 1 h apart"):
        run(world)
    assert world.effects() == []


def test_a_token_the_server_sees_late_is_waited_for() -> None:
    world = World()
    world.argocd.unseen = 4
    run(world)
    assert (world.sink.token_id, world.slept) == (NEW, 1.0)


def test_a_token_is_stored_only_when_every_replica_takes_it() -> None:
    world = World()
    world.fail("prove", None, None, lambda: setattr(world.argocd, "unseen", 1))
    run(world)
    stored_at = world.events.index(STORED)
    assert world.events[:stored_at].count(PROVED[0]) == 2 + 1 + 5
    assert (world.sink.token_id, world.slept) == (NEW, 0.25)


def test_an_argo_cd_busy_with_another_writer_is_asked_again_for_the_same_id() -> None:
    world = World()
    world.fail("mint", *[Conflict("modified", status=409)] * 3)
    run(world)
    assert [event for event in world.events if event.startswith("mint")] == [f"mint {NEW}"] * 4
    assert list(world.argocd.tokens) == [NEW]


def test_every_sink_gets_the_same_token_and_record() -> None:
    world = World()
    outcome = run(world, store=[FIRST, SECOND])
    assert world.sinks["second"].entry == world.sink.entry
    assert [place["label"] for place in outcome.values["stored_in"]] == ["sink first", "sink second"]


def test_the_target_is_claimed_before_anything_is_written() -> None:
    world = World()
    run(world, token_name="nightly")
    assert world.claimed == [f"{UID} token octopus nightly"]


# --- failures: name, faults by call, error, message, live ids after, effects after the announcement ------------------

ANNOUNCED = f"write.first nothing, current None, announced {NEW}, superseded []"
WITHDRAWN = "write.first nothing, no record"
REVOKED = f"revoke octopus {NEW}"
MINTED, PROVED = f"mint {NEW}", [f"prove octopus {NEW}"] * 5
ASKED = [f"ask get clusters * as {NEW}", f"ask delete applications * as {NEW}"]
STORED = f"write.first {NEW}, current {NEW}, announced None, superseded []"
LOST = Unreachable("timeout", sent=True)

WITHDRAWN_AFTER: dict[str, tuple[str, BaseException | After, list[str]]] = {
    "mint-denied": ("mint", Denied("no", status=403, code=7), [MINTED]),
    "mint-not-found": ("mint", Absent("no", status=404, code=5), [MINTED]),
    "mint-redirected": ("mint", UnexpectedReply("redirect", status=307), [MINTED]),
    "mint-never-sent": ("mint", Unreachable("refused", sent=False), [MINTED]),
    "mint-user-mistake-as-500": ("mint", server_error(), [MINTED, REVOKED]),
    "mint-answer-lost-after-it-was-minted": ("mint", After(LOST), [MINTED, REVOKED]),
    "mint-canceled-after-it-was-minted": ("mint", After(server_error(1, 408)), [MINTED, REVOKED]),
    "mint-answered-502-after-it-was-minted": ("mint", After(UnexpectedReply("502", status=502)), [MINTED, REVOKED]),
    "mint-answered-with-a-page": ("mint", After(UnexpectedReply("page", status=200)), [MINTED, REVOKED]),
    "proof-unreachable": ("prove", LOST, [MINTED, PROVED[0], REVOKED]),
    "check-unanswered": ("ask", server_error(13), [MINTED, *PROVED, ASKED[0], REVOKED]),
    "store-fails": ("write.first", SinkError("disk full"), [MINTED, *PROVED, *ASKED, STORED, REVOKED]),
}


@pytest.mark.parametrize("name", WITHDRAWN_AFTER)
def test_a_failure_leaves_no_token_alive_and_the_sink_as_it_was(name: str) -> None:
    call, fault, effects = WITHDRAWN_AFTER[name]
    world = allowing_only_what_the_checks_allow(World())
    world.fail(call, *([None] if call == "write.first" else []), fault)
    error = fault.error if isinstance(fault, After) else fault
    with pytest.raises(type(error)) as caught:
        run(world, checks=CHECKS)
    assert caught.value is error
    assert world.effects() == [ANNOUNCED, *effects, WITHDRAWN]
    assert (world.sink.entry, world.argocd.tokens) == (Entry(), {})


def test_a_conflict_that_stays_is_given_up_with_nothing_minted() -> None:
    world = World()
    world.fail("mint", *[Conflict("modified", status=409)] * 20)
    with pytest.raises(Conflict):
        run(world)
    assert world.effects() == [ANNOUNCED, *[MINTED] * 20, WITHDRAWN]


@pytest.mark.parametrize("error", [LOST, UnexpectedReply("bad gateway", status=502)], ids=["no-answer", "gateway"])
def test_a_mint_that_may_still_be_under_way_stays_announced_and_the_next_run_takes_it_in(error: ApiError) -> None:
    """The request may be carried out after the revocation found nothing: then the record must know the id."""
    world = World()
    world.fail("mint", error)
    with pytest.raises(type(error)):
        run(world)
    assert world.effects() == [ANNOUNCED, MINTED, REVOKED]
    assert world.sink.entry == Entry(record=record(announced=NEW))
    world.argocd.issue(NEW)
    outcome = run(world)
    assert outcome.values["reason"] == "an earlier run announced a token and did not store it"
    assert (world.sink.token_id, outcome.values["unknown"]) == (NEXT, [])
    assert world.sink.entry.record is not None
    assert [item["id"] for item in world.sink.entry.record["superseded"]] == [NEW]


def test_a_token_never_accepted_is_revoked_after_the_patience_asked_for() -> None:
    world = World()
    world.argocd.unseen = 10_000
    with pytest.raises(Unauthenticated) as caught:
        run(world)
    assert str(caught.value) == (
        "cannot prove the token minted for account octopus: the server does not accept it after 5 s; is the account "
        "enabled, and do all replicas share one argocd-secret?"
    )
    assert world.slept == 5
    assert (world.effects()[-2:], world.sink.entry, world.argocd.tokens) == ([REVOKED, WITHDRAWN], Entry(), {})


@pytest.mark.parametrize(
    "token", [jwt("another-id"), jwt(NEW, "bob"), "no token at all"], ids=["other-id", "other-account", "no-token"]
)
def test_a_minted_value_that_is_not_what_was_asked_for_is_not_even_sent_back(token: str) -> None:
    world = World()
    create = world.argocd.create_token

    def answer(account: str, **asked: Any) -> str:
        create(account, **asked)
        return token

    world.argocd.create_token = answer  # type: ignore[method-assign] # this server answers something else
    with pytest.raises(UnexpectedReply) as caught:
        run(world)
    assert token not in str(caught.value)
    assert world.effects() == [ANNOUNCED, MINTED, REVOKED, WITHDRAWN]
    assert (world.sink.entry, world.argocd.tokens) == (Entry(), {})


def test_a_token_that_can_do_too_much_is_revoked_and_no_sink_touched_with_it() -> None:
    world = World()
    before = stored(world, expires_in=None)
    world.argocd.tokens.clear()
    with pytest.raises(Mismatch) as caught:
        run(world, checks=CHECKS, store=[FIRST, SECOND])
    assert str(caught.value) == (
        "cannot accept the rights of account octopus: delete applications * must be no and is yes; correct its policy "
        "lines (policy.default and roles count too), or the checks"
    )
    assert (world.sink.entry, world.sinks["second"].entry, world.argocd.tokens) == (before, Entry(), {})
    assert not [event for event in world.events if event.startswith("write.second")]


def test_where_revoking_fails_too_both_are_said_and_the_announcement_stays_for_the_next_run() -> None:
    world = World()
    world.fail("prove", LOST)
    world.fail("revoke", Unreachable("cannot revoke: gone", sent=True))
    with pytest.raises(FleetopsError) as caught:
        run(world)
    assert str(caught.value) == (
        f"timeout. Its token {NEW} could not be revoked: cannot revoke: gone; the record names it"
    )
    assert world.sink.entry == Entry(record=record(announced=NEW))
    assert run(world).values["reason"] == "an earlier run announced a token and did not store it"
    assert world.sink.token_id == NEXT


def test_where_withdrawing_fails_too_both_are_said() -> None:
    world = World()
    world.fail("mint", Denied("cannot mint: no", status=403))
    world.fail("write.first", None, SinkError("cannot write: disk full"))
    with pytest.raises(FleetopsError) as caught:
        run(world)
    assert str(caught.value) == (
        "cannot mint: no. The announcement could not be withdrawn either: cannot write: disk full"
    )


def test_an_announcement_that_cannot_be_written_mints_nothing() -> None:
    world = World()
    world.fail("write.first", SinkError("read-only"))
    with pytest.raises(SinkError, match=r"^read-only$"):
        run(world)
    assert world.effects() == [ANNOUNCED]


@pytest.mark.parametrize("call", ["prepare.first", "read.first", "prepare.second", "read.second"])
def test_a_sink_that_cannot_be_read_or_written_is_an_error_before_anything_is_minted(call: str) -> None:
    world = World()
    world.fail(call, SinkError("cannot read"))
    with pytest.raises(SinkError, match=r"^cannot read$"):
        run(world, store=[FIRST, SECOND])
    assert world.effects() == []


# --- stored in part, or perhaps ------------------------------------------------------------------------------------


def partly(cause: str) -> str:
    return f"{cause}. The new token {NEW} is stored in part and stays valid; run again"


def test_a_token_a_sink_holds_is_never_revoked_although_storing_reported_a_failure() -> None:
    world = World()
    world.fail("write.first", None, After(SinkError("cannot sync")))
    with pytest.raises(SinkError) as caught:
        run(world)
    assert (str(caught.value), world.sink.token_id, list(world.argocd.tokens)) == (partly("cannot sync"), NEW, [NEW])


def test_a_token_a_sink_may_hold_because_it_cannot_be_read_again_is_never_revoked() -> None:
    world = World()
    world.fail("write.first", None, SinkError("cannot write"))
    world.fail("read.first", None, SinkError("cannot read"))
    with pytest.raises(SinkError) as caught:
        run(world)
    assert (str(caught.value), list(world.argocd.tokens)) == (partly("cannot write"), [NEW])
    assert not [event for event in world.events if event.startswith("revoke")]


def test_when_the_second_sink_fails_the_token_stays_and_the_next_run_brings_it_there() -> None:
    world = World()
    world.fail("write.second", SinkError("cannot write"))
    with pytest.raises(SinkError) as caught:
        run(world, store=[FIRST, SECOND])
    assert (str(caught.value), list(world.argocd.tokens)) == (partly("cannot write"), [NEW])
    outcome = run(world, store=[FIRST, SECOND])
    assert (outcome.changed, outcome.values["action"], outcome.values["id"]) == (True, "kept", NEW)
    assert world.sinks["second"].entry == world.sink.entry
    assert not run(world, store=[FIRST, SECOND]).changed


# --- two runs at once ----------------------------------------------------------------------------------------------


def another_run_wins(world: World) -> None:
    """Another run stores its token between our reading and our writing."""
    stored(world, WINNER)


def test_when_another_run_announced_first_its_token_is_taken_and_nothing_minted() -> None:
    world = World()
    world.fail("write.first", lambda: another_run_wins(world))
    outcome = run(world)
    assert (outcome.changed, outcome.values["id"], list(world.argocd.tokens)) == (False, WINNER, [WINNER])
    assert not [event for event in world.events if event.startswith("mint")]


def test_another_run_that_mints_between_our_reading_and_our_asking_is_no_loss() -> None:
    """The place was empty when it was read, and the server lists a token of the name by then."""
    world = World()

    def meanwhile() -> None:
        another_run_announces(world)
        world.argocd.issue(WINNER)

    world.fail("look", meanwhile)
    world.fail("read.first", None, None, lambda: another_run_wins(world))
    outcome = run(world)
    assert (outcome.changed, outcome.values["id"], list(world.argocd.tokens)) == (False, WINNER, [WINNER])


def another_run_announces(world: World) -> None:
    """Another run announces between our reading and our writing."""
    world.sink.entry = Entry(record=record(announced=WINNER))


def test_whoever_is_overtaken_waits_for_the_other_and_does_not_overtake_it() -> None:
    world = World()
    world.fail("write.first", lambda: another_run_announces(world))
    world.fail("read.first", None, None, lambda: another_run_wins(world))
    outcome = run(world)
    assert (outcome.changed, outcome.values["id"], list(world.argocd.tokens)) == (False, WINNER, [WINNER])
    assert (world.slept, [event.split()[0] for event in world.effects()]) == (0.25, ["write.first", "prove"])


def test_another_run_that_announced_and_died_is_not_waited_for_longer_than_was_asked() -> None:
    world = World()
    world.fail("write.first", lambda: another_run_announces(world))
    outcome = run(world)
    assert (world.slept, outcome.values["action"], world.sink.token_id) == (5.0, "minted", outcome.values["id"])


@pytest.mark.parametrize("write", [0, 1], ids=["announced", "stored"])
def test_a_rotation_that_somebody_got_in_the_way_of_still_rotates(write: int) -> None:
    """The token that was to be replaced is no other run's: a place changes for many reasons."""
    world = World()
    stored(world)

    def in_the_way() -> None:
        raise SinkConflict("cannot write the place: its labels changed")

    world.fail("write.first", *[None] * write, in_the_way)
    outcome = run(world, rotate=True)
    assert (outcome.values["action"], world.sink.token_id) == ("renewed", outcome.values["id"])
    assert outcome.values["id"] != OLD


def test_a_rotation_that_did_not_see_the_token_at_first_still_rotates() -> None:
    world = World()
    entry = stored(world)
    world.sink.entry = Entry()
    world.fail("look", lambda: setattr(world.sink, "entry", entry))
    outcome = run(world, rotate=True)
    assert (outcome.values["action"], world.sink.token_id) == ("renewed", outcome.values["id"])


def test_when_another_run_stored_first_only_our_own_token_is_revoked_and_the_winners_taken() -> None:
    world = World()
    world.fail("write.first", None, lambda: another_run_wins(world))
    outcome = run(world)
    assert (outcome.changed, outcome.values["id"], world.sink.token_id) == (False, WINNER, WINNER)
    assert list(world.argocd.tokens) == [WINNER]
    assert [event for event in world.events if event.startswith("revoke")] == [REVOKED]


def test_when_another_run_overwrote_ours_before_it_was_read_back_the_winners_is_taken() -> None:
    world = World()
    world.fail("read.first", None, lambda: another_run_wins(world))
    outcome = run(world)
    assert (outcome.values["id"], world.sink.token_id, list(world.argocd.tokens)) == (WINNER, WINNER, [WINNER])


def test_a_sink_that_never_gives_back_what_was_written_ends_in_an_error_and_no_token_lives() -> None:
    world = World()

    def mangled() -> None:
        world.sink.entry = Entry(token=None, record=world.sink.entry.record)

    for _attempt in range(6):
        world.fail("read.first", None, mangled, None, None)
    with pytest.raises(SinkConflict) as caught:
        run(world)
    assert str(caught.value) == "cannot write sink first: what was read back is not what was written"
    assert world.argocd.tokens == {}


# --- two places at once --------------------------------------------------------------------------------------------

OLDER, YOUNGER = "octopus-20260131T115959Z-ffffffff", "octopus-20260131T120001Z-00000000"


def rival(world: World, token_id: str) -> None:
    """Another run, for another place, mints while ours does."""
    world.fail("mint", lambda: world.argocd.issue(token_id) and None)


def test_a_run_for_another_place_that_minted_first_stays_and_we_are_told() -> None:
    world = World()
    rival(world, OLDER)
    with pytest.raises(Lost, match=rf"the sink is empty, yet the server lists {OLDER}"):
        run(world)
    assert world.effects() == [ANNOUNCED, MINTED, *PROVED, REVOKED, WITHDRAWN]
    assert (world.sink.entry, list(world.argocd.tokens), world.slept) == (Entry(), [OLDER], 0)


def test_a_run_for_another_place_that_minted_later_is_given_the_time_to_give_way() -> None:
    world = World()
    rival(world, YOUNGER)
    world.fail("look", None, None, lambda: world.argocd.tokens.pop(YOUNGER) and None)
    outcome = run(world)
    assert (outcome.values["id"], outcome.values["unknown"], list(world.argocd.tokens)) == (NEW, [], [NEW])
    assert world.slept == 0.25


def test_one_that_does_not_give_way_did_not_see_us_and_stays() -> None:
    world = World()
    rival(world, YOUNGER)
    with pytest.raises(Lost, match=rf"yet the server lists {YOUNGER}"):
        run(world)
    assert (world.sink.entry, list(world.argocd.tokens), world.slept) == (Entry(), [YOUNGER], 5.0)


def test_a_run_that_took_our_announcement_over_is_no_failure() -> None:
    """It is of the same place: what it stored is taken, and the announcement is no longer ours to withdraw."""
    world = World()

    def overtaken() -> None:
        world.sink.entry = Entry(record=record(announced=OLDER, superseded=[{"id": NEW, "since": ISSUED}]))
        world.argocd.issue(OLDER)

    world.fail("mint", overtaken)
    world.fail("read.first", None, lambda: stored(world, OLDER) and None)
    outcome = run(world)
    assert (outcome.changed, outcome.values["id"], list(world.argocd.tokens)) == (False, OLDER, [OLDER])


def test_tokens_of_before_are_no_rivals_and_a_renewal_looks_for_none() -> None:
    world = World()
    world.argocd.issue(OLDER)
    assert run(world, recover=True).values["unknown"][0]["id"] == OLDER
    world.events.clear()
    rival(world, YOUNGER)
    assert run(world, rotate=True).values["action"] == "renewed"
    assert set(world.argocd.tokens) == {OLDER, YOUNGER, NEW, NEXT}


# --- killed --------------------------------------------------------------------------------------------------------


def killed_after(calls: int, world: World, **changes: Any) -> bool:
    """Run until that many calls took effect; whether the run came that far."""
    world.kill_after = calls
    try:
        run(world, store=[FIRST, SECOND], **changes)
    except Killed:
        return True
    finally:
        world.kill_after = None
        world.events.clear()
    return False


def test_killed_at_any_point_of_the_first_run_the_same_command_converges_and_knows_every_id() -> None:
    for calls in range(1, 100):
        world = World()
        if not killed_after(calls, world):
            assert calls > 10
            return
        outcome = run(world, store=[FIRST, SECOND])
        assert outcome.values["unknown"] == [], calls
        for sink in world.sinks.values():
            assert sink.entry.token in world.argocd.tokens.values(), calls
        assert not run(world, store=[FIRST, SECOND]).changed, calls
    pytest.fail("the run never ended")


def test_killed_at_any_point_while_a_token_works_every_sink_keeps_one_that_works() -> None:
    for calls in range(1, 100):
        world = World()
        stored(world, WINNER)
        world.sinks["second"].entry = Entry(token=world.argocd.issue(OLD), record=record(OLD))
        came_so_far = killed_after(calls, world)
        for sink in world.sinks.values():
            assert sink.entry.token in world.argocd.tokens.values(), calls
        if not came_so_far:
            assert calls > 5
            return
        run(world, store=[FIRST, SECOND])
        assert world.sinks["second"].entry == world.sink.entry, calls
    pytest.fail("the run never ended")


# --- kept, adopted, stale ------------------------------------------------------------------------------------------


def test_a_working_token_without_record_is_adopted_and_then_known() -> None:
    world = World()
    world.sink.entry = Entry(token=world.argocd.issue("by-hand"))
    outcome = run(world)
    assert (outcome.changed, outcome.values["action"], outcome.values["unknown"]) == (True, "kept", [])
    assert outcome.values["reason"] == "the server accepts the stored token; brought in line with the kept token"
    assert world.sink.entry.record == record("by-hand")
    assert not run(world).changed


def test_another_token_put_beside_our_record_is_adopted_and_its_predecessor_superseded() -> None:
    world = World()
    stored(world)
    world.sink.entry = replace(world.sink.entry, token=world.argocd.issue("by-hand"))
    run(world)
    assert world.sink.entry.record is not None
    assert world.sink.entry.record["current"]["id"] == "by-hand"
    assert world.sink.entry.record["superseded"] == [{"id": OLD, "since": ISSUED}]


def test_an_adopted_token_does_not_hide_what_a_run_that_died_had_minted() -> None:
    world = World()
    world.sink.entry = Entry(token=world.argocd.issue("by-hand"))
    world.fail("mint", After(Killed()))
    with pytest.raises(Killed):
        run(world, rotate=True)
    assert run(world).values["action"] == "kept"
    assert world.sink.entry.record == record("by-hand", announced=NEW)
    world.slept = 3600
    assert run(world).values["superseded"] == [NEW]
    world.slept = 7 * DAY
    assert (run(world).values["revoked"], list(world.argocd.tokens)) == ([NEW], ["by-hand"])


@pytest.mark.parametrize("beside", [None, record(OLD)])
def test_a_token_put_there_by_hand_comes_to_an_end_when_it_is_replaced_at_once(beside: dict[str, Any] | None) -> None:
    def put_by_hand() -> World:
        world = World()
        if beside:
            world.argocd.issue(OLD)
        world.sink.entry = Entry(token=world.argocd.issue("by-hand"), record=beside)
        return world

    asked = {"expires_in": "90d", "revoke_after": "0"}
    world = put_by_hand()
    outcome = run(world, **asked)
    revoked = [OLD, "by-hand"] if beside else ["by-hand"]
    assert outcome.values["reason"] == "the lifetime asked for is 90d, it was without end"
    assert (outcome.values["revoked"], outcome.values["unknown"]) == (revoked, [])
    assert list(world.argocd.tokens) == [NEW]
    assert run(put_by_hand(), check_mode=True, **asked).values["revoked"] == revoked


def test_a_token_put_there_by_hand_is_due_again_after_a_run_that_died_replacing_it() -> None:
    world = World()
    world.sink.entry = Entry(token=world.argocd.issue("by-hand"))
    world.fail("mint", Killed())
    with pytest.raises(Killed):
        run(world, expires_in="90d")
    assert world.sink.entry.record is not None
    assert world.sink.entry.record["current"]["id"] == "by-hand"
    assert run(world, expires_in="90d").values["action"] == "renewed"


def test_a_short_token_put_there_by_hand_is_renewed_and_nothing_said_of_what_the_server_grants() -> None:
    world = World()
    world.sink.entry = Entry(token=world.argocd.issue("by-hand", expires_in=7 * DAY))
    world.fail("mint", Killed())
    asked = {"expires_in": "90d", "renew_before": "14d"}
    with pytest.raises(Killed):
        run(world, **asked)
    assert run(world, **asked).values["action"] == "renewed"
    assert not run(world, **asked).changed


def test_a_stale_form_is_written_again_with_the_same_token_and_the_reason_said() -> None:
    world = World()
    entry = stored(world)
    world.sink.entry = replace(entry, stale="encrypted with vault id dev, not prod")
    outcome = run(world)
    assert (outcome.changed, outcome.values["id"], world.sink.entry) == (True, OLD, entry)
    assert outcome.values["reason"] == "the server accepts the stored token; encrypted with vault id dev, not prod"
    assert outcome.before == {**outcome.after, "stored": "in need of writing: encrypted with vault id dev, not prod"}


def test_a_kept_token_that_reads_back_differently_is_an_error() -> None:
    world = World()
    world.sink.entry = Entry(token=world.argocd.issue(OLD))
    mangled = Entry(token=world.sink.entry.token)

    def forget() -> None:
        world.sink.entry = mangled

    world.fail("read.first", *[None, forget, None] * 6)
    with pytest.raises(SinkConflict):
        run(world)
    assert list(world.argocd.tokens) == [OLD]


def test_ids_of_others_are_reported_and_stay() -> None:
    world = World()
    world.argocd.issue("by-hand")
    world.slept = 60
    assert run(world).values["unknown"] == [{"id": "by-hand", "age": 60, "expired": False}]
    assert list(world.argocd.tokens) == ["by-hand", "octopus-20260131T120100Z-00000001"]


def test_a_listed_token_refused_for_a_moment_is_asked_again_before_it_is_called_lost() -> None:
    world = World()
    stored(world)
    world.argocd.unseen = 3
    assert run(world).values["action"] == "kept"


# --- renewed -------------------------------------------------------------------------------------------------------

BY_ITSELF = " by itself"


def due(world: World, **changes: Any) -> dict[str, Any]:
    """A token of two hours with one left; the options by which it is due."""
    world.sink.entry = Entry(
        token=world.argocd.issue(OLD, expires_in=7200), record=record(OLD, requested_lifetime=7200, **changes)
    )
    world.slept = 3600
    world.argocd.has_credentials = False
    return {"expires_in": "2h", "renew_before": "1h"}


def test_a_token_that_is_due_renews_itself_without_any_login() -> None:
    world = allowing_only_what_the_checks_allow(World())
    outcome = run(world, checks=CHECKS, **due(world))
    new = "octopus-20260131T130000Z-00000001"
    assert world.events == [
        "prepare.first",
        "read.first",
        f"prove octopus {OLD}",
        "look octopus by itself",
        f"write.first {OLD}, current {OLD}, announced {new}, superseded []",
        f"mint {new}{BY_ITSELF}",
        *["reconnect", f"prove octopus {new}"] * 5,
        f"ask get clusters * as {new}",
        f"ask delete applications * as {new}",
        f"write.first {new}, current {new}, announced None, superseded [{OLD}]",
        "read.first",
    ]
    assert (outcome.changed, outcome.values["action"]) == (True, "renewed")
    assert outcome.values["reason"] == "it ends in less than 1h"
    assert set(world.argocd.tokens) == {OLD, new}
    assert not run(world, expires_in="2h", renew_before="1h").changed


def test_a_renewed_token_that_can_do_too_much_is_revoked_by_its_predecessor_which_stays() -> None:
    world = World()
    wanted = due(world)
    before = world.sink.entry
    with pytest.raises(Mismatch):
        run(world, checks=CHECKS, **wanted)
    assert (world.sink.entry, list(world.argocd.tokens)) == (before, [OLD])
    assert world.events[-2] == f"revoke octopus octopus-20260131T130000Z-00000001{BY_ITSELF}"


def test_a_token_of_a_record_is_not_compared_with_the_cluster_again_but_one_without_is() -> None:
    world = World()
    wanted = due(world)
    named(world, **wanted)
    assert "list by itself" not in world.events
    world = World()
    wanted = due(world)
    world.sink.entry = Entry(token=world.sink.entry.token)
    named(world, **wanted)
    assert "list by itself" in world.events


def test_check_mode_predicts_a_renewal_and_touches_nothing() -> None:
    world, twin = World(), World()
    predicted, real = run(world, check_mode=True, **due(world)), run(twin, **due(twin))
    assert world.effects() == [f"prove octopus {OLD}"]
    assert (predicted.changed, predicted.before) == (real.changed, real.before)
    assert {key for key in real.values if real.values[key] != predicted.values[key]} == {
        "id",
        "issued_at",
        "expires_at",
    }


def test_a_life_granted_too_short_for_renewing_is_revoked_again_and_nothing_stored() -> None:
    world = World()
    world.argocd.longest = 3600
    with pytest.raises(Refused, match=r"the server grants a life of 1h only"):
        run(world, expires_in="2h", renew_before="1h")
    assert (world.sink.entry, world.argocd.tokens) == (Entry(), {})


def test_a_life_granted_too_short_for_the_share_of_the_spread_is_revoked_by_the_run_that_minted_it() -> None:
    wanted = {"expires_in": "2h", "renew_before": "30m", "renew_spread": "30m"}
    share = spread_over(1800, instance=UID, account="octopus", token_name="octopus")
    assert share > 60
    world = World()
    world.argocd.longest = 1800 + share
    with pytest.raises(
        Refused, match=r"only, so every run would mint; make renew_before \(with renew_spread\) shorter"
    ):
        run(world, **wanted)
    assert (world.sink.entry, world.argocd.tokens) == (Entry(), {})
    world.argocd.longest += 60
    run(world, **wanted)
    assert run(world, **wanted).values["action"] == "kept"


def test_two_rotations_at_once_end_in_one_new_token() -> None:
    world = World()
    stored(world)
    world.fail("write.first", lambda: another_run_wins(world))
    outcome = run(world, rotate=True)
    assert (outcome.values["action"], outcome.values["id"], list(world.argocd.tokens)) == (
        "kept",
        WINNER,
        [OLD, WINNER],
    )


def test_a_rotation_replaces_a_token_that_works() -> None:
    world = World()
    stored(world)
    outcome = run(world, rotate=True)
    assert (outcome.values["action"], outcome.values["reason"]) == ("renewed", "a rotation was asked for")
    assert world.sink.token_id == NEW


def test_the_renewals_of_a_fleet_are_spread() -> None:
    wanted = {"expires_in": "2h", "renew_before": "30m", "renew_spread": "30m"}
    actions = set()
    for number in range(20):
        world = World()
        stored(world, instance=f"uid-{number}", requested_lifetime=7200)
        world.sink.entry = Entry(token=world.argocd.issue(OLD, expires_in=7200), record=world.sink.entry.record)
        world.slept = 4500
        actions.add(run(world, instance_uid=f"uid-{number}", **wanted).values["action"])
    assert actions == {"kept", "renewed"}


# --- retired -------------------------------------------------------------------------------------------------------

DAY = 86_400


def superseded(world: World, since: str = ISSUED) -> None:
    """The sink holds WINNER, and OLD lives on, superseded."""
    stored(world, WINNER, superseded=[{"id": OLD, "since": since}])
    world.argocd.issue(OLD)


def test_what_was_superseded_is_revoked_when_it_is_due_and_not_before() -> None:
    world = World()
    superseded(world)
    world.slept = 7 * DAY - 1
    assert (run(world).changed, run(world).values["superseded"]) == (False, [OLD])
    world.slept = 7 * DAY
    world.events.clear()
    outcome = run(world)
    assert (outcome.changed, outcome.values["action"], outcome.values["revoked"]) == (True, "kept", [OLD])
    assert outcome.values["reason"] == "the server accepts the stored token; revoked what was due"
    assert outcome.before == {**outcome.after, "superseded": [OLD]}
    assert world.events[4:] == [
        f"revoke octopus {OLD} by itself",
        *["reconnect", "look octopus by itself"] * 5,
        f"write.first {WINNER}, current {WINNER}, announced None, superseded []",
        "read.first",
    ]
    assert list(world.argocd.tokens) == [WINNER]
    assert not run(world).changed


def test_check_mode_predicts_what_is_revoked() -> None:
    world, twin = World(), World()
    superseded(world)
    superseded(twin)
    predicted, real = run(world, check_mode=True, revoke_after="0"), run(twin, revoke_after="0")
    assert predicted == real
    assert world.effects() == [f"prove octopus {WINNER}"]


def test_a_renewal_with_nothing_to_wait_for_proves_that_its_predecessor_is_refused() -> None:
    world = World()
    stored(world)
    outcome = run(world, rotate=True, revoke_after="0")
    assert (outcome.values["revoked"], list(world.argocd.tokens)) == ([OLD], [NEW])
    assert world.events.count(f"prove octopus {OLD}") == 1 + 5
    twin = World()
    stored(twin)
    predicted = run(twin, check_mode=True, rotate=True, revoke_after="0")
    assert (predicted.values["revoked"], predicted.before) == ([OLD], outcome.before)
    assert predicted.after == {**outcome.after, "id": UNKNOWN, "issued_at": UNKNOWN}


def test_an_id_that_a_replica_goes_on_listing_is_an_error_and_stays_in_the_record() -> None:
    world = World()
    superseded(world)
    world.argocd.delete_token = lambda *_args, **_kwargs: True  # type: ignore[method-assign] # it does nothing
    with pytest.raises(FleetopsError) as caught:
        run(world, revoke_after="0")
    assert str(caught.value) == (
        f"cannot prove that token {OLD} of account octopus is refused: the server still knows it 5 s after it was "
        "revoked; do all replicas share one argocd-secret? Run again"
    )
    assert world.sink.entry.record is not None
    assert [item["id"] for item in world.sink.entry.record["superseded"]] == [OLD]


def test_an_id_that_somebody_else_revoked_is_forgotten_but_not_in_the_hour_it_may_still_be_minted() -> None:
    world = World()
    superseded(world)
    del world.argocd.tokens[OLD]
    assert not run(world).changed
    world.slept = 3600
    outcome = run(world)
    assert (outcome.changed, outcome.values["revoked"], outcome.values["superseded"]) == (True, [], [])
    assert not run(world).changed


def test_an_id_announced_long_ago_and_never_stored_is_superseded_and_revoked_when_it_is_due() -> None:
    world = World()
    stored(world, WINNER, announced=NEW)
    world.argocd.issue(NEW)
    assert not run(world, revoke_after="0").changed
    world.slept = 3600
    assert run(world).values["superseded"] == [NEW]
    assert set(world.argocd.tokens) == {WINNER, NEW}
    world.slept = 7 * DAY
    assert run(world).values["revoked"] == [NEW]


def test_a_run_that_announced_and_one_that_gives_its_announcement_up_never_lose_a_token() -> None:
    """The one that goes on storing loses the compare-and-set, revokes its own, and rotates what it finds then."""
    world = World()
    stored(world)

    def given_up() -> None:
        world.slept = 3601
        run(world, revoke_after="0")

    world.fail("write.first", None, given_up)
    outcome = run(world, rotate=True)
    assert (outcome.values["action"], world.sink.token_id) == ("renewed", outcome.values["id"])
    assert list(world.argocd.tokens) == [OLD, outcome.values["id"]]


def test_ids_of_others_are_revoked_only_when_named() -> None:
    world = World()
    stored(world)
    for token_id in ("by-hand", "by-another-hand"):
        world.argocd.issue(token_id)
    outcome = run(world, revoke_unknown=["by-hand", "gone-already"])
    assert (outcome.values["revoked"], list(world.argocd.tokens)) == (["by-hand"], [OLD, "by-another-hand"])
    assert [item["id"] for item in outcome.values["unknown"]] == ["by-another-hand"]
    assert not run(world, revoke_unknown=["by-hand", "gone-already"]).changed


def test_the_stored_token_is_never_revoked_though_named() -> None:
    world = World()
    stored(world)
    with pytest.raises(Refused) as caught:
        run(world, revoke_unknown=[OLD])
    assert str(caught.value) == (
        f"cannot revoke token {OLD} of account octopus: it is the one that is stored; set rotate to true to replace "
        "it, or state to absent to remove it"
    )
    assert world.effects() == [f"prove octopus {OLD}"]


def test_killed_at_any_point_of_retiring_the_same_command_converges() -> None:
    for calls in range(1, 100):
        world = World()
        superseded(world)
        came_so_far = killed_after(calls, world, revoke_after="0")
        assert world.sink.entry.token in world.argocd.tokens.values(), calls
        if not came_so_far:
            assert calls > 5
            return
        run(world, store=[FIRST, SECOND], revoke_after="0")
        assert (world.sink.token_id, list(world.argocd.tokens)) == (WINNER, [WINNER]), calls
        world.slept = 3600
        run(world, store=[FIRST, SECOND], revoke_after="0")
        assert world.sink.entry.record == record(WINNER), calls
    pytest.fail("the run never ended")


# --- refused by the server -----------------------------------------------------------------------------------------


def refused(world: World, refusal: str) -> None:
    stored(world)
    world.argocd.unseen = 10_000
    world.argocd.refusal = refusal


def test_a_rejected_signature_is_a_loss_that_needs_no_login_to_be_told() -> None:
    world = World()
    refused(world, "invalid session: token signature is invalid: signature is invalid")
    world.argocd.has_credentials = False
    with pytest.raises(Lost, match="the server rejects the signature of the stored token"):
        run(world)
    asked = [f"prove octopus {OLD}", f"why octopus {OLD}"]
    assert world.events == ["prepare.first", "read.first", *asked, "read.first"]


def test_a_token_refused_though_listed_is_asked_for_a_while_and_then_told_with_the_servers_words() -> None:
    world = World()
    refused(world, "invalid session: account password has changed since token issued")
    with pytest.raises(Lost, match=r"refuses it \(invalid session: account password has changed since token issued\)"):
        run(world)
    assert (world.slept, world.effects()[1:]) == (5, [f"prove octopus {OLD}"] * 21)


@pytest.mark.parametrize(
    ("refusal", "cause"),
    [("invalid session: token is expired", "invalid session: token is expired"), ("", "no reason given")],
)
def test_a_refused_token_without_a_login_says_so(refusal: str, cause: str) -> None:
    world = World()
    refused(world, refusal)
    world.argocd.has_credentials = False
    with pytest.raises(InvalidInput) as caught:
        run(world)
    assert str(caught.value) == (
        f"cannot mint a token for account octopus: the stored token is refused ({cause}), and there is no login to "
        "Argo CD to do it with; set argocd_auth_token, or argocd_username and argocd_password"
    )


def test_a_first_token_without_a_login_says_so() -> None:
    world = World()
    world.argocd.has_credentials = False
    with pytest.raises(InvalidInput, match="there is no stored token, and there is no login to Argo CD"):
        run(world)
    assert world.effects() == []


# --- refused before anything is sent or written --------------------------------------------------------------------


def test_a_token_of_another_account_is_neither_sent_nor_overwritten() -> None:
    world = World()
    world.sink.entry = Entry(token=world.argocd.issue(OLD, "bob"))
    with pytest.raises(Refused) as caught:
        run(world)
    assert world.sink.entry.token is not None
    assert world.sink.entry.token not in str(caught.value)
    assert world.events == ["prepare.first", "read.first"]


def test_overwriting_replaces_a_value_that_is_no_token_without_showing_it() -> None:
    world = World()
    world.sink.entry = Entry(token="hunter2")
    outcome = run_with_unreadable_value(world)
    assert (outcome.values["action"], world.sink.token_id) == ("minted", NEW)
    assert "hunter2" not in repr(outcome)
    assert "hunter2" in world.remembered


def run_with_unreadable_value(world: World) -> Outcome:
    """The fake sink tells entries by the id of their token: here the announcement still holds the foreign value."""
    write = world.sink.write

    def quiet(entry: Entry, *, expected: Entry) -> None:
        if entry.token == "hunter2":
            assert world.sink.entry.holds_same(expected)
            world.sink.entry = entry
        else:
            write(entry, expected=expected)

    world.sink.write = quiet  # type: ignore[method-assign] # see above
    return run(world, overwrite=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"enabled": False}, "cannot issue a token for account octopus: it is disabled; enable it first"),
        (
            {"capabilities": ("login",)},
            "cannot issue a token for account octopus: it lacks the capability apiKey (accounts.octopus in argocd-cm)",
        ),
    ],
    ids=["disabled", "no-api-key"],
)
def test_an_account_that_could_not_use_a_token_gets_none(changes: dict[str, Any], message: str) -> None:
    world = World()
    vars(world.argocd).update(changes)
    with pytest.raises(Refused) as caught:
        run(world)
    assert (str(caught.value), world.effects()) == (message, [])


def test_an_empty_sink_beside_a_live_token_of_the_name_is_a_loss_until_recovering_is_asked_for() -> None:
    world = World()
    world.argocd.issue(OLD)
    with pytest.raises(Lost):
        run(world)
    assert world.effects() == []
    outcome = run(world, recover=True)
    assert (outcome.values["id"], [item["id"] for item in outcome.values["unknown"]]) == (NEW, [OLD])
    assert list(world.argocd.tokens) == [OLD, NEW]


def test_after_recovering_from_another_installation_the_record_starts_anew() -> None:
    world = World()
    stored(world, instance="uid-of-an-older-one", superseded=[{"id": "x", "since": ISSUED}])
    world.argocd.tokens.clear()
    with pytest.raises(Lost):
        run(world)
    outcome = run(world, recover=True)
    assert outcome.values["reason"] == "recovering: the record is of another instance"
    assert world.sink.entry.record == record(NEW)
    assert f"prove octopus {OLD}" not in world.events


INVALID = {
    "account": ({"account": "a.b"}, "cannot use account name 'a.b': account must be"),
    "token-name": ({"token_name": "a/b"}, "cannot use token_name 'a/b'"),
    "named": ({"revoke_unknown": ["a/b"]}, "cannot revoke token 'a/b': Argo CD's route takes no id with '/' or ':'"),
    "revoke-after": ({"revoke_after": "later"}, "cannot use revoke_after 'later': write a duration"),
    "duration": ({"expires_in": "soon"}, "cannot use expires_in 'soon'"),
    "renewal": ({"renew_before": "1d"}, "cannot use renew_before 1d without expires_in"),
    "renewal-of-what-is-stored-nowhere": (
        {"store": [], "return_token": True, "renew_after": "1d"},
        "cannot renew a token of account octopus that is stored nowhere",
    ),
    "check": ({"checks": [{"action": "eat", "resource": "logs"}]}, "cannot use checks[0]: "),
    "nowhere-to-put-it": ({"store": []}, "cannot mint a token for account octopus: it would be lost; name a place"),
}


@pytest.mark.parametrize(("changes", "message"), INVALID.values(), ids=INVALID)
def test_what_is_wrong_in_the_options_is_told_before_any_call(changes: dict[str, Any], message: str) -> None:
    world = World()
    with pytest.raises(InvalidInput) as caught:
        run(world, **changes)
    assert str(caught.value).startswith(message)
    assert world.events == []


# --- check mode ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_login_that_may_not_mint_is_told_before_anything_is_announced(check_mode: bool) -> None:  # noqa: FBT001 # a case of the table
    world = World()
    world.argocd.may_mint = False
    with pytest.raises(Denied) as caught:
        run(world, check_mode=check_mode)
    assert str(caught.value) == (
        "cannot mint a token for account octopus: the login lacks the right accounts, update, octopus; "
        "docs/rights/argocd-policy.csv has the lines it needs"
    )
    assert world.effects() == []


def test_a_token_that_mints_its_own_successor_needs_no_right() -> None:
    world = World()
    stored(world)
    world.argocd.may_mint = False
    assert run(world, rotate=True).values["id"] == NEW


def test_check_mode_predicts_minting_and_touches_nothing() -> None:
    world, twin = World(), World()
    predicted, real = run(world, check_mode=True), run(twin)
    assert world.events == ["prepare.first", "read.first", "look octopus", "may update octopus"]
    assert (world.sink.entry, world.argocd.tokens) == (Entry(), {})
    assert (predicted.changed, predicted.before) == (real.changed, real.before)
    assert {key for key in real.values if real.values[key] != predicted.values[key]} == {"id", "issued_at"}
    assert predicted.after == {**real.after, "id": UNKNOWN, "issued_at": UNKNOWN}


def test_check_mode_does_not_invent_the_time_a_token_will_expire() -> None:
    outcome = run(World(), check_mode=True, expires_in="1h")
    assert (outcome.after["expires_at"], outcome.values["expires_at"]) == (UNKNOWN, None)


@pytest.mark.parametrize("stale", [None, "encrypted with vault id dev, not prod"])
def test_check_mode_predicts_keeping(stale: str | None) -> None:
    outcomes = []
    for check_mode in (True, False):
        world = World()
        entry = stored(world)
        world.sink.entry = replace(entry, stale=stale)
        outcomes.append(run(world, check_mode=check_mode))
        assert check_mode == (world.sink.entry.stale == stale) or stale is None
    assert outcomes[0] == outcomes[1]


def test_check_mode_on_an_account_an_earlier_step_would_create_predicts_minting() -> None:
    world = World()
    world.argocd.exists = False
    outcome = run(world, check_mode=True, planned=True)
    assert (outcome.changed, outcome.values["reason"]) == (True, "no token of this name exists yet")
    with pytest.raises(Absent):
        run(world, check_mode=True)
    with pytest.raises(Absent):
        run(world, planned=True)


def test_check_mode_on_an_account_an_earlier_step_would_enable_predicts_minting() -> None:
    world = World()
    world.argocd.enabled = False
    assert run(world, check_mode=True, planned=True).changed
    with pytest.raises(Refused):
        run(world, planned=True)


def test_check_mode_keeps_the_stored_token_of_an_account_an_earlier_step_would_enable_without_waiting() -> None:
    world = World()
    stored(world)
    world.argocd.enabled = False
    outcome = run(world, check_mode=True, planned=True)
    assert (outcome.changed, outcome.values["action"], outcome.values["id"]) == (False, "kept", OLD)
    assert [event for event in world.events if event.startswith("prove")] == [f"prove octopus {OLD}"]


def test_check_mode_keeps_it_without_a_login_too_where_the_cluster_says_why_it_is_refused() -> None:
    world = World()
    stored(world)
    world.argocd.enabled = world.argocd.has_credentials = False
    world.kubernetes.edit("argocd-cm", {"accounts.octopus": "apiKey"})
    how: dict[str, Any] = {"planned": True, "context": "here"}
    with pytest.raises(InvalidInput, match="there is no login to Argo CD"):
        run(world, check_mode=True, **how)
    world.kubernetes.edit("argocd-cm", {"accounts.octopus.enabled": "false"})
    outcome = run(world, check_mode=True, **how)
    assert (outcome.changed, outcome.values["action"], outcome.values["id"]) == (False, "kept", OLD)
    for changes in ({**how, "planned": False}, {**how, "context": None}):
        with pytest.raises(InvalidInput, match="there is no login to Argo CD"):
            run(world, check_mode=True, **changes)


def test_check_mode_cannot_log_in_as_the_very_account_an_earlier_step_would_enable() -> None:
    def refuse(_name: str, *, token: str | None = None) -> Any:
        assert token is None
        raise Unauthenticated("cannot log in as admin: refused", status=401)

    world = World()
    world.argocd.account = refuse  # type: ignore[method-assign] # one call of the fake is another here
    assert run(world, account="admin", check_mode=True, planned=True).values["action"] == "minted"
    with pytest.raises(Unauthenticated):
        run(world, account="octopus", check_mode=True, planned=True)
    with pytest.raises(Unauthenticated):
        run(world, account="admin", planned=True)


# --- without a sink ------------------------------------------------------------------------------------------------


def test_without_a_sink_the_token_is_returned_once_and_then_taken_as_kept_by_the_caller() -> None:
    world = World()
    outcome = run(world, store=[], return_token=True)
    assert outcome.values["token"] == world.argocd.tokens[NEW]
    again = run(world, store=[], return_token=True)
    assert (again.changed, "token" in again.values) == (False, False)
    assert again.values["reason"] == f"the server lists {NEW}, and the caller keeps it"


def test_without_a_sink_recovering_mints_another() -> None:
    world = World()
    run(world, store=[], return_token=True)
    assert run(world, store=[], return_token=True, recover=True).values["id"] == NEXT


def test_without_a_sink_a_rotation_mints_another() -> None:
    world = World()
    run(world, store=[], return_token=True)
    outcome = run(world, store=[], return_token=True, rotate=True)
    assert (outcome.values["action"], outcome.values["id"]) == ("renewed", NEXT)


def test_a_token_is_returned_only_when_that_was_asked_for() -> None:
    world = World()
    outcome = run(world)
    assert "token" not in outcome.values
    assert world.argocd.tokens[NEW] not in repr(outcome)


# --- whose installation --------------------------------------------------------------------------------------------


def test_the_uid_is_read_from_the_config_map_where_it_is_not_given() -> None:
    world = World()
    world.kubernetes.edit("argocd-cm", {"accounts.octopus": "apiKey"})
    assert run(world, instance_uid=None).values["instance_uid"] == UID
    assert world.events.index("get argocd-cm") < world.events.index(ANNOUNCED)


def named(world: World, **changes: Any) -> Outcome:
    """A run that names the cluster too, so that both sides can be compared."""
    return run(world, context="here", **changes)


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        ({"accounts.octopus": "login"}, [octopus()]),
        ({"accounts.octopus": "apiKey", "accounts.octopus.enabled": "false"}, [octopus()]),
        ({}, [octopus()]),
    ],
    ids=["other-capabilities", "disabled-here", "unknown-here"],
)
def test_an_api_of_another_installation_gets_no_token(config: dict[str, str], shown: list[ListedAccount]) -> None:
    world = World()
    world.kubernetes.edit("argocd-cm", config)
    world.argocd.shown = shown
    with pytest.raises(Refused) as caught:
        named(world)
    assert str(caught.value) == (
        "cannot mint a token for account octopus: the Argo CD of argocd_url is not the one of ConfigMap argocd-cm in "
        "this cluster and namespace, they differ in account octopus; correct argocd_url or the Kubernetes connection"
    )
    assert (world.effects(), world.slept, world.sink.entry) == ([], 5, Entry())


def test_an_account_of_the_config_map_that_the_api_lacks_is_another_installation_too() -> None:
    world = World()
    world.kubernetes.edit("argocd-cm", {"accounts.octopus": "apiKey", "accounts.bob": ""})
    world.argocd.shown = [octopus()]
    world.fail("look", None, *[Absent("no", status=404)] * 30)
    with pytest.raises(Refused, match="they differ in account bob;"):
        named(world)


@pytest.mark.parametrize("hidden", [Denied("no", status=403), None], ids=["may-not-be-seen", "seen-by-itself"])
def test_an_account_the_login_may_not_list_proves_nothing(hidden: ApiError | None) -> None:
    world = World()
    world.kubernetes.edit("argocd-cm", {"accounts.octopus": "login, apiKey", "accounts.bob": ""})
    world.argocd.shown = [octopus(capabilities=("apiKey", "login"))]
    world.fail("look", None, hidden)
    assert named(world).values["action"] == "minted"


def test_a_kept_token_proves_its_installation_by_itself() -> None:
    world = World()
    stored(world)
    assert named(world).values["action"] == "kept"
    assert {"list", "project default"}.isdisjoint(world.events)


def alike(world: World, *, url: str = "") -> None:
    """Both sides have the same accounts."""
    world.kubernetes.edit("argocd-cm", {"accounts.octopus": "apiKey", **({"url": url} if url else {})})
    world.argocd.shown = [octopus()]


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_api_with_the_same_accounts_and_another_project_is_another_installation(
    check_mode: bool,  # noqa: FBT001 # a parameter of the test
) -> None:
    world = World()
    alike(world)
    world.argocd.project = "uid-of-the-project-elsewhere"
    with pytest.raises(Refused, match="they differ in AppProject default; correct argocd_url"):
        named(world, check_mode=check_mode)
    assert (world.effects(), world.slept, world.sink.entry) == ([], 0, Entry())


def test_the_same_project_is_proof_enough() -> None:
    world = World()
    world.argocd.project = world.kubernetes.project
    assert named(world).warnings == ()
    assert "list" not in world.events


@pytest.mark.parametrize("ours", ["", "https://argocd.here"], ids=["none-here", "another-here"])
def test_an_api_with_the_same_accounts_and_another_url_is_another_installation(ours: str) -> None:
    world = World()
    alike(world, url=ours)
    world.argocd.url = "https://argocd.elsewhere"
    with pytest.raises(Refused, match="they differ in url; correct argocd_url"):
        named(world)
    assert (world.effects(), world.slept, world.sink.entry) == ([], 5, Entry())


@pytest.mark.parametrize("hidden", [Denied("no", status=403), Absent("no", status=404), server_error(status=501)])
def test_where_kubernetes_does_not_show_the_project_the_same_url_is_taken(hidden: ApiError) -> None:
    world = World()
    alike(world, url="https://argocd.here")
    world.argocd.url, world.argocd.project = "https://argocd.here", "uid-of-the-project"
    world.fail("get", hidden)
    assert (named(world).values["action"], world.sink.token_id) == ("minted", NEW)


def test_where_only_the_accounts_agree_the_run_says_that_this_proves_little() -> None:
    world = World()
    alike(world)
    checked, outcome = named(world, check_mode=True), named(world)
    assert outcome.warnings == checked.warnings
    (warning,) = outcome.warnings
    assert warning == (
        "cannot tell for sure that the Argo CD of argocd_url is the one of ConfigMap argocd-cm in this cluster and "
        "namespace: their accounts agree, as those of two installations may; allow both logins to get AppProject "
        "default, or set url in argocd-cm"
    )


def test_the_same_place_twice_is_refused_before_anything_is_asked() -> None:
    world = World()
    with pytest.raises(InvalidInput) as caught:
        run(world, store=[{"file": "first"}, {"file": "first"}])
    assert str(caught.value) == "cannot store in sink first twice: leave one out of store"
    assert world.events == []


def test_a_uid_that_ansible_has_masked_is_in_no_record() -> None:
    world = World()
    with pytest.raises(InvalidInput, match="Ansible has masked a part of it"):
        run(world, instance_uid="8f********c2a33")
    assert world.effects() == []


# --- signed by ourselves -------------------------------------------------------------------------------------------

LIST = "accounts.octopus.tokens"


def signing_world() -> World:
    """argocd-secret has the key, and what is listed there is what Argo CD accepts. There is no login."""
    world = World()
    world.kubernetes.edit("argocd-cm", {"accounts.octopus": "apiKey"})
    world.kubernetes.edit("argocd-secret", {"server.secretkey": "SIGNING", LIST: '[{"id":"by-hand","iat":1}]'})
    world.argocd.has_credentials = False
    world.argocd.follows = world.kubernetes
    return world


def ids_in_secret(world: World) -> list[str]:
    return [item["id"] for item in json.loads(world.kubernetes.data["argocd-secret"].get(LIST, "[]"))]


def sign(world: World, **changes: Any) -> Outcome:
    return run(world, method="kubernetes", **changes)


def test_with_the_signing_key_no_login_is_needed() -> None:
    world = allowing_only_what_the_checks_allow(signing_world())
    outcome = sign(world, checks=CHECKS)
    assert world.effects() == [
        ANNOUNCED,
        f"patch argocd-secret {LIST}",
        *PROVED,
        *ASKED,
        STORED,
    ]
    assert (outcome.values["action"], world.sink.token_id, ids_in_secret(world)) == ("minted", NEW, ["by-hand", NEW])
    assert {"SIGNING", world.sink.entry.token} <= set(world.remembered)
    assert f"rehearse argocd-secret {LIST}" in world.events[: world.events.index(ANNOUNCED)]
    world.events.clear()
    assert not sign(world, checks=CHECKS).changed
    assert "get argocd-secret" not in world.events


def signing_world_with_a_clock(behind: int) -> World:
    """So many seconds behind ours, and known once Argo CD has answered."""
    world = signing_world()

    def answer() -> str:
        world.argocd.server_time = world.now - timedelta(seconds=behind)
        return world.argocd.said_version

    world.argocd.version = answer  # type: ignore[method-assign] # that is the point
    return world


@pytest.mark.parametrize(("behind", "issued"), [(-3000, "2026-01-31T12:50:00Z"), (40, "2026-01-31T11:59:20Z")])
def test_a_token_is_signed_by_the_clock_of_argo_cd(behind: int, issued: str) -> None:
    outcome = sign(signing_world_with_a_clock(behind))
    assert outcome.values["issued_at"] == issued
    assert bool(outcome.warnings) == (abs(behind) > 60)


def test_nothing_is_signed_where_the_clocks_are_far_apart() -> None:
    world = signing_world_with_a_clock(4000)
    with pytest.raises(Refused, match="more than 1 h apart"):
        sign(world)
    assert world.effects() == []


def test_nothing_is_signed_where_external_secrets_would_take_the_id_away_again() -> None:
    world = signing_world()
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "cd"}
    world.kubernetes.metadata["argocd-secret"]["ownerReferences"] = [owner]
    with pytest.raises(Refused, match="it belongs to ExternalSecret cd"):
        sign(world)
    assert world.effects() == []
    assert sign(world, force_owner=True).values["action"] == "minted"


def test_check_mode_signs_nothing() -> None:
    world = signing_world()
    outcome = run(world, method="kubernetes", check_mode=True)
    assert (outcome.changed, outcome.values["action"]) == (True, "minted")
    assert (world.sink.entry, ids_in_secret(world)) == (Entry(), ["by-hand"])


def test_a_signed_token_that_can_do_too_much_is_taken_out_of_the_list_again() -> None:
    world = signing_world()
    with pytest.raises(Mismatch):
        sign(world, checks=CHECKS)
    assert (world.sink.entry, ids_in_secret(world)) == (Entry(), ["by-hand"])


def test_a_signed_token_is_renewed_and_retired_the_same_way() -> None:
    world = signing_world()
    sign(world)
    world.slept = 60
    outcome = sign(world, rotate=True, revoke_after="0")
    assert (outcome.values["action"], outcome.values["revoked"]) == ("renewed", [NEW])
    assert ids_in_secret(world) == ["by-hand", "octopus-20260131T120100Z-00000002"]


@pytest.mark.parametrize(
    ("edit", "error", "message"),
    [
        ({LIST: "SEKRET"}, InvalidInput, "cannot read argocd-secret: accounts.octopus.tokens is not a JSON list"),
        ({"server.secretkey": None}, Refused, "cannot sign a token for account octopus: argocd-secret has no server"),
    ],
    ids=["unreadable-list", "no-key"],
)
def test_without_a_list_or_a_key_nothing_is_written(
    edit: dict[str, Any], error: type[FleetopsError], message: str
) -> None:
    world = signing_world()
    world.kubernetes.edit("argocd-secret", edit)
    with pytest.raises(error) as caught:
        sign(world)
    assert str(caught.value).startswith(message)
    assert world.effects() == []


def test_an_account_that_is_not_in_the_config_map_gets_no_signed_token() -> None:
    world = signing_world()
    world.kubernetes.edit("argocd-cm", {"accounts.octopus": None})
    with pytest.raises(Absent, match=r"argocd-cm has no such account; create it first \(argocd_account\)"):
        sign(world)


def test_a_signed_token_that_argo_cd_does_not_accept_is_taken_back_as_that_of_another_installation() -> None:
    world = signing_world()
    world.argocd.follows = None
    with pytest.raises(Unauthenticated):
        sign(world)
    assert (world.sink.entry, ids_in_secret(world)) == (Entry(), ["by-hand"])


def test_another_writer_of_the_secret_is_planned_around() -> None:
    world = signing_world()

    def another_writes() -> None:
        ids = [{"id": "by-hand", "iat": 1}, {"id": "meanwhile", "iat": 2}]
        world.kubernetes.edit("argocd-secret", {LIST: json.dumps(ids)})

    world.fail("patch", another_writes)
    sign(world)
    assert ids_in_secret(world) == ["by-hand", "meanwhile", NEW]


def test_a_removal_takes_signed_tokens_out_of_the_list_though_the_stored_one_is_refused() -> None:
    world = signing_world()
    sign(world)
    world.argocd.follows = None
    outcome = sign(world, state="absent")
    assert (outcome.values["revoked"], ids_in_secret(world), world.sink.entry) == ([NEW], ["by-hand"], Entry())


def test_killed_at_any_point_of_signing_the_same_command_converges() -> None:
    for calls in range(1, 100):
        world = signing_world()
        world.kill_after = calls
        try:
            sign(world)
        except Killed:
            world.kill_after = None
        else:
            assert calls > 8
            return
        outcome = sign(world)
        assert [item["id"] for item in outcome.values["unknown"]] == ["by-hand"], calls
        assert world.sink.token_id in ids_in_secret(world), calls
        assert not sign(world).changed, calls
    pytest.fail("the run never ended")
