# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as Go's encoding/json writes and reads it, on structs whose every field is omitempty.

Source: argo-cd util/grpc/json.go; Go encoding/json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .errors import INVALID_ARGUMENT, GrpcError

ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
INT64 = range(-(2**63), 2**63)


VALUE_WANTED = "looking for beginning of value"
SYNTAX_ERRORS = {
    "Expecting property name": "looking for beginning of object key string",
    "Expecting ':'": "after object key",
    "Expecting ','": "after object key:value pair",
    "Extra data": "after top-level value",
    "Invalid control character": "in string literal",
    "Invalid \\escape": "in string escape code",
}


class RawNumber(str):
    """A JSON number that is no integer literal, as written."""

    __slots__ = ()


def encode(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character, escape in ESCAPED.items():
        text = text.replace(character, escape)
    return text.encode()


def omit_empty(message: Mapping[str, Any]) -> dict[str, Any]:
    """Without false, 0, '', empty lists and null."""
    return {key: value for key, value in message.items() if value}


def decode(body: bytes, message: str, fields: Mapping[str, type]) -> dict[str, Any]:
    """The fields of a request message, zero values where absent; raises 400/3 with Go's text.

    Names match case-insensitively, unknown ones are ignored, and so is what follows the first value.
    """
    found: dict[str, Any] = {name: kind() for name, kind in fields.items()}
    names = {name.lower(): name for name in fields}
    for key, value in _first_value(body, message).items():
        name = names.get(key.lower())
        if name is not None and value is not None:
            found[name] = _checked(value, f"{message}.{name}", fields[name])
    return found


def _first_value(body: bytes, message: str) -> dict[str, Any]:
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        return {}
    try:
        value, _end = json.JSONDecoder(parse_float=RawNumber, parse_constant=_refuse_constant).raw_decode(text)
    except json.JSONDecodeError as error:
        raise GrpcError(INVALID_ARGUMENT, syntax_error(text, error)) from error
    if value is not None and not isinstance(value, dict):
        text = f"json: cannot unmarshal {kind_of(value)} into Go value of type account.{message}"
        raise GrpcError(INVALID_ARGUMENT, text)
    return value or {}


def _refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's."""
    raise json.JSONDecodeError("no JSON", name, 0)


def syntax_error(text: str, error: json.JSONDecodeError, at_end: str = "unexpected EOF") -> str:
    """Go's words for bad JSON, of which a decoder and Unmarshal have different ones for a missing end."""
    if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
        return at_end
    where = next((go for python, go in SYNTAX_ERRORS.items() if error.msg.startswith(python)), VALUE_WANTED)
    return f"invalid character '{text[error.pos]}' {where}"


def _checked(value: Any, field: str, kind: type) -> Any:
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and value in INT64:
        return value
    if kind is str and isinstance(value, str) and not isinstance(value, RawNumber):
        return value
    go_type = "int64" if kind is int else "string"
    text = f"json: cannot unmarshal {kind_of(value, kind)} into Go struct field {field} of type {go_type}"
    raise GrpcError(INVALID_ARGUMENT, text)


def kind_of(value: Any, wanted: type = dict) -> str:
    """What encoding/json calls a value in its errors; it quotes a number only where an integer is wanted."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float, RawNumber)):
        return f"number {value}" if wanted is int else "number"
    return {"str": "string", "list": "array", "dict": "object"}[type(value).__name__]
