# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be a label: its key, its value; the same keys serve annotations. Lengths are not looked at.

Source: apimachinery pkg/util/validation/validation.go (IsQualifiedName, IsValidLabelValue).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..go import encode
from ..store import Object
from .status import FieldError

NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
RULE = (
    "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. '{examples}', regex used for validation is '{pattern}')"
)
NAME_RULE = RULE.format(examples="MyName',  or 'my.name',  or '123-abc", pattern=NAME.pattern)
VALUE_TEXT = "a valid label must be an empty string or " + RULE.format(
    examples="MyValue',  or 'my_value',  or '12345", pattern=f"({NAME.pattern})?"
)
KEY_TEXT = (
    f"a valid label key must {NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
)


def errors(metadata: Object) -> list[FieldError]:
    """Of the labels and the annotations of an object."""
    found = []
    for field in ("labels", "annotations"):
        for key, value in (metadata.get(field) or {}).items():
            wrong = [(key, text) for text in _key_errors(key)]
            if field == "labels" and value and not NAME.fullmatch(value):
                wrong.append((value, VALUE_TEXT))
            found += [FieldError(f"metadata.{field}", f"Invalid value: {encode(one)}: {text}") for one, text in wrong]
    return found


def _key_errors(key: str) -> Iterator[str]:
    prefix, _slash, name = key.rpartition("/")
    if "/" in prefix:
        yield KEY_TEXT
        return
    if not name:
        yield "name part must be non-empty"
    if not NAME.fullmatch(name):
        yield f"name part must {NAME_RULE}"
