# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_token with state absent: what is revoked, by whom, and what is left where a run is killed."""

from __future__ import annotations

from typing import Any

import pytest
from flow_fakes import UID, Killed, World, jwt

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    Absent,
    Denied,
    FleetopsError,
    InvalidInput,
    Lost,
    Refused,
    SinkError,
    Unauthenticated,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._flows import token as flow
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.ports import Outcome
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.port import Entry

CURRENT = "octopus-20260101T000000Z-00000001"
OLDER = "octopus-20260101T000000Z-00000002"
ANNOUNCED = "octopus-20260101T000000Z-00000003"
FIRST, SECOND = {"file": "first"}, {"file": "second"}
TOKENS_KEY = "accounts.octopus.tokens"
SINCE = "2026-01-31T12:00:00Z"


def options(**changes: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("token_name", "expires_in", "renew_before", "renew_after", "renew_spread"), None)
    switches = dict.fromkeys(("recover", "overwrite", "return_token", "planned", "rotate"), False)
    shape = {"account": "octopus", "checks": [], "store": [FIRST, SECOND], "state": "absent", "instance_uid": UID}
    return {
        **nothing,
        **switches,
        **shape,
        "method": "api",
        "revoke_after": "7d",
        "revoke_unknown": [],
        "force_owner": False,
        "wait_timeout": 5,
        **changes,
    }


def run(world: World, *, check_mode: bool = False, **changes: Any) -> Outcome:
    return flow.run(options(**changes), world.ports(check_mode=check_mode))


def record(**changes: Any) -> dict[str, Any]:
    shape = {"format": 1, "instance": UID, "account": "octopus", "token_name": "octopus", "requested_lifetime": None}
    ref = {"id": CURRENT, "issued_at": SINCE, "expires_at": None}
    gone = [{"id": OLDER, "since": SINCE}]
    return {**shape, "current": ref, "announced": ANNOUNCED, "superseded": gone, "by": "tester@here", **changes}


def world_with_tokens(**changes: Any) -> World:
    """Three ids of the record and one of others live; both places hold the current one. There is no login."""
    world = World()
    for token_id in (CURRENT, OLDER, ANNOUNCED, "by-hand"):
        world.argocd.issue(token_id)
    for sink in world.sinks.values():
        sink.entry = Entry(token=world.argocd.tokens[CURRENT], record=record(**changes))
    world.argocd.has_credentials = False
    return world


def test_the_stored_token_revokes_what_is_ours_then_itself_and_only_then_it_is_forgotten() -> None:
    world = world_with_tokens()
    outcome = run(world)
    assert world.effects() == [
        f"prove octopus {CURRENT}",
        f"prove octopus {CURRENT}",
        f"revoke octopus {OLDER} by itself",
        f"revoke octopus {ANNOUNCED} by itself",
        f"revoke octopus {CURRENT} by itself",
        *[f"prove octopus {CURRENT}"] * 5,
        "write.second nothing, no record",
        "write.first nothing, no record",
    ]
    assert world.events.count("reconnect") == 10
    assert list(world.argocd.tokens) == ["by-hand"]
    assert [sink.entry for sink in world.sinks.values()] == [Entry(), Entry()]
    assert (outcome.changed, outcome.values["action"]) == (True, "revoked")
    assert outcome.values["revoked"] == [CURRENT, OLDER, ANNOUNCED]
    assert [item["id"] for item in outcome.values["unknown"]] == ["by-hand"]
    assert (outcome.after, outcome.before["id"]) == ({}, CURRENT)


def test_a_second_run_finds_nothing_to_do() -> None:
    world = world_with_tokens()
    run(world)
    world.events.clear()
    outcome = run(world)
    assert (outcome.changed, outcome.values["action"], outcome.before, outcome.after) == (False, "absent", {}, {})
    assert world.effects() == []


def test_check_mode_predicts_and_touches_nothing() -> None:
    world, twin = world_with_tokens(), world_with_tokens()
    assert run(world, check_mode=True) == run(twin)
    assert world.effects() == [f"prove octopus {CURRENT}"] * 2


def test_what_others_made_is_revoked_when_named() -> None:
    world = world_with_tokens()
    assert run(world, revoke_unknown=["by-hand"]).values["revoked"] == [CURRENT, OLDER, ANNOUNCED, "by-hand"]
    assert world.argocd.tokens == {}


def test_with_a_token_that_no_longer_works_the_login_revokes() -> None:
    world = world_with_tokens()
    del world.argocd.tokens[CURRENT]
    world.argocd.has_credentials = True
    assert run(world).values["revoked"] == [OLDER, ANNOUNCED]
    assert [event for event in world.events if event.startswith("revoke")] == [
        f"revoke octopus {OLDER}",
        f"revoke octopus {ANNOUNCED}",
    ]
    assert world.sink.entry == Entry()


def test_with_neither_the_cluster_tells_whether_there_is_anything_to_revoke() -> None:
    world = world_with_refused_token()
    world.argocd.refusal = "invalid session: account octopus does not have token with id x"
    world.kubernetes.edit("argocd-cm", {"accounts.octopus": "apiKey"})
    world.kubernetes.edit("argocd-secret", {TOKENS_KEY: f'[{{"id": "{OLDER}", "iat": 1}}]'})
    with pytest.raises(InvalidInput) as caught:
        run(world, context="here")
    assert str(caught.value) == (
        "cannot revoke the tokens of account octopus: the stored token is refused (invalid session: account octopus "
        "does not have token with id x), and there is no login to Argo CD to do it with; set argocd_auth_token, or "
        "argocd_username and argocd_password"
    )
    world.kubernetes.edit("argocd-cm", {"accounts.octopus": None})
    assert run(world, context="here").changed
    assert world.sink.entry == Entry()


def test_an_account_that_only_waits_to_go_has_nothing_to_revoke() -> None:
    world = world_with_refused_token()
    world.kubernetes.edit("argocd-cm", {"accounts.octopus": "apiKey"})
    assert run(world, context="here").changed
    assert world.sink.entry == Entry()


def test_who_may_not_read_the_list_cannot_rule_out_that_there_is_something() -> None:
    world = world_with_refused_token()
    world.kubernetes.edit("argocd-cm", {"accounts.octopus": "apiKey"})
    world.fail("get", None, Denied("may not", status=403))
    with pytest.raises(InvalidInput, match="there is no login to Argo CD"):
        run(world, context="here")


def test_where_no_cluster_is_named_nothing_rules_it_out() -> None:
    with pytest.raises(InvalidInput, match="there is no login to Argo CD"):
        run(world_with_refused_token())


def test_where_an_earlier_step_removes_the_account_no_login_is_missed() -> None:
    world = world_with_refused_token()
    outcome = run(world, check_mode=True, planned=True)
    assert (outcome.changed, outcome.values["action"]) == (True, "revoked")
    with pytest.raises(InvalidInput, match="there is no login to Argo CD"):
        run(world, planned=True)


def test_an_empty_place_need_not_be_there_any_more() -> None:
    world = world_with_tokens()
    world.sinks["second"].entry = Entry()
    gone = SinkError("cannot use sink second: there is no namespace octo")
    world.fail("prepare.second", gone)
    assert run(world).changed
    assert not run(world).changed
    assert not [event for event in world.events if event.startswith("prepare.second")]


def test_a_place_that_cannot_be_written_is_told_before_anything_is_revoked() -> None:
    world = world_with_tokens()
    world.fail("prepare.second", SinkError("cannot write"))
    with pytest.raises(SinkError):
        run(world)
    assert not [event for event in world.events if event.startswith("revoke")]


def world_with_refused_token() -> World:
    world = world_with_tokens()
    world.argocd.tokens.clear()
    return world


def test_a_token_that_is_still_accepted_after_all_is_an_error_and_nothing_is_forgotten() -> None:
    world = world_with_tokens()
    world.argocd.delete_token = lambda _account, token_id, **_kwargs: (  # type: ignore[method-assign] # one stays
        token_id == CURRENT or world.argocd.tokens.pop(token_id, None) is not None
    )
    with pytest.raises(FleetopsError, match="cannot prove that the stored token of account octopus is refused"):
        run(world)
    assert world.sink.entry.token is not None


def test_an_empty_place_beside_a_live_token_of_the_name_is_no_removal() -> None:
    world = World()
    world.argocd.issue(CURRENT)
    with pytest.raises(Lost) as caught:
        run(world)
    assert str(caught.value) == (
        f"cannot remove the token of account octopus: sink first is empty, yet the server lists {CURRENT}; check where "
        "the sink points, name the ids in revoke_unknown, or set recover to true to leave them"
    )
    assert not run(world, recover=True).changed
    assert run(world, revoke_unknown=[CURRENT]).values["revoked"] == [CURRENT]
    assert world.argocd.tokens == {}


def test_whether_a_token_is_still_alive_is_told_by_the_clock_of_the_server() -> None:
    world = World()
    world.argocd.issue(CURRENT, expires_in=600)
    with pytest.raises(Lost):
        run(world)
    world.argocd.server_time = world.now.replace(minute=10)
    assert not run(world).changed


def test_an_account_that_is_gone_leaves_only_the_places_to_clear() -> None:
    world = world_with_tokens()
    world.argocd.exists = False
    world.argocd.tokens.clear()
    world.argocd.has_credentials = True
    outcome = run(world)
    assert (outcome.values["revoked"], world.sink.entry) == ([], Entry())


def test_a_server_that_has_yet_to_see_that_the_account_is_gone_is_not_asked_with_its_token() -> None:
    world = world_with_tokens()
    answers = iter([True, True])
    world.argocd.accepts = lambda _token, **_kwargs: next(answers, False)  # type: ignore[method-assign]

    def account(*_args: Any, **_kwargs: Any) -> None:
        raise Unauthenticated("cannot read account octopus: account 'octopus' does not exist", status=401, code=16)

    world.argocd.account = account  # type: ignore[method-assign, assignment]
    outcome = run(world, context="here")
    assert (outcome.changed, outcome.values["revoked"]) == (True, [])
    assert [sink.entry for sink in world.sinks.values()] == [Entry(), Entry()]


def test_that_an_account_is_gone_whose_token_was_just_accepted_is_not_believed() -> None:
    world = world_with_tokens()

    def account(*_args: Any, **_kwargs: Any) -> None:
        raise Absent("cannot read account octopus: planted", status=404, code=5)

    world.argocd.account = account  # type: ignore[method-assign, assignment]
    with pytest.raises(Absent):
        run(world)
    assert all(sink.entry != Entry() for sink in world.sinks.values())


@pytest.mark.parametrize("gone", [True, False])
def test_a_login_of_the_account_that_is_gone_is_no_obstacle(*, gone: bool) -> None:
    world = world_with_tokens()
    world.argocd.has_credentials = True
    world.argocd.accepts = lambda _token, **_kwargs: False  # type: ignore[method-assign]
    if not gone:
        world.kubernetes.edit("argocd-cm", {"accounts.octopus": "apiKey"})
        world.kubernetes.edit("argocd-secret", {"accounts.octopus.tokens": '[{"id": "a", "iat": 1}]'})

    def account(*_args: Any, **_kwargs: Any) -> None:
        raise Unauthenticated("cannot log in as octopus", status=401, code=16)

    world.argocd.account = account  # type: ignore[method-assign, assignment]
    if gone:
        assert run(world, context="here").changed
    else:
        with pytest.raises(Unauthenticated):
            run(world, context="here")
    assert all(sink.entry == Entry() for sink in world.sinks.values()) == gone


@pytest.mark.parametrize("entry", [Entry(token=jwt(CURRENT, "bob")), Entry(token="hunter2")])
def test_what_is_not_ours_is_not_removed(entry: Entry) -> None:
    world = World()
    world.sinks["second"].entry = entry
    with pytest.raises(Refused):
        run(world)
    assert world.sinks["second"].entry == entry


def test_a_record_of_another_installation_is_a_loss() -> None:
    world = world_with_tokens(instance="another")
    with pytest.raises(Lost):
        run(world)
    assert world.effects() == []


def test_without_a_place_there_is_nothing_to_remove() -> None:
    with pytest.raises(InvalidInput, match="stored nowhere: name a place in store"):
        run(World(), store=[])


def test_a_place_that_fails_keeps_the_record_and_the_next_run_goes_on() -> None:
    world = world_with_tokens()
    world.argocd.has_credentials = True
    world.fail("write.first", SinkError("cannot write"))
    with pytest.raises(SinkError):
        run(world)
    assert world.sink.entry.record is not None
    assert run(world).values["action"] == "revoked"
    assert not run(world).changed


def test_killed_at_any_point_the_same_command_converges() -> None:
    for calls in range(1, 100):
        world = world_with_tokens()
        world.argocd.has_credentials = True
        world.kill_after = calls
        try:
            run(world)
        except Killed:
            world.kill_after = None
        else:
            assert calls > 15
            return
        run(world)
        assert list(world.argocd.tokens) == ["by-hand"], calls
        assert [sink.entry for sink in world.sinks.values()] == [Entry(), Entry()], calls
        assert not run(world).changed, calls
    pytest.fail("the run never ended")
