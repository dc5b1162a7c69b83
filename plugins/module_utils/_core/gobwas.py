# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How gobwas/glob v0.2.3 (Argo CD up to 3.5) matches, its mistakes included.

A pattern becomes a tree of matchers by shortcuts that do not always keep its meaning: `{team-*,ops}/*` matches `ops/x`
and not `team-a/x`, `/*/` matches `/`, `[!ab][!ab]` matches `ba`. Which shortcut is taken decides about permissions, so
they are taken here exactly as there; lengths count characters, positions bytes, and are mixed where they are mixed.
Source: gobwas/glob v0.2.3 compiler/compiler.go and match/*.go. `tests/enforcer_check` compares with the real server.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

from . import glob_syntax as syntax

__all__ = ("Contains", "GlobCrash", "Matcher", "Prefix", "PrefixSuffix", "Suffix", "Super", "Text", "compile_tree")

VARIABLE = -1
# Where a match begins, and the lengths in bytes it can have there.
Found = tuple[int, list[int]]


class GlobCrash(RuntimeError):
    """The matcher panics; casbin makes that an error of the evaluation, and the whole question is denied."""


@runtime_checkable
class Matcher(Protocol):
    """A compiled pattern or a part of one."""

    @property
    def length(self) -> int:
        """Characters it takes, or VARIABLE."""

    def matches(self, value: bytes) -> bool:
        """Tell whether it takes the whole value."""

    def find(self, value: bytes) -> Found | None:
        """Return where it begins first, and every length it can have there."""


def _runes(value: bytes) -> Iterator[tuple[int, str, int]]:
    """Yield start, character and length as Go ranges over a string: a stray byte is U+FFFD, of which Go says 3."""
    start = 0
    for rune in value.decode("utf-8", "surrogateescape"):
        if "\udc80" <= rune <= "\udcff":
            yield start, "\ufffd", 3
            start += 1
        else:
            yield start, rune, len(rune.encode())
            start += len(rune.encode())


def _ends(value: bytes, start: int = 0) -> list[int]:
    """Return where a run that begins at 0 and is `start` long at least can end."""
    return [start, *(start + begin + length for begin, _rune, length in _runes(value[start:]))]


@dataclass(frozen=True)
class Text:
    """Exactly this."""

    text: bytes

    @property
    def length(self) -> int:
        return len(self.text.decode())

    def matches(self, value: bytes) -> bool:
        return value == self.text

    def find(self, value: bytes) -> Found | None:
        index = value.find(self.text)
        return None if index < 0 else (index, [len(self.text)])


@dataclass(frozen=True)
class Class:
    """One character; `?` is the negation of nothing. Alone, a negation matches '' too."""

    characters: str = ""
    last: str = ""
    negated: bool = True
    length = 1

    def _takes(self, rune: str) -> bool:
        inside = self.characters <= rune <= self.last if self.last else rune in self.characters
        return inside != self.negated

    def matches(self, value: bytes) -> bool:
        runes = list(_runes(value))
        return self._takes(runes[0][1] if runes else "\ufffd") if len(runes) < 2 else False

    def find(self, value: bytes) -> Found | None:
        return next(((start, [length]) for start, rune, length in _runes(value) if self._takes(rune)), None)


@dataclass(frozen=True)
class Nothing:
    """The empty text."""

    length = 0

    def matches(self, value: bytes) -> bool:
        return not value

    def find(self, _value: bytes) -> Found:
        return 0, [0]


@dataclass(frozen=True)
class Super:
    """Anything."""

    length = VARIABLE

    def matches(self, _value: bytes) -> bool:
        return True

    def find(self, value: bytes) -> Found:
        return 0, [*(start for start, _rune, _length in _runes(value)), len(value)]


@dataclass(frozen=True)
class AtLeast:
    """Any `count` characters or more."""

    count: int
    length = VARIABLE

    def matches(self, value: bytes) -> bool:
        return sum(1 for _rune in _runes(value)) >= self.count

    def find(self, value: bytes) -> Found | None:
        ends = _ends(value)[self.count :]
        return (0, ends) if ends else None


@dataclass(frozen=True)
class AtMost:
    """Any `count` characters or fewer."""

    count: int
    length = VARIABLE

    def matches(self, value: bytes) -> bool:
        return sum(1 for _rune in _runes(value)) <= self.count

    def find(self, value: bytes) -> Found:
        return 0, _ends(value)[: self.count + 1]


@dataclass(frozen=True)
class Lacks:
    """Text without this in it: what `[!ab][!ab]` looks for, though it should look at each character."""

    text: bytes
    length = VARIABLE

    def matches(self, value: bytes) -> bool:
        return self.text not in value

    def find(self, value: bytes) -> Found:
        return Super().find(value.partition(self.text)[0])


@dataclass(frozen=True)
class Every:
    """All of these at once."""

    parts: tuple[Matcher, ...]
    length = VARIABLE

    def matches(self, value: bytes) -> bool:
        return all(part.matches(value) for part in self.parts)

    def find(self, value: bytes) -> Found | None:
        """Every part begins at 0: there are only AtLeast, AtMost and Lacks."""
        lengths: list[int] | None = None
        for part in self.parts:
            found = part.find(value)
            if found is None:
                return None
            lengths = found[1] if lengths is None else [length for length in lengths if length in found[1]]
        return (0, lengths) if lengths else None


@dataclass(frozen=True)
class Prefix:
    """`text*`."""

    text: bytes
    length = VARIABLE

    def matches(self, value: bytes) -> bool:
        return value.startswith(self.text)

    def find(self, value: bytes) -> Found | None:
        index = value.find(self.text)
        return None if index < 0 else (index, _ends(value[index:], len(self.text)))


@dataclass(frozen=True)
class Suffix:
    """`*text`."""

    text: bytes
    length = VARIABLE

    def matches(self, value: bytes) -> bool:
        return value.endswith(self.text)

    def find(self, value: bytes) -> Found | None:
        """Only the first place where the text stands is looked at."""
        index = value.find(self.text)
        return None if index < 0 else (0, [index + len(self.text)])


@dataclass(frozen=True)
class PrefixSuffix:
    """`text*text`; the two may overlap."""

    prefix: bytes
    suffix: bytes
    length = VARIABLE

    def matches(self, value: bytes) -> bool:
        return value.startswith(self.prefix) and value.endswith(self.suffix)

    def find(self, value: bytes) -> Found | None:
        index = value.find(self.prefix)
        if index < 0:
            return None
        ends, rest = [], value[index:]
        while (place := rest.rfind(self.suffix)) >= 0:
            ends.append(place + len(self.suffix))
            rest = rest[:place]
        return (index, ends[::-1]) if ends else None


@dataclass(frozen=True)
class Contains:
    """`*text*`."""

    text: bytes
    length = VARIABLE

    def matches(self, value: bytes) -> bool:
        return self.text in value

    def find(self, value: bytes) -> Found | None:
        index = value.find(self.text)
        return None if index < 0 else (0, _ends(value, index + len(self.text)))


@dataclass(frozen=True)
class AnyOf:
    """Alternatives."""

    choices: tuple[Matcher, ...]

    @property
    def length(self) -> int:
        """Wrong as there: alternatives of variable length at the front are forgotten."""
        found = VARIABLE
        for choice in self.choices:
            if found == VARIABLE:
                found = choice.length
            elif choice.length != found:
                return VARIABLE
        return found

    def matches(self, value: bytes) -> bool:
        return any(choice.matches(value) for choice in self.choices)

    def find(self, value: bytes) -> Found | None:
        """Only alternatives that begin where the first one begins count."""
        found = [here for here in (choice.find(value) for choice in self.choices) if here is not None]
        if not found:
            return None
        index = min(start for start, _lengths in found)
        return index, sorted({length for start, lengths in found if start == index for length in lengths})


@dataclass(frozen=True)
class Row:
    """Parts that all seem to have a fixed length, cut out of the value by that length."""

    parts: tuple[Matcher, ...]

    @property
    def length(self) -> int:
        return sum(part.length for part in self.parts)

    def _all(self, value: bytes) -> bool:
        position = 0
        for part in self.parts:
            starts = [start for start, _rune, _length in _runes(value[position:])]
            if len(starts) < part.length:
                return False
            # A part of no length is given all that is left; one byte of the last character is cut off, if it has more.
            end = position + (starts[part.length - 1] if starts else 0) + 1
            if end > len(value):
                raise GlobCrash("slice bounds out of range")
            if not part.matches(value[position:end]):
                return False
            position = end
        return True

    def matches(self, value: bytes) -> bool:
        return sum(1 for _rune in _runes(value)) == self.length and self._all(value)

    def find(self, value: bytes) -> Found | None:
        for start, _rune, _length in _runes(value):
            if len(value) - start < self.length:
                return None
            if self._all(value[start:]):
                return start, [self.length]
        return None


@dataclass(frozen=True)
class Around:
    """One part that is looked for first, and what must be left and right of it (None: nothing may)."""

    value: Matcher
    left: Matcher | None
    right: Matcher | None
    length = VARIABLE

    def find(self, _value: bytes) -> None:
        """Not implemented there: inside another part it is never found."""
        return

    def matches(self, value: bytes) -> bool:
        offset, limit = self._room(value)
        while offset < limit:
            found = self.value.find(value[offset:limit])
            if found is None:
                return False
            start = offset + found[0]
            if _fits(self.left, value[:start]) and any(
                _fits(self.right, value[start + length :]) for length in reversed(found[1])
            ):
                return True
            offset = start + len(next(_bytes_of_runes(value[start:]), b""))
        return False

    def _room(self, value: bytes) -> tuple[int, int]:
        left = 0 if self.left is None else max(self.left.length, 0)
        right = 0 if self.right is None else max(self.right.length, 0)
        return left, len(value) - right


def _bytes_of_runes(value: bytes) -> Iterator[bytes]:
    for rune in value.decode("utf-8", "surrogateescape"):
        yield rune.encode("utf-8", "surrogateescape")


def _fits(matcher: Matcher | None, value: bytes) -> bool:
    return not value if matcher is None else matcher.matches(value)


def compile_tree(tree: syntax.Node) -> Matcher:
    """Return the matcher that the library makes of the tree."""
    if isinstance(tree, syntax.AnyOf):
        smaller = _without_common_parts(tree)
        return compile_tree(smaller) if smaller else _optimized(AnyOf(tuple(map(compile_tree, tree.choices))))
    if isinstance(tree, syntax.Sequence):
        return _optimized(_joined(_glued(list(map(compile_tree, tree.parts))))) if tree.parts else Nothing()
    return _leaf(tree)


def _leaf(node: syntax.Node) -> Matcher:
    match node:
        case syntax.Text(text):
            return Text(text.encode())
        case syntax.OneOf(characters, negated):
            single = len(characters) == 1 and not negated
            return Text(characters.encode()) if single else Class(characters, negated=negated)
        case syntax.Range(low, high, negated):
            return Class(low, high, negated=negated)
        case syntax.Single():
            return Class()
        case syntax.Stars():
            return Super()
    return Nothing()


def _glued(parts: list[Matcher]) -> list[Matcher]:
    """Replace the longest runs that one matcher can stand for, again and again."""
    best: tuple[Matcher, int, int] | None = None
    for left in range(len(parts)):
        for right in range(len(parts), left, -1):
            glued = _glue(parts[left:right])
            if glued and (best is None or _is_better(glued, right - left, best[0], best[2] - best[1])):
                best = (glued, left, right)
    return parts if best is None else _glued([*parts[: best[1]], best[0], *parts[best[2] :]])


def _is_better(glued: Matcher, count: int, best: Matcher, best_count: int) -> bool:
    return (best.length > VARIABLE and glued.length > best.length) or count > best_count


def _glue(parts: Sequence[Matcher]) -> Matcher | None:
    if len(parts) < 2:
        return None
    every = _glue_as_every(parts)
    if every:
        return every
    return Row(tuple(parts)) if all(part.length != VARIABLE for part in parts) else None


def _glue_as_every(parts: Sequence[Matcher]) -> Matcher | None:
    """Stars, `?` and negated lists: what they exclude must be equal, and is then excluded as one text."""
    excluded = {_excluded(part) for part in parts}
    if len(excluded) != 1 or None in excluded:
        return None
    least = sum(1 for part in parts if not isinstance(part, Super))
    if not least:
        return Super()
    text = next(iter(excluded))
    has_star = least < len(parts)
    if has_star:
        return AtLeast(least)
    return Every((AtLeast(least), AtMost(least), *((Lacks(text.encode()),) if text else ())))


def _excluded(part: Matcher) -> str | None:
    if isinstance(part, Super):
        return ""
    return part.characters if isinstance(part, Class) and part.negated and not part.last else None


def _joined(parts: Sequence[Matcher]) -> Matcher:
    """Look first for the last of the longest parts of fixed length; without any, for the first part."""
    if len(parts) == 1:
        return parts[0]
    glued = _glue(parts)
    if glued:
        return glued
    index = max(range(len(parts)), key=lambda here: (parts[here].length, here))
    if parts[index].length == VARIABLE:
        index = 0
    left, right = parts[:index], parts[index + 1 :]
    return Around(parts[index], _joined(left) if left else None, _joined(right) if right else None)


def _optimized(matcher: Matcher) -> Matcher:
    if isinstance(matcher, AnyOf) and len(matcher.choices) == 1:
        return matcher.choices[0]
    if not isinstance(matcher, Around):
        return matcher
    left = _optimized(matcher.left) if matcher.left else None
    right = _optimized(matcher.right) if matcher.right else None
    text = matcher.value.text if isinstance(matcher.value, Text) else None
    simple = None if text is None else _around_text(text, left, right)
    return simple or Around(matcher.value, left, right)


def _around_text(text: bytes, left: Matcher | None, right: Matcher | None) -> Matcher | None:
    match left, right:
        case Super(), Super():
            return Contains(text)
        case Super(), None:
            return Suffix(text)
        case None, Super():
            return Prefix(text)
        case None, Suffix(suffix):
            return PrefixSuffix(text, suffix)
        case Prefix(prefix), None:
            return PrefixSuffix(prefix, text)
    return None


def _without_common_parts(tree: syntax.AnyOf) -> syntax.Sequence | None:
    """Take out what all alternatives begin or end with; that changes what has a fixed length. None for nothing."""
    choices = [choice.parts for choice in tree.choices if isinstance(choice, syntax.Sequence)]
    if len(choices) < max(len(tree.choices), 2):
        return None
    left, right = _common_parts(choices)
    if not left and not right:
        return None
    rests = [parts[left : len(parts) - right] for parts in choices]
    inner: list[syntax.Node] = list(
        dict.fromkeys(syntax.Sequence(rest) if rest else syntax.Nothing() for rest in rests)
    )
    middle = [syntax.AnyOf(tuple(inner))] if len(inner) > 1 else [node for node in inner if node != syntax.Nothing()]
    first = choices[0]
    ends = first[:left], first[len(first) - right :]
    before, after = ([syntax.Sequence(parts)] if parts else [] for parts in ends)
    return syntax.Sequence((*before, *middle, *after))


def _common_parts(choices: list[tuple[syntax.Node, ...]]) -> tuple[int, int]:
    room = min(map(len, choices))
    same = partial(_same_at, choices)
    left = next((index for index in range(room) if not same(index)), room)
    right = next((index for index in range(room - left) if not same(-1 - index)), room - left)
    return left, right


def _same_at(choices: list[tuple[syntax.Node, ...]], index: int) -> bool:
    return len({parts[index] for parts in choices}) == 1
