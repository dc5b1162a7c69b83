# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Glob matching as gobwas/glob 0.2.3 does it without separators, its mistakes included.

Its mistake with alternatives: the length of `{a*,b}` is taken to be that of `b`, and next to other text of fixed
length every alternative must then have exactly that length, so `{team-*,ops}/*` matches `ops/x` but not `team-a/x`.
Source: gobwas/glob v0.2.3 compiler/compiler.go, syntax/lexer/lexer.go, match/any_of.go, match/row.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

VARIABLE = -1


class BadPattern(ValueError):
    """The pattern does not compile; Argo CD logs a warning and the rule never matches."""


class Panic(RuntimeError):
    """The matcher crashes; casbin turns that into an evaluation error, and the whole question is denied."""


@dataclass(frozen=True)
class Text:
    """A literal run."""

    text: str

    @property
    def length(self) -> int:
        return len(self.text)

    def ends(self, value: str, start: int) -> set[int]:
        return {start + len(self.text)} if value.startswith(self.text, start) else set()

    def matches(self, value: str) -> bool:
        return value == self.text


@dataclass(frozen=True)
class Any:
    """`*` (one star) and `**` (two): any run, the empty one too. They match alike but are not equal."""

    stars: int
    length = VARIABLE

    def ends(self, value: str, start: int) -> set[int]:
        return set(range(start, len(value) + 1))

    def matches(self, _value: str) -> bool:
        return True


@dataclass(frozen=True)
class OneOf:
    """One character: `?`, `[abc]`, `[a-c]`, or what is not among them."""

    characters: str
    last: str = ""
    negated: bool = False
    length = 1

    def ends(self, value: str, start: int) -> set[int]:
        return {start + 1} if start < len(value) and self._has(value[start]) != self.negated else set()

    def _has(self, character: str) -> bool:
        return self.characters <= character <= self.last if self.last else character in self.characters

    def matches(self, value: str) -> bool:
        """Quirk: where it stands alone, a negation (and `?`, the negation of nothing) matches ''."""
        return self.negated if value == "" else self.ends(value, 0) == {len(value)}


@dataclass(frozen=True)
class Series:
    """Parts after each other."""

    parts: tuple[Node, ...]

    @property
    def length(self) -> int:
        lengths = [part.length for part in self.parts]
        return VARIABLE if VARIABLE in lengths else sum(lengths)

    def ends(self, value: str, start: int) -> set[int]:
        found = {start}
        for part, exact in zip(self.parts, _in_row(self.parts), strict=True):
            if part.length == 0 and len(self.parts) > 1:
                found = _pass_nothing(found, value, is_row=exact == 0)
            else:
                ends = {(begin, end) for begin in found for end in part.ends(value, begin)}
                found = {end for begin, end in ends if exact == VARIABLE or end == begin + exact}
        return found

    def matches(self, value: str) -> bool:
        """Quirk: in `a*b` the two texts may overlap, so `/*/` matches `/`."""
        match self.parts:
            case (only,):
                return only.matches(value)
            case (Text(first), Any(), Text(last)):
                return value.startswith(first) and value.endswith(last)
        return len(value) in self.ends(value, 0)


@dataclass(frozen=True)
class Alternatives:
    """`{a,b}`."""

    choices: tuple[Node, ...]

    @property
    def length(self) -> int:
        """Wrong on purpose: a variable length at the front is forgotten."""
        found = VARIABLE
        for choice in self.choices:
            if found == VARIABLE:
                found = choice.length
            elif choice.length != found:
                return VARIABLE
        return found

    def ends(self, value: str, start: int) -> set[int]:
        return {end for choice in self.choices for end in choice.ends(value, start)}

    def matches(self, value: str) -> bool:
        return any(choice.matches(value) for choice in self.choices)


Node = Text | Any | OneOf | Series | Alternatives


def _pass_nothing(begins: set[int], value: str, *, is_row: bool) -> set[int]:
    """A part of length zero, as in `a{}`: the end of the value is out of bounds in a row, elsewhere never reached."""
    if is_row and value and len(value) in begins:
        raise Panic("slice bounds out of range")
    return set() if is_row else begins & {0} - {len(value)}


def _in_row(parts: Sequence[Node]) -> list[int]:
    """For each part the length it must have: neighbours of fixed length are matched as one row."""
    fixed = [False, *(part.length != VARIABLE for part in parts), False]
    return [
        part.length if here and (before or after) else VARIABLE
        for part, before, here, after in zip(parts, fixed, fixed[1:], fixed[2:], strict=False)
    ]


class Parser:
    """One pass over the pattern; escapes are honoured in text and lists, not elsewhere."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._position = 0

    def parse(self) -> Node:
        return Series(tuple(self._parts(depth=0)))

    def _peek(self, ahead: int = 0) -> str:
        return self._pattern[self._position + ahead : self._position + ahead + 1]

    def _take(self) -> str:
        character = self._peek()
        self._position += 1
        return character

    def _parts(self, depth: int) -> Iterator[Node]:
        readers: dict[str, Callable[[], Node]] = {
            "*": self._stars,
            "?": self._single,
            "[": self._list,
            "{": partial(self._alternatives, depth),
        }
        stops = ",}" if depth else ""
        while (character := self._peek()) and character not in stops:
            if character in readers:
                yield readers[character]()
            elif text := self._text("?*[{" + stops):
                yield Text(text)

    def _stars(self) -> Node:
        stars = 2 if self._peek(1) == "*" else 1
        self._position += stars
        return Any(stars)

    def _single(self) -> Node:
        self._position += 1
        return OneOf("", negated=True)

    def _alternatives(self, depth: int) -> Node:
        choices = []
        while self._take() in ("{", ","):
            choices.append(Series(tuple(self._parts(depth + 1))))
            if self._peek() != ",":
                self._position += 1
                break
        return _minimised(tuple(choices))

    def _text(self, breakers: str) -> str:
        found = ""
        while (character := self._peek()) and character not in breakers:
            self._position += 1
            found += self._take() if character == "\\" else character
        return found

    def _list(self) -> Node:
        self._position += 1
        negated = self._peek() == "!"
        self._position += negated
        if self._peek() and self._peek(1) == "-":
            low, high = self._peek(), self._peek(2)
            self._position += 3
            if not high or high < low:
                raise BadPattern("range ends before it starts")
            node = OneOf(low, high, negated=negated)
        else:
            node = OneOf(self._text("]"), negated=negated)
        if self._take() != "]" or not node.characters:
            raise BadPattern("could not parse range")
        return node


def _minimised(choices: tuple[Series, ...]) -> Node:
    """What all choices begin or end with is taken out, which changes what has a fixed length."""
    left, right = _common_parts([choice.parts for choice in choices])
    if not left and not right:
        return Alternatives(choices)
    inner: list[Node] = []
    for choice in choices:
        rest = Series(choice.parts[len(left) : len(choice.parts) - len(right)])
        if rest not in inner:
            inner.append(rest)
    middle: list[Node] = [] if inner == [Series(())] else [inner[0] if len(inner) == 1 else Alternatives(tuple(inner))]
    ends = [[Series(part)] if part else [] for part in (left, right)]
    return Series((*ends[0], *middle, *ends[1]))


def _common_parts(choices: list[tuple[Node, ...]]) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    if len(choices) < 2:
        return (), ()
    room = min(len(parts) for parts in choices)
    left = 0
    while left < room and len({parts[left] for parts in choices}) == 1:
        left += 1
    right = 0
    while right < room - left and len({parts[len(parts) - 1 - right] for parts in choices}) == 1:
        right += 1
    first = choices[0]
    return first[:left], first[len(first) - right :]


@lru_cache(maxsize=4096)
def _compile(pattern: str) -> Node | None:
    try:
        return Parser(pattern).parse()
    except BadPattern:
        return None


def glob_match(value: str, pattern: str) -> bool:
    """Whole-string, case-sensitive; False where the pattern does not compile; may raise Panic."""
    node = _compile(pattern)
    return node is not None and node.matches(value)
