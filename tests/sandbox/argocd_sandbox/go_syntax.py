# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Go's encoding/json says about text that is no JSON: the first wrong character, and what it met it in.

Source: Go encoding/json scanner.go.
"""

from __future__ import annotations

import re

END_OF_INPUT = "unexpected end of JSON input"
SPACE = re.compile(r"[ \t\r\n]*")
PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
DIGITS = re.compile(r"[0-9]*")
LITERALS = {"t": "true", "f": "false", "n": "null"}
VALUE_WANTED = "looking for beginning of value"


class _WrongError(Exception):
    """At `position`, in the middle of `context`."""

    def __init__(self, position: int, context: str) -> None:
        super().__init__(context)
        self.position = position
        self.context = context


def syntax_error(text: str, at_end: str = END_OF_INPUT) -> str:
    """For text that is no JSON value, or more than one. A decoder has other words for a missing end."""
    try:
        end = _space(text, _value(text, 0))
    except _WrongError as wrong:
        end, context = wrong.position, wrong.context
    else:
        context = "after top-level value"
    return f"invalid character {_quoted(text[end])} {context}" if end < len(text) else at_end


def _quoted(character: str) -> str:
    """Of the first byte, as Go has not decoded it yet."""
    if character == "'":
        return r"'\''"
    if character == '"':
        return "'\"'"
    shown = chr(character.encode()[0])
    if shown.isprintable():
        return f"'{shown}'"
    return {"\t": r"'\t'", "\n": r"'\n'", "\r": r"'\r'"}.get(shown, f"'\\x{ord(shown):02x}'")


def _space(text: str, position: int) -> int:
    found = SPACE.match(text, position)
    return found.end() if found is not None else position


def _expect(text: str, position: int, wanted: str, context: str) -> int:
    """After one of the wanted characters."""
    if text[position : position + 1] not in tuple(wanted):
        raise _WrongError(position, context)
    return position + 1


def _value(text: str, position: int) -> int:
    position = _space(text, position)
    first = text[position : position + 1]
    if first in LITERALS:
        word = LITERALS[first]
        for offset, letter in enumerate(word):
            _expect(text, position + offset, letter, f"in literal {word} (expecting '{letter}')")
        return position + len(word)
    if first and first in "-0123456789":
        return _number(text, position)
    readers = {"{": _object, "[": _array, '"': _string}
    if first not in readers:
        raise _WrongError(position, VALUE_WANTED)
    return readers[first](text, position + 1)


def _object(text: str, position: int) -> int:
    key_wanted = "looking for beginning of object key string"
    position = _space(text, position)
    if text[position : position + 1] == "}":
        return position + 1
    while True:
        position = _string(text, _expect(text, _space(text, position), '"', key_wanted))
        position = _value(text, _expect(text, _space(text, position), ":", "after object key"))
        position = _expect(text, _space(text, position), ",}", "after object key:value pair")
        if text[position - 1] == "}":
            return position


def _array(text: str, position: int) -> int:
    position = _space(text, position)
    if text[position : position + 1] == "]":
        return position + 1
    while True:
        position = _expect(text, _space(text, _value(text, position)), ",]", "after array element")
        if text[position - 1] == "]":
            return position


def _string(text: str, position: int) -> int:
    """After the closing quote."""
    while True:
        found = PLAIN.match(text, position)
        position = found.end() if found is not None else position
        if text[position : position + 1] == '"':
            return position + 1
        position = _expect(text, position, "\\", "in string literal")
        position = _expect(text, position, 'bfnrt\\/"u', "in string escape code")
        if text[position - 1] == "u":
            for _digit in range(4):
                position = _expect(text, position, "0123456789abcdefABCDEF", r"in \u hexadecimal character escape")


def _number(text: str, position: int) -> int:
    position += text[position] == "-"
    position = _expect(text, position, "0123456789", "in numeric literal")
    if text[position - 1] != "0":
        position = _digits(text, position)
    if text[position : position + 1] == ".":
        position = _digits(text, _expect(text, position + 1, "0123456789", "after decimal point in numeric literal"))
    if text[position : position + 1] in ("e", "E"):
        position += 2 if text[position + 1 : position + 2] in ("+", "-") else 1
        position = _digits(text, _expect(text, position, "0123456789", "in exponent of numeric literal"))
    return position


def _digits(text: str, position: int) -> int:
    found = DIGITS.match(text, position)
    return found.end() if found is not None else position
