# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Globs as gobwas/glob does them, its old mistakes and its corrections; `make enforcer-check` asks the real server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import Undecidable
from ansible_collections.fleetops.argocd.plugins.module_utils._core.glob import BadGlob, GlobCrash, compile_glob

OLD, NEW = False, True
BOTH = (OLD, NEW)
# pattern, values that match, values that do not; for each name the implementations this holds of
PATTERNS = {
    "text": (BOTH, "hello", ["hello"], ["hell", "hello ", "Hello", ""]),
    "prefix": (BOTH, "hell*", ["hell", "hello"], ["hel", "xhell"]),
    "not-a-prefix": (BOTH, "e*", ["e", "eh"], ["hello"]),
    "star": (BOTH, "*", ["", "a", "a/b", "a\nb"], []),
    "two-stars": (BOTH, "**", ["", "a/b"], []),
    "project-and-name": (BOTH, "*/*", ["p/a", "p/ns/a", "*/*", "/"], ["p", "", "*"]),
    "three-parts": (BOTH, "a*b*c", ["abc", "a/b/c"], ["ab", "acb"]),
    "single": (BOTH, "a?c", ["abc", "a/c"], ["ac", "abbc"]),
    "characters-in-a-row-are-cut-to-a-byte": ([OLD], "a?c", ["abc"], ["aéc"]),
    "characters-in-a-row": ([NEW], "a?c", ["aéc"], ["ac"]),
    "list": (BOTH, "[abc]x", ["ax", "cx"], ["dx", "x"]),
    "list-negated": (BOTH, "[!abc]x", ["dx", "/x"], ["ax", "x"]),
    "range": (BOTH, "[a-c]x", ["ax", "bx"], ["dx"]),
    "range-negated": (BOTH, "[!a-c]x", ["dx"], ["bx"]),
    "caret-is-no-negation": (BOTH, "[^a]x", ["^x", "ax"], ["bx"]),
    "closing-bracket-as-range-end": (BOTH, "[A-]]", ["]", "Z"], ["a"]),
    "alternatives": (BOTH, "{a,bc}", ["a", "bc"], ["b", "abc", ""]),
    "alternatives-nested": (BOTH, "{a,{b,c}d}", ["a", "bd", "cd"], ["b", "ad"]),
    "alternatives-one-empty": (BOTH, "x{,y}", ["x", "xy"], ["xyy"]),
    "alternatives-before-text": (BOTH, "{a,b}-*", ["a-", "b-x"], ["c-"]),
    "alternatives-of-one-kind": (BOTH, "{a*,b*}/*", ["ax/y", "b/"], ["c/y"]),
    "escapes": (BOTH, r"\*\{\,\\a\b", [r"*{,\ab"], ["x{,ab"]),
    "outside-braces-text": (BOTH, "a,b}c]d!^$.+()|", ["a,b}c]d!^$.+()|"], ["a"]),
    "texts-overlap": ([OLD], "/*/", ["/", "//", "/a/"], ["a/"]),
    "texts-do-not-overlap": ([NEW], "/*/", ["//", "/a/"], ["/"]),
    "lone-single-matches-nothing-too": ([OLD], "?", ["", "a"], ["ab"]),
    "lone-single": ([NEW], "?", ["a"], ["", "ab"]),
    "lone-negation-matches-nothing-too": ([OLD], "[!a]", ["", "b"], ["a"]),
    "alternatives-of-two-kinds-miss": ([OLD], "{team-*,ops}/*", ["ops/x"], ["team-a/x"]),
    "alternatives-of-two-kinds": ([NEW], "{team-*,ops}/*", ["ops/x", "team-a/x"], ["dev/x"]),
    "alternatives-of-two-kinds-behind-miss": ([OLD], "x/{a*,b}", ["x/b"], ["x/ac"]),
    "negations-in-a-row-look-for-the-list": ([OLD], "[!ab][!ab]", ["cd", "ba", "aa"], ["ab", "c", "cde"]),
    "negations-in-a-row": ([NEW], "[!ab][!ab]", ["cd"], ["ba", "aa", "ab"]),
    "brace-not-closed": ([OLD], "{a,b", ["a", "b"], ["{a,b"]),
    "backslash-at-the-end": ([OLD], "a\\", ["a"], ["a\\"]),
}
CASES = [
    pytest.param(pattern, corrected, yes, no, id=f"{name}-{'corrected' if corrected else 'old'}")
    for name, (implementations, pattern, yes, no) in PATTERNS.items()
    for corrected in implementations
]


@pytest.mark.parametrize(("pattern", "corrected", "yes", "no"), CASES)
def test_a_pattern_matches_these_and_not_those(pattern: str, *, corrected: bool, yes: list[str], no: list[str]) -> None:
    matches = compile_glob(pattern, corrected=corrected)
    assert {value: matches(value) for value in [*yes, *no]} == dict.fromkeys(yes, True) | dict.fromkeys(no, False)


BROKEN = {
    "list-not-closed": (BOTH, "[a"),
    "argo-cd's-own": (BOTH, "e[[a*"),
    "list-empty": (BOTH, "[]"),
    "negation-empty": (BOTH, "[!]"),
    "list-and-range": (BOTH, "[a-cx]"),
    "range-without-end": (BOTH, "[a-]"),
    "range-backwards": (BOTH, "[c-a]"),
    "brace-not-closed": ([NEW], "{a,b"),
    "backslash-at-the-end": ([NEW], "a\\"),
    "replacement-character": ([OLD], "a\ufffd"),
}


@pytest.mark.parametrize(
    ("pattern", "corrected"),
    [(pattern, corrected) for implementations, pattern in BROKEN.values() for corrected in implementations],
)
def test_a_broken_pattern_does_not_compile(pattern: str, *, corrected: bool) -> None:
    with pytest.raises(BadGlob):
        compile_glob(pattern, corrected=corrected)


def test_the_old_matcher_crashes_on_an_alternative_of_no_length() -> None:
    matches = compile_glob("x/{")
    assert not matches("x/a")
    with pytest.raises(GlobCrash):
        matches("x/")


@pytest.mark.parametrize("pattern", ["a*" * 101, "{" * 60 + "a" + "}" * 60], ids=["long", "deep"])
def test_what_is_too_long_for_us_is_said_to_be(pattern: str) -> None:
    with pytest.raises(Undecidable, match="too long"):
        compile_glob(pattern)


@given(st.text(st.sampled_from("ab/*?[]{},!-\\é"), max_size=12), st.text(st.sampled_from("ab/*-é"), max_size=8))
def test_every_pattern_compiles_or_is_broken(pattern: str, value: str) -> None:
    for corrected in BOTH:
        try:
            assert compile_glob(pattern, corrected=corrected)(value) in (True, False)
        except (BadGlob, GlobCrash):
            pass


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd\0"), max_size=12))
def test_an_escaped_text_matches_itself_only(text: str) -> None:
    escaped = "".join(f"\\{character}" for character in text)
    for corrected in BOTH:
        matches = compile_glob(escaped, corrected=corrected)
        assert matches(text)
        assert not matches(text + "x")
