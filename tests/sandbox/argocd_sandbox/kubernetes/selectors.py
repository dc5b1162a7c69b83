# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Label and field selectors of list requests: equality only."""

from __future__ import annotations

import re

from ..store import Object
from .status import bad_request

TERM = re.compile(r"(?P<negated>!?)(?P<key>[^=!\s(),]+)(?:\s*(?P<operator>==|=|!=)\s*(?P<value>[^=!\s(),]*))?")


def matches(item: Object, label_selector: str, field_selector: str) -> bool:
    labels = item["metadata"].get("labels") or {}
    return all(_label_matches(labels, term) for term in _terms(label_selector)) and all(
        _field_matches(item, term) for term in _terms(field_selector)
    )


def _terms(selector: str) -> list[re.Match[str]]:
    found = []
    for text in filter(None, (part.strip() for part in selector.split(","))):
        term = TERM.fullmatch(text)
        if term is None:
            raise bad_request(f"unable to parse requirement: {text}")
        found.append(term)
    return found


def _label_matches(labels: dict[str, str], term: re.Match[str]) -> bool:
    key, operator, value = term["key"], term["operator"], term["value"]
    if operator is None:
        return (key in labels) != bool(term["negated"])
    return (labels.get(key) == value) == (operator != "!=")


def _field_matches(item: Object, term: re.Match[str]) -> bool:
    if term["key"] not in ("metadata.name", "metadata.namespace") or term["operator"] is None:
        raise bad_request(f"field label not supported: {term['key']}")
    actual = item["metadata"].get(term["key"].removeprefix("metadata."), "")
    return bool((actual == term["value"]) == (term["operator"] != "!="))
