# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task asks of argocd_token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._core.accounts import check_account_name
from .._core.checks import Check, parse_checks
from .._core.renewal import Renewal, check_renewal
from .._core.retirement import check_named
from .._core.tokens import check_token_name, parse_duration

__all__ = ("FACT", "Wish", "parse_wish")

# An item of `store` that is no place: it hands the token, kept or new, to the rest of the play.
FACT = "fact"


@dataclass(frozen=True)
class Wish:
    """The validated options; times in seconds."""

    account: str
    token_name: str
    present: bool
    by_signing: bool
    renewal: Renewal
    revoke_after: int
    revoke_unknown: tuple[str, ...]
    checks: tuple[Check, ...]
    recover: bool
    overwrite: bool
    return_token: bool
    as_fact: bool
    planned: bool
    patience: float


def parse_wish(params: Mapping[str, Any]) -> Wish:
    """Return the wish; raise InvalidInput naming the option. No network."""
    account = check_account_name(params["account"], option="account")
    return Wish(
        account=account,
        token_name=check_token_name(params["token_name"] or account),
        present=params["state"] == "present",
        by_signing=params["method"] == "kubernetes",
        renewal=_renewal(params),
        revoke_after=parse_duration(params["revoke_after"], option="revoke_after", least=0),
        revoke_unknown=check_named(params["revoke_unknown"]),
        checks=tuple(parse_checks(params["checks"])),
        recover=params["recover"],
        overwrite=params["overwrite"],
        return_token=params["return_token"],
        as_fact=any(item.get("type") == FACT for item in params["store"]),
        planned=params["planned"],
        patience=params["wait_timeout"],
    )


def _renewal(params: Mapping[str, Any]) -> Renewal:
    renewal = Renewal(
        expires_in=_duration(params, "expires_in", unset="a token that never expires"),
        renew_before=_duration(params, "renew_before"),
        renew_after=_duration(params, "renew_after"),
        spread=_duration(params, "renew_spread") or 0,
        rotate=params["rotate"],
    )
    check_renewal(renewal)
    return renewal


def _duration(params: Mapping[str, Any], option: str, *, unset: str = "") -> int | None:
    text = params[option]
    return None if text is None else parse_duration(text, option=option, unset=unset)
