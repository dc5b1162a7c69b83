# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Top-level keys of a YAML variables file: look up, set, remove; every other byte stays.

PyYAML only says where things are; the text itself is spliced, because no YAML writer keeps comments,
quotes, indentation and line ends. After a splice the text is composed again: unless every other entry
is what it was, the edit is refused. What this file cannot edit safely it refuses too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

__all__ = (
    "BOM",
    "Document",
    "FlowMapping",
    "NotEditable",
    "Value",
    "VaultBlock",
    "edit",
    "flatten",
    "is_unterminated_block",
    "line_of",
    "line_start",
    "lookup",
    "recomposed",
    "span_of",
)

_VAULT_TAGS = ("!vault", "!vault-encrypted")  # both are read by Ansible
_STR, _NULL, _MAP, _MERGE = (f"tag:yaml.org,2002:{name}" for name in ("str", "null", "map", "merge"))
BOM = "\ufeff"
_VAULT_INDENT = 10  # as `ansible-vault encrypt_string` prints it
# JSON allows these bare within a string. YAML 1.1 takes them for line breaks, or not at all.
_NOT_BARE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_BLOCK_HEADER = re.compile(r"(?:!\S+[ \t]+)?(?P<style>[|>][-+0-9]*)(?P<comment>[ \t]+#[^\r\n]*)?[ \t]*(?=\r|\n|\Z)")
_LINE_REST = re.compile(r"(?P<comment>[ \t]+#[^\r\n]*)?[ \t]*(?P<newline>\r\n|\r|\n|\Z)")
_DOCUMENT_END = re.compile(r"^\.\.\.(?=\s|\Z)", re.MULTILINE)


class NotEditable(ValueError):
    """The text cannot be read, or not be edited safely. Names a line, never what stands there."""

    def __init__(self, reason: str, *, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"{reason} (line {line})")


@dataclass(frozen=True)
class VaultBlock:
    """To be written as `!vault |` with the armoured ciphertext below it."""

    ciphertext: str


@dataclass(frozen=True)
class FlowMapping:
    """To be written as one line of JSON, which is a YAML flow mapping."""

    data: Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """What stands at a key: `text` for a vault block (the ciphertext) or a string, `data` for a mapping of JSON types.

    Null, an empty value included, is "null". "other" is everything no token or record can be.
    """

    kind: Literal["vault", "text", "null", "mapping", "other"]
    line: int
    text: str = field(default="", repr=False)  # may be a token
    data: Mapping[str, Any] | None = None


def lookup(text: str, *keys: str) -> dict[str, Value]:
    """Return what stands at the top-level `keys`, without the missing ones. Raise NotEditable."""
    document = Document(text.removeprefix(BOM))
    entries = {key: document.entry(key) for key in keys}
    return {key: _value(entry) for key, entry in entries.items() if entry is not None}


def edit(text: str, changes: Mapping[str, VaultBlock | FlowMapping | None], *, neighbours: Sequence[str] = ()) -> str:
    """Return the text with every key of `changes` set or, for None, removed. Raise NotEditable.

    A new key is put beside the nearest of `neighbours` (keys in the order in which they should stand),
    else at the end of the document.
    """
    body = text.removeprefix(BOM)
    old = new = Document(body)
    for key, wanted in changes.items():
        new = recomposed(_changed(new, key, wanted, neighbours))
    _verify(old, new, changes)
    return text[: len(text) - len(body)] + new.text


class Document:
    """The one block mapping of a text, as PyYAML composes it, or the one `inside` of it below these keys.

    `found` says whether that one is there; null and `{}` count as none. On the way there and in it every key stands as
    itself: what a merge key brings in is neither seen here nor would it show behind a mapping of the same name.
    """

    def __init__(self, text: str, inside: Sequence[str] = ()) -> None:
        self.text = text
        self.newline = "\r\n" if re.match(r"[^\n]*\r\n", text) else "\n"
        self.root = root = _root(text)
        for key in inside:
            entry = Document._entry(_unmerged(root), key)
            root = None if entry is None else _mapping(*entry)
        if inside:
            _unmerged(root)
        self.found = root is not None
        self.pairs: list[tuple[yaml.Node, yaml.Node]] = [] if root is None else root.value
        # Behind a `? ` a key stands further right than its entry does.
        self.indent = min((key.start_mark.column for key, _value in self.pairs), default=0)

    @property
    def end(self) -> int:
        """Where the document ends: at its `...` or with the text."""
        marker = _DOCUMENT_END.search(self.text, self.pairs[-1][1].end_mark.index if self.pairs else 0)
        return marker.start() if marker else len(self.text)

    def entry(self, key: str) -> tuple[yaml.Node, yaml.Node] | None:
        """Return key and value, None where there is no such key. Raise NotEditable where it is there twice."""
        return self._entry(self.pairs, key)

    @staticmethod
    def _entry(pairs: list[tuple[yaml.Node, yaml.Node]], key: str) -> tuple[yaml.Node, yaml.Node] | None:
        found = [pair for pair in pairs if (pair[0].tag, pair[0].value) == (_STR, key)]
        if len(found) > 1:
            raise NotEditable("the key is there twice", line=line_of(found[1][0]))
        return found[0] if found else None


def _unmerged(mapping: yaml.MappingNode | None) -> list[tuple[yaml.Node, yaml.Node]]:
    """Return the mapping's entries. Raise NotEditable where a merge key brings in others."""
    pairs = [] if mapping is None else mapping.value
    merge = next((key for key, _value in pairs if key.tag == _MERGE), None)
    if merge:
        raise NotEditable("a merge key brings in keys that stand elsewhere", line=line_of(merge))
    return pairs


def _mapping(key: yaml.Node, node: yaml.Node) -> yaml.MappingNode | None:
    """Return the block mapping at a key, None for null and `{}`."""
    if node.tag == _NULL or (isinstance(node, yaml.MappingNode) and not node.value):
        return None
    if not isinstance(node, yaml.MappingNode) or node.flow_style or node.start_mark.index < key.end_mark.index:
        raise NotEditable("the value is no mapping with a line for each key", line=line_of(key))
    return node


def _root(text: str) -> yaml.MappingNode | None:
    documents = _composed(text)
    if len(documents) > 1:
        raise NotEditable("there is more than one YAML document", line=line_of(documents[1]))
    if not documents or (documents[0].tag, documents[0].value) == (_NULL, ""):
        return None
    root = documents[0]
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise NotEditable("the document is not a block mapping of variables", line=line_of(root))
    return root


def _composed(text: str) -> list[yaml.Node]:
    # A YAML error quotes the text: only the place is taken over, and nothing is raised while it is handled.
    try:
        return list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
    raise NotEditable("this is not valid YAML", line=line)


def line_of(node: yaml.Node) -> int:
    """Return the number of the node's line."""
    return int(node.start_mark.line) + 1


def _value(entry: tuple[yaml.Node, yaml.Node]) -> Value:
    key, node = entry
    line = line_of(key)
    if isinstance(node, yaml.ScalarNode):
        if node.tag in _VAULT_TAGS:
            return Value("vault", line, text=node.value)
        if node.tag == _STR:
            return Value("text", line, text=node.value)
        return Value("null" if node.tag == _NULL else "other", line)
    data = _json_mapping(node)
    return Value("other", line) if data is None else Value("mapping", line, data=data)


def _json_mapping(node: yaml.Node) -> dict[str, Any] | None:
    if node.tag == _MAP:
        with suppress(yaml.YAMLError, TypeError, ValueError):  # a tag, a date, a key that is no string, a cycle
            data = yaml.constructor.SafeConstructor().construct_document(node)
            if json.loads(json.dumps(data, allow_nan=False)) == data:
                return dict(data)
    return None


@dataclass(frozen=True)
class Span:
    """An entry in the text: its lines, the place of its value, and what is kept of the value's form."""

    start: int  # of the key's line
    end: int  # behind the line break of its last line
    after_key: str  # up to and with the colon and the blanks behind it
    comment: str
    indent: int | None  # of the content, where the value is a block scalar
    newline: str
    header: str = ""  # of a block scalar with content
    kept: int = 0  # behind the blank lines that a block scalar keeps (`|+`) below its last line; else the same as end


def span_of(document: Document, key: yaml.Node, node: yaml.Node) -> Span:
    """Return where an entry stands. Raise NotEditable where it cannot be cut out safely."""
    text, line = document.text, line_of(key)
    start = line_start(key)
    gap = text[key.end_mark.index : node.start_mark.index]
    blank = r"[ \t]*" if isinstance(node, yaml.ScalarNode) else r"\s*"
    colon = re.fullmatch(rf"(?P<colon>[ \t]*:)(?P<blank>{blank})", gap)
    stop = _content_end(text, node)
    if not key.end_mark.index <= node.start_mark.index <= stop:
        raise NotEditable("the value is, or ends with, an alias of a value elsewhere", line=line)
    if text[start : key.start_mark.index].strip(" ") or not colon:
        raise NotEditable("key and value do not stand on one line as `key: value`", line=line)
    if re.match(r"(?:!\S*[ \t]+)?&", text[node.start_mark.index :]):
        raise NotEditable("the value has an anchor", line=line)
    rest = _LINE_REST.match(text, stop)
    if not rest:
        raise NotEditable("something follows the value on its line", line=line)
    header = _BLOCK_HEADER.match(text, node.start_mark.index) if _is_block(node) else None
    indent = _content_indent(text[header.end() : stop]) if header else None
    blanks = colon["blank"] if colon["blank"] and not re.search(r"[\r\n]", colon["blank"]) else " "
    return Span(
        start=start,
        end=rest.end(),
        after_key=text[start : key.end_mark.index] + colon["colon"] + blanks,
        comment=((header or rest)["comment"] or "").strip(),
        indent=indent,
        newline=rest["newline"],
        header=header["style"] if header and indent else "",
        kept=max(rest.end(), _kept_end(text, node)),
    )


def line_start(node: yaml.Node) -> int:
    """Return where the node's line begins."""
    return int(node.start_mark.index - node.start_mark.column)


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")


def _leaf(node: yaml.Node) -> yaml.Node:
    """Return the last node that ends where its mark says: a block collection's mark is behind later comments."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _content_end(text: str, node: yaml.Node) -> int:
    """Return where the value's last line has its end. Blank lines below a block scalar are not taken along."""
    leaf = _leaf(node)
    end = int(leaf.end_mark.index)
    return len(text[:end].rstrip(" \t\r\n")) if _is_block(leaf) else end


def _kept_end(text: str, node: yaml.Node) -> int:
    """Return where a block scalar ends that keeps its line ends; elsewhere 0."""
    leaf = _leaf(node)
    header = _BLOCK_HEADER.match(text, leaf.start_mark.index) if _is_block(leaf) else None
    return int(leaf.end_mark.index) if header and "+" in header["style"] else 0


def _content_indent(content: str) -> int | None:
    first = re.search(r"^( +)\S", content, re.MULTILINE)
    return len(first[1]) if first else None


def _changed(document: Document, key: str, new: VaultBlock | FlowMapping | None, neighbours: Sequence[str]) -> str:
    entry = document.entry(key)
    if entry is None:
        return document.text if new is None else _inserted(document, key, new, neighbours)
    allowed = ("mapping", "null") if isinstance(new, FlowMapping) else ("vault", "text", "null")
    kind = _value(entry).kind
    if kind == "other" or (new is not None and kind not in allowed):
        raise NotEditable("the value is of another kind than is written here", line=line_of(entry[0]))
    span = span_of(document, *entry)
    lines = "" if new is None else _rendered(document, new, span) + span.newline
    return document.text[: span.start] + lines + document.text[span.end :]


def _rendered(document: Document, new: VaultBlock | FlowMapping, span: Span) -> str:
    """Return an entry's lines without the last line break."""
    comment = f" {span.comment}" if span.comment else ""
    if isinstance(new, FlowMapping):
        return span.after_key + _json(new.data) + comment
    indent = " " * (span.indent or document.indent + _VAULT_INDENT)
    lines = [f"{span.after_key}!vault |{comment}", *(indent + line for line in new.ciphertext.splitlines())]
    return document.newline.join(lines)


def _json(data: Mapping[str, Any]) -> str:
    failed = "the mapping is not made of JSON types"
    with suppress(TypeError, ValueError):
        text = json.dumps(dict(data), ensure_ascii=False, allow_nan=False)
        return _NOT_BARE.sub(lambda char: f"\\u{ord(char[0]):04x}", text)
    raise NotEditable(failed)


def _inserted(document: Document, key: str, new: VaultBlock | FlowMapping, neighbours: Sequence[str]) -> str:
    blank = Span(start=0, end=0, after_key=" " * document.indent + key + ": ", comment="", indent=None, newline="")
    lines = _rendered(document, new, blank) + document.newline
    position = _insert_position(document, key, neighbours)
    text = document.text
    if position and text[position - 1] not in "\r\n":
        lines = document.newline + lines
    return text[:position] + lines + text[position:]


def _insert_position(document: Document, key: str, neighbours: Sequence[str]) -> int:
    place = neighbours.index(key) if key in neighbours else 0
    before = next(filter(None, map(document.entry, reversed(neighbours[:place]))), None)
    after = next(filter(None, map(document.entry, neighbours[place + 1 :])), None)
    if before is None and after is not None:
        return line_start(after[0])
    above = before or (document.pairs[-1] if document.pairs else None)
    if above and is_unterminated_block(document.text, above[1]):
        return line_start(above[0])  # a line break behind it would become part of its value
    return span_of(document, *before).end if before else document.end


def is_unterminated_block(text: str, node: yaml.Node) -> bool:
    """Whether a line break at the text's end would become part of the value."""
    leaf = _leaf(node)
    return _is_block(leaf) and leaf.end_mark.index == len(text) and not text.endswith(("\r", "\n"))


def recomposed(text: str, inside: Sequence[str] = ()) -> Document:
    """Return an edited text's document. Raise NotEditable where the edit has broken it."""
    with suppress(NotEditable):
        return Document(text, inside)
    raise NotEditable("the edited text would not be valid YAML")


def _verify(old: Document, new: Document, changes: Mapping[str, VaultBlock | FlowMapping | None]) -> None:
    if list(_others(old, changes)) != list(_others(new, changes)):
        raise NotEditable("the edit would change another variable")
    for key, wanted in changes.items():
        entry = new.entry(key)
        if not _reads_as(None if entry is None else _value(entry), wanted):
            raise NotEditable("the edited text would not read back as it was meant")


def _reads_as(value: Value | None, wanted: VaultBlock | FlowMapping | None) -> bool:
    if value is None or wanted is None:
        return value is None and wanted is None
    if isinstance(wanted, VaultBlock):
        return value.kind == "vault" and value.text.splitlines() == wanted.ciphertext.splitlines()
    return value.kind == "mapping" and value.data == dict(wanted.data)


def _others(document: Document, without: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Flatten all other entries."""
    ours = [document.entry(key) for key in without]
    return flatten([node for pair in document.pairs if pair not in ours for node in pair], {})


def flatten(rest: list[yaml.Node], seen: dict[int, int]) -> Iterator[tuple[Any, ...]]:
    """Flatten nodes, each shared one once, so that aliases neither loop nor multiply."""
    while rest:
        node = rest.pop()
        if id(node) in seen:
            yield ("alias", seen[id(node)])
            continue
        seen[id(node)] = len(seen)
        if isinstance(node, yaml.ScalarNode):
            yield (node.tag, node.value)
            continue
        yield (node.tag, len(node.value))
        for child in node.value:
            rest.extend(child if isinstance(child, tuple) else (child,))
