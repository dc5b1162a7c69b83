# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go's regular expressions, as `policy.matchMode: regex` uses them, in Python's words.

Every piece of Go's syntax becomes the Python expression that means the same; what Go refuses is refused, and what
cannot be said in Python's words is Undecidable. Unanchored, as casbin's regexMatch is.
Source: Go's regexp/syntax (doc.go, parse.go; flags `Perl`), casbin util/builtin_operators.go RegexMatch.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .errors import Undecidable, quoted

__all__ = ("BadRegexp", "compile_regexp")

_LAST = 0x10FFFF
_MOST_REPEATED = 1000
_MOST_DEPTH = 50
Ranges = list[tuple[int, int]]


class BadRegexp(ValueError):
    """Go does not compile it: casbin panics on it, and the whole question is denied."""


def compile_regexp(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a value contains a match. Raises BadRegexp, or Undecidable."""
    expression = re.compile(_Translator(pattern).translate())
    return lambda value: expression.search(value) is not None


def _ranges(text: str) -> Ranges:
    """`AZaz` -> A to Z and a to z."""
    return [(ord(low), ord(high)) for low, high in zip(text[::2], text[1::2], strict=True)]


_PERL = {"d": _ranges("09"), "s": _ranges("\t\n\f\r  "), "w": _ranges("09AZ__az")}
_POSIX = {
    "alnum": _ranges("09AZaz"),
    "alpha": _ranges("AZaz"),
    "ascii": _ranges("\x00\x7f"),
    "blank": _ranges("\t\t  "),
    "cntrl": _ranges("\x00\x1f\x7f\x7f"),
    "digit": _ranges("09"),
    "graph": _ranges("!~"),
    "lower": _ranges("az"),
    "print": _ranges(" ~"),
    "punct": _ranges("!/:@[`{~"),
    "space": _ranges("\t\r  "),
    "upper": _ranges("AZ"),
    "word": _ranges("09AZ__az"),
    "xdigit": _ranges("09AFaf"),
}
_CONTROL = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_EDGES = {"A": r"\A", "z": r"\Z", "b": r"(?a:\b)", "B": r"(?!(?a:\b))"}
_REPEAT = re.compile(r"\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\}")
_NAME = re.compile(r"\(\?P?<([A-Za-z0-9_]+)>")
_FLAGS = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")


def _complement(ranges: Ranges) -> Ranges:
    found, begin = [], 0
    for low, high in sorted(ranges):
        if low > begin:
            found.append((begin, low - 1))
        begin = max(begin, high + 1)
    return [*found, (begin, _LAST)] if begin <= _LAST else found


class _Translator:
    """One pass. `flags` are those in force; a group restores them when it ends."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._position = 0
        self._flags = frozenset("")
        self._names: set[str] = set()

    def translate(self) -> str:
        result, _weight = self._alternatives(0)
        if self._peek():
            raise BadRegexp("unexpected )")
        return result

    def _peek(self) -> str:
        return self._pattern[self._position : self._position + 1]

    def _take(self) -> str:
        character = self._peek()
        self._position += 1
        return character

    def _match(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        found = expression.match(self._pattern, self._position)
        if found:
            self._position = found.end()
        return found

    def _undecidable(self, what: str) -> Undecidable:
        return Undecidable(f"cannot tell what the regular expression {quoted(self._pattern)} matches in Go: {what}")

    def _alternatives(self, depth: int) -> tuple[str, int]:
        """Return the expression, and how often its innermost part is repeated at most."""
        if depth > _MOST_DEPTH:
            raise self._undecidable("its groups are nested too deeply for us")
        choices: list[str] = []
        weight = 1
        while True:
            items = self._items(depth)
            choices.append("".join(item for item, _weight in items))
            weight = max(weight, *(each for _item, each in items), 1)
            if self._peek() != "|":
                return "|".join(choices), weight
            self._position += 1

    def _items(self, depth: int) -> list[tuple[str, int]]:
        items: list[tuple[str, int]] = []
        repeated = False
        while (character := self._peek()) and character not in "|)":
            counts = self._repetition()
            if counts is None:
                repeated = False
                items += self._item(depth)
                continue
            if repeated or not items:
                raise BadRegexp("nothing to repeat, or a repetition of a repetition")
            repeated = True
            items[-1] = self._repeated(items[-1], counts)
        return items

    def _repetition(self) -> tuple[int, int | None] | None:
        character = self._peek()
        counts: tuple[int, int | None] | None = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(character)
        if counts:
            self._position += 1
        elif character == "{" and (found := self._match(_REPEAT)):
            least, comma, most = found.groups()
            counts = int(least), int(most) if most else (None if comma else int(least))
        if counts and self._peek() == "?":
            self._position += 1
        return counts

    def _repeated(self, item: tuple[str, int], counts: tuple[int, int | None]) -> tuple[str, int]:
        least, most = counts
        if max(least, most or 0) > _MOST_REPEATED or (most is not None and most < least):
            raise BadRegexp("an invalid repeat count")
        weight = item[1] * max(most or least, 1)
        if weight > _MOST_REPEATED:
            raise self._undecidable("its repetitions multiply")
        return f"(?:{item[0]}){{{least},{'' if most is None else most}}}", weight

    def _item(self, depth: int) -> list[tuple[str, int]]:
        character = self._peek()
        if character == "(":
            return self._group(depth)
        self._position += 1
        if character == "\\":
            return [(text, 1) for text in self._escaped()]
        return [(self._plain(character), 1)]

    def _plain(self, character: str) -> str:
        many = "m" in self._flags
        if character == "^":
            return "(?m:^)" if many else r"\A"
        if character == "$":
            return "(?m:$)" if many else r"\Z"
        if character == ".":
            return "(?s:.)" if "s" in self._flags else "[^\\n]"
        return self._class() if character == "[" else self._literal(character)

    def _literal(self, character: str) -> str:
        self._require_ascii(ord(character))
        return f"(?i:{re.escape(character)})" if "i" in self._flags else re.escape(character)

    def _require_ascii(self, highest: int) -> None:
        if "i" in self._flags and highest > 0x7F:
            raise self._undecidable("upper and lower case beyond ASCII differ between Go and Python")

    def _group(self, depth: int) -> list[tuple[str, int]]:
        """Return the group; nothing where it only sets flags for the rest of the group around it."""
        outside = self._flags
        if not self._opens_group():
            return []
        inside, weight = self._alternatives(depth + 1)
        if self._take() != ")":
            raise BadRegexp("missing closing )")
        self._flags = outside
        return [(f"(?:{inside})", weight)]

    def _opens_group(self) -> bool:
        if not self._pattern.startswith("(?", self._position):
            self._position += 1
            return True
        named = self._match(_NAME)
        if named:
            if named[1] in self._names:
                raise BadRegexp("two groups of one name")
            self._names.add(named[1])
            return True
        flags = self._match(_FLAGS)
        if not flags:
            raise BadRegexp("invalid or unsupported Perl syntax after (?")
        self._flags = (self._flags | set(flags[1])) - set(flags[2] or "")
        return flags[3] == ":"

    def _escaped(self) -> list[str]:
        character = self._peek()
        if character in _EDGES:
            self._position += 1
            return [_EDGES[character]]
        if character == "Q":
            text, _end, _rest = self._pattern[self._position + 1 :].partition("\\E")
            self._position += 1 + len(text) + 2
            return [self._literal(each) for each in text]
        ranges = self._perl_class()
        return [self._emit(ranges)] if ranges is not None else [self._literal(self._escape())]

    def _perl_class(self) -> Ranges | None:
        """Return what `d`, `W` and so on stand for, after the backslash."""
        character = self._peek()
        if character in ("p", "P"):
            raise self._undecidable("classes of Unicode depend on its version")
        if not character or character.lower() not in _PERL:
            return None
        self._position += 1
        ranges = _PERL[character.lower()]
        return ranges if character.islower() else _complement(ranges)

    def _escape(self) -> str:
        """Return the character that is meant, after the backslash."""
        character = self._take()
        if character in _CONTROL:
            return _CONTROL[character]
        if character == "x":
            return self._number(re.compile(r"\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2})"), 16)
        if character and character in "01234567":
            self._position -= 1
            return self._number(re.compile(r"(0[0-7]{0,2}|[1-7][0-7]{1,2})"), 8)
        if not character or not character.isascii() or character.isalnum():
            raise BadRegexp("an invalid escape, or a backslash at the end")
        return character

    def _number(self, expression: re.Pattern[str], base: int) -> str:
        found = self._match(expression)
        value = int(next(group for group in found.groups() if group), base) if found else _LAST + 1
        if value > _LAST:
            raise BadRegexp("an invalid escape")
        return chr(value)

    def _class(self) -> str:
        negated = self._peek() == "^"
        self._position += negated
        ranges: Ranges = []
        first = True
        while first or self._peek() != "]":
            first = False
            ranges += self._member()
        self._position += 1
        return self._emit(ranges, negated=negated)

    def _member(self) -> Ranges:
        named = self._named_class()
        if named is not None:
            return named
        if self._peek() == "\\":
            self._position += 1
            perl = self._perl_class()
            if perl is not None:
                return perl
            self._position -= 1
        low = high = self._character()
        if self._peek() == "-" and self._pattern[self._position + 1 : self._position + 2] not in ("]", ""):
            self._position += 1
            high = self._character()
        if high < low:
            raise BadRegexp("a range in [] ends before it starts")
        return [(ord(low), ord(high))]

    def _named_class(self) -> Ranges | None:
        if not self._pattern.startswith("[:", self._position):
            return None
        end = self._pattern.find(":]", self._position + 2)
        if end < 0:
            return None
        name = self._pattern[self._position + 2 : end]
        if name.removeprefix("^") not in _POSIX:
            raise BadRegexp("an unknown class in [[:...:]]")
        self._position = end + 2
        ranges = _POSIX[name.removeprefix("^")]
        return _complement(ranges) if name.startswith("^") else ranges

    def _character(self) -> str:
        character = self._take()
        if not character:
            raise BadRegexp("missing closing ]")
        return self._escape() if character == "\\" else character

    def _emit(self, ranges: Ranges, *, negated: bool = False) -> str:
        self._require_ascii(max((high for _low, high in ranges), default=0))
        inside = "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)
        expression = f"[{'^' if negated else ''}{inside}]"
        return f"(?i:{expression})" if "i" in self._flags else expression
