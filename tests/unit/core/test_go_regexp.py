# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go's regular expressions said in Python's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import Undecidable
from ansible_collections.fleetops.argocd.plugins.module_utils._core.go_regexp import BadRegexp, compile_regexp

PATTERNS = {
    "unanchored": ("app", ["applications", "my-app"], ["ap"]),
    "nothing": ("", ["", "x"], []),
    "anchored": ("^app$", ["app"], ["app\n", "apps", "my-app"]),
    "argo-cd's-own": (
        "https://github.com/argo[a-z]{4}/argo-[a-z]+.git",
        ["https://github.com/argoproj/argo-cd.git"],
        ["https://github.com/argoproj/1argo-cd.git"],
    ),
    "any": ("a.c", ["abc", "a/c"], ["a\nc", "ac"]),
    "any-with-line-ends": ("(?s)a.c", ["a\nc"], ["ac"]),
    "lines": ("(?m)^b$", ["a\nb\nc"], ["ab"]),
    "flags-end-with-their-group": ("(?i:a)b", ["Ab"], ["aB"]),
    "flags-for-the-rest-of-the-group": ("(a(?i)b)c", ["aBc"], ["ABc", "abC"]),
    "alternatives": ("^(a|b|)$", ["a", "b", ""], ["c"]),
    "counts": ("^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]),
    "no-count": ("^a{,2}$", ["a{,2}"], ["aa"]),
    "no-count-with-a-leading-zero": ("^a{02}$", ["a{02}"], ["aa"]),
    "lazy": ("^a*?b$", ["b", "aab"], ["a"]),
    "classes-are-ascii": (r"^\d\w\s$", ["1a\t"], ["\u0661a\t", "1é\t", "1a\v"]),
    "negated-classes": (r"^\D\W\S$", ["é é"], ["1 a"]),
    "class": ("^[a-c]$", ["b"], ["d"]),
    "class-negated": ("^[^a]$", ["b", "\n"], ["a"]),
    "class-with-brackets": ("^[]a[]$", ["]", "a", "["], ["b"]),
    "class-with-hyphens": ("^[-a-]$", ["-", "a"], ["b"]),
    "class-named": ("^[[:alpha:]_]$", ["A", "_"], ["1"]),
    "class-named-negated": ("^[[:^alpha:]]$", ["1"], ["A"]),
    "class-with-classes": (r"^[\d\-x]$", ["1", "-", "x"], ["y"]),
    "no-intersection": ("^[a&&b]$", ["&", "a", "b"], ["c"]),
    "edges": (r"\bapp\b", ["my-app"], ["apps"]),
    "no-edge-in-nothing": (r"^\B$", [""], ["a"]),
    "escapes": (r"^\.\x61\x{62}\143\012\_$", [".abc\n_"], ["xabc\n_"]),
    "quoted": (r"^\Qa.b\E*$", ["a.", "a.bb"], ["axb"]),
    "names": ("^(?P<x>a)(?<y>b)$", ["ab"], ["a"]),
    "repeated-edge": ("(?:^)*a", ["ba"], ["b"]),
    "ignoring-case": ("(?i)[a-c]x", ["BX"], ["dx"]),
}


@pytest.mark.parametrize(("pattern", "yes", "no"), PATTERNS.values(), ids=PATTERNS)
def test_a_pattern_matches_these_and_not_those(pattern: str, yes: list[str], no: list[str]) -> None:
    matches = compile_regexp(pattern)
    assert {value: matches(value) for value in [*yes, *no]} == dict.fromkeys(yes, True) | dict.fromkeys(no, False)


BROKEN = [
    "*",
    "*/*",
    "+a",
    "a**",
    "a{2}{3}",
    "(",
    ")",
    "a|*",
    "[a",
    "[b-a]",
    r"[a-\d]",
    "[[:foo:]]",
    r"\1",
    r"\q",
    "\\",
]
BROKEN += ["(?=a)", "(?!a)", "(?<=a)", "(?-)", "(?P<x>a)(?P<x>b)", "a{1001}", "a{2,1}", r"\Z", r"\x{110000}"]


@pytest.mark.parametrize("pattern", BROKEN)
def test_what_go_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(BadRegexp):
        compile_regexp(pattern)


UNDECIDABLE = {
    r"\p{Greek}": "classes of Unicode depend on its version",
    "(?i)é": "upper and lower case beyond ASCII differ between Go and Python",
    "(a{100}){100}": "its repetitions multiply",
    "(" * 60 + ")" * 60: "its groups are nested too deeply for us",
}


@pytest.mark.parametrize(("pattern", "why"), UNDECIDABLE.items(), ids=UNDECIDABLE.values())
def test_what_cannot_be_told_is_said_so(pattern: str, why: str) -> None:
    with pytest.raises(Undecidable, match=why):
        compile_regexp(pattern)


@given(st.text(st.sampled_from("ab*+?.|()[]{}^$\\-,:1idQEx&"), max_size=14), st.text("ab1\n-", max_size=8))
def test_every_pattern_is_judged(pattern: str, value: str) -> None:
    try:
        assert compile_regexp(pattern)(value) in (True, False)
    except (BadRegexp, Undecidable):
        pass
