# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the write: whether others leave it alone, or have made the ConfigMap from it yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._core.errors import UnexpectedReply
from .._core.ownership import FIELD_MANAGER, last_writers, other_writers
from .._core.plan import SetKeys
from .._core.tokens import parse_duration
from .._stores.port import Store
from .ports import Ports, wait_until

__all__ = ("Arrival", "await_arrival", "parse_settle_time", "require_lasting")


@dataclass(frozen=True)
class Arrival:
    """Whether what is kept upstream is in the ConfigMap: `pending` if not (yet), `late` if it was not at first."""

    pending: bool
    late: bool


def parse_settle_time(params: Mapping[str, Any]) -> int:
    """Return the seconds; raise InvalidInput."""
    return parse_duration(params["settle_time"], option="settle_time", least=0)


def await_arrival(arrived: Callable[[], bool], *, seconds: int, ports: Ports) -> Arrival:
    """Look, again and again for so long, whether the ConfigMap was made from what is upstream; in check mode once."""
    if arrived():
        return Arrival(pending=False, late=False)
    if ports.check_mode or not seconds:
        return Arrival(pending=True, late=True)
    there = wait_until(arrived, bool, seconds=seconds, sleep=ports.sleep)
    return Arrival(pending=not there, late=True)


def require_lasting(store: Store, steps: Sequence[SetKeys], *, seconds: int, upstream: str, ports: Ports) -> None:
    """Look again after so many seconds; raise UnexpectedReply where somebody changed our keys back.

    `upstream` is what to put where the ConfigMap is made from.
    """
    if not seconds or not steps:
        return
    ports.sleep(seconds)
    for step in steps:
        snapshot = store.read(step.kind, step.name)
        undone = [key for key, wanted in step.values.items() if snapshot.data.get(key) != wanted]
        if undone:
            raise UnexpectedReply(
                f"cannot keep {', '.join(undone)} in {step.name}: within {seconds} s somebody changed it back, "
                f"{_suspects(snapshot.metadata, undone)}; put this where {step.name} is made from:\n{upstream}"
            )


def _suspects(metadata: Mapping[str, Any], undone: Iterable[str]) -> str:
    """Name who wrote. A key that is gone has no writer, and taking one away makes nobody a writer (managedFields)."""
    writers = [writer for writer in last_writers(metadata, undone).values() if not writer.startswith(FIELD_MANAGER)]
    if writers:
        return ", ".join(dict.fromkeys(writers))
    others = other_writers(metadata)
    return f"one of those that write there ({', '.join(others)})" if others else "who is not recorded"
