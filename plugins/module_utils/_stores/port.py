# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port of a store: where account and policy keys live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .._core.plan import Plan

__all__ = ("Snapshot", "Store")


@dataclass(frozen=True)
class Snapshot:
    """One object as it was read: `data` in plain text, `metadata` as the API server gives it."""

    data: Mapping[str, str]
    metadata: Mapping[str, Any]


class Store(Protocol):
    """Reads one object's keys, and writes by plan."""

    def read(self, kind: str, name: str) -> Snapshot:
        """Return the object; raises an ApiError."""

    def settle(self, make_plan: Callable[[], Plan], *, apply: bool) -> Plan:
        """Make the plan and carry it out, planning anew from a new read where somebody else wrote in between.

        With `apply` false (check mode) nothing is written, and rights that a write would lack are found all the same.
        Returns the plan that holds.
        """
