# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens: read a JWT, name an id, read and word a duration.

Source of the JWT's shape: argo-cd util/session/sessionmanager.go. Signatures are the server's business:
a token is proven by asking it.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .errors import InvalidInput, quoted
from .record import TokenRef, format_time

__all__ = (
    "ListedToken",
    "NotAToken",
    "TokenClaims",
    "check_token_name",
    "decode_token",
    "format_duration",
    "make_token_id",
    "parse_duration",
    "parse_token_id",
    "token_id_time",
)

_TOKEN_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Parsed from the right, so that the names `octopus` and `octopus-eu` never mix.
_TOKEN_ID = re.compile(r"(?P<name>[A-Za-z0-9._-]+)-(?P<time>\d{8}T\d{6}Z)-[0-9a-f]{8}")
_ID_TIME = "%Y%m%dT%H%M%SZ"
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
    def lifetime(self) -> int | None:
        """In seconds; None for one that never expires."""
        return int((self.expires_at - self.issued_at).total_seconds()) if self.expires_at else None

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
    return f"{name}-{now.astimezone(timezone.utc).strftime(_ID_TIME)}-{suffix}"


def parse_token_id(token_id: str) -> str | None:
    """Return the token name an id of ours belongs to; None for an id of another shape."""
    match = _TOKEN_ID.fullmatch(token_id)
    return match["name"] if match else None


def token_id_time(token_id: str) -> datetime | None:
    """Return when an id of ours was made; None for an id of another shape."""
    match = _TOKEN_ID.fullmatch(token_id)
    try:
        return datetime.strptime(match["time"], _ID_TIME).replace(tzinfo=timezone.utc) if match else None
    except ValueError:
        return None


def parse_duration(text: str, *, option: str, least: int = 1, unset: str = "") -> int:
    """Return seconds for `90d`, `12h`, `30m`, `45s` or plain seconds; raise InvalidInput.

    `unset` says what leaving the option out would mean.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = int(match[1]) * _UNIT_SECONDS[match[2]] if match else -1
    if least <= seconds <= _MAX_SECONDS:
        return seconds
    raise InvalidInput(
        f"cannot use {option} {quoted(text)}: write a duration such as 90d, 12h, 30m or seconds, "
        f"{'more than 0' if least else '0 or more'} and at most {_MAX_SECONDS // _UNIT_SECONDS['d']}d"
        f"{unset and f'; leave it out for {unset}'}"
    )


def format_duration(seconds: int) -> str:
    """Return the seconds as `parse_duration` reads them, in the largest unit that fits."""
    unit = next(unit for unit in "dhms" if seconds % _UNIT_SECONDS[unit] == 0)
    return f"{seconds // _UNIT_SECONDS[unit]}{unit}"


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
