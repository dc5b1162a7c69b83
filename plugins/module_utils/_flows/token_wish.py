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
from .._core.tokens import check_token_name, parse_duration

__all__ = ("Wish", "parse_wish")


@dataclass(frozen=True)
class Wish:
    """The validated options. `expires_in` is in seconds, None for a token that never expires."""

    account: str
    token_name: str
    expires_in: int | None
    checks: tuple[Check, ...]
    recover: bool
    overwrite: bool
    return_token: bool
    planned: bool
    patience: float


def parse_wish(params: Mapping[str, Any]) -> Wish:
    """Return the wish; raise InvalidInput naming the option. No network."""
    account = check_account_name(params["account"], option="account")
    expires_in = params["expires_in"]
    return Wish(
        account=account,
        token_name=check_token_name(params["token_name"] or account),
        expires_in=None if expires_in is None else parse_duration(expires_in, option="expires_in"),
        checks=tuple(parse_checks(params["checks"])),
        recover=params["recover"],
        overwrite=params["overwrite"],
        return_token=params["return_token"],
        planned=params["planned"],
        patience=params["wait_timeout"],
    )
