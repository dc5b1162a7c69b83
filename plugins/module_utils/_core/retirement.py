# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ids of the account come to an end: of our own record when they are due, of others only when named."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from .errors import InvalidInput, Refused
from .record import Record, Superseded, format_time, parse_time
from .tokens import ListedToken, token_id_time

__all__ = ("check_named", "forget_unlisted", "give_up_announced", "ids_to_revoke")

# No run takes so long between announcing an id and storing its token.
_RUN_AT_MOST = timedelta(hours=1)


def check_named(named: Iterable[str], *, option: str = "revoke_unknown") -> tuple[str, ...]:
    """Return the ids; raise InvalidInput for one that the route of Argo CD cannot take (its path ends at / and :)."""
    ids = tuple(dict.fromkeys(named))
    for token_id in ids:
        if not token_id or "/" in token_id or ":" in token_id:
            raise InvalidInput(
                f"cannot revoke token {token_id!r}: Argo CD's route takes no id with '/' or ':'; leave it out of "
                f"{option}, and revoke it in the web interface or with `argocd account delete-token`"
            )
    return ids


def give_up_announced(record: Record, now: datetime) -> Record:
    """Return the record in which an id announced long ago, and never stored, is superseded since then."""
    if record.announced is None:
        return record
    announced_at = token_id_time(record.announced)
    if announced_at is None or not _is_settled(announced_at, now):
        return record
    given_up = Superseded(record.announced, format_time(announced_at))
    return replace(record, announced=None, superseded=(*record.superseded, given_up))


def forget_unlisted(record: Record, listed: Iterable[ListedToken], now: datetime) -> Record:
    """Return the record without the superseded ids that the server does not list: ids are never used again.

    One that was announced a moment ago is kept: the request to mint it may still be under way.
    """
    on_server = {token.id for token in listed}
    return record.without(
        [item.id for item in record.superseded if item.id not in on_server and _is_settled(parse_time(item.since), now)]
    )


def _is_settled(moment: datetime, now: datetime) -> bool:
    return now - moment >= _RUN_AT_MOST


def ids_to_revoke(
    record: Record,
    listed: Iterable[ListedToken],
    *,
    now: datetime,
    revoke_after: int,
    named: Collection[str],
    held: str | None,
) -> tuple[str, ...]:
    """Return what the server lists and is due, `revoke_after` seconds after it was superseded, or is named by a human.

    One that has expired harms nobody, and goes at once. `held` is the id that the places hold: never revoked, and
    naming it is Refused.
    """
    if held in named:
        raise Refused(
            f"cannot revoke token {held} of account {record.account}: it is the one that is stored; set rotate to true "
            "to replace it, or state to absent to remove it"
        )
    on_server = {token.id: token for token in listed}
    due = {
        item.id
        for item in record.superseded
        if item.id in on_server and _is_due(item, on_server[item.id], now, revoke_after)
    }
    return tuple(token_id for token_id in on_server if token_id in {*due, *named} and token_id != held)


def _is_due(item: Superseded, token: ListedToken, now: datetime, revoke_after: int) -> bool:
    return not token.live(now) or parse_time(item.since) + timedelta(seconds=revoke_after) <= now
