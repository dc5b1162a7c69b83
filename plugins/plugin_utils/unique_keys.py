# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that a text gives twice: where an option takes a dictionary Ansible makes one of the text, and the last wins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yaml import MappingNode, Node, SafeLoader, ScalarNode, SequenceNode, YAMLError, compose

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput, quoted

__all__ = ("require_unique_keys",)


def require_unique_keys(args: Mapping[str, Any], argument_spec: Mapping[str, Any]) -> None:
    """Raise InvalidInput where an option that takes dictionaries is a JSON (or YAML) text with a key twice in one."""
    for option, value in args.items():
        spec = argument_spec.get(option) or {}
        if "dict" in (spec.get("type"), spec.get("elements")):
            for text in value if isinstance(value, list) else [value]:
                _require_unique(option, text)


def _require_unique(option: str, text: Any) -> None:
    if not isinstance(text, str) or not text.lstrip().startswith(("{", "[")):
        return
    try:
        root = compose(text, Loader=SafeLoader)
    except YAMLError:
        # Ansible says what it is not.
        return
    twice = next(_twice(root), None)
    if twice is not None:
        raise InvalidInput(f"cannot use {option}: it has the key {quoted(twice)} twice; leave one out")


def _twice(node: Node | None) -> Iterator[str]:
    """Yield the keys given twice, at any depth."""
    if isinstance(node, MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                if key.value in seen:
                    yield key.value
                seen.add(key.value)
            yield from _twice(value)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _twice(item)
