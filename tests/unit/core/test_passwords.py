# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password of ours: one that the server's pattern takes, its record, and every state of place and server."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput, Lost, Refused
from ansible_collections.fleetops.argocd.plugins.module_utils._core.passwords import (
    PasswordDecision,
    PasswordRecord,
    PasswordSituation,
    check_place,
    decide_password,
    make_password,
    parse_password_record,
    password_pattern,
)

SET_AT = "2026-01-31T12:00:00Z"
RECORD = PasswordRecord("uid", "codefresh", SET_AT, announced=False, by="tester@here")
SETTLED = PasswordSituation(
    where="the place",
    account="codefresh",
    instance="uid",
    stored=True,
    settable=True,
    in_effect=True,
    has_hash=True,
    set_at=SET_AT,
    record=RECORD,
)

# --- making ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "length"),
    [
        ("^.{8,32}$", 32),
        ("^.{8,20}$", 20),
        ("^.{8}$", 8),
        ("^.{33,}$", 40),
        ("^[a-z0-9]{12,16}$", 16),
        ("^[0-9]{24}$", 24),
        ("^.*[!@#].*$", 32),
        ("^[[:alpha:]].*[[:digit:]]$", 32),
        (r"^\w{10}", 32),
        ("", 32),
    ],
)
def test_what_is_made_matches_as_go_reads_the_pattern(pattern: str, length: int) -> None:
    password = make_password(pattern, secrets.randbelow)
    assert len(password) == length
    assert re.search(pattern.replace("[:alpha:]", "a-zA-Z").replace("[:digit:]", "0-9"), password)


@given(seed=st.randoms(use_true_random=True))
def test_the_default_gives_every_kind_of_character_and_never_the_same(seed: Any) -> None:
    pattern = password_pattern({})
    one, other = (make_password(pattern, seed.randrange) for _each in range(2))
    assert one != other
    assert all(re.search(kind, one) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    # Nothing that a shell, an env file or YAML would take for something else.
    assert re.fullmatch(r"[A-Za-z0-9]{32}", one)


@pytest.mark.parametrize("pattern", ["^[0-9]{4}$", "^ab$", "^.{100}$"], ids=["guessable", "fixed", "beyond-bcrypt"])
def test_what_cannot_be_met_with_a_password_that_is_hard_to_guess_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput, match=r"^cannot make a password: none .* set account_password to one of your own"):
        make_password(pattern, secrets.randbelow)


@pytest.mark.parametrize("pattern", ["^(?=.*[A-Z]).*$", "(", r"^\p{Lu}+$"], ids=["lookahead", "broken", "unicode"])
def test_a_pattern_that_go_does_not_compile_or_we_cannot_judge_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput, match=r"^cannot make a password: passwordPattern .* cannot be read \("):
        make_password(pattern, secrets.randbelow)


def test_the_pattern_is_argo_cds_own_unless_it_is_set() -> None:
    assert password_pattern({"passwordPattern": ""}) == "^.{8,32}$"
    assert password_pattern({"passwordPattern": "^.{12}$"}) == "^.{12}$"


# --- the record ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [RECORD, replace(RECORD, set_at=None, announced=True)])
def test_a_record_is_read_as_it_was_written(record: PasswordRecord) -> None:
    assert parse_password_record(record.describe(), where="x") == record


@pytest.mark.parametrize(
    "shape",
    [{}, {**RECORD.describe(), "format": 2}, {**RECORD.describe(), "kind": "token"}, {"token_name": "octopus"}],
    ids=["empty", "newer", "another-kind", "of-a-token"],
)
def test_another_record_is_an_error(shape: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"^cannot read the record of the place: "):
        parse_password_record(shape, where="the place")


# --- the decision ----------------------------------------------------------------------------------------------------


def decide(**changes: Any) -> PasswordDecision:
    switches = {name: changes.pop(name, False) for name in ("rotate", "recover")}
    return decide_password(replace(SETTLED, **changes), **switches)


ANNOUNCED = replace(RECORD, announced=True)
KEPT: dict[str, tuple[dict[str, Any], bool, str]] = {
    "settled": ({}, False, "the stored password is the one in effect"),
    "adopted": ({"record": None}, False, "the stored password is the one in effect"),
    "set-and-not-settled": ({"record": ANNOUNCED}, False, "the stored password is the one in effect"),
    "rotated": ({"rotate": True}, True, "a rotation was asked for"),
    "killed-before-setting": (
        {"record": ANNOUNCED, "in_effect": False},
        False,
        "an earlier run stored a new password and did not set it",
    ),
    "killed-before-setting-the-first": (
        {"record": replace(ANNOUNCED, set_at=None), "set_at": None, "has_hash": False, "in_effect": False},
        False,
        "an earlier run stored a new password and did not set it",
    ),
    "first": (
        {"stored": False, "record": None, "has_hash": False, "in_effect": False},
        True,
        "no password exists yet",
    ),
    "overwritten": ({"record": None, "in_effect": False}, True, "the stored value is overwritten as asked"),
}


@pytest.mark.parametrize(("changes", "new", "reason"), KEPT.values(), ids=KEPT)
def test_what_an_ordinary_course_of_events_explains(changes: dict[str, Any], new: bool, reason: str) -> None:  # noqa: FBT001
    assert decide(**changes) == PasswordDecision(new=new, reason=reason)


LOST: dict[str, tuple[dict[str, Any], str]] = {
    "changed-by-somebody": (
        {"in_effect": False},
        "holds another password, and Argo CD has one that no run of ours set",
    ),
    "changed-while-announced": (
        {"in_effect": False, "record": replace(ANNOUNCED, set_at="2025-01-01T00:00:00Z")},
        "holds another password, and Argo CD has one that no run of ours set",
    ),
    "replaced-while-announced-by-what-can-be-none": (
        {"in_effect": False, "record": ANNOUNCED, "settable": False},
        "holds another password, and Argo CD has one that no run of ours set",
    ),
    "taken-away": ({"in_effect": False, "has_hash": False, "set_at": None}, "and Argo CD has none any more"),
    "empty": ({"stored": False, "in_effect": False, "record": None}, "the place is empty, and Argo CD has one"),
}


@pytest.mark.parametrize(("changes", "cause"), LOST.values(), ids=LOST)
@pytest.mark.parametrize("rotate", [False, True])
def test_anything_else_is_a_loss_unless_it_is_to_be_recovered(
    changes: dict[str, Any],
    cause: str,
    rotate: bool,  # noqa: FBT001
) -> None:
    with pytest.raises(Lost, match="set recover to true to make a new password") as caught:
        decide(**changes, rotate=rotate)
    assert cause in str(caught.value)
    assert decide(**changes, recover=True).new


def test_a_place_with_anything_else_in_it_is_refused_and_one_of_another_account_lost() -> None:
    options: dict[str, Any] = {"where": "the place", "recover": False}
    with pytest.raises(Refused, match="its value is not that password"):
        check_place(SETTLED, None, foreign=True, **options)
    for record, words in (
        (replace(RECORD, account="bob"), "its record is of account bob, this is account codefresh"),
        (replace(RECORD, instance="other"), "its record is of instance other, this is instance uid"),
    ):
        with pytest.raises(Lost, match=words):
            check_place(SETTLED, record, foreign=False, **options)
        check_place(SETTLED, record, foreign=False, **{**options, "recover": True})
    check_place(SETTLED, RECORD, foreign=False, **options)
