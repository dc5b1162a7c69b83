# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every variables file: nothing else moves, and removing undoes setting."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.plugin_utils._yaml_text import (
    FlowMapping,
    NotEditable,
    VaultBlock,
    edit,
    lookup,
)

PAIR = ("tok", "rec")
CIPHER = VaultBlock("$ANSIBLE_VAULT;1.2;AES256;prod\n6162\n6364\n")

VALUES = st.sampled_from(
    [
        "1",
        "plain text",
        "'quo''ted' # with a comment",
        '"a: b # c"',
        "",
        "~",
        "[a, {b: c}]",
        "{a: 1}",
        "\n  nested: 1\n  tok: 2",
        "\n  - a\n  - |\n    x",
        "\n- a\n- b",
        "|\n  literal\n  # no comment",
        "|+\n  kept\n\n",
        ">-\n  fol\n  ded\n",
        "!vault |\n          $ANSIBLE_VAULT;1.1;AES256\n          3030",
        "!vault |\n  $ANSIBLE_VAULT;1.2;AES256;dev\n  3131\n\n",
        "!unsafe '{{ x }}'",
    ]
)
ENTRIES = st.builds(lambda number, value: f"k{number}: {value}", st.integers(0, 99), VALUES)
FILLERS = st.sampled_from(["# comment", "", "  # indented", "# tok: !vault |"])
BODIES = st.lists(st.one_of(ENTRIES, FILLERS), max_size=7).map("\n".join)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Variables files with a final newline (or nothing at all), of every frame and line end we know."""
    body = draw(BODIES)
    text = draw(st.sampled_from(["", "---\n", "--- # top\n"])) + (f"{body}\n" if body else "")
    text += draw(st.sampled_from(["", "...\n"])) if text.startswith("---") else ""
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from(["", "\ufeff"])) + text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.dictionaries(st.text(max_size=8), JSON, max_size=4)


@given(documents(), RECORDS)
def test_set_then_remove_is_the_original(text: str, record: dict[str, Any]) -> None:
    stored = edit(text, {"tok": CIPHER, "rec": FlowMapping(record)}, neighbours=PAIR)
    assert edit(stored, {"tok": None, "rec": None}) == text
    assert edit(edit(stored, {"rec": None}), {"tok": None}) == text


@given(documents(), RECORDS)
def test_record_first_and_token_later_is_the_same_text(text: str, record: dict[str, Any]) -> None:
    both = edit(text, {"tok": CIPHER, "rec": FlowMapping(record)}, neighbours=PAIR)
    announced = edit(text, {"rec": FlowMapping(record)}, neighbours=PAIR)
    assert edit(announced, {"tok": CIPHER}, neighbours=PAIR) == both


@given(documents(), RECORDS)
def test_what_is_set_is_found(text: str, record: dict[str, Any]) -> None:
    stored = edit(text, {"tok": CIPHER, "rec": FlowMapping(record)}, neighbours=PAIR)
    found = lookup(stored, "tok", "rec")
    token, beside = found.get("tok"), found.get("rec")
    assert token is not None
    assert token.text.splitlines() == CIPHER.ciphertext.splitlines()
    assert beside is not None
    assert beside.data == record


@given(st.data(), BODIES, BODIES, VALUES)
def test_bytes_around_an_existing_value_stay(data: st.DataObject, above: str, below: str, value: str) -> None:
    assume(not below.lstrip("\n").startswith(" "))  # below a literal it is no comment but content
    before, after = (f"{body}\n" if body else "" for body in (above, below))
    text = f"{before}tok: {value}\n{after}"
    new = data.draw(st.sampled_from([CIPHER, None]))
    result = None
    with suppress(NotEditable):
        result = edit(text, {"tok": new})
    if result is not None:
        assert result.startswith(before)
        assert result.endswith(after)
        assert edit(result, {"tok": new}) == result


@given(st.text(alphabet="tok: !vault|>&*-?#{}[]'\"ab\n\r \ufeff", max_size=60))
def test_any_text_is_edited_exactly_or_refused(text: str) -> None:
    result = None
    with suppress(NotEditable):
        result = edit(text, {"tok": CIPHER})
    if result is not None:
        value = lookup(result, "tok").get("tok")
        assert value is not None
        assert value.text.splitlines() == CIPHER.ciphertext.splitlines()
