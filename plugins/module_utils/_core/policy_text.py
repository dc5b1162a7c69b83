# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of argocd-rbac-cm, line by line, as Argo CD reads it.

Source: argo-cd util/rbac/rbac.go (loadPolicyLine, PolicyCSV) and Go's encoding/csv.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

__all__ = ("Line", "broken_lines", "format_line", "join_lines", "parse_fields", "parse_lines", "policy_keys", "trimmed")

POLICY_KEY = "policy.csv"
# Go's unicode.IsSpace. `str.strip` without an argument takes U+001C to U+001F for spaces too, and Go does not.
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# Loaded by casbin without any effect on a decision.
_INERT_TYPES = ("r", "m", "e")
_FIELDS = {"p": 6, "g": 3}
_QUOTED_CHARACTERS = (",", '"')


@dataclass(frozen=True)
class Line:
    """One line: `number` counts from 1 in its key, `raw` keeps its line end, `error` says why it does not load."""

    number: int
    raw: str
    fields: tuple[str, ...] = ()
    error: str | None = None

    def about(self, subject: str) -> bool:
        """Whether the line gives something to the subject (or takes it)."""
        return self.error is None and len(self.fields) > 1 and self.fields[0] in _FIELDS and self.fields[1] == subject


def parse_lines(text: str) -> list[Line]:
    """Return every line of the text; joined `raw` gives the text back."""
    return [_parse_line(number, raw) for number, raw in enumerate(_split(text), start=1)]


def _split(text: str) -> list[str]:
    """Split after `\\n` only: `str.splitlines` knows ends that Argo CD does not."""
    parts = text.split("\n")
    lines = [part + "\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def _parse_line(number: int, raw: str) -> Line:
    content = trimmed(raw)
    if not content or content.startswith("#"):
        return Line(number, raw)
    try:
        fields = parse_fields(content)
    except ValueError as exc:
        return Line(number, raw, error=str(exc))
    return Line(number, raw, fields, _shape_error(fields))


def trimmed(text: str) -> str:
    """Return the text without the spaces around it, as Go's strings.TrimSpace does."""
    return text.strip(_SPACES)


def join_lines(raws: Iterable[str], *, ended: bool) -> str:
    """Return the lines as a text that ends with a line end or not: as the text did that they are taken from.

    So lines put after a last line without its end can be taken away again without a trace.
    """
    text = "".join(raw if raw.endswith("\n") else raw + "\n" for raw in raws)
    return text if ended else text.removesuffix("\n")


def _shape_error(fields: tuple[str, ...]) -> str | None:
    kind = fields[0]
    if kind in _INERT_TYPES:
        return None
    if kind not in _FIELDS:
        return f"a line starts with p or g, not {kind!r}"
    if len(fields) != _FIELDS[kind]:
        return f"a {kind} line has {_FIELDS[kind]} fields, this one has {len(fields)} (a comma inside needs quotes)"
    return None


def parse_fields(content: str) -> tuple[str, ...]:
    """Return the fields of one CSV record by Go's rules (leading spaces dropped, trailing ones kept).

    Raises ValueError with the cause.
    """
    fields = []
    rest: str | None = content
    while rest is not None:
        rest = rest.lstrip(_SPACES)
        field, rest = _quoted(rest) if rest.startswith('"') else _bare(rest)
        fields.append(field)
    return tuple(fields)


def _bare(rest: str) -> tuple[str, str | None]:
    field, comma, tail = rest.partition(",")
    if '"' in field:
        raise ValueError('a quote inside a field that does not start with one (")')
    return field, tail if comma else None


def _quoted(rest: str) -> tuple[str, str | None]:
    field, position = [], 1
    while True:
        end = rest.find('"', position)
        if end < 0:
            raise ValueError('a quoted field is not closed (")')
        field.append(rest[position:end])
        following = rest[end + 1 : end + 2]
        if following == '"':
            field.append('"')
            position = end + 2
        elif following in ("", ","):
            return "".join(field), rest[end + 2 :] if following else None
        else:
            raise ValueError("text after the closing quote of a field")


def format_line(fields: Iterable[str]) -> str:
    """Return the line, quoted where Go's reader needs it; no line end."""
    return ", ".join(_format_field(field) for field in fields)


def _format_field(field: str) -> str:
    if any(character in field for character in _QUOTED_CHARACTERS) or field != trimmed(field):
        return '"' + field.replace('"', '""') + '"'
    return field


def policy_keys(data: Mapping[str, str]) -> list[str]:
    """Return the keys that make the policy, in the server's order (rbac.go PolicyCSV)."""
    overlays = sorted(
        (key for key in data if key.startswith("policy.") and key.endswith(".csv") and key != POLICY_KEY),
        key=lambda key: key.encode(),
    )
    return ([POLICY_KEY] if POLICY_KEY in data else []) + overlays


def merged_lines(data: Mapping[str, str]) -> Iterator[tuple[str, Line]]:
    """Yield (key, line) over the whole policy in the server's order."""
    for key in policy_keys(data):
        for line in parse_lines(data[key]):
            yield key, line


def broken_lines(data: Mapping[str, str]) -> list[tuple[str, Line]]:
    """Return the lines for which Argo CD (2.8 and later) refuses the whole policy."""
    return [(key, line) for key, line in merged_lines(data) if line.error]
