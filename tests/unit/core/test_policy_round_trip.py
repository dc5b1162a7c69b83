# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any text at all: printed as it was parsed, given back by the inverse of an edit. `make policy-check` runs 10,000."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy import DesiredPolicy, Fields, plan_policy
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy_text import parse_lines

OVERLAY = "policy.octopus.csv"
# Whole lines, fragments of lines, marker lines, the line ends of three systems and spaces only some of which Go trims.
WORDS = st.sampled_from(
    [
        "p, octopus, applications, get, */*, allow",
        "g, octopus, role:x",
        "p, bob, clusters, get, *, deny",
        'p, role:x, logs, get, "{a,b}/*", allow',
        "# a comment, with a comma",
        "# BEGIN fleetops.argocd octopus-eu",
        "# END fleetops.argocd octopus-eu",
        "r, nothing",
    ]
)
SPACES = st.sampled_from(["", " ", "  ", "\t", "\x0b", "\x1c", "\x85", "\xa0", "\u2028", "\ufeff"])
ENDS = st.sampled_from(["\n", "\r\n", " \n", "\n\n", "\r\r\n"])
LINES = st.builds("".join, st.tuples(SPACES, WORDS, SPACES, ENDS))
SNIPPETS = st.text(st.sampled_from('pg,#" \r\n*[]{}\\^!?/-:abé'), max_size=12)
TEXTS = st.builds(
    lambda parts, bare: "".join(parts).rstrip("\n") if bare else "".join(parts),
    st.lists(LINES | SNIPPETS, max_size=8),
    st.booleans(),
)
FIELDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=8)
WANTED = st.lists(
    st.tuples(st.just("p"), st.just("octopus"), FIELDS, FIELDS, FIELDS, st.sampled_from(["allow", "deny"]))
    | st.tuples(st.just("g"), st.just("octopus"), FIELDS),
    max_size=4,
)


def edited(text: str, wish: DesiredPolicy) -> str:
    """The key's text after the plan. A text that does not compile is not planned on; what is broken is left out."""
    (step,) = plan_policy({wish.key: text}, wish).plan.steps or (None,)
    return (step.values[wish.key] or "") if step else text


def loadable(text: str) -> str:
    return "".join(line.raw for line in parse_lines(text) if not line.error)


@given(TEXTS)
def test_parsing_and_printing_gives_every_byte_back(text: str) -> None:
    assert "".join(line.raw for line in parse_lines(text)) == text


@given(TEXTS, WANTED, st.sampled_from([OVERLAY, "policy.csv"]))
def test_the_inverse_of_an_edit_gives_every_byte_back(text: str, wanted: list[Fields], key: str) -> None:
    before = loadable(text)
    own = [line.fields for line in parse_lines(before) if line.about("octopus")] if key == OVERLAY else []
    new = [fields for fields in wanted if fields not in own]
    wish = DesiredPolicy("octopus", tuple(own + new), key)
    after = edited(before, wish)
    assert edited(after, wish) == after
    assert edited(after, replace(wish, lines=tuple(own))) == before
    if not own:
        assert edited(after, replace(wish, present=False)) == before


@pytest.mark.parametrize("end", ["\n", "\r\n", " \t\n"])
@pytest.mark.parametrize("key", [OVERLAY, "policy.csv"])
@pytest.mark.parametrize("theirs", ["# theirs\n", "# theirs"])
def test_an_editor_that_changes_line_ends_leaves_our_lines_ours(end: str, key: str, theirs: str) -> None:
    wish = DesiredPolicy("octopus", (("g", "octopus", "role:x"),), key)
    saved = edited(theirs, wish).replace("\n", end)
    assert edited(saved, wish) == saved
    rest = f"# theirs{end}"
    assert edited(saved, replace(wish, present=False)) == (rest if theirs.endswith("\n") else rest[:-1])
