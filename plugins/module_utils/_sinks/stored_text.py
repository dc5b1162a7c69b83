# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sinks on servers share: token and record, as they are found in texts. What cannot be read is an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .._core.token_text import NotReadable, parse_text
from .port import SinkError

__all__ = ("read_record", "read_token", "render_record")


def read_token(text: str, *, label: str) -> str | None:
    """Return the token in the text, None where it is empty."""
    try:
        return parse_text(text) or None
    except NotReadable:
        pass
    raise SinkError(
        f"cannot read {label}: its env file has lines that are not ours, which would be lost; set another key of the "
        "sink"
    )


def render_record(record: Mapping[str, Any]) -> str:
    """Return the record as JSON."""
    return json.dumps(record, sort_keys=True)


def read_record(text: str | None, *, label: str, name: str) -> dict[str, Any] | None:
    """Return the record, None where there is none. `name` is what holds it, in words."""
    shape = None
    try:
        shape = json.loads(text) if text else None
    except (ValueError, TypeError):
        shape = ""
    if shape is None or isinstance(shape, dict):
        return shape
    raise SinkError(f"cannot read {label}: {name} is no JSON object; put it right or remove it")
