# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts in a mapping somewhere inside a YAML file, such as `configs.cm` of Helm values; every other byte stays.

As `_yaml_text`, which does the same for variables: PyYAML says where things are, the text is spliced, and the result is
read again, or refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from ansible_collections.fleetops.argocd.plugins.module_utils._core.fragments import scalar_lines
from ansible_collections.fleetops.argocd.plugins.plugin_utils._yaml_text import (
    BOM,
    Document,
    NotEditable,
    flatten,
    is_unterminated_block,
    line_of,
    line_start,
    recomposed,
    span_of,
)

__all__ = ("edit_texts", "read_texts")

_INDENT = 2
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "bool", "int", "float", "null")}
_BOOL, _NULL = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:null")
_BLANK_LINE = re.compile(r"[ \t]*[\r\n]")
_KEY_LINE = re.compile(r"(?P<key>.*?:)([ \t]*(\{[ \t]*\}|~|null))?(?P<rest>([ \t]+#.*)?[ \t]*)")

Path = Sequence[str]
Pair = tuple[yaml.Node, yaml.Node]


def read_texts(text: str, inside: Path) -> dict[str, str]:
    """Return what stands in the mapping, as Helm makes texts of it. Raise NotEditable.

    Null takes a key away, and what is no scalar is left out.
    """
    pairs = Document(text.removeprefix(BOM), inside).pairs
    scalars = [(key, node) for key, node in pairs if isinstance(node, yaml.ScalarNode) and node.tag in _PLAIN_TAGS]
    return {str(key.value): _told(node) for key, node in scalars if node.tag != _NULL}


def _told(node: yaml.ScalarNode) -> str:
    if node.tag == _BOOL:
        return "true" if yaml.constructor.SafeConstructor().construct_yaml_bool(node) else "false"
    return str(node.value)


def edit_texts(text: str, inside: Path, changes: Mapping[str, str | None]) -> str:
    """Return the text with every key of `changes` set in the mapping or, for None, removed. Raise NotEditable.

    Mappings on the way there are made where they are missing, and go with their last key.
    """
    edited = body = text.removeprefix(BOM)
    Document(body, inside)
    for key, wanted in changes.items():
        edited = _without(edited, inside, key) if wanted is None else _with(edited, inside, key, wanted)
    _verify(body, edited, inside, changes)
    return text[: len(text) - len(body)] + edited


# -- setting


def _with(text: str, inside: Path, key: str, wanted: str) -> str:
    document = recomposed(text, inside)
    if not document.found and inside:
        return _with_mapping(text, inside, key, wanted)
    entry = document.entry(key)
    if entry is None:
        return _inserted(document, [key], wanted, bool(inside))
    _require_scalar(entry)
    if read_texts(text, inside).get(key) == wanted:
        return text
    span = span_of(document, *entry)
    indent = span.indent or document.indent + _INDENT
    below = text[span.kept :]
    scalar = scalar_lines(wanted, span.header, blank_below=bool(_BLANK_LINE.match(below)))
    lines = _rendered(span.after_key, scalar, span.comment, indent)
    return text[: span.start] + document.newline.join(lines) + span.newline + below


def _with_mapping(text: str, inside: Path, key: str, wanted: str) -> str:
    """Make what is missing of the mappings on the way to the key."""
    depth = max(number for number in range(len(inside)) if number == 0 or Document(text, inside[:number]).found)
    parent = Document(text, inside[:depth])
    entry = parent.entry(inside[depth])
    if entry is None:
        return _inserted(parent, [*inside[depth:], key], wanted, depth > 0)
    start, end = _key_line(text, entry[0])
    line = _KEY_LINE.fullmatch(text[start:end])
    if line is None:
        raise NotEditable("the empty value cannot be taken out of its line", line=line_of(entry[0]))
    below = text[end:] or parent.newline
    made = _lines([*inside[depth + 1 :], key], wanted, parent.indent + _INDENT, below.removeprefix(parent.newline))
    return text[:start] + parent.newline.join([line["key"] + line["rest"], *made]) + below


def _key_line(text: str, key: yaml.Node) -> tuple[int, int]:
    """Return where the key's line begins and ends, without its line break."""
    start = line_start(key)
    if text[start : key.start_mark.index].strip(" "):
        raise NotEditable("the key does not stand at the beginning of its line", line=line_of(key))
    end = int(key.end_mark.index)
    return start, end + len(re.split(r"[\r\n]", text[end:], maxsplit=1)[0])


def _lines(keys: Path, wanted: str, indent: int, below: str) -> list[str]:
    """Return the lines of new mappings with the text at the last of the keys, for a place before the text `below`."""
    *parents, key = keys
    lines = [" " * (indent + _INDENT * depth) + f"{parent}:" for depth, parent in enumerate(parents)]
    column = indent + _INDENT * len(parents)
    scalar = scalar_lines(wanted, blank_below=bool(_BLANK_LINE.match(below)))
    return lines + _rendered(" " * column + f"{key}: ", scalar, "", column + _INDENT)


def _rendered(after_key: str, scalar: list[str], comment: str, indent: int) -> list[str]:
    first, *content = scalar
    behind = f" {comment}" if comment else ""
    return [after_key + first + behind, *(" " * indent + line if line else "" for line in content)]


def _inserted(document: Document, keys: Path, wanted: str, nested: bool) -> str:  # noqa: FBT001 # one caller's case each
    text, position = document.text, document.end
    last = document.pairs[-1] if document.pairs else None
    if last and is_unterminated_block(text, last[1]):
        # A line break behind it would become part of its value.
        position = line_start(last[0])
    elif last and nested:
        position = span_of(document, *last).kept
    lines = _lines(keys, wanted, document.indent, text[position:])
    before = document.newline if position and text[position - 1] not in "\r\n" else ""
    return text[:position] + before + document.newline.join(lines) + document.newline + text[position:]


# -- removing


def _without(text: str, inside: Path, key: str) -> str:
    document = recomposed(text, inside)
    entry = document.entry(key)
    if entry is None:
        return text
    _require_scalar(entry)
    span = span_of(document, *entry)
    return _cut(text, inside, document, span.start, span.kept)


def _cut(text: str, inside: Path, document: Document, start: int, end: int) -> str:
    """Take out an entry, and with the last one of a mapping the mapping: left without a value it would be null.

    A comment in it keeps it, as `{}`. To Helm null is no mapping without keys, it takes the chart's own away.
    """
    if not inside or len(document.pairs) > 1:
        return text[:start] + text[end:]
    parent = Document(text, inside[:-1])
    holder = next(key for key, _value in parent.pairs if key.value == inside[-1])
    first, line_end = _key_line(text, holder)
    line = _KEY_LINE.fullmatch(text[first:line_end])
    if line is None:
        raise NotEditable("the mapping does not begin on a line of its own", line=line_of(holder))
    if line["rest"].strip() or text[line_end:start].strip():
        return text[:first] + line["key"] + " {}" + line["rest"] + text[line_end:start] + text[end:]
    return _cut(text, inside[:-1], parent, first, end)


def _require_scalar(entry: Pair) -> None:
    if not isinstance(entry[1], yaml.ScalarNode) or entry[1].tag not in _PLAIN_TAGS:
        raise NotEditable("the value is of another kind than is written here", line=line_of(entry[0]))


# -- proving


def _verify(old: str, new: str, inside: Path, changes: Mapping[str, str | None]) -> None:
    before, after = Document(old), recomposed(new)
    if list(_others(before.root, inside, changes, {})) != list(_others(after.root, inside, changes, {})):
        raise NotEditable("the edit would change another value")
    found = read_texts(new, inside)
    if any(found.get(key) != wanted for key, wanted in changes.items()):
        raise NotEditable("the edited text would not read back as it was meant")


def _others(
    node: yaml.Node | None, inside: Path, keys: Mapping[str, Any], seen: dict[int, int]
) -> Iterator[tuple[Any, ...]]:
    """Flatten everything but these keys of the mapping, and the mappings on the way there that have nothing else."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if inside and key.value == inside[0]:
            is_empty = value.tag == _NULL or not value.value
            below = list(_others(value, inside[1:], keys, seen)) if isinstance(value, yaml.MappingNode) else []
            if below or not (is_empty or isinstance(value, yaml.MappingNode)):
                yield (key.value, len(below))
                yield from below
        elif inside or key.value not in keys:
            yield from flatten([key, value], seen)
