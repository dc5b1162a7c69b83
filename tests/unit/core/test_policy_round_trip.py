# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any text at all: printed as it was parsed, given back by the inverse of an edit. `make policy-check` runs 10,000."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy import DesiredPolicy, Fields, edit_text
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy_lint import Surroundings, lint_policy
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy_text import parse_lines, trimmed
from ansible_collections.fleetops.argocd.plugins.module_utils._core.release import Release

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
RELEASES = [Release(2, 7), Release(3, 5), Release(3, 6)]
SETTINGS = {
    "policy.default": SNIPPETS | st.sampled_from(["role:readonly", "role:admin", "role:x\n"]),
    "policy.matchMode": st.sampled_from(["regex", "glob", ""]),
    "scopes": SNIPPETS | st.sampled_from(["[groups]", "- groups\n- email\n"]),
}
FIELDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=8)
WANTED = st.lists(
    st.tuples(st.just("p"), st.just("octopus"), FIELDS, FIELDS, FIELDS, st.sampled_from(["allow", "deny"]))
    | st.tuples(st.just("g"), st.just("octopus"), FIELDS),
    max_size=4,
)


def own_lines(text: str, key: str) -> list[Fields]:
    """The subject's lines that are ours: none of these texts has markers of its own."""
    return [line.fields for line in parse_lines(text) if line.about("octopus")] if key == OVERLAY else []


@given(TEXTS)
def test_parsing_and_printing_gives_every_byte_back(text: str) -> None:
    assert "".join(line.raw for line in parse_lines(text)) == text


@given(TEXTS, WANTED, st.sampled_from([OVERLAY, "policy.csv"]))
def test_the_inverse_of_an_edit_gives_every_byte_back(text: str, wanted: list[Fields], key: str) -> None:
    own = own_lines(text, key)
    wish = DesiredPolicy("octopus", tuple(own + wanted), key)
    after = edit_text(text, wish)
    assert edit_text(after, wish) == after
    assert edit_text(after, replace(wish, lines=tuple(own))) == text
    if not own:
        assert edit_text(after, replace(wish, present=False)) == text


@given(TEXTS, TEXTS, st.fixed_dictionaries({}, optional=SETTINGS), st.sampled_from([None, *RELEASES]))
def test_lint_tells_of_any_text_and_never_crashes(
    text: str, overlay: str, settings: dict[str, str], release: Release | None
) -> None:
    data = {"policy.csv": text, OVERLAY: overlay, **settings}
    own = {OVERLAY: range(1, overlay.count("\n") + 2)}
    findings = lint_policy(data, Surroundings("octopus", own, release, config=settings))
    lines = {key: parse_lines(value) for key, value in data.items()}
    for finding in findings:
        assert finding.why
        assert finding.fix
        assert finding.number is None or trimmed(lines[finding.key][finding.number - 1].raw) == finding.text
    broken = sum(1 for key in ("policy.csv", OVERLAY) for line in lines[key] if line.error)
    assert sum(1 for finding in findings if "answers 500" in finding.why) == broken


@pytest.mark.parametrize("end", ["\n", "\r\n", " \t\n"])
@pytest.mark.parametrize("key", [OVERLAY, "policy.csv"])
@pytest.mark.parametrize("theirs", ["# theirs\n", "# theirs"])
def test_an_editor_that_changes_line_ends_leaves_our_lines_ours(end: str, key: str, theirs: str) -> None:
    wish = DesiredPolicy("octopus", (("g", "octopus", "role:x"),), key)
    saved = edit_text(theirs, wish).replace("\n", end)
    assert edit_text(saved, wish) == saved
    rest = f"# theirs{end}"
    assert edit_text(saved, replace(wish, present=False)) == (rest if theirs.endswith("\n") else rest[:-1])
