# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as Go's encoding/json reads it into structs, and what a struct whose every field is omitempty leaves out.

Source: argo-cd util/grpc/json.go; Go encoding/json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..go import refuse_constant, valid_text
from ..go_syntax import syntax_error
from .errors import INVALID_ARGUMENT, GrpcError

INT64 = range(-(2**63), 2**63)


class RawNumber(str):
    """A JSON number that is no integer literal, as written."""

    __slots__ = ()


def omit_empty(message: Mapping[str, Any]) -> dict[str, Any]:
    """Without false, 0, '', empty lists and null."""
    return {key: value for key, value in message.items() if value}


def decode(body: bytes, message: str, fields: Mapping[str, type]) -> dict[str, Any]:
    """The fields of a request message, zero values where absent; raises 400/3 with Go's text.

    `message` has its Go package with it. Names match case-insensitively, unknown ones are ignored, and so is what
    follows the first value.
    """
    found: dict[str, Any] = {name: kind() for name, kind in fields.items()}
    struct = message.rpartition(".")[2]
    names = {name.lower(): name for name in fields}
    for key, value in _first_value(body, message).items():
        name = names.get(key.lower())
        if name is not None and value is not None:
            found[name] = _checked(value, f"{struct}.{name}", fields[name])
    return found


def _first_value(body: bytes, message: str) -> dict[str, Any]:
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        return {}
    try:
        value, _end = json.JSONDecoder(parse_float=RawNumber, parse_constant=refuse_constant).raw_decode(text)
    except json.JSONDecodeError as error:
        raise GrpcError(INVALID_ARGUMENT, syntax_error(text, "unexpected EOF")) from error
    if value is not None and not isinstance(value, dict):
        text = f"json: cannot unmarshal {kind_of(value)} into Go value of type {message}"
        raise GrpcError(INVALID_ARGUMENT, text)
    return value or {}


def _checked(value: Any, field: str, kind: type) -> Any:
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and value in INT64:
        return value
    if kind is str and isinstance(value, str) and not isinstance(value, RawNumber):
        return valid_text(value)
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
