# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy text as Argo CD reads it: one CSV record of Go's reader per line, and every byte given back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy_text import (
    broken_lines,
    format_line,
    merged_lines,
    parse_fields,
    parse_lines,
    policy_keys,
)

FIELDS = {
    "plain": ("p,a,b", ("p", "a", "b")),
    "leading-spaces-dropped": ("p,  a,\tb", ("p", "a", "b")),
    "trailing-space-kept": ("p, a , b", ("p", "a ", "b")),
    "comment-at-the-end-is-text": ("g, a, b # note", ("g", "a", "b # note")),
    "trailing-space-at-the-end-kept": ("p,a ", ("p", "a ")),
    "empty-fields": ("p,,", ("p", "", "")),
    "nothing": ("", ("",)),
    "quoted-comma": ('p, "{a,b}", c', ("p", "{a,b}", "c")),
    "quoted-quote": ('p, "a""b"', ("p", 'a"b')),
    "quoted-spaces-kept": ('" a ",b', (" a ", "b")),
    "quoted-empty-at-the-end": ('p, ""', ("p", "")),
    "unquoted-braces-split": ("p, {a,b}", ("p", "{a", "b}")),
}


@pytest.mark.parametrize(("line", "fields"), FIELDS.values(), ids=FIELDS)
def test_fields_are_read_by_gos_rules(line: str, fields: tuple[str, ...]) -> None:
    assert parse_fields(line) == fields


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ('p, a"b', 'a quote inside a field that does not start with one (")'),
        ('p, "a', 'a quoted field is not closed (")'),
        ('p, "', 'a quoted field is not closed (")'),
        ('p, "a""', 'a quoted field is not closed (")'),
        ('p, "a" , b', "text after the closing quote of a field"),
        ('p, "a"b', "text after the closing quote of a field"),
    ],
)
def test_what_gos_reader_refuses_is_refused(line: str, cause: str) -> None:
    with pytest.raises(ValueError, match=r".*") as caught:
        parse_fields(line)
    assert str(caught.value) == cause


WRONG_COUNT = "a {0} line has {1} fields, this one has {2} (a comma inside needs quotes)"
ERRORS = {
    "p-with-6": ("p, a, b, c, d, allow", None),
    "g-with-3": ("g, a, b", None),
    "empty": ("", None),
    "spaces": (" \t ", None),
    "comment": ("# p, a", None),
    "comment-after-spaces": ("   # x", None),
    "spaces-around": ("   g, a, b   ", None),
    "empty-subject-loads": ("p, , res, act, obj, allow", None),
    "dead-effect-loads": ("p, a, b, c, d, ALLOW", None),
    "inert-r": ("r, a", None),
    "inert-m": ("m, a, b, c, d, e, f, g", None),
    "inert-e": ("e", None),
    "p-with-5": ("p, a, b, c, d", WRONG_COUNT.format("p", 6, 5)),
    "p-with-7": ("p, a, b, c, d, allow, x", WRONG_COUNT.format("p", 6, 7)),
    "trailing-comma": ("p, a, b, c, d, allow,", WRONG_COUNT.format("p", 6, 7)),
    "unquoted-braces": ("p, a, b, c, {d,e}, allow", WRONG_COUNT.format("p", 6, 7)),
    "g-with-2": ("g, a", WRONG_COUNT.format("g", 3, 2)),
    "g-with-4": ("g, a, b, c", WRONG_COUNT.format("g", 3, 4)),
    "capital-P": ("P, a, b, c, d, allow", "a line starts with p or g, not 'P'"),
    "p2": ("p2, a, b, c, d, allow", "a line starts with p or g, not 'p2'"),
    "g2": ("g2, a, b", "a line starts with p or g, not 'g2'"),
    "word": ("foo", "a line starts with p or g, not 'foo'"),
    "comma-first": (", a", "a line starts with p or g, not ''"),
    "csv": ('p, "a', 'a quoted field is not closed (")'),
}


@pytest.mark.parametrize(("line", "error"), ERRORS.values(), ids=ERRORS)
def test_what_one_line_does_to_the_whole_policy(line: str, error: str | None) -> None:
    assert [item.error for item in parse_lines(f"{line}\n")] == [error]
    data = {"policy.csv": "g, a, b\n", "policy.x.csv": f"# x\n{line}\n"}
    assert [(key, item.number) for key, item in broken_lines(data)] == ([("policy.x.csv", 2)] if error else [])


@pytest.mark.parametrize(
    ("line", "about"),
    [
        ("p, octopus, a, b, c, allow", True),
        ("g, octopus, role:x", True),
        ("p, octopus-eu, a, b, c, allow", False),
        ("p, Octopus, a, b, c, allow", False),
        ('p, "octopus ", a, b, c, allow', False),
        ("g, role:x, octopus", False),
        ("# p, octopus, a, b, c, allow", False),
        ("r, octopus", False),
        ("p, octopus, a", False),
        ("", False),
    ],
)
def test_whom_a_line_is_about(line: str, about: bool) -> None:  # noqa: FBT001 # an expectation of the table
    assert [item.about("octopus") for item in parse_lines(line + "\n")] == [about]


def test_keys_make_the_policy_in_the_servers_order() -> None:
    names = ["policy.b.csv", "policy.default", "xpolicy.csv", "policy.B.csv", "policy.csv", "policy.ä.csv", "scopes"]
    data = dict.fromkeys([*names, "policy.csv.bak", "policy..csv"], "g, a, b\n")
    assert policy_keys(data) == ["policy.csv", "policy..csv", "policy.B.csv", "policy.b.csv", "policy.ä.csv"]
    assert [key for key, _line in merged_lines(data)] == policy_keys(data)
    assert policy_keys({"scopes": "[groups]"}) == []


TEXTS = st.text(st.sampled_from('pg, "#\r\n\t*/ab\x0b\x85\u2028'), max_size=60)


@given(TEXTS)
def test_the_raw_lines_give_the_text_back_byte_for_byte(text: str) -> None:
    lines = parse_lines(text)
    assert "".join(line.raw for line in lines) == text
    assert [line.number for line in lines] == list(
        range(1, text.count("\n") + 1 + (not text.endswith("\n") and text != ""))
    )


FIELD_TEXTS = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=12)


@given(st.lists(FIELD_TEXTS, min_size=1, max_size=7))
def test_what_we_write_is_read_back_as_the_same_fields(fields: list[str]) -> None:
    assert parse_fields(format_line(fields)) == tuple(fields)


@given(st.lists(FIELD_TEXTS, min_size=5, max_size=5))
def test_a_line_we_write_is_read_back_out_of_a_text_too(fields: list[str]) -> None:
    (line,) = parse_lines(format_line(["p", *fields]) + "\n")
    assert (line.fields, line.error) == (("p", *fields), None)


def test_only_what_needs_quotes_gets_them() -> None:
    assert format_line(["p", "a", "*/*", "{a}", "a,b", 'say "x"', " s"]) == 'p, a, */*, {a}, "a,b", "say ""x""", " s"'
