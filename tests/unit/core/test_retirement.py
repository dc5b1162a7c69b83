# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is revoked and what is forgotten, and when."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.fleetops.argocd.plugins.module_utils._core.record import (
    Record,
    Superseded,
    TokenRef,
    format_time,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.retirement import (
    check_named,
    forget_unlisted,
    give_up_announced,
    ids_to_revoke,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.tokens import ListedToken

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
WEEK = 7 * 86_400
EVER = Record("uid", "octopus", "octopus", current=TokenRef("held", "2026-01-01T00:00:00Z", None))


def record(*superseded: tuple[str, datetime]) -> Record:
    items = tuple(Superseded(token_id, format_time(since)) for token_id, since in superseded)
    return Record(EVER.instance, EVER.account, EVER.token_name, current=EVER.current, superseded=items)


def listed(*ids: str, expires_at: datetime | None = None) -> list[ListedToken]:
    return [ListedToken(token_id, NOW - DAY, expires_at) for token_id in ids]


def revoked(beside: Record, on_server: list[ListedToken], *named: str, after: int = WEEK) -> tuple[str, ...]:
    return ids_to_revoke(beside, on_server, now=NOW, revoke_after=after, named=named, held="held")


# name: record, what the server lists, named, revoke_after, what is revoked
REVOKED: dict[str, tuple[Record, list[ListedToken], tuple[str, ...], int, tuple[str, ...]]] = {
    "nothing-superseded": (EVER, listed("held", "other"), (), 0, ()),
    "due-this-second": (record(("a", NOW - 7 * DAY)), listed("held", "a"), (), WEEK, ("a",)),
    "due-in-one-second": (record(("a", NOW - 7 * DAY + SECOND)), listed("held", "a"), (), WEEK, ()),
    "due-at-once": (record(("a", NOW)), listed("held", "a"), (), 0, ("a",)),
    "expired-before-it-is-due": (record(("a", NOW)), listed("a", expires_at=NOW), (), WEEK, ("a",)),
    "not-expired-for-one-more-second": (record(("a", NOW)), listed("a", expires_at=NOW + SECOND), (), WEEK, ()),
    "no-longer-listed": (record(("a", NOW - 7 * DAY)), listed("held"), (), WEEK, ()),
    "held-though-superseded": (record(("held", NOW - 7 * DAY)), listed("held"), (), 0, ()),
    "named": (EVER, listed("held", "by-hand", "other"), ("by-hand",), WEEK, ("by-hand",)),
    "named-and-gone": (EVER, listed("held"), ("by-hand",), WEEK, ()),
    "named-before-it-is-due": (record(("a", NOW)), listed("held", "a"), ("a",), WEEK, ("a",)),
}


@pytest.mark.parametrize(("beside", "on_server", "named", "after", "expected"), REVOKED.values(), ids=REVOKED)
def test_what_is_revoked(
    beside: Record, on_server: list[ListedToken], named: tuple[str, ...], after: int, expected: tuple[str, ...]
) -> None:
    assert revoked(beside, on_server, *named, after=after) == expected


IDS = st.sampled_from(["held", "a", "b", "c"])
TIMES = st.integers(0, 20 * 86_400).map(lambda seconds: NOW - timedelta(seconds=seconds))
RECORDS = st.lists(st.tuples(IDS, TIMES), unique_by=lambda item: item[0]).map(lambda items: record(*items))


@given(RECORDS, st.lists(IDS, unique=True), st.sets(st.sampled_from(["a", "b"])), st.integers(0, WEEK))
def test_only_what_is_ours_or_named_is_revoked_and_never_what_is_held(
    beside: Record, on_server: list[str], named: set[str], after: int
) -> None:
    ids = revoked(beside, listed(*on_server), *named, after=after)
    assert set(ids) <= ({item.id for item in beside.superseded} | named) & set(on_server) - {"held"}
    left = [item for item in listed(*on_server) if item.id not in ids]
    assert revoked(beside.without(ids), left, *named, after=after) == ()


def test_naming_what_is_held_is_refused() -> None:
    with pytest.raises(Refused):
        revoked(EVER, listed("held"), "held")


@pytest.mark.parametrize("token_id", ["", "a/b", "a:b"])
def test_an_id_no_route_takes_is_refused(token_id: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_named(["fine", token_id])
    assert str(caught.value) == (
        f"cannot revoke token {token_id!r}: Argo CD's route takes no id with '/' or ':'; leave it out of "
        "revoke_unknown, and revoke it in the web interface or with `argocd account delete-token`"
    )


def test_ids_are_named_once() -> None:
    assert check_named(["a", "b", "a"]) == ("a", "b")


def test_what_the_server_does_not_list_is_forgotten_after_an_hour() -> None:
    beside = record(("listed", NOW - DAY), ("gone", NOW - HOUR), ("perhaps-under-way", NOW - HOUR + SECOND))
    assert forget_unlisted(beside, listed("listed"), NOW).ids() == ("held", "listed", "perhaps-under-way")


ANNOUNCED = "octopus-20260131T110000Z-00000001"


@pytest.mark.parametrize(("now", "given_up"), [(NOW, True), (NOW - SECOND, False)])
def test_an_announcement_is_given_up_after_an_hour(now: datetime, given_up: bool) -> None:  # noqa: FBT001 # an expectation
    before = Record("uid", "octopus", "octopus", announced=ANNOUNCED)
    after = Record("uid", "octopus", "octopus", superseded=(Superseded(ANNOUNCED, "2026-01-31T11:00:00Z"),))
    assert give_up_announced(before, now) == (after if given_up else before)


@pytest.mark.parametrize("announced", [None, "by-hand", "octopus-20269999T110000Z-00000001"])
def test_an_announcement_of_no_time_stays(announced: str | None) -> None:
    before = Record("uid", "octopus", "octopus", announced=announced)
    assert give_up_announced(before, NOW) == before
