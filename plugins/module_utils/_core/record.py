# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record: what is kept, in plain text, beside a stored token, so that a later run knows what is ours.

Only ids in our own record are ever revoked. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import Any

from .errors import InvalidInput, Lost

__all__ = (
    "Record",
    "Superseded",
    "TokenRef",
    "announce",
    "format_time",
    "parse_record",
    "parse_time",
    "require_same",
    "settle",
)

FORMAT = 1


@dataclass(frozen=True)
class TokenRef:
    """A token without its secret. `expires_at` is None for one that never expires."""

    id: str
    issued_at: str
    expires_at: str | None


@dataclass(frozen=True)
class Superseded:
    """An id that was replaced, or announced and never stored, and since when."""

    id: str
    since: str


@dataclass(frozen=True)
class Record:
    """`instance` is the uid of argocd-cm; `requested_lifetime` is in seconds, None for no expiry."""

    instance: str
    account: str
    token_name: str
    current: TokenRef | None = None
    requested_lifetime: int | None = None
    announced: str | None = None
    superseded: tuple[Superseded, ...] = ()
    by: str = ""

    def ids(self) -> tuple[str, ...]:
        """Return every id it names, the current one first."""
        current = [self.current.id] if self.current else []
        announced = [] if self.announced is None else [self.announced]
        return tuple(dict.fromkeys([*current, *announced, *(item.id for item in self.superseded)]))

    def keeps(self, token_id: str) -> bool:
        """Whether that is the id of its current token."""
        return self.current is not None and self.current.id == token_id

    def without(self, ids: Collection[str]) -> Record:
        """Return the record that no longer names these superseded ids."""
        return replace(self, superseded=tuple(item for item in self.superseded if item.id not in ids))

    def describe(self) -> dict[str, Any]:
        """Return the JSON object that is stored."""
        shape = asdict(self)
        shape["superseded"] = [asdict(item) for item in self.superseded]
        return {"format": FORMAT, **shape}


def format_time(moment: datetime) -> str:
    """Return RFC 3339, UTC, whole seconds."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """Return what `format_time` wrote; raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def parse_record(shape: Mapping[str, Any] | None, *, where: str) -> Record | None:
    """Return the record, None where there is none; raise InvalidInput where it is not one of ours."""
    if shape is None:
        return None
    try:
        return _parse(shape)
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        cause = f"{type(exc).__name__} at {exc}" if isinstance(exc, KeyError) else type(exc).__name__
    raise InvalidInput(
        f"cannot read the record of {where}: it is not one this collection wrote ({cause}); put it right or remove it"
    )


def _parse(shape: Mapping[str, Any]) -> Record:
    if shape["format"] != FORMAT:
        raise ValueError("format")
    current = shape["current"]
    return Record(
        instance=str(shape["instance"]),
        account=str(shape["account"]),
        token_name=str(shape["token_name"]),
        current=TokenRef(str(current["id"]), current["issued_at"], current["expires_at"]) if current else None,
        requested_lifetime=None if shape["requested_lifetime"] is None else int(shape["requested_lifetime"]),
        announced=None if shape["announced"] is None else str(shape["announced"]),
        superseded=tuple(_parse_superseded(item) for item in shape["superseded"]),
        by=str(shape["by"]),
    )


def _parse_superseded(item: Mapping[str, Any]) -> Superseded:
    return Superseded(str(item["id"]), format_time(parse_time(item["since"])))


def require_same(*compared: tuple[str, str, str], where: str, remedy: str) -> None:
    """Raise Lost where a record beside a stored value is of something else; each is (noun, what is at hand, record's).

    `remedy` is what `recover` would do.
    """
    for noun, ours, theirs in compared:
        if ours != theirs:
            raise Lost(
                f"cannot use {where}: its record is of {noun} {theirs}, this is {noun} {ours}; check where the sink "
                f"and the host point, or, if Argo CD was installed anew, set recover to true to {remedy}"
            )


def announce(record: Record, token_id: str, *, now: datetime, by: str) -> Record:
    """Return the record that says, before minting, which id is about to exist.

    An id announced before and never stored becomes superseded, so that it is not forgotten.
    """
    return replace(record, announced=token_id, superseded=_retire(record, record.announced, now), by=by)


def settle(record: Record, token: TokenRef, *, requested_lifetime: int | None, now: datetime) -> Record:
    """Return the record that goes with the stored token; its predecessor becomes superseded.

    One that was superseded before, and is stored again, is in effect again. Another id that is announced stays so: it
    may exist.
    """
    record = record.without([token.id])
    previous = record.current.id if record.current and record.current.id != token.id else None
    return replace(
        record,
        current=token,
        requested_lifetime=requested_lifetime,
        announced=None if record.announced == token.id else record.announced,
        superseded=_retire(record, previous, now),
    )


def _retire(record: Record, token_id: str | None, now: datetime) -> tuple[Superseded, ...]:
    known = {item.id for item in record.superseded}
    if token_id is None or token_id in known:
        return record.superseded
    return (*record.superseded, Superseded(token_id, format_time(now)))
