# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password that we make: stored, set, read back; killed or failing anywhere, the same command converges."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import bcrypt
import pytest
from flow_fakes import UID, After, Fault, Killed, World, server_error

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    Conflict,
    Denied,
    FleetopsError,
    InvalidInput,
    Lost,
    Refused,
    SinkConflict,
    SinkError,
    Unauthenticated,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.record import format_time
from ansible_collections.fleetops.argocd.plugins.module_utils._flows import account as flow
from ansible_collections.fleetops.argocd.plugins.module_utils._flows import can_i, password
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.ports import Outcome
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.port import Entry

HASH, TIME, TOKENS = "accounts.codefresh.password", "accounts.codefresh.passwordMtime", "accounts.codefresh.tokens"
# A private key, say: bcrypt takes neither that many bytes nor a NUL.
LONG, NUL = 73 * "x", "SEKRET\0SEKRET"
STORE = [{"file": "first", "variable": None}, {"file": "second", "variable": None}]


def options(**changes: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("account_password", "account_password_hash", "account_password_mtime", "argocd_url"))
    switches = dict.fromkeys(
        ("reenable", "override_admin_enabled", "force_owner", "end_tokens", "recover", "overwrite"), False
    )
    shape = {"name": "codefresh", "capabilities": ["apiKey", "login"], "enabled": True, "state": "present"}
    more = {"known_tokens": [], "argocd_transport": "direct", "wait": True, "wait_timeout": 5}
    more |= {"config_store": {"type": "configmaps", "file": None, "prefix": None, "name": None}, "settle_time": "0"}
    password = {"account_password_store": STORE, "account_password_rotate": False}
    return {**nothing, **switches, **shape, **more, **password, **changes}


def run(world: World, *, check_mode: bool = False, **changes: Any) -> Outcome:
    return flow.run(options(**changes), world.ports(check_mode=check_mode))


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bcrypt is slow on purpose."""
    cheap = bcrypt.gensalt(4)
    monkeypatch.setattr(bcrypt, "gensalt", lambda _rounds: cheap)


@pytest.fixture
def provisioned() -> World:
    world = World()
    run(world)
    world.events.clear()
    return world


def secret(world: World) -> dict[str, str]:
    return world.kubernetes.data["argocd-secret"]


def in_effect(world: World, password: str | None) -> bool:
    return bool(password and HASH in secret(world) and bcrypt.checkpw(password.encode(), secret(world)[HASH].encode()))


def assert_settled(world: World) -> None:
    """Both places hold the password that logs in, with a record that says since when."""
    first, second = (world.sinks[name].entry for name in ("first", "second"))
    assert in_effect(world, first.token)
    assert first.holds_same(second)
    assert first.record == {
        "format": 1,
        "kind": "password",
        "instance": UID,
        "account": "codefresh",
        "set_at": secret(world)[TIME],
        "announced": False,
        "by": "tester@here",
    }


# --- the ordinary course ---------------------------------------------------------------------------------------------


def test_a_password_is_stored_announced_then_set_then_settled() -> None:
    world = World()
    outcome = run(world)
    password = world.sink.entry.token
    assert world.effects() == [
        f"write.first {password}, set at None, announced",
        f"write.second {password}, set at None, announced",
        "patch argocd-cm accounts.codefresh accounts.codefresh.enabled",
        f"patch argocd-secret {HASH} {TIME}",
        f"write.first {password}, set at {secret(world)[TIME]}, settled",
        f"write.second {password}, set at {secret(world)[TIME]}, settled",
    ]
    assert_settled(world)
    assert outcome.changed
    assert outcome.values["password_changed"]
    assert outcome.values["password_reason"] == "no password exists yet"
    assert [place["label"] for place in outcome.values["password_stored_in"]] == ["sink first", "sink second"]
    assert password in world.remembered
    assert str(password) not in f"{outcome}"


def test_without_bcrypt_nothing_is_stored_that_could_not_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password.importlib.util, "find_spec", lambda _name: None)
    world = World()
    with pytest.raises(InvalidInput, match=r"^cannot use account_password_store: the Python package bcrypt is missing"):
        run(world)
    assert world.effects() == []


def test_a_second_run_writes_nothing(provisioned: World) -> None:
    outcome = run(provisioned)
    assert provisioned.effects() == []
    assert (outcome.changed, outcome.before) == (False, outcome.after)
    assert outcome.values["password_reason"] == "the stored password is the one in effect"


def test_check_mode_predicts_and_proves_the_rights_and_writes_nothing(provisioned: World) -> None:
    for world, changes in ((World(), {}), (provisioned, {"account_password_rotate": True})):
        predicted = run(world, check_mode=True, **changes)
        assert world.effects() == []
        assert f"rehearse argocd-secret {HASH} {TIME}" in world.events
        real = run(world, **changes)
        assert (predicted.changed, predicted.before, predicted.after) == (True, real.before, real.after)
        assert predicted.values["password_changed"]


def test_a_rotation_changes_exactly_the_password(provisioned: World) -> None:
    old, keys = provisioned.sink.entry.token, dict(provisioned.kubernetes.data["argocd-cm"])
    provisioned.sleep(60)
    run(provisioned, account_password_rotate=True)
    assert provisioned.sink.entry.token != old
    assert not in_effect(provisioned, old)
    assert_settled(provisioned)
    assert provisioned.kubernetes.data["argocd-cm"] == keys


def test_the_password_meets_the_pattern_of_argocd_cm() -> None:
    world = World()
    world.kubernetes.edit("argocd-cm", {"passwordPattern": "^[a-z]{20}$"})
    run(world)
    password = str(world.sink.entry.token)
    assert (len(password), password.isalpha(), password.islower()) == (20, True, True)


def test_a_password_that_somebody_stored_and_set_is_taken_over() -> None:
    world = World()
    world.kubernetes.edit(
        "argocd-secret", {HASH: bcrypt.hashpw(b"theirs", bcrypt.gensalt(4)).decode(), TIME: "2025-01-01T00:00:00Z"}
    )
    world.sinks["first"].entry = Entry(token="theirs")
    outcome = run(world)
    assert (outcome.changed, outcome.values["password_changed"]) == (True, False)
    assert outcome.before["password_stored"] == "in need of writing: the stored password is the one in effect"
    assert_settled(world)


def test_a_place_that_lost_it_is_healed_from_the_first(provisioned: World) -> None:
    provisioned.sinks["second"].entry = Entry()
    run(provisioned)
    assert [event.split()[0] for event in provisioned.effects()] == ["write.second"]
    assert_settled(provisioned)


def test_removal_takes_the_account_first_and_then_what_is_stored(provisioned: World) -> None:
    outcome = run(provisioned, state="absent")
    assert [event.split()[0] for event in provisioned.effects()] == ["patch", "patch", "write.second", "write.first"]
    assert (secret(provisioned), provisioned.sink.entry) == ({}, Entry())
    assert outcome.changed
    provisioned.events.clear()
    assert not run(provisioned, state="absent").changed
    assert provisioned.effects() == []


def test_a_removal_prepares_the_places_it_clears_and_no_other(provisioned: World) -> None:
    provisioned.sinks["second"].entry = Entry()
    provisioned.fail("prepare.second", SinkError("cannot use sink second: there is no namespace octo"))
    provisioned.fail("prepare.first", SinkError("cannot write"))
    with pytest.raises(SinkError, match="cannot write"):
        run(provisioned, state="absent")
    assert provisioned.effects() == []
    assert run(provisioned, state="absent").changed


# --- API keys of the account -----------------------------------------------------------------------------------------


def give_key(world: World) -> str:
    issued = int(world.now.timestamp())
    listed = json.dumps([{"id": "codefresh-made-it", "iat": issued}])
    world.kubernetes.edit("argocd-secret", {TOKENS: listed})
    return listed


def test_keys_that_the_reader_makes_itself_survive_every_run_and_stop_a_rotation(provisioned: World) -> None:
    provisioned.sleep(5)
    listed = give_key(provisioned)
    provisioned.sleep(3600)
    before = provisioned.sink.entry
    run(provisioned)
    assert (secret(provisioned)[TOKENS], provisioned.effects()) == (listed, [])
    with pytest.raises(Refused, match="API tokens which nobody said may end: codefresh-made-it"):
        run(provisioned, account_password_rotate=True)
    assert provisioned.effects() == []
    assert provisioned.sink.entry == before
    outcome = run(provisioned, account_password_rotate=True, end_tokens=True)
    assert outcome.warnings == ("changing the password of account codefresh ends its API tokens: codefresh-made-it",)
    assert_settled(provisioned)


# --- killed and failing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotate", [False, True], ids=["first", "rotation"])
def test_killed_anywhere_no_password_is_lost_and_the_same_command_converges(rotate: bool) -> None:  # noqa: FBT001
    def fresh() -> World:
        world = World()
        if rotate:
            run(world)
            world.sleep(60)
            world.events.clear()
        return world

    whole = fresh()
    run(whole, account_password_rotate=rotate)
    for moment in range(1, len(whole.events) + 1):
        world = fresh()
        world.kill_after = moment
        with pytest.raises(Killed):
            run(world, account_password_rotate=rotate)
        world.kill_after = None
        entry = world.sink.entry
        if HASH in secret(world):
            # What Argo CD takes is stored, or the one that will replace it is announced.
            assert in_effect(world, entry.token) or (entry.record or {})["announced"]
        held = entry.token
        run(world)
        assert_settled(world)
        assert held in (None, world.sink.entry.token)


PATCH = "patch"
FAULTS: dict[str, tuple[str, list[Fault], str]] = {
    "first-refuses": ("write.first", [SinkError("cannot write sink first")], "sink first"),
    "first-answer-lost": ("write.first", [After(SinkError("cannot write sink first"))], "sink first"),
    "second-refuses": ("write.second", [SinkError("cannot write sink second")], "sink second"),
    "second-answer-lost": ("write.second", [After(SinkError("cannot write sink second"))], "sink second"),
    "settling-refused": ("write.first", [None, SinkError("cannot write sink first")], "sink first"),
    "hash-refused": (PATCH, [Denied("cannot patch", status=403)], "cannot patch"),
    "hash-answer-lost": (PATCH, [After(server_error())], "the server says no. The new password is in effect"),
}


@pytest.mark.parametrize(("call", "faults", "words"), FAULTS.values(), ids=FAULTS)
def test_whatever_fails_the_error_says_so_and_the_same_command_converges(
    provisioned: World, call: str, faults: list[Fault], words: str
) -> None:
    old = provisioned.sink.entry
    provisioned.sleep(60)
    provisioned.fail(call, *faults)
    with pytest.raises(FleetopsError) as caught:
        run(provisioned, account_password_rotate=True)
    assert words in str(caught.value)
    assert str(provisioned.sink.entry.token) not in str(caught.value)
    if in_effect(provisioned, old.token):
        # Put back: nobody's login has changed.
        assert provisioned.sink.entry.holds_same(old)
        assert provisioned.sinks["second"].entry.holds_same(old)
    else:
        assert in_effect(provisioned, provisioned.sink.entry.token)
    run(provisioned)
    assert_settled(provisioned)


def test_where_nothing_can_be_read_or_put_back_the_next_run_goes_on_from_there(provisioned: World) -> None:
    provisioned.sleep(60)
    provisioned.fail(PATCH, Denied("cannot patch", status=403))
    provisioned.fail("get", None, None, None, None, None, None, Denied("cannot read", status=403))
    with pytest.raises(FleetopsError, match="Whether the new password is in effect cannot be read"):
        run(provisioned, account_password_rotate=True)
    announced = provisioned.sink.entry
    outcome = run(provisioned)
    assert outcome.values["password_reason"] == "an earlier run stored a new password and did not set it"
    assert provisioned.sink.entry.token == announced.token
    assert_settled(provisioned)

    provisioned.fail(PATCH, Denied("cannot patch", status=403))
    provisioned.fail("write.first", None, SinkError("cannot write sink first"))
    with pytest.raises(FleetopsError, match="What was stored before could not be put back: cannot write sink first"):
        run(provisioned, account_password_rotate=True)
    run(provisioned)
    assert_settled(provisioned)


def test_the_loser_of_a_race_takes_the_winners_password(provisioned: World) -> None:
    won: list[str | None] = []

    def other() -> None:
        run(provisioned, account_password_rotate=True)
        won.append(provisioned.sink.entry.token)

    provisioned.sleep(60)
    provisioned.fail("write.first", other)
    outcome = run(provisioned, account_password_rotate=True)
    assert not outcome.changed
    assert won == [provisioned.sink.entry.token]
    assert_settled(provisioned)


def test_a_race_that_never_ends_is_an_error(provisioned: World) -> None:
    provisioned.fail("write.first", *[SinkConflict("cannot write sink first: it changed")] * 10)
    provisioned.sinks["first"].entry = Entry(token=provisioned.sink.entry.token)
    with pytest.raises(SinkConflict):
        run(provisioned)


def test_a_password_that_somebody_sets_at_the_same_time_is_told(provisioned: World) -> None:
    theirs = bcrypt.hashpw(b"theirs", bcrypt.gensalt(4)).decode()
    reads: list[Fault] = [None] * 6
    provisioned.fail("get", *reads, lambda: provisioned.kubernetes.edit("argocd-secret", {HASH: theirs}))
    with pytest.raises(Conflict, match="argocd-secret holds another one than was just written"):
        run(provisioned, account_password_rotate=True)


# --- refused before anything is written ------------------------------------------------------------------------------


def changed_by_somebody(world: World) -> None:
    theirs = bcrypt.hashpw(b"theirs", bcrypt.gensalt(4)).decode()
    world.sleep(60)
    world.kubernetes.edit("argocd-secret", {HASH: theirs, TIME: format_time(world.now)})


REFUSED: dict[str, tuple[Callable[[World], Any], type[FleetopsError], str, dict[str, Any]]] = {
    "changed-by-somebody": (changed_by_somebody, Lost, "holds another password", {"recover": True}),
    "empty": (
        lambda world: setattr(world.sink, "entry", Entry()),
        Lost,
        "the place is empty",
        {"recover": True},
    ),
    "something-else": (
        lambda world: setattr(world.sink, "entry", Entry(token="db-password")),
        Refused,
        "cannot use sink first for the password of account codefresh: its value is not that password",
        {"overwrite": True},
    ),
    "something-longer-than-a-password": (
        lambda world: setattr(world.sink, "entry", Entry(token=LONG)),
        Refused,
        "its value is not that password; it is neither sent anywhere nor overwritten; check where the place points",
        {"overwrite": True},
    ),
    "something-with-a-nul": (
        lambda world: setattr(world.sink, "entry", Entry(token=NUL)),
        Refused,
        "cannot use sink first for the password of account codefresh: its value is not that password",
        {"overwrite": True},
    ),
    "something-longer-with-a-record": (
        lambda world: setattr(world.sink, "entry", Entry(token=LONG, record=world.sink.entry.record)),
        Lost,
        "holds another password",
        {"recover": True},
    ),
    "something-longer-while-announced": (
        lambda world: setattr(
            world.sink, "entry", Entry(token=LONG, record={**(world.sink.entry.record or {}), "announced": True})
        ),
        Lost,
        "holds another password",
        {"recover": True},
    ),
    "something-else-in-the-second": (
        lambda world: setattr(world.sinks["second"], "entry", Entry(token="db-password")),
        Refused,
        "cannot use sink second for the password",
        {"overwrite": True},
    ),
    "another-account": (
        lambda world: world.sink.entry.record.update(account="bob"),  # type: ignore[union-attr, attr-defined]
        Lost,
        "its record is of account bob",
        {"recover": True},
    ),
}


@pytest.mark.parametrize(("spoil", "error", "words", "switch"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_what_no_ordinary_run_explains_is_refused_and_done_when_asked(
    provisioned: World,
    spoil: Callable[[World], Any],
    error: type[FleetopsError],
    words: str,
    switch: dict[str, Any],
    state: str,
) -> None:
    spoil(provisioned)
    if state == "absent" and error is Lost and "record is of" not in words:
        # Whatever it was, it goes with the account.
        assert run(provisioned, state=state).changed
        return
    with pytest.raises(error) as caught:
        run(provisioned, state=state, account_password_rotate=True)
    assert words in str(caught.value)
    assert not any(value in str(caught.value) for value in (LONG, "SEKRET"))
    assert provisioned.effects() == []
    run(provisioned, state=state, **switch)
    if state == "present":
        assert_settled(provisioned)
    else:
        assert provisioned.sink.entry == Entry()


def test_a_time_before_that_of_the_password_in_effect_is_refused_before_anything_is_stored(provisioned: World) -> None:
    before = provisioned.sink.entry
    old = {"account_password_mtime": "2026-01-01T00:00:00Z"}
    with pytest.raises(Refused, match="the password was last changed at 2026-01-31T12:00:00Z; API tokens that ended"):
        run(provisioned, account_password_rotate=True, **old)
    assert (provisioned.effects(), provisioned.sink.entry) == ([], before)
    assert not run(provisioned, **old).changed


def test_an_account_without_login_gets_no_password() -> None:
    world = World()
    with pytest.raises(Refused, match="it lacks the capability login"):
        run(world, capabilities=["apiKey"])
    with pytest.raises(Refused, match="it lacks the capability login"):
        run(world, capabilities=["apiKey"], check_mode=True)
    assert world.effects() == []
    # One that an earlier step of a check run plans.
    assert run(world, capabilities=None, check_mode=True).changed


def test_a_password_that_is_given_is_not_stored() -> None:
    with pytest.raises(InvalidInput, match="a stored password is one that we make"):
        run(World(), account_password="SEKRET")


# --- logging in with it ----------------------------------------------------------------------------------------------


# The answers to whether the account is seen, each on a connection of its own.
SEEN: list[Fault] = [None] * 5


def test_a_new_password_is_logged_in_with_where_argo_cd_can_be_reached() -> None:
    world = World()
    world.fail("look", *SEEN, Unauthenticated("cannot log in", status=401))
    world.argocd.capabilities = ("apiKey", "login")
    run(world, argocd_url="https://argocd")
    asked = [index for index, event in enumerate(world.events) if event == "look codefresh"]
    assert world.slept >= 1
    # Else the client would go on raising the refusal it remembers.
    assert asked[-3] < world.events.index("forget the refused login") < asked[-2]
    assert asked[-1] > world.events.index(f"patch argocd-secret {HASH} {TIME}")
    assert_settled(world)


UPSTREAM = {"type": "helm_values", "file": "values.yaml", "prefix": None, "name": None}
NO_LOGIN: dict[str, tuple[dict[str, Any], str]] = {
    "pending": ({"config_store": UPSTREAM}, "the account has not come from the values to Argo CD yet"),
    "disabled": ({"enabled": False}, "the account is disabled"),
}


@pytest.mark.parametrize(("changes", "cause"), NO_LOGIN.values(), ids=NO_LOGIN)
def test_an_account_that_cannot_log_in_yet_does_not_try_and_is_told(changes: dict[str, Any], cause: str) -> None:
    world = World()
    # So that whoever looks is the account itself.
    world.argocd.has_credentials = False
    told = (
        f"the new password of account codefresh is not proven by a login: {cause}; once it can log in, argocd_can_i "
        "with password_from proves it"
    )
    for rotate in (False, True):
        given = {**changes, "account_password_rotate": rotate, "argocd_url": "https://argocd"}
        predicted, real = run(world, check_mode=True, **given), run(world, **given)
        # A check run cannot tell: an earlier step may be about to enable the account.
        assert (predicted.warnings, real.warnings) == ((), (told,))
        assert "look codefresh" not in world.events
        assert_settled(world)
        world.sleep(60)
    # Where nobody could log in anyhow, nobody misses it.
    assert run(world, **{**given, "argocd_url": None}).warnings == ()


def test_a_password_that_an_earlier_run_left_is_set_on_a_disabled_account_without_a_login(provisioned: World) -> None:
    provisioned.argocd.has_credentials = False
    provisioned.fail("patch", Killed())
    with pytest.raises(Killed):
        run(provisioned, account_password_rotate=True)
    provisioned.kubernetes.edit("argocd-cm", {"accounts.codefresh.enabled": "false"})
    provisioned.events.clear()
    outcome = run(provisioned, enabled=None, argocd_url="https://argocd")
    assert [warning for warning in outcome.warnings if "not proven by a login: the account is disabled" in warning]
    assert "look codefresh" not in provisioned.events
    assert_settled(provisioned)


def test_one_that_does_not_log_in_is_told_and_the_next_run_settles_it() -> None:
    world = World()
    world.argocd.capabilities = ("apiKey", "login")
    world.fail("look", *SEEN, *[Unauthenticated("cannot log in as codefresh", status=401)] * 4)
    with pytest.raises(FleetopsError, match=r"cannot log in as codefresh\. The new password is in effect; it stays"):
        run(world, argocd_url="https://argocd")
    run(world)
    assert_settled(world)


def asked(world: World, **changes: Any) -> Outcome:
    shape: dict[str, Any] = {"checks": [{"action": "get", "resource": "clusters", "object": "*", "allowed": True}]}
    given = {"token": None, "token_from": None, "password_from": STORE[0], "account": "codefresh", "source": "server"}
    rest = {"fail_on_mismatch": True, "wait_timeout": 1, "argocd_url": "https://argocd"}
    return can_i.run({**shape, **given, **rest, **changes}, world.ports())


def test_can_i_asks_by_one_login_with_the_stored_password(provisioned: World) -> None:
    outcome = asked(provisioned)
    assert provisioned.events == ["read.first", "look codefresh", "ask get clusters * as the login"]
    assert (outcome.changed, outcome.values["account"]) == (False, "codefresh")
    provisioned.events.clear()
    provisioned.fail("look", Unauthenticated("cannot log in", status=401))
    with pytest.raises(Unauthenticated):
        asked(provisioned)
    # Once: Argo CD counts.
    assert provisioned.events == ["read.first", "look codefresh"]


def test_can_i_says_that_there_is_no_password_and_asks_nobody() -> None:
    world = World()
    with pytest.raises(InvalidInput, match="sink first holds no password; run argocd_account"):
        asked(world)
    with pytest.raises(InvalidInput, match="cannot use account name ''"):
        asked(world, account=None)
    assert world.events == ["read.first"]
