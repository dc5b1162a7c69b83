# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Label and field selectors of list requests: equality only.

Source: apimachinery pkg/labels/selector.go, pkg/fields/selector.go; kubernetes pkg/apis/core/v1/conversion.go.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..store import Object
from .status import StatusError, bad_request

TOKEN = re.compile(r"==|!=|[=!(),<>]|[^=!(),<>\s]+")
SPECIAL = frozenset({"", "==", "=", "!=", "!", "(", ")", ",", "<", ">"})
NOT_IMITATED = ("in", "notin", "<", ">")
FIELD_TERM = re.compile(r"(?P<key>.*?)(?P<operator>!=|==|=)(?P<value>.*)")


class Requirement(NamedTuple):
    """`operator` is '=', '!=', 'exists' or '!' (does not exist)."""

    key: str
    operator: str
    value: str = ""


def matches(item: Object, labels: list[Requirement], fields: list[Requirement]) -> bool:
    given = item["metadata"].get("labels") or {}
    return all(_label_matches(given, wanted) for wanted in labels) and all(
        (item["metadata"].get(wanted.key.removeprefix("metadata."), "") == wanted.value) == (wanted.operator == "=")
        for wanted in fields
    )


def _label_matches(labels: dict[str, str], wanted: Requirement) -> bool:
    if wanted.operator in ("exists", "!"):
        return (wanted.key in labels) == (wanted.operator == "exists")
    return (labels.get(wanted.key) == wanted.value) == (wanted.operator == "=")


def parse_labels(selector: str) -> list[Requirement]:
    """Raise the 400, in the parser's words, for a selector that is none."""
    found: list[Requirement] = []
    tokens = [*TOKEN.findall(selector), ""]
    if tokens[0] in SPECIAL - {"", "!"}:
        raise _unexpected(tokens[0], "!, identifier, or 'end of string'")
    while tokens[0]:
        found.append(_take_requirement(tokens))
        if (separator := tokens[0]) == "":
            break
        if separator != ",":
            raise _unexpected(separator, "',' or 'end of string'")
        tokens.pop(0)
        if tokens[0] in SPECIAL - {"!"}:
            raise _unexpected(tokens[0], "identifier after ','")
    return found


def _take_requirement(tokens: list[str]) -> Requirement:
    is_negated = tokens[0] == "!"
    key = tokens[is_negated]
    if key in SPECIAL:
        raise _unexpected(key, "identifier", "unable to parse requirement: ")
    del tokens[: is_negated + 1]
    if is_negated or tokens[0] in ("", ","):
        return Requirement(key, "!" if is_negated else "exists")
    operator = tokens[0]
    if operator in NOT_IMITATED:
        raise bad_request(f"the sandbox does not imitate the operator '{operator}'")
    if operator not in ("=", "==", "!="):
        raise _unexpected(operator, "in, notin, =, ==, !=, gt, lt", "unable to parse requirement: ")
    del tokens[0]
    value = "" if tokens[0] in ("", ",") else tokens.pop(0)
    if value and value in SPECIAL:
        raise _unexpected(value, "identifier", "unable to parse requirement: ")
    return Requirement(key, "!=" if operator == "!=" else "=", value)


def _unexpected(token: str, expected: str, where: str = "") -> StatusError:
    return bad_request(f"{where}found '{token}', expected: {expected}")


def parse_fields(selector: str, kind: str) -> list[Requirement]:
    """Raise the 400 for a selector that is none, and for fields that are not indexed."""
    found = []
    for text in filter(None, selector.split(",")):
        term = FIELD_TERM.fullmatch(text)
        if term is None:
            raise bad_request(f"invalid selector: '{selector}'; can't understand '{text}'")
        if term["key"] not in ("metadata.name", "metadata.namespace"):
            raise _unknown_field(term["key"], kind)
        found.append(Requirement(term["key"], "!=" if term["operator"] == "!=" else "=", term["value"]))
    return found


def _unknown_field(key: str, kind: str) -> StatusError:
    # Only ConfigMaps have no conversion of their own.
    if kind == "ConfigMap":
        return bad_request(f'"{key}" is not a known field selector: only "metadata.name", "metadata.namespace"')
    return bad_request(f"field label not supported: {key}")
