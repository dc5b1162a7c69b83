# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The informer cache of the Argo CD server: objects as it sees them, a while after they were written.

Source: argo-cd util/settings/settings.go; every read goes through informers, an own write resyncs them.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from .store import Key, Object

Event = tuple[float, Key, Object | None]


class Snapshot:
    """`delay` is in seconds of real time; `on_event` hears each version in order, when it becomes visible."""

    def __init__(self, delay: float, on_event: Callable[[Key, Object | None], None]) -> None:
        self._delay = delay
        self._on_event = on_event
        self._pending: deque[Event] = deque()
        self._visible: dict[Key, Object] = {}

    def record(self, key: Key, item: Object | None) -> None:
        """A write happened; it is seen later."""
        self._pending.append((time.monotonic() + self._delay, key, item))

    def get(self, key: Key) -> Object | None:
        self.advance()
        return self._visible.get(key)

    def advance(self) -> None:
        """Show everything whose time has come."""
        now = time.monotonic()
        while self._pending and self._pending[0][0] <= now:
            self._show()

    def resync(self) -> None:
        """Show everything that was written, at once."""
        while self._pending:
            self._show()

    def _show(self) -> None:
        _when, key, item = self._pending.popleft()
        if item is None:
            self._visible.pop(key, None)
        else:
            self._visible[key] = item
        self._on_event(key, item)
