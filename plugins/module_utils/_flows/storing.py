# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The places of one token, or password, and its record: the first is read, the others are brought in line with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._core.errors import InvalidInput, SinkConflict, SinkError
from .._sinks.port import Entry

if TYPE_CHECKING:
    from .._sinks.port import Sink

__all__ = ("Places",)


class Places:
    """The sinks of one task. Every write is compare-and-set, and read back where it has to last."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks
        self._read: list[Entry] = []
        _require_different([sink.label for sink in sinks])

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._sinks)

    @property
    def where(self) -> str:
        """The first place, in words."""
        return self._sinks[0].label if self._sinks else "the caller's hands"

    @property
    def locations(self) -> list[dict[str, Any]]:
        """What finds them again, and in words."""
        return [{**sink.location, "label": sink.label} for sink in self._sinks]

    def named(self, entries: Sequence[Entry]) -> list[tuple[str, Entry]]:
        """Return each entry with its place in words."""
        return [(sink.label, entry) for sink, entry in zip(self._sinks, entries, strict=True)]

    def prepare(self) -> None:
        """Raise SinkError if a later write could not work; change nothing."""
        for sink in self._sinks:
            sink.prepare()

    def prepare_removal(self, entries: Sequence[Entry]) -> None:
        """Do so for what `clear` will write. An empty place may be gone, as with the namespace of a Secret."""
        for sink, entry in zip(self._sinks, entries, strict=True):
            if not entry.holds_same(Entry()):
                sink.prepare()

    def read(self) -> list[Entry]:
        """Return what each holds."""
        self._read = [sink.read() for sink in self._sinks]
        return self._read

    def changed(self) -> bool:
        """Whether one holds something else than when it was read last."""
        before = self._read
        return not all(entry.holds_same(last) for entry, last in zip(self.read(), before, strict=True))

    def announced(self) -> str | None:
        """Return the id that a run has announced and not stored yet: it is at work, or was killed."""
        record = self._sinks[0].read().record if self._sinks else None
        return record.get("announced") if record else None

    def write_record(self, entry: Entry, *, expected: Entry) -> None:
        """Write the first place only, where the record is looked up."""
        if self._sinks:
            self._sinks[0].write(entry, expected=expected)

    def store(self, wanted: Entry, *, expected: Sequence[Entry]) -> None:
        """Write what differs, and read it back. Raises SinkError; SinkConflict where somebody else was faster."""
        for sink, entry in zip(self._sinks, expected, strict=True):
            if differs(entry, wanted):
                sink.write(wanted, expected=entry)
                _require_read_back(sink, wanted)

    def restore(self, entries: Sequence[Entry], *, written: Entry) -> None:
        """Put back what the places held that were written. Raises SinkError."""
        for sink, entry in zip(self._sinks, entries, strict=True):
            if differs(entry, written) and sink.read().holds_same(written):
                sink.write(entry, expected=written)

    def clear(self, *, expected: Sequence[Entry]) -> None:
        """Remove token and record everywhere; last where the record is looked up."""
        for sink, entry in reversed(list(zip(self._sinks, expected, strict=True))):
            if not entry.holds_same(Entry()):
                sink.write(Entry(), expected=entry)
                _require_read_back(sink, Entry())

    def may_hold(self, token: str) -> bool:
        """Whether a place holds the token, or may hold it because it could not be read."""
        try:
            return any(entry.token == token for entry in self.read())
        except SinkError:
            return True


def differs(entry: Entry, wanted: Entry) -> bool:
    """Whether the place has to be written, for its value or for its form."""
    return bool(entry.stale) or not entry.holds_same(wanted)


def _require_read_back(sink: Sink, wanted: Entry) -> None:
    """Raise SinkConflict where the sink does not hold what was just written."""
    if not sink.read().holds_same(wanted):
        raise SinkConflict(f"cannot write {sink.label}: what was read back is not what was written")


def _require_different(labels: list[str]) -> None:
    """A place given twice would fail to be compared-and-set the second time, after the token is minted."""
    twice = next((label for index, label in enumerate(labels) if label in labels[:index]), None)
    if twice:
        raise InvalidInput(f"cannot store in {twice} twice: leave one out of store")
