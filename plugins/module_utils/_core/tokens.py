# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens: read a JWT, name an id, and decide whether a stored token is kept.

Source of the JWT's shape: argo-cd util/session/sessionmanager.go. Signatures are the server's business:
a token is proven by asking it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .errors import InvalidInput, Lost, Refused, quoted
from .record import Record, TokenRef, format_time

__all__ = (
    "Decision",
    "ListedToken",
    "NotAToken",
    "Situation",
    "TokenClaims",
    "check_token_name",
    "decide",
    "decode_token",
    "make_token_id",
    "parse_duration",
    "parse_token_id",
    "unknown_tokens",
)

_TOKEN_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Parsed from the right, so that the names `octopus` and `octopus-eu` never mix.
_TOKEN_ID = re.compile(r"(?P<name>[A-Za-z0-9._-]+)-(?P<time>\d{8}T\d{6}Z)-[0-9a-f]{8}")
_DURATION = re.compile(r"(\d+)([dhms]?)")
_UNIT_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1, "": 1}
# A Go time.Duration overflows beyond this (argo-cd multiplies by time.Second).
_MAX_SECONDS = 9_000_000_000


class NotAToken(Exception):
    """The text is not an Argo CD token. Carries no part of it."""


@dataclass(frozen=True)
class TokenClaims:
    """What an Argo CD token says of itself; unproven."""

    issuer: str
    account: str
    capability: str
    id: str
    issued_at: datetime
    expires_at: datetime | None

    @property
    def ref(self) -> TokenRef:
        """The token without its secret."""
        return TokenRef(self.id, format_time(self.issued_at), format_time(self.expires_at) if self.expires_at else None)


@dataclass(frozen=True)
class ListedToken:
    """A token as the server lists it; `expires_at` is None for one that never expires."""

    id: str
    issued_at: datetime | None
    expires_at: datetime | None

    def live(self, now: datetime) -> bool:
        """Whether it is not expired: Argo CD lists expired tokens until somebody deletes them."""
        return self.expires_at is None or self.expires_at > now


def check_token_name(name: str) -> str:
    """Return the name if ids can be made of it, else raise InvalidInput."""
    if _TOKEN_NAME.fullmatch(name):
        return name
    raise InvalidInput(f"cannot use token_name {quoted(name)}: use 1 to 64 of the characters A-Z a-z 0-9 . _ -")


def make_token_id(name: str, now: datetime, suffix: str) -> str:
    """Return a fresh id. `suffix` is 8 random hex digits.

    Ids are never used again: Argo CD checks the id only, so a reused one revives older tokens.
    """
    return f"{name}-{now.astimezone(timezone.utc).strftime('%Y%m%dT%H%M%SZ')}-{suffix}"


def parse_token_id(token_id: str) -> str | None:
    """Return the token name an id of ours belongs to; None for an id of another shape."""
    match = _TOKEN_ID.fullmatch(token_id)
    return match["name"] if match else None


def parse_duration(text: str, *, option: str) -> int:
    """Return seconds for `90d`, `12h`, `30m`, `45s` or plain seconds; raise InvalidInput."""
    match = _DURATION.fullmatch(text.strip())
    seconds = int(match[1]) * _UNIT_SECONDS[match[2]] if match else 0
    if 0 < seconds <= _MAX_SECONDS:
        return seconds
    raise InvalidInput(
        f"cannot use {option} {quoted(text)}: write a duration such as 90d, 12h, 30m or seconds, more than 0 and at "
        f"most {_MAX_SECONDS // _UNIT_SECONDS['d']}d; leave it out for a token that never expires"
    )


def _segment(text: str) -> dict[str, Any]:
    decoded = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if not isinstance(decoded, dict):
        raise ValueError
    return decoded


def _moment(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), tz=timezone.utc)


def decode_token(text: str) -> TokenClaims:
    """Return the claims of an Argo CD token; raise NotAToken for anything else."""
    try:
        header, payload, _signature = text.split(".")
        _segment(header)
        claims = _segment(payload)
        account, _colon, capability = str(claims["sub"]).partition(":")
        return TokenClaims(
            issuer=str(claims["iss"]),
            account=account,
            # A subject without suffix counts as apiKey (sessionmanager.go).
            capability=capability or "apiKey",
            id=str(claims["jti"]),
            issued_at=_moment(claims["iat"]),
            expires_at=_moment(claims["exp"]) if claims.get("exp") else None,
        )
    except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
        pass
    raise NotAToken


@dataclass(frozen=True)
class Situation:
    """All that the decision rests on.

    `where` names the sink. `stored` is None where the sink is empty; `stored_is_token` is False where its value
    is no token; `accepted` is the server's answer to the stored token (None: not asked). `listed` are the
    account's tokens on the server (None: not asked, as an accepted token needs no list).
    """

    where: str
    account: str
    token_name: str
    instance: str
    now: datetime
    empty: bool
    stored: TokenClaims | None
    record: Record | None
    accepted: bool | None = None
    listed: tuple[ListedToken, ...] | None = None

    def live_ids(self) -> list[str]:
        """Ids of this token name the server would still accept."""
        return [
            token.id
            for token in self.listed or ()
            if token.live(self.now) and parse_token_id(token.id) == self.token_name
        ]

    def usable(self) -> bool:
        """Whether the stored value is a token of this account and instance that has not expired."""
        return self.stored is not None and not self.foreign() and not self.elsewhere() and not self.expired()

    def elsewhere(self) -> bool:
        """Whether the record says that the stored token belongs to another installation."""
        return self.record is not None and self.record.instance != self.instance

    def foreign(self) -> str:
        """Why the stored value is not a token of this account; empty where it is one."""
        if self.empty:
            return ""
        if self.stored is None:
            return "its value is not an Argo CD token"
        if self.stored.issuer != "argocd":
            return "its token was not issued by Argo CD"
        if self.stored.account != self.account or self.stored.capability != "apiKey":
            return f"its token belongs to {self.stored.account} ({self.stored.capability})"
        return ""

    def expired(self) -> bool:
        """Whether the stored token's own time is over."""
        return self.stored is not None and self.stored.expires_at is not None and self.stored.expires_at <= self.now


@dataclass(frozen=True)
class Decision:
    """`mint` or keep, and why."""

    mint: bool
    reason: str


def check_stored(situation: Situation, *, recover: bool, overwrite: bool) -> None:
    """Raise where the stored value must be neither sent anywhere nor replaced. No server is needed to tell."""
    foreign = situation.foreign()
    if foreign and not overwrite:
        raise Refused(
            f"cannot use {situation.where} for a token of account {situation.account}: {foreign}; it is neither sent "
            "anywhere nor overwritten; check where the sink points, or set overwrite to true"
        )
    record = situation.record
    if record is None or recover:
        return
    for noun, ours, theirs in (
        ("instance", situation.instance, record.instance),
        ("account", situation.account, record.account),
        ("token name", situation.token_name, record.token_name),
    ):
        if ours != theirs:
            raise Lost(
                f"cannot use {situation.where}: its record is of {noun} {theirs}, this is {noun} {ours}; check where "
                "the sink and the host point, or, if Argo CD was installed anew, set recover to true to mint a new "
                "token"
            )


def decide(situation: Situation, *, recover: bool, overwrite: bool) -> Decision:
    """Keep or mint, with the reason; raise Lost for a state no ordinary run explains.

    Needs `listed` unless the stored token was accepted. So a wrong path cannot mint anew for a whole fleet.
    """
    check_stored(situation, recover=recover, overwrite=overwrite)
    if situation.usable() and situation.accepted:
        return Decision(mint=False, reason="the server accepts the stored token")
    live = situation.live_ids()
    if situation.usable() and situation.stored and situation.stored.id in live:
        return _recover(
            situation, "the server lists the stored token and refuses it (its signing key changed?)", recover=recover
        )
    announced = situation.record.announced if situation.record else None
    unexplained = [token_id for token_id in live if token_id != announced and not _superseded(situation, token_id)]
    if situation.expired() and not situation.foreign():
        return Decision(mint=True, reason="the stored token has expired")
    if unexplained and not (situation.foreign() and overwrite):
        held = "is empty" if situation.empty else "holds a token the server no longer lists"
        cause = f"the sink {held}, yet the server lists {', '.join(unexplained)}"
        return _recover(situation, cause, recover=recover)
    return Decision(mint=True, reason=_mint_reason(situation, crashed=announced in live))


def _superseded(situation: Situation, token_id: str) -> bool:
    return situation.record is not None and token_id in {item.id for item in situation.record.superseded}


def _mint_reason(situation: Situation, *, crashed: bool) -> str:
    if situation.foreign():
        return f"the stored value is overwritten as asked: {situation.foreign()}"
    if situation.elsewhere():
        return "recovering: the record is of another instance"
    if crashed:
        return "an earlier run announced a token and did not store it"
    if situation.empty:
        return "no token of this name exists yet"
    return "the server no longer lists the stored token"


def _recover(situation: Situation, cause: str, *, recover: bool) -> Decision:
    if recover:
        return Decision(mint=True, reason=f"recovering: {cause}")
    raise Lost(
        f"cannot keep the token of account {situation.account} in {situation.where}: {cause}; check where the sink and "
        "the host point (a wrong path would mint anew for a whole fleet), or set recover to true to mint a new token"
    )


def unknown_tokens(listed: Iterable[ListedToken], record: Record | None, now: datetime) -> list[dict[str, Any]]:
    """Return the account's ids that our record does not know, with their age in seconds: reported, never revoked."""
    ours: set[str | None] = set()
    if record:
        ours = {
            record.announced,
            record.current.id if record.current else None,
            *(item.id for item in record.superseded),
        }
    return [
        {
            "id": token.id,
            "age": int((now - token.issued_at).total_seconds()) if token.issued_at else None,
            "expired": not token.live(now),
        }
        for token in listed
        if token.id not in ours
    ]
