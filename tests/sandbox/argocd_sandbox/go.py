# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as Go's encoding/json writes it, and its words for bad JSON; both servers are written in Go."""

from __future__ import annotations

import json
from typing import Any

END_OF_INPUT = "unexpected end of JSON input"
VALUE_WANTED = "looking for beginning of value"
SYNTAX_ERRORS = {
    "Expecting property name": "looking for beginning of object key string",
    "Expecting ':'": "after object key",
    "Expecting ','": "after object key:value pair",
    "Extra data": "after top-level value",
    "Invalid control character": "in string literal",
    "Invalid \\escape": "in string escape code",
}
ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def encode(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character, escape in ESCAPED.items():
        text = text.replace(character, escape)
    return text


def refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's."""
    raise json.JSONDecodeError("no JSON", name, 0)


def syntax_error(text: str, error: json.JSONDecodeError, at_end: str = END_OF_INPUT) -> str:
    """Go's words for bad JSON, of which a decoder and Unmarshal have different ones for a missing end."""
    if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
        return at_end
    where = next((go for python, go in SYNTAX_ERRORS.items() if error.msg.startswith(python)), VALUE_WANTED)
    return f"invalid character '{text[error.pos]}' {where}"
