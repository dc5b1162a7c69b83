# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port of a store: where account and policy keys live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .._core.plan import Plan, SetKeys

__all__ = ("Retry", "Snapshot", "Source", "Store")

Retry = Callable[[Callable[[], Plan]], Plan]


@dataclass(frozen=True)
class Snapshot:
    """One object as it was read: `data` in plain text, `metadata` as the API server gives it.

    `source` is the metadata of the object that it is made from, where that one is what is written. `unset` are keys as
    the cluster has them that could be kept where the object is made from, and are not.
    """

    data: Mapping[str, str]
    metadata: Mapping[str, Any]
    source: Mapping[str, Any] | None = None
    unset: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_force(self) -> Mapping[str, str]:
        """What counts, and what is kept upstream once it does: the rest stays as it is."""
        return {**self.unset, **self.data}


class Store(Protocol):
    """Reads one object's keys, and writes by plan.

    `upstream` names where the ConfigMaps' keys are kept if that is not in the ConfigMaps themselves; else it is empty.
    """

    upstream: str

    def keeps(self, name: str, key: str) -> bool:
        """Whether that key of that ConfigMap is kept where this store keeps keys."""

    def read(self, kind: str, name: str) -> Snapshot:
        """Return the keys to plan from, with the metadata of the object; raises an ApiError."""

    def live(self, kind: str, name: str) -> Snapshot:
        """Return the object as the cluster has it; raises an ApiError."""

    def settle(self, make_plan: Callable[[], Plan], *, apply: bool, retry: Retry) -> Plan:
        """Make the plan and carry it out; where somebody else wrote in between, plan anew from a new read.

        `retry` calls again what raised Conflict, as often as it sees fit.
        With `apply` false (check mode) nothing is written, and rights that a write would lack are found all the same.
        Returns the plan that holds.
        """


class Source(Protocol):
    """Where keys of the ConfigMaps are kept that something else makes the ConfigMaps from."""

    label: str
    # Of the object that holds them, as it was read last; None for a file.
    metadata: Mapping[str, Any] | None

    def holds(self, name: str, key: str) -> bool:
        """Whether that key of that ConfigMap is kept here."""

    def leaves(self, name: str) -> bool:
        """Whether a key of that ConfigMap that is not set here is left as it is there: then it is planned from."""

    def read(self, name: str) -> Mapping[str, str]:
        """Return the ConfigMap's keys; what is written later is refused if it has changed since."""

    def write(self, step: SetKeys, *, dry_run: bool) -> None:
        """Set the keys; raises Conflict. With `dry_run` nothing is written, and what a write would lack is found."""
