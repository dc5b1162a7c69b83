# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked, as data: groups of steps, read from the YAML files of `groups/`. Their shape is in the README."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

APIS = ("argocd", "kubernetes")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SEND_KEYS = frozenset({"send", "api", "headers", "json", "text", "keep"})


class BadScript(ValueError):
    """A step that does not say what to do; its text says where."""


@dataclass(frozen=True)
class Ask:
    """One compared request. `body` is text as it goes out, None for none; `keep` names parts of the answer."""

    api: str
    caller: str
    method: str
    path: str
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: str | None = None
    keep: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.caller} {self.method} {self.path}"


@dataclass(frozen=True)
class Set:
    """Keys of objects of the installation to set, None to remove them, by object name."""

    data: Mapping[str, Mapping[str, str | None]]


@dataclass(frozen=True)
class Put:
    """An object to create or replace behind the APIs."""

    item: Mapping[str, Any]


@dataclass(frozen=True)
class Remove:
    """An object to delete behind the APIs."""

    kind: str
    name: str


@dataclass(frozen=True)
class Sign:
    """A token to sign with the server's own key and to keep as `name`; times are seconds from now."""

    name: str
    claims: Mapping[str, Any]
    algorithm: str = "HS256"
    key: str | None = None


Step = Ask | Set | Put | Remove | Sign


@dataclass(frozen=True)
class Group:
    """Steps that belong together, on a fresh installation of their own."""

    name: str
    about: str
    steps: tuple[Step, ...]

    @property
    def asked(self) -> tuple[Ask, ...]:
        return tuple(step for step in self.steps if isinstance(step, Ask))


def read_groups(directory: Path) -> list[Group]:
    """In the order of their file names; raises BadScript."""
    return [read_group(file.stem, yaml.safe_load(file.read_text("utf-8"))) for file in sorted(directory.glob("*.yml"))]


def read_group(name: str, content: Mapping[str, Any]) -> Group:
    api = content["api"]
    if api not in APIS:
        raise BadScript(f"cannot read group {name}: api {api!r} is none of {', '.join(APIS)}")
    steps = [_step(api, step, f"step {number} of group {name}") for number, step in enumerate(content["steps"], 1)]
    return Group(name, content["about"], tuple(steps))


def _step(api: str, step: Any, where: str) -> Step:
    match step:
        case str():
            return _ask(api, {"send": step}, where)
        case {"send": str()}:
            return _ask(api, step, where)
        case {"set": dict() as data, **rest} if not rest:
            return Set(data)
        case {"put": dict() as item, **rest} if not rest:
            return Put(item)
        case {"remove": {"kind": str() as kind, "name": str() as name}, **rest} if not rest:
            return Remove(kind, name)
        case {"sign": {"name": str(), "claims": dict()} as signed, **rest} if not rest:
            return Sign(**signed)
    raise BadScript(f"cannot read {where}: it has none of the known shapes")


def _ask(api: str, step: Mapping[str, Any], where: str) -> Ask:
    words = step["send"].split(" ")
    unknown = set(step) - SEND_KEYS
    if len(words) != 3 or words[1] not in METHODS or unknown or {"json", "text"} <= set(step):
        raise BadScript(f"cannot read {where}: {step['send']!r} is not 'CALLER METHOD PATH' with known keys")
    caller, method, path = words
    body = json.dumps(step["json"], ensure_ascii=False) if "json" in step else step.get("text")
    return Ask(step.get("api", api), caller, method, path, step.get("headers", {}), body, step.get("keep", {}))
