# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What argocd_token returns, and what its diff shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._core.checks import Answer
from .._core.record import Record, TokenRef
from .token_wish import Wish

__all__ = ("Report", "show")


def show(wish: Wish, ref: TokenRef | None, record: Record | None) -> dict[str, Any]:
    """Return one side of the diff."""
    shown: dict[str, Any] = {"account": wish.account, "token_name": wish.token_name}
    if ref:
        shown.update({"id": ref.id, "issued_at": ref.issued_at, "expires_at": ref.expires_at or "never"})
    if record and record.superseded:
        shown["superseded"] = [item.id for item in record.superseded]
    return shown


@dataclass(frozen=True)
class Report:
    """`ref` is None where there is no token, or where only the real run can know it."""

    wish: Wish
    instance: str
    action: str
    reason: str
    ref: TokenRef | None = None
    superseded: Sequence[str] = ()
    revoked: Sequence[str] = ()
    unknown: Sequence[Mapping[str, Any]] = ()
    answers: Sequence[Answer] = ()
    stored_in: Sequence[Mapping[str, Any]] = ()

    def values(self) -> dict[str, Any]:
        """Return what the module returns."""
        return {
            "account": self.wish.account,
            "token_name": self.wish.token_name,
            "instance_uid": self.instance,
            "action": self.action,
            "reason": self.reason,
            "id": self.ref.id if self.ref else None,
            "issued_at": self.ref.issued_at if self.ref else None,
            "expires_at": self.ref.expires_at if self.ref else None,
            "superseded": list(self.superseded),
            "revoked": list(self.revoked),
            "unknown": list(self.unknown),
            "matrix": [answer.describe() for answer in self.answers],
            "stored_in": list(self.stored_in),
        }
