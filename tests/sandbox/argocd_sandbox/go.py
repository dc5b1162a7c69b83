# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as Go's encoding/json writes it; both servers are written in Go."""

from __future__ import annotations

import json
import re
from typing import Any

ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def encode(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character, escape in ESCAPED.items():
        text = text.replace(character, escape)
    return text


def quoted(text: str) -> str:
    """As %q of Go's fmt, which has an escape of its own for other control characters than the usual ones."""
    return re.sub(r"\\u00([0-9a-f]{2})", r"\\x\1", json.dumps(text, ensure_ascii=False))


def valid_text(text: str) -> str:
    """With U+FFFD for every half of a surrogate pair, which JSON can escape and UTF-8 cannot say."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's."""
    raise json.JSONDecodeError("no JSON", name, 0)
