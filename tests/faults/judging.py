# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold at every moment, and in the end. Pure: views in, complaints out."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .world import PASSWORD, View

TRACEBACK = "Traceback (most recent call last)"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TOKEN_ID = re.compile(r"[\w-]+-\d{8}T\d{6}Z-[0-9a-f]{8}")
RECAP = re.compile(r"^\S+ +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)
DEAD, ORPHAN, LEAK, TRACE, OTHER = "dead window", "orphan", "leak", "traceback", "not converged"
# What of a record is another in each run; of a token, of a password.
VARYING = ("current", "superseded", "set_at", "by")
# The fault did not happen: what is wrong is the trace.
MISSED = "missed"
Complaint = tuple[str, str]


def moment(start: View, now: View, *, ends: bool) -> Iterator[Complaint]:
    """At any moment: a place that held a working token holds one, and none holds a token that does not work.

    A password is stored before it is set, and only one is valid at a time: the places may hold the next one already.
    But what came into effect since the start is held by a place: nobody could read it back.
    """
    if ends:
        return
    for before, works in zip(start.works, now.works, strict=True):
        if works is False and now.keeps != PASSWORD:
            yield DEAD, "a place holds a token that the server refuses"
        elif before and works is None:
            yield DEAD, f"a place held a {now.keeps} that worked and holds none"
    if now.keeps == PASSWORD and now.hash != start.hash and True not in now.works:
        yield DEAD, "a password is in effect that no place holds"


def end(start: View, now: View, reference: View, *, ends: bool, removes: bool) -> Iterator[Complaint]:
    """After the run that had no fault. `reference` is the end of a run that never had one."""
    yield from moment(start, now, ends=ends)
    if ends and (now.held.record or any(_values(now))):
        yield OTHER, "a place still holds something of ours"
    record = now.held.record or {}
    lost = sorted(now.live - set(ids(record)))
    if lost:
        yield ORPHAN, f"the server lists {', '.join(lost)}, which the record does not know"
    for name, theirs, ours in (
        (now.keeps, bool(reference.held.value), bool(now.held.value)),
        ("renewal", reference.held.value == start.held.value, now.held.value == start.held.value),
        ("account", reference.account, now.account),
        ("policy", reference.policy, now.policy),
        ("password", reference.hash == start.hash, now.hash == start.hash),
        ("number of live tokens that are not superseded", *(_in_effect(view) for view in (reference, now))),
        ("form of the record", *(_form(view.held.record) for view in (reference, now))),
    ):
        if theirs != ours:
            yield OTHER, f"{name}: {ours} where {theirs} was expected"
    if any(copy != now.held.value for copy in now.held.copies):
        yield OTHER, f"the places hold different {now.keeps}s"
    if now.keeps == PASSWORD:
        yield from _settled_password(now, record)
    elif now.held.value and record and record["current"]["id"] != token_id(now.held.value):
        yield OTHER, "the record is of another token than the place holds"
    if (now.foreign if not removes else _without_account(now)) != (
        start.foreign if not removes else _without_account(start)
    ):
        yield OTHER, f"something foreign changed: {difference(start.foreign, now.foreign)}"


def state(start: View, now: View, beside: Iterable[str]) -> str:
    """All that the next run finds, without what no two runs have the same: ids are numbered, and times left out.

    `beside` are the names of the files beside the place.
    """
    numbers: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return numbers.setdefault(found[0], f"id {len(numbers)}")

    values = list(zip(_values(now), _values(start), strict=True))
    told = [
        now.held.record,
        [token_id(value) if value and now.keeps != PASSWORD else value == before for value, before in values],
        now.works,
        sorted(now.live, key=lambda one: (one not in ids(now.held.record or {}), one)),
        now.account,
        now.policy,
        (now.hash == start.hash, now.set_at == start.set_at, (now.held.record or {}).get("set_at") == now.set_at),
        now.foreign == start.foreign or repr(now.foreign),
        sorted(beside),
    ]
    return TIME.sub("time", TOKEN_ID.sub(number, json.dumps(told, sort_keys=True)))


def _values(view: View) -> tuple[str | None, ...]:
    return (view.held.value, *view.held.copies)


def _settled_password(now: View, record: Mapping[str, Any]) -> Iterator[Complaint]:
    if not all(now.works):
        yield DEAD, "a place holds no password, or another than the one in effect"
    if record.get("set_at") != now.set_at:
        yield OTHER, "the record is of another password than the one in effect"


def _without_account(view: View) -> Any:
    others, data, secret, _tokens, rest = view.foreign
    return others, data, secret, rest


def _in_effect(view: View) -> int:
    superseded = {item["id"] for item in (view.held.record or {}).get("superseded") or []}
    return len(view.live - superseded)


def _form(record: Mapping[str, Any] | None) -> Any:
    """What is the same whatever happened: ids and times are not, and superseded ids may be more after a fault."""
    return record and {key: value for key, value in record.items() if key not in VARYING}


def ids(record: Mapping[str, Any]) -> list[str]:
    current = [record["current"]["id"]] if record.get("current") else []
    announced = [record["announced"]] if record.get("announced") else []
    return [*current, *announced, *(item["id"] for item in record.get("superseded") or [])]


def token_id(token: str) -> str:
    payload = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"])


def difference(one: Any, other: Any, at: str = "") -> str:
    """Where two shapes differ first, without the values."""
    if type(one) is type(other) and isinstance(one, dict):
        for key in sorted(one.keys() | other.keys(), key=str):
            if key not in one or key not in other:
                return f"{at}/{key} is there only once"
            if one[key] != other[key]:
                return difference(one[key], other[key], f"{at}/{key}")
    if type(one) is type(other) and isinstance(one, list | tuple) and len(one) == len(other):
        for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            if mine != theirs:
                return difference(mine, theirs, f"{at}[{index}]")
    return at or "all of it"


def output(text: str, secrets: Iterable[str]) -> Iterator[Complaint]:
    """What a run printed."""
    if TRACEBACK in text:
        yield TRACE, text[text.index(TRACEBACK) :][:2000]
    for secret in secrets:
        if secret in text:
            yield LEAK, f"the output holds a secret of {len(secret)} characters"


def left_over(directory: Path, secrets: Iterable[str]) -> Iterator[Complaint]:
    """Files that a run left in a directory for temporary ones."""
    hidden = [secret.encode() for secret in secrets]
    for path in sorted(directory.rglob("*")):
        if path.is_file() and any(secret in path.read_bytes() for secret in hidden):
            yield LEAK, f"{path.relative_to(directory)} was left over and holds a secret"


def changed(text: str) -> int | None:
    """How many tasks changed something, by Ansible's own recap; None where there is none."""
    found = RECAP.search(text)
    return int(found[2]) if found else None
