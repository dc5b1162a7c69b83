# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/faults judges rightly: what must hold is accepted, and each way to break it is seen."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from argocd_sandbox.http import Request
from faults import judging
from faults.injected import Asked, injections
from faults.judging import DEAD, LEAK, ORPHAN, OTHER, TRACE
from faults.places import Held, value_sent
from faults.tracing import Operation, parse
from faults.world import PASSWORD, TOKEN, View, is_hash_of

OLD, NEW = "robot-20260101T000000Z-00000001", "robot-20260202T000000Z-00000002"


def jwt(token_id: str) -> str:
    header, payload = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "HS256"}, {"jti": token_id})
    )
    return f"{header}.{payload}.signature-of-{token_id}"


def record(current: str, **changes: Any) -> dict[str, Any]:
    known = {"format": 1, "instance": "uid", "account": "robot", "token_name": "robot", "requested_lifetime": None}
    return {**known, "current": {"id": current}, "announced": None, "superseded": [], **changes}


def view(token_id: str = OLD, *, live: set[str] | None = None, **changes: Any) -> View:
    return View(
        keeps=TOKEN,
        held=Held(jwt(token_id), record(token_id, **changes), "others"),
        works=(True,),
        live=frozenset({token_id} if live is None else live),
        account={"accounts.robot": "apiKey"},
        policy="p, robot, applications, get, */*, allow\n",
        hash="",
        set_at=None,
        foreign=("others", {}, {}, ["theirs"], []),
    )


EMPTY = replace(view(), held=Held(None, None, "others"), works=(None,), live=frozenset())
START, END = view(OLD), view(NEW)


SET, SET_NEXT = "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"
ONE_REPLACED = view(NEW, live={OLD, NEW}, superseded=[{"id": OLD, "since": SET}])


def password_record(set_at: str | None, **changes: Any) -> dict[str, Any]:
    known = {"format": 1, "kind": "password", "instance": "uid", "account": "robot", "by": "tester@here"}
    return {**known, "set_at": set_at, "announced": False, **changes}


def password_view(value: str | None, in_effect: str, **changes: Any) -> View:
    """The place holds `value`; the password of which Argo CD has the hash is `in_effect`, empty for none."""
    set_at = {"": None, "old": SET, "new": SET_NEXT}[in_effect]
    held = Held(value, password_record(set_at) if value else None, "others")
    works = (None if value is None else value == in_effect,)
    known = replace(view(), keeps=PASSWORD, held=held, works=works, live=frozenset(), hash=in_effect, set_at=set_at)
    return replace(known, **changes)


NO_PASSWORD, OLD_PASSWORD, NEW_PASSWORD = (
    password_view(None, ""),
    password_view("old", "old"),
    password_view("new", "new"),
)


def kinds(found: Any) -> list[str]:
    return [kind for kind, _words in found]


@pytest.mark.parametrize(
    ("start", "now", "ends", "expected"),
    [
        (START, END, False, []),
        (EMPTY, EMPTY, False, []),
        (START, replace(START, works=(False,)), False, [DEAD]),
        (EMPTY, replace(START, works=(False,)), False, [DEAD]),
        (START, EMPTY, False, [DEAD]),
        (START, EMPTY, True, []),
        (replace(START, works=(True, True)), replace(END, works=(True, False)), False, [DEAD]),
        (replace(START, works=(True, True)), replace(END, works=(True, None)), False, [DEAD]),
    ],
)
def test_at_every_moment_a_token_that_worked_works(start: View, now: View, *, ends: bool, expected: list[str]) -> None:
    assert kinds(judging.moment(start, now, ends=ends)) == expected


@pytest.mark.parametrize(
    ("start", "now", "expected"),
    [
        (NO_PASSWORD, NO_PASSWORD, []),
        (NO_PASSWORD, password_view("new", ""), []),
        (NO_PASSWORD, NEW_PASSWORD, []),
        (NO_PASSWORD, password_view(None, "new"), [DEAD]),
        (OLD_PASSWORD, password_view("new", "old"), []),
        (OLD_PASSWORD, NEW_PASSWORD, []),
        (OLD_PASSWORD, password_view("old", "new"), [DEAD]),
        (OLD_PASSWORD, password_view(None, "old"), [DEAD]),
        (replace(OLD_PASSWORD, works=(True, True)), replace(NEW_PASSWORD, works=(True, False)), []),
    ],
)
def test_at_every_moment_a_password_that_came_into_effect_is_stored(
    start: View, now: View, expected: list[str]
) -> None:
    assert kinds(judging.moment(start, now, ends=False)) == expected


def held_with(now: View, **changes: Any) -> View:
    return replace(now, held=replace(now.held, record={**(now.held.record or {}), **changes}))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NEW_PASSWORD, []),
        (password_view("another", "new", works=(True,)), []),
        (password_view("new", "old"), [OTHER, DEAD]),
        (password_view("old", "new"), [DEAD, OTHER, DEAD]),
        (OLD_PASSWORD, [OTHER, OTHER]),
        (held_with(NEW_PASSWORD, announced=True), [OTHER]),
        (held_with(NEW_PASSWORD, set_at=SET), [OTHER]),
        (replace(NEW_PASSWORD, held=replace(NEW_PASSWORD.held, copies=("old",)), works=(True, False)), [OTHER, DEAD]),
    ],
)
def test_in_the_end_the_stored_password_is_the_one_in_effect(now: View, expected: list[str]) -> None:
    start = replace(OLD_PASSWORD, works=(True,) * len(now.works))
    assert kinds(judging.end(start, now, NEW_PASSWORD, ends=False, removes=False)) == expected


def test_of_a_token_the_signature_is_secret_and_a_password_is_whole() -> None:
    assert START.secrets() == {f"signature-of-{OLD}"}
    assert OLD_PASSWORD.secrets() == {"old"}
    assert NO_PASSWORD.secrets() == set()


def test_a_password_is_known_by_its_hash() -> None:
    stored = bcrypt.hashpw(b"planted", bcrypt.gensalt(4)).decode()
    assert is_hash_of(stored, "planted")
    assert not is_hash_of(stored, "another")
    assert not is_hash_of("", "planted")


@pytest.mark.parametrize(
    ("section", "body", "value"),
    [
        ("k8s", {"data": {"token": base64.b64encode(b"a-value").decode(), "other": "eA=="}}, "a-value"),
        ("vault", {"data": {"token": "a-value"}, "options": {"cas": 1}}, "a-value"),
        ("k8s", {"data": {"token": None}}, None),
        ("k8s", {"data": None}, None),
        ("k8s", ["data"], None),
        ("argocd", None, None),
    ],
)
def test_a_value_is_seen_on_its_way_to_a_place(section: str, body: Any, value: str | None) -> None:
    raw = b"" if body is None else json.dumps(body).encode()
    assert value_sent(Request("PATCH", f"/w1/{section}/x", body=raw)) == value


def ended(now: View, **options: bool) -> list[str]:
    return kinds(judging.end(START, now, END, **{"ends": False, "removes": False, **options}))


def test_another_id_and_more_superseded_ones_are_the_same_end() -> None:
    superseded = [{"id": OLD, "since": "2026-02-02T00:00:00Z"}]
    assert ended(view(NEW.replace("02Z", "03Z"), live={NEW.replace("02Z", "03Z"), OLD}, superseded=superseded)) == []


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (replace(END, live=frozenset({NEW, OLD})), [ORPHAN, OTHER]),
        (START, [OTHER]),
        (replace(END, account={}), [OTHER]),
        (replace(END, policy=None), [OTHER]),
        (replace(END, hash="changed"), [OTHER]),
        (view(NEW, announced=OLD), [OTHER]),
        (view(NEW, requested_lifetime=60), [OTHER]),
        (replace(END, held=Held(jwt(NEW), record("another"), "others"), live=frozenset()), [OTHER, OTHER]),
        (replace(END, foreign=("others", {}, {}, [], [])), [OTHER]),
        (replace(END, works=(False,)), [DEAD]),
        (replace(END, held=replace(END.held, copies=(jwt(OLD),))), [OTHER]),
    ],
)
def test_each_other_end_is_seen(now: View, expected: list[str]) -> None:
    assert ended(now) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (EMPTY, []),
        (replace(EMPTY, held=Held(None, record(OLD), "others")), [OTHER]),
        (replace(EMPTY, held=Held("left", None, "others")), [OTHER]),
        (replace(EMPTY, held=Held(None, None, "others", copies=(None, "left"))), [OTHER, OTHER]),
    ],
)
def test_where_tokens_end_no_place_holds_anything_of_ours(now: View, expected: list[str]) -> None:
    assert kinds(judging.end(START, now, now, ends=True, removes=False)) == expected


def test_with_the_account_the_tokens_of_others_go() -> None:
    assert ended(replace(END, foreign=("others", {}, {}, [], [])), removes=True) == []
    assert ended(replace(END, foreign=("others", {"key": "lost"}, {}, [], [])), removes=True) == [OTHER]


def test_outputs_and_what_is_left_over_are_searched(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\0hunter2\0")
    assert kinds(judging.output(f"{judging.TRACEBACK}:\n hunter2", ["hunter2", "other"])) == [TRACE, LEAK]
    assert kinds(judging.left_over(tmp_path, ["hunter2"])) == [LEAK]
    assert kinds(judging.left_over(tmp_path, ["other"])) == []


def test_a_difference_is_named_without_its_values() -> None:
    assert judging.difference({"a": [1, {"b": "secret"}]}, {"a": [1, {"b": "other"}]}) == "/a[1]/b"
    assert judging.difference({"a": 1}, {}) == "/a is there only once"


def test_operations_are_numbered_by_call() -> None:
    lines = ['openat(AT_FDCWD, "/x") = 3', 'read(3, "") = 0', "+++ exited with 0 +++", 'openat(AT_FDCWD, "/y") = 3']
    assert parse(2, lines) == [Operation(2, "openat", 1), Operation(2, "read", 1), Operation(2, "openat", 2)]


ASKED = Asked(3, "DELETE", f"/argocd/api/v1/account/robot/token/{OLD}")


def test_a_request_is_known_again_with_another_id_and_cluster() -> None:
    assert ASKED.is_like("DELETE", f"/w2/argocd/api/v1/account/robot/token/{NEW}")
    assert Asked(1, "GET", "/vault/v1/secret/data/w1").is_like("GET", "/w2/vault/v1/secret/data/w2")
    assert not ASKED.is_like("GET", f"/w2/argocd/api/v1/account/robot/token/{NEW}")
    assert not ASKED.is_like("DELETE", "/w2/argocd/api/v1/account/other/token/by-hand")


@pytest.mark.parametrize(
    ("asked", "some", "never"),
    [
        (ASKED, {"409", "truncated", "slow", "reset after", "409 for ever"}, {"undone", "meanwhile a token"}),
        (Asked(1, "GET", "/k8s/api/v1/namespaces/default/secrets/consumer"), {"422", "409 for ever"}, {"undone"}),
        (Asked(1, "PATCH", "/k8s/api/v1/namespaces/default/secrets/consumer"), {"409 for ever", "undone"}, {"472"}),
        (Asked(1, "PATCH", "/k8s/api/v1/namespaces/argocd/secrets/argocd-secret"), {"meanwhile a token"}, {"undone"}),
        (Asked(1, "POST", "/vault/v1/secret/data/w1"), {"412", "473", "undone", "400 for ever"}, {"422"}),
    ],
)
def test_each_server_has_its_own_ways_to_go_wrong(asked: Asked, some: set[str], never: set[str]) -> None:
    names = [injection.name for injection in injections(asked)]
    assert len(names) == len(set(names))
    assert some <= set(names)
    assert not never & set(names)


def test_states_that_differ_in_ids_and_times_are_one_for_the_next_run() -> None:
    since = "2026-02-02T00:00:00Z"
    one = view(NEW, live={OLD, NEW}, superseded=[{"id": OLD, "since": since}])
    later = "robot-20260303T000000Z-00000003"
    other = view(later, live={NEW, later}, superseded=[{"id": NEW, "since": "2026-03-03T00:00:00Z"}])
    assert judging.state(START, one, ["argocd.yml"]) == judging.state(START, other, ["argocd.yml"])


@pytest.mark.parametrize(
    "other",
    [
        view(NEW, live={OLD, NEW}),
        view(NEW, live={NEW}, superseded=[{"id": OLD, "since": SET}]),
        view(NEW, live={OLD, NEW}, superseded=[{"id": NEW, "since": SET}]),
        view(NEW, live={OLD, NEW}, superseded=[{"id": OLD, "since": SET}], announced=OLD),
        view(NEW, live={OLD, NEW}, superseded=[{"id": OLD, "since": SET}], instance="another"),
        replace(ONE_REPLACED, works=(False,)),
        replace(ONE_REPLACED, account={}),
        replace(ONE_REPLACED, policy=None),
        replace(ONE_REPLACED, hash="another"),
        replace(ONE_REPLACED, foreign=("others", {}, {}, [], [])),
        replace(ONE_REPLACED, held=replace(ONE_REPLACED.held, value=None)),
        replace(ONE_REPLACED, held=replace(ONE_REPLACED.held, value=jwt(OLD))),
        replace(ONE_REPLACED, held=replace(ONE_REPLACED.held, record=None)),
    ],
)
def test_whatever_else_differs_is_another_state(other: View) -> None:
    assert judging.state(START, ONE_REPLACED, []) != judging.state(START, other, [])


def test_a_file_that_was_left_beside_the_place_is_another_state() -> None:
    assert judging.state(START, END, ["argocd.yml"]) != judging.state(START, END, ["argocd.yml", ".argocd.yml.t0"])


def test_a_password_that_is_stored_and_not_set_is_another_state() -> None:
    ahead = password_view("new", "old")
    states = {judging.state(OLD_PASSWORD, one, []) for one in (OLD_PASSWORD, NEW_PASSWORD, ahead, NO_PASSWORD)}
    assert len(states) == 4
