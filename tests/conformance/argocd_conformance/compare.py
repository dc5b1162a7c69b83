# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a group on a server, and tells in what two runs of it differ. The comparison is pure."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .masks import Masker
from .script import Ask, Group, Sign
from .server import Answer, Server

# Beside the status and the body. Others speak of the connection, the build or the load of the server.
HEADERS = (
    "content-type",
    "location",
    "set-cookie",
    "grpc-metadata-content-type",
    "grpc-metadata-renew-token",
    "www-authenticate",
    "warning",
    "x-content-type-options",
)
# Argo CD tells nobody when its watch has brought a change; it takes some hundredths of a second.
SETTLE_SECONDS = 0.15
PATIENCE_SECONDS = 3.0


class Difference(NamedTuple):
    """The request of a group, the real answer and the sandbox's, masked."""

    group: str
    ask: str
    real: str
    double: str

    def __str__(self) -> str:
        return f"{self.group}: {self.ask}\n    real    {self.real}\n    sandbox {self.double}"


def comparable(answer: Answer, masker: Masker) -> dict[str, Any]:
    headers = {name: masker.text(answer.headers[name]) for name in HEADERS if name in answer.headers}
    return {"status": answer.status, "headers": headers, "body": masker.body(answer.body)}


def differences(group: Group, real: Sequence[Answer], double: Sequence[Answer]) -> list[Difference]:
    maskers = Masker(), Masker()
    found = []
    for ask, answers in zip(group.asked, zip(real, double, strict=True), strict=True):
        sides = [comparable(answer, masker) for answer, masker in zip(answers, maskers, strict=True)]
        if not _same(*sides):
            found.append(Difference(group.name, str(ask), *(_shown(one, other) for one, other in (sides, sides[::-1]))))
    return found


def _same(one: Any, other: Any) -> bool:
    """As JSON: Python takes 1 for true."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _shown(one: Any, other: Any) -> str:
    """What is said on one side only, down to the members that differ."""
    return json.dumps(_differing(one, other), ensure_ascii=False)


def _differing(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            key: _differing(value, other.get(key))
            for key, value in one.items()
            if key not in other or not _same(value, other[key])
        }
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return ["..." if _same(*pair) else _differing(*pair) for pair in zip(one, other, strict=True)]
    return one


def run(group: Group, server: Server) -> list[Answer]:
    """On a fresh installation; the answers to what was asked."""
    server.reset()
    answers = []
    for step in group.steps:
        if isinstance(step, Ask):
            answers.append(server.ask(step))
        else:
            server.prepare(step)
    return answers


def run_patiently(group: Group, server: Server, expected: Sequence[Answer]) -> list[Answer]:
    """On real servers: what is read first after a change is read again until it is as expected, for a while."""
    server.reset()
    answers: list[Answer] = []
    is_settling = False
    for step in group.steps:
        if not isinstance(step, Ask):
            server.prepare(step)
            is_settling = is_settling or not isinstance(step, Sign)
            continue
        if is_settling:
            time.sleep(SETTLE_SECONDS)
        answer = server.ask(step)
        if is_settling and step.method == "GET":
            answer = _settled(step, server, answer, _is_expected(answers, expected))
        is_settling = False
        answers.append(answer)
    return answers


def _settled(ask: Ask, server: Server, answer: Answer, is_expected: Callable[[Answer], bool]) -> Answer:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_expected(answer) and time.monotonic() < deadline:
        time.sleep(0.05)
        answer = server.ask(ask)
    return answer


def _is_expected(answers: Sequence[Answer], expected: Sequence[Answer]) -> Callable[[Answer], bool]:
    """Maskers count identities, so they have to see what came before."""
    real, double = Masker(), Masker()
    for earlier, other in zip(answers, expected, strict=False):
        comparable(earlier, real)
        comparable(other, double)
    wanted = comparable(expected[len(answers)], double)
    return lambda answer: _same(comparable(answer, copy.deepcopy(real)), wanted)
