# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The syntax of Argo CD's globs (gobwas/glob), as a tree.

Source: gobwas/glob v0.2.3 syntax/lexer, syntax/ast (Argo CD up to 3.5) and v1.0.0 syntax, parse.go (3.6). Both read the
same language; only what is broken differs, which `strict` says: 1.0.0 refuses an unclosed brace and a backslash at the
end, 0.2.3 closes the one and drops the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from .errors import Undecidable, quoted

__all__ = ("AnyOf", "BadGlob", "Node", "Nothing", "OneOf", "Range", "Sequence", "Single", "Stars", "Text", "parse_glob")

# Both compilers and our matching recurse; no policy needs that much, and Python's stack is short.
_MOST_PARTS = 100
_MOST_DEPTH = 25


class BadGlob(ValueError):
    """The pattern does not compile: Argo CD logs a warning, and a line with it never matches, a deny neither."""


@dataclass(frozen=True)
class Text:
    """Literal characters, escapes resolved."""

    text: str


@dataclass(frozen=True)
class Stars:
    """`*` (one) or `**` (two): any run of characters. Argo CD names no separators, so both match alike."""

    count: int


@dataclass(frozen=True)
class Single:
    """`?`: one character."""


@dataclass(frozen=True)
class OneOf:
    """`[abc]`, `[!abc]`."""

    characters: str
    negated: bool


@dataclass(frozen=True)
class Range:
    """`[a-c]`, `[!a-c]`."""

    low: str
    high: str
    negated: bool


@dataclass(frozen=True)
class Nothing:
    """An alternative of which nothing is left; only 0.2.3's compiler makes it."""


@dataclass(frozen=True)
class Sequence:
    """Parts after each other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class AnyOf:
    """`{a,b}`."""

    choices: tuple[Node, ...]


# A string, because Python 3.10's `|` takes no forward references.
Node = Union["Text", "Stars", "Single", "OneOf", "Range", "Nothing", "Sequence", "AnyOf"]


def parse_glob(pattern: str, *, strict: bool) -> Sequence:
    """Return the tree; raise BadGlob with the cause, or Undecidable where it is too long for us."""
    if "\ufffd" in pattern and not strict:
        raise BadGlob("it has the character U+FFFD")
    return _Parser(pattern, strict=strict).parse()


class _Parser:
    """One pass over the pattern. A closing brace or a comma outside of braces is text."""

    def __init__(self, pattern: str, *, strict: bool) -> None:
        self._pattern = pattern
        self._strict = strict
        self._position = 0

    def parse(self) -> Sequence:
        return self._sequence(0)

    def _peek(self, ahead: int = 0) -> str:
        return self._pattern[self._position + ahead : self._position + ahead + 1]

    def _take(self) -> str:
        character = self._peek()
        self._position += 1
        return character

    def _sequence(self, depth: int) -> Sequence:
        if depth > _MOST_DEPTH:
            raise self._too_long()
        stops = ",}" if depth else ""
        parts: list[Node] = []
        while (character := self._peek()) and character not in stops:
            part = self._part(character, depth, breakers="?*[{" + stops)
            if part != Text(""):
                parts.append(part)
        if len(parts) > _MOST_PARTS:
            raise self._too_long()
        return Sequence(tuple(parts))

    def _too_long(self) -> Undecidable:
        return Undecidable(f"cannot tell what the pattern {quoted(self._pattern)} matches: it is too long; shorten it")

    def _part(self, character: str, depth: int, *, breakers: str) -> Node:
        if character == "*":
            count = 2 if self._peek(1) == "*" else 1
            self._position += count
            return Stars(count)
        if character == "?":
            self._position += 1
            return Single()
        if character == "[":
            return self._class()
        return self._any_of(depth + 1) if character == "{" else Text(self._text(breakers))

    def _any_of(self, depth: int) -> AnyOf:
        choices: list[Node] = []
        while self._peek() in ("{", ","):
            self._position += 1
            choices.append(self._sequence(depth))
            if self._peek() != ",":
                break
        if not self._take() and self._strict:
            raise BadGlob("a brace { is not closed")
        return AnyOf(tuple(choices))

    def _text(self, breakers: str) -> str:
        found = ""
        while (character := self._peek()) and character not in breakers:
            self._position += 1
            if character == "\\":
                if self._strict and not self._peek():
                    raise BadGlob("it ends with a backslash")
                character = self._take()
            found += character
        return found

    def _class(self) -> Node:
        self._position += 1
        negated = self._peek() == "!"
        self._position += negated
        if self._peek() and self._peek(1) == "-":
            low, high = self._peek(), self._peek(2)
            self._position += 3
            node: Node = Range(low, high, negated)
            if high < low:
                raise BadGlob("a range [ ends before it starts")
        else:
            characters = self._text("]")
            node = OneOf(characters, negated)
            if not characters:
                raise BadGlob("a list [] is empty")
        if self._take() != "]":
            raise BadGlob("a list or range [ is not closed (a list and a range cannot be mixed)")
        return node
