# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on request: refuse, delay, or lose a request or its answer."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from .http import PLAIN_TEXT, Response
from .store import Key


class Dropped(Exception):
    """The connection is to be closed without an answer."""


class Touch(NamedTuple):
    """An object that somebody else writes just before, and the keys of its data that are set then."""

    kind: str
    namespace: str
    name: str
    data: Mapping[str, str] = {}

    @property
    def key(self) -> Key:
        return Key(self.kind, self.namespace, self.name)


@dataclass
class Fault:
    """Applies to the next `times` requests whose method and path match (`path` is searched, as a regex).

    With `number` only to that request, counted from the moment the requests were forgotten.
    """

    method: str
    path: re.Pattern[str]
    number: int | None
    times: int
    status: int | None
    body: Any
    headers: tuple[tuple[str, str], ...]
    drop_before: bool
    drop_after: bool
    truncate: bool
    delay: float
    touch: Touch | None

    @classmethod
    def parse(cls, wish: dict[str, Any]) -> Fault:
        match = wish.get("match", {})
        return cls(
            method=match.get("method", ""),
            path=re.compile(match.get("path", "")),
            number=match.get("number"),
            times=int(wish.get("times", 1)),
            status=wish.get("status"),
            body=wish.get("body", ""),
            headers=tuple((str(name), str(value)) for name, value in wish.get("headers", {}).items()),
            drop_before=bool(wish.get("drop_before")),
            drop_after=bool(wish.get("drop_after")),
            truncate=bool(wish.get("truncate")),
            delay=float(wish.get("delay", 0)),
            touch=Touch(**wish["touch"]) if "touch" in wish else None,
        )

    def matches(self, method: str, path: str, number: int) -> bool:
        meant = self.number in (None, number) and self.method in ("", method) and self.path.search(path) is not None
        return meant and self.times > 0

    def apply(self, handle: Callable[[], Response], touch: Callable[[Touch], None]) -> Response:
        """What the caller gets in place of `handle`'s answer; raises Dropped."""
        time.sleep(self.delay)
        if self.touch:
            touch(self.touch)
        if self.drop_before:
            raise Dropped
        answer = self.answer() or handle()
        if self.drop_after:
            raise Dropped
        return replace(answer, body=answer.body[: len(answer.body) // 2]) if self.truncate else answer

    def answer(self) -> Response | None:
        """The answer to give instead of handling the request, if any. A text body is sent as it is."""
        if self.status is None:
            return None
        if isinstance(self.body, str):
            return Response(self.status, self.body.encode(), PLAIN_TEXT, self.headers)
        return Response(self.status, json.dumps(self.body).encode(), headers=self.headers)


class Faults:
    """The faults waiting in one cluster; the oldest that matches is used. `seen` is how many requests there were."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self.seen = 0

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        self.seen += 1
        for fault in self._waiting:
            if fault.matches(method, path, self.seen):
                fault.times -= 1
                return fault
        return None
