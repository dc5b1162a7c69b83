# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a token that works is replaced all the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from .errors import InvalidInput, Refused
from .record import Record
from .tokens import TokenClaims, format_duration

__all__ = ("Renewal", "check_granted", "check_renewal", "renewal_reason", "spread_over")


@dataclass(frozen=True)
class Renewal:
    """What is asked for, in seconds; None for not at all.

    `expires_in` is the lifetime of a new token, None for one that never expires. `brought_forward` is this token's
    share of `spread`: it moves the renewal away from those of the rest of the fleet.
    """

    expires_in: int | None = None
    renew_before: int | None = None
    renew_after: int | None = None
    spread: int = 0
    brought_forward: int = 0
    rotate: bool = False


def spread_over(spread: int, *, instance: str, account: str, token_name: str) -> int:
    """Return 0 to `spread` seconds: always the same for one token, evenly spread over the tokens of a fleet."""
    name = f"{instance} {account} {token_name}".encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") % (spread + 1)


def check_renewal(renewal: Renewal) -> None:
    """Raise InvalidInput for times that do not fit each other: they would renew in every run, or never."""
    if renewal.spread and renewal.renew_before is None and renewal.renew_after is None:
        raise InvalidInput("cannot use renew_spread without renew_before or renew_after: set one of them")
    if renewal.renew_before is not None:
        _check_before(renewal.renew_before, renewal)
    if renewal.renew_after is not None:
        _check_after(renewal.renew_after, renewal)


def _check_before(renew_before: int, renewal: Renewal) -> None:
    words = f"renew_before {format_duration(renew_before)}{_and_spread(renewal)}"
    if renewal.expires_in is None:
        raise InvalidInput(f"cannot use {words} without expires_in: a token that never expires has no end; set both")
    if renew_before + renewal.spread >= renewal.expires_in:
        raise InvalidInput(
            f"cannot use {words} with expires_in {format_duration(renewal.expires_in)}: a new token would be due at "
            "once; make it shorter"
        )


def _check_after(renew_after: int, renewal: Renewal) -> None:
    words = f"renew_after {format_duration(renew_after)}{_and_spread(renewal)}"
    if renewal.expires_in is not None and renew_after >= renewal.expires_in:
        raise InvalidInput(
            f"cannot use {words} with expires_in {format_duration(renewal.expires_in)}: the token would expire before; "
            "make it shorter"
        )
    if renewal.spread >= renew_after:
        raise InvalidInput(f"cannot use {words}: a new token would be due at once; make renew_spread shorter")


def _and_spread(renewal: Renewal) -> str:
    return f" and renew_spread {format_duration(renewal.spread)}" if renewal.spread else ""


def check_granted(claims: TokenClaims, renewal: Renewal) -> None:
    """Raise Refused where the server granted so short a life that every run would renew."""
    granted = claims.lifetime
    if renewal.renew_before is None or granted is None:
        return
    if granted <= renewal.renew_before + renewal.brought_forward:
        raise Refused(
            f"cannot renew a token of account {claims.account} {format_duration(renewal.renew_before)} before its end: "
            f"the server grants a life of {format_duration(granted)} only, so every run would mint; make renew_before "
            "(with renew_spread) shorter than that"
        )


def renewal_reason(stored: TokenClaims, record: Record | None, renewal: Renewal, now: datetime) -> str:
    """Return why a token that works is replaced; empty where it stays. Raises Refused (`check_granted`)."""
    if renewal.rotate:
        return "a rotation was asked for"
    return (
        _changed_lifetime(stored, record, renewal)
        or _near_its_end(stored, record, renewal, now)
        or _old(stored, renewal, now)
    )


def _changed_lifetime(stored: TokenClaims, record: Record | None, renewal: Renewal) -> str:
    """Compare with what was asked for then, which the record knows: a server may have granted less.

    Of a token that no run of ours minted only the kind is compared: whether it expires at all.
    """
    if record and record.keeps(stored.id):
        then = record.requested_lifetime
    elif (stored.expires_at is None) == (renewal.expires_in is None):
        return ""
    else:
        then = stored.lifetime
    if then == renewal.expires_in:
        return ""
    return f"the lifetime asked for is {_lifetime(renewal.expires_in)}, it was {_lifetime(then)}"


def _lifetime(seconds: int | None) -> str:
    return "without end" if seconds is None else format_duration(seconds)


def _near_its_end(stored: TokenClaims, record: Record | None, renewal: Renewal, now: datetime) -> str:
    if renewal.renew_before is None or stored.expires_at is None:
        return ""
    if record and record.keeps(stored.id):
        # Of a token that somebody else made, the server was asked for another life.
        check_granted(stored, renewal)
    if now < stored.expires_at - timedelta(seconds=renewal.renew_before + renewal.brought_forward):
        return ""
    return f"it ends in less than {format_duration(renewal.renew_before)}{_brought_forward(renewal)}"


def _old(stored: TokenClaims, renewal: Renewal, now: datetime) -> str:
    if renewal.renew_after is None:
        return ""
    if now < stored.issued_at + timedelta(seconds=renewal.renew_after - renewal.brought_forward):
        return ""
    return f"it is older than {format_duration(renewal.renew_after)}{_brought_forward(renewal)}"


def _brought_forward(renewal: Renewal) -> str:
    if not renewal.brought_forward:
        return ""
    return f" (brought forward by {format_duration(renewal.brought_forward)} of renew_spread)"
