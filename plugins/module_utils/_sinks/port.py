# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port every sink implements: read, and write by compare-and-set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import SinkConflict, SinkError

__all__ = ("Entry", "Sink", "SinkConflict", "SinkError")


@dataclass(frozen=True)
class Entry:
    """What a sink holds for one token name.

    `token` is plain text, None where nothing is stored; `record` is the parsed JSON object beside it.
    `stale` says why the stored form should be written again although the value is right (another vault
    id than asked, say). `version` is opaque and the sink's own.
    """

    token: str | None = None
    record: Mapping[str, Any] | None = None
    stale: str | None = None
    version: str | None = None

    def __repr__(self) -> str:
        """Without the token: a repr ends up in logs."""
        return f"Entry(token={'set' if self.token else None}, record={self.record!r}, stale={self.stale!r})"

    def holds_same(self, other: Entry) -> bool:
        """Whether token and record are the same; form and version do not matter."""
        return self.token == other.token and self.record == other.record


class Sink(Protocol):
    """A place where one token and its record are stored.

    `label` is for messages, `location` for results (`type` and what finds the place again).
    """

    label: str
    location: dict[str, Any]

    def prepare(self) -> None:
        """Raise SinkError if a later write could not work; change nothing."""

    def read(self) -> Entry:
        """Return what is stored; Entry() where nothing is. Raise SinkError where that cannot be told."""

    def write(self, entry: Entry, *, expected: Entry) -> None:
        """Store atomically if the sink still holds `expected`, else raise SinkConflict.

        A token or record of None is removed.
        """
