# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record forgets no id: it comes back as it was written, and what leaves `current` or `announced` is superseded."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.fleetops.argocd.plugins.module_utils._core.record import (
    Record,
    Superseded,
    TokenRef,
    announce,
    format_time,
    parse_record,
    parse_time,
    settle,
)

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
SINCE = "2026-01-31T12:00:00Z"
EMPTY = Record("uid", "octopus", "octopus", by="somebody")
REF = TokenRef("a", "2026-01-01T00:00:00Z", None)

IDS = st.text(max_size=6)
TIMES = st.integers(0, 2**32).map(lambda seconds: format_time(datetime.fromtimestamp(seconds, tz=timezone.utc)))
REFS = st.builds(TokenRef, IDS, IDS, st.none() | IDS)
RECORDS = st.builds(
    Record,
    instance=IDS,
    account=IDS,
    token_name=IDS,
    current=st.none() | REFS,
    requested_lifetime=st.none() | st.integers(1),
    announced=st.none() | IDS,
    superseded=st.lists(st.builds(Superseded, IDS, TIMES), max_size=3, unique_by=lambda item: item.id).map(tuple),
    by=IDS,
)


@given(RECORDS)
def test_a_record_comes_back_from_json_as_it_was(record: Record) -> None:
    assert parse_record(json.loads(json.dumps(record.describe())), where="x") == record


def test_what_is_stored_is_readable_and_has_a_format() -> None:
    assert settle(EMPTY, REF, requested_lifetime=60, now=NOW).describe() == {
        "format": 1,
        "instance": "uid",
        "account": "octopus",
        "token_name": "octopus",
        "current": {"id": "a", "issued_at": "2026-01-01T00:00:00Z", "expires_at": None},
        "requested_lifetime": 60,
        "announced": None,
        "superseded": [],
        "by": "somebody",
    }


def test_no_record_is_none() -> None:
    assert parse_record(None, where="x") is None


GOOD = EMPTY.describe()
BAD: dict[str, tuple[Any, str]] = {
    "a-list": ([], "TypeError"),
    "a-text": ("record", "TypeError"),
    "a-number": (7, "TypeError"),
    "empty": ({}, "KeyError at 'format'"),
    "a-later-format": ({**GOOD, "format": 2}, "ValueError"),
    "no-instance": ({key: value for key, value in GOOD.items() if key != "instance"}, "KeyError at 'instance'"),
    "current-without-times": ({**GOOD, "current": {"id": "a"}}, "KeyError at 'issued_at'"),
    "current-a-text": ({**GOOD, "current": "a"}, "TypeError"),
    "lifetime-in-words": ({**GOOD, "requested_lifetime": "90d"}, "ValueError"),
    "superseded-nothing": ({**GOOD, "superseded": None}, "TypeError"),
    "superseded-at-no-time": ({**GOOD, "superseded": [{"id": "a", "since": "then"}]}, "ValueError"),
    "superseded-ids-only": ({**GOOD, "superseded": ["a"]}, "TypeError"),
}


@pytest.mark.parametrize(("shape", "cause"), BAD.values(), ids=BAD)
def test_what_this_collection_did_not_write_is_refused_without_its_content(shape: Any, cause: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_record(shape, where="variable x of y.yml")
    assert str(caught.value) == (
        f"cannot read the record of variable x of y.yml: it is not one this collection wrote ({cause}); put it right "
        "or remove it"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(JSON | st.fixed_dictionaries({key: st.just(value) | JSON for key, value in GOOD.items()}))
def test_any_other_json_is_an_error_of_ours_or_a_record(shape: Any) -> None:
    try:
        parse_record(shape, where="x")
    except InvalidInput:
        return


def test_announcing_names_the_id_and_who_and_keeps_the_rest() -> None:
    settled = settle(EMPTY, REF, requested_lifetime=60, now=NOW)
    announced = announce(settled, "b", now=NOW, by="me")
    assert (announced.current, announced.announced, announced.superseded, announced.by) == (REF, "b", (), "me")


def test_an_id_announced_and_never_stored_is_superseded_by_the_next() -> None:
    announced = announce(announce(EMPTY, "a", now=NOW - timedelta(1), by="me"), "b", now=NOW, by="me")
    assert (announced.announced, announced.superseded) == ("b", (Superseded("a", SINCE),))


def test_settling_supersedes_the_predecessor_once_and_ends_the_announcement() -> None:
    old = settle(EMPTY, REF, requested_lifetime=None, now=NOW)
    new = settle(announce(old, "b", now=NOW, by="me"), TokenRef("b", SINCE, None), requested_lifetime=None, now=NOW)
    assert (new.current, new.announced, new.superseded) == (TokenRef("b", SINCE, None), None, (Superseded("a", SINCE),))
    again = settle(new, TokenRef("b", SINCE, None), requested_lifetime=None, now=NOW + timedelta(1))
    assert again == new


def test_one_that_is_stored_again_is_superseded_no_longer() -> None:
    record = Record("uid", "octopus", "octopus", superseded=(Superseded("a", SINCE), Superseded("b", SINCE)))
    assert settle(record, REF, requested_lifetime=None, now=NOW).superseded == (Superseded("b", SINCE),)


def test_the_ids_of_a_record_are_each_named_once_the_current_one_first() -> None:
    record = Record("uid", "octopus", "octopus", current=REF, announced="c", superseded=(Superseded("b", SINCE),))
    assert record.ids() == ("a", "c", "b")
    assert record.without(["b"]).ids() == ("a", "c")
    assert EMPTY.ids() == ()


@given(RECORDS, IDS)
def test_neither_announcing_nor_settling_forgets_an_id(record: Record, token_id: str) -> None:
    announced = announce(record, token_id, now=NOW, by="me")
    settled = settle(announced, TokenRef(token_id, SINCE, None), requested_lifetime=None, now=NOW)
    assert known(record) | {token_id} == known(announced) == known(settled)
    ids = [item.id for item in settled.superseded]
    assert len(ids) == len(set(ids))


@given(RECORDS, IDS)
def test_settling_for_what_somebody_else_stored_forgets_no_id_either(record: Record, token_id: str) -> None:
    settled = settle(record, TokenRef(token_id, SINCE, None), requested_lifetime=None, now=NOW)
    assert (known(settled), settled.keeps(token_id)) == (known(record) | {token_id}, True)


def known(record: Record) -> set[str]:
    return {
        *(item.id for item in record.superseded),
        *([record.current.id] if record.current else []),
        *([record.announced] if record.announced is not None else []),
    }


@given(st.integers(0, 2**33), st.integers(-12, 14))
def test_times_are_whole_seconds_of_utc(seconds: int, hours: int) -> None:
    moment = datetime.fromtimestamp(seconds, tz=timezone(timedelta(hours=hours)))
    assert parse_time(format_time(moment)) == moment


@pytest.mark.parametrize("text", ["", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00:00+00:00", "never"])
def test_what_is_no_time_of_ours_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not match|unconverted"):
        parse_time(text)
