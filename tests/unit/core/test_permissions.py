# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change gives and takes in words, and the ceiling: refused unless certainly covered."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.enforcer import Caller, Enforcer, ProjectRole
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.fleetops.argocd.plugins.module_utils._core.permissions import (
    Ceiling,
    compare,
    parse_ceiling,
    require_below,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.release import Release

OLD, NEW = Release(3, 5), Release(3, 6)
NOTHING: dict[str, str] = {}


def lines(*texts: str, **settings: str) -> dict[str, str]:
    return {"policy.csv": "\n".join(texts), **{f"policy.{key}": value for key, value in settings.items()}}


GET_ANYTHING = "p, octopus, *, get, *, allow"
GET_ALL = "p, octopus, applications, get, */*, allow"
CHANGES = {
    "a-line": (NOTHING, lines(GET_ALL), ("may get applications */*",), ()),
    "a-line-less": (lines(GET_ALL), NOTHING, (), ("may get applications */*",)),
    "nothing": (lines(GET_ALL), lines(GET_ALL, "# note"), (), ()),
    "a-role": (
        lines("p, ops, logs, get, */*, allow"),
        lines("p, ops, logs, get, */*, allow", "g, octopus, ops"),
        ("may get logs */* (through ops)",),
        (),
    ),
    "what-it-had-already": (lines(GET_ANYTHING), lines(GET_ANYTHING, GET_ALL), (), ()),
    "what-a-wider-line-still-gives": (lines(GET_ANYTHING, GET_ALL), lines(GET_ANYTHING), (), ()),
    "what-the-default-role-gives": (lines(default="role:readonly"), lines(GET_ALL, default="role:readonly"), (), ()),
    "a-deny": (lines(GET_ALL), lines(GET_ALL, "p, octopus, logs, get, */*, deny"), (), ("may not get logs */*",)),
    "a-deny-less": (lines("p, octopus, logs, get, */*, deny"), NOTHING, ("is no longer denied: get logs */*",), ()),
    "dead": (NOTHING, lines("p, octopus, logs, get, */*, Allow"), (), ()),
    "of-somebody-else": (NOTHING, lines("p, bob, logs, get, */*, allow"), (), ()),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "gained", "lost"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_said_in_words(
    before: Mapping[str, str], after: Mapping[str, str], gained: tuple[str, ...], lost: tuple[str, ...]
) -> None:
    diff = compare(before, after, "octopus", OLD)
    assert (diff.gained, diff.lost) == (gained, lost)


def test_own_lines_come_first() -> None:
    diff = compare(NOTHING, lines("g, octopus, role:readonly", "p, octopus, exec, create, */*, allow"), "octopus", None)
    assert diff.gained[0] == "may create exec */*"
    assert diff.gained[1] == "may get applications */* (through role:readonly)"


# --- the ceiling ---------------------------------------------------------------------------------------------------

ITEMS = {"plain": "applications, get, */*", "spaces": "  applications ,get,  */* "}


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_an_item_is_read(item: str) -> None:
    assert parse_ceiling([item]) == [Ceiling("applications", "get", "*/*")]


def test_a_comma_inside_needs_quotes() -> None:
    assert parse_ceiling(['logs, get, "{a,b}/*"']) == [Ceiling("logs", "get", "{a,b}/*")]


@pytest.mark.parametrize("item", ["", "a, b", "a, b, c, d", "p, x, a, b, c, allow", "a, , c", 'a, b, "c', "a, b, c\n"])
def test_what_is_no_item_is_refused_by_its_place(item: str) -> None:
    with pytest.raises(InvalidInput, match=r"cannot use max_permissions\[1\] "):
        parse_ceiling(["a, b, c", item])


def is_below(ceiling: str, *texts: str, release: Release | None = OLD, **settings: str) -> bool:
    try:
        require_below(parse_ceiling(ceiling.split("; ")), lines(*texts, **settings), "octopus", release=release)
    except Refused:
        return False
    return True


def line(resource: str, action: str, target: str) -> str:
    return f'p, octopus, "{resource}", "{action}", "{target}", allow'


COVERED = {
    "the-same": ("*/*", "*/*"),
    "everything": ("*", "*/*"),
    "two-stars": ("**", "[ab]?x"),
    "text-by-prefix": ("default/*", "default/shop"),
    "prefix-by-prefix": ("default/*", "default/shop-*"),
    "prefix-by-contains": ("*/*", "default/*"),
    "suffix-by-suffix": ("*-prod", "*/shop-prod"),
    "both-ends": ("a*z", "ab*yz"),
    "both-ends-by-prefix": ("a*", "ab*yz"),
    "both-ends-by-contains": ("*/*", "a/*z"),
    "contains-by-contains": ("*b*", "*abc*"),
    "alternatives-inside": ("default/*", "{default/a,default/b*}"),
    "alternatives-outside": ("{default/*,ops/*}", "ops/shop"),
    "text-by-anything-that-matches": ("[a-z]??", "abc"),
    "what-never-matches": ("x", "["),
}
NOT_COVERED = {
    "other-text": ("a", "b"),
    "wider": ("default/*", "*/*"),
    "prefix-by-text": ("default/shop", "default/*"),
    "prefix-by-longer-prefix": ("default/shop*", "default/*"),
    "suffix-by-longer": ("*-prod", "*prod"),
    "one-alternative-too-many": ("default/*", "{default/a,ops/b}"),
    "in-doubt": ("default/*", "default/?"),
    "in-doubt-though-alike": ("?*", "*?"),
    "the-ceiling-never-matches": ("[", "a"),
    "old-single-matches-nothing-too": ("?*", "?"),
}


@pytest.mark.parametrize(("outer", "inner"), COVERED.values(), ids=COVERED)
@pytest.mark.parametrize("release", [OLD, NEW, None], ids=["old", "new", "unknown"])
def test_what_is_certainly_covered_passes(outer: str, inner: str, release: Release | None) -> None:
    assert is_below(f'logs, get, "{outer}"', line("logs", "get", inner), release=release)


@pytest.mark.parametrize(("outer", "inner"), NOT_COVERED.values(), ids=NOT_COVERED)
@pytest.mark.parametrize("release", [OLD, NEW, None], ids=["old", "new", "unknown"])
def test_what_is_not_or_in_doubt_does_not(outer: str, inner: str, release: Release | None) -> None:
    assert not is_below(f'logs, get, "{outer}"', line("logs", "get", inner), release=release)


@given(*[st.text(st.sampled_from("ab/*?{},[]!"), max_size=6)] * 2, st.text(st.sampled_from("ab/"), max_size=5))
def test_what_is_covered_matches_nothing_more(outer: str, inner: str, value: str) -> None:
    assume(not set(" ") & set(outer + inner) and outer and inner)
    for release in (OLD, NEW):
        own, wide = lines(line("logs", "get", inner)), lines(line("logs", "get", outer))
        if is_below(f'logs, get, "{outer}"', line("logs", "get", inner), release=release):
            allowed = [
                Enforcer(data, release=release).decide(Caller("octopus"), "logs", "get", value).allowed
                for data in (own, wide)
            ]
            assert allowed[0] <= allowed[1]


WAYS = {
    "action-wider": ("logs, get, *", [line("logs", "*", "a/b")], {}, "* logs a/b (policy.csv line 1)"),
    "resource-pattern": ("logs, *, *", [line("*", "get", "*")], {}, "get clusters * (policy.csv line 1)"),
    "default-role": ("logs, get, *", [], {"default": "role:readonly"}, "get applications */* (built-in policy)"),
    "role": ("logs, get, *", ["g, octopus, x", "p, x, exec, create, a/b, allow"], {}, "through octopus > x"),
    "everybody": ("logs, get, *", ["p, , exec, create, a/b, allow"], {}, "create exec a/b (policy.csv line 1)"),
}


@pytest.mark.parametrize(("ceiling", "texts", "settings", "told"), WAYS.values(), ids=WAYS)
def test_every_way_counts_and_is_told(ceiling: str, texts: list[str], settings: dict[str, str], told: str) -> None:
    with pytest.raises(Refused) as caught:
        require_below(parse_ceiling([ceiling]), lines(*texts, **settings), "octopus", release=OLD)
    assert told in str(caught.value)


def test_resources_of_one_pattern_may_be_covered_by_several_items() -> None:
    assert is_below("logs, get, *; gpgkeys, get, *", line("{logs,gpgkeys}", "get", "a"))


def test_what_a_deny_takes_away_is_not_given() -> None:
    deny = "p, octopus, logs, *, */*, deny"
    assert is_below("exec, *, *", line("logs", "get", "a/b"), deny)
    assert not is_below("exec, *, *", line("logs", "get", "a*"), deny)
    assert not is_below("exec, *, *", "p, everyone, logs, get, a/b, allow", deny, default="everyone")


def test_the_roles_of_projects_count() -> None:
    projects = {"p": [ProjectRole("r", ("p, proj:p:r, logs, get, p/*, allow",), ("octopus",))]}
    require_below(parse_ceiling(["logs, get, */*", "projects, get, p"]), {}, "octopus", release=OLD, projects=projects)
    with pytest.raises(Refused, match="AppProject p line 2 through octopus > proj:p:r"):
        require_below(parse_ceiling(["projects, get, *"]), {}, "octopus", release=OLD, projects=projects)


OPS = "p, proj:shop:ops, applications, *, shop/*, allow"
SHOP = {"shop": [ProjectRole("ops", (), ("octopus",))], "empty": []}
THROUGH_PROJECTS = {
    "a-line-about-its-role": ([OPS], "* applications shop/* (policy.csv line 1 through octopus > proj:shop:ops)"),
    "a-role-of-its-role": (
        ["g, proj:shop:ops, x", OPS.replace("proj:shop:ops", "x")],
        "* applications shop/* (policy.csv line 2 through octopus > proj:shop:ops > x)",
    ),
    "a-denial-elsewhere": (
        [OPS, "p, proj:web:ops, applications, *, *, deny"],
        "* applications shop/* (policy.csv line 1 through octopus > proj:shop:ops)",
    ),
}


@pytest.mark.parametrize(("texts", "told"), THROUGH_PROJECTS.values(), ids=THROUGH_PROJECTS)
def test_lines_count_that_only_the_grants_of_a_project_lead_to(texts: list[str], told: str) -> None:
    projects = {**SHOP, "web": [ProjectRole("ops", (), ("octopus",))]}
    with pytest.raises(Refused) as caught:
        require_below(parse_ceiling(["*, get, *"]), lines(*texts), "octopus", release=OLD, projects=projects)
    assert f" cover {told}; take" in str(caught.value)


def test_a_denial_that_the_grants_of_a_project_lead_to_takes_only_what_is_given_there() -> None:
    deny = "p, proj:shop:ops, applications, *, *, deny"
    ceiling = parse_ceiling(["projects, get, *"])
    require_below(ceiling, lines(OPS, deny), "octopus", release=OLD, projects=SHOP)
    with pytest.raises(Refused, match=r"cover get applications web/x \(policy\.csv line 2\); take"):
        require_below(ceiling, lines(deny, line("applications", "get", "web/x")), "octopus", release=OLD, projects=SHOP)


IN_PROJECT, EVERYWHERE = OPS, "p, octopus, applications, *, shop/*, allow"
DENIED_THERE, DENIED = (text.replace("allow", "deny") for text in (IN_PROJECT, EVERYWHERE))
STATED = "may * applications shop/*"
PROJECT_CHANGES = {
    "in-the-project": ([], [IN_PROJECT], [f"{STATED} (through proj:shop:ops)"], []),
    "everywhere-too": ([IN_PROJECT], [IN_PROJECT, EVERYWHERE], [STATED], []),
    "no-more-in-the-project": ([IN_PROJECT, EVERYWHERE], [EVERYWHERE], [], []),
    "only-in-the-project": ([EVERYWHERE], [IN_PROJECT], [], [STATED]),
    "denied-there": ([], [DENIED_THERE], [], ["may not * applications shop/*"]),
    "denied-only-there": ([DENIED], [DENIED_THERE], ["is no longer denied: * applications shop/*"], []),
    "denied-everywhere": ([DENIED_THERE], [DENIED], [], ["may not * applications shop/*"]),
}


@pytest.mark.parametrize(("before", "after", "gained", "lost"), PROJECT_CHANGES.values(), ids=PROJECT_CHANGES)
def test_what_counts_in_a_project_only_is_another_statement(
    before: list[str], after: list[str], gained: list[str], lost: list[str]
) -> None:
    diff = compare(lines(*before), lines(*after), "octopus", OLD, SHOP)
    assert (list(diff.gained), list(diff.lost)) == (gained, lost)


@pytest.mark.parametrize(
    ("outer", "inner", "covered"),
    [("^a$", "^a$", True), (".*", "a+", True), ("a", "^xay$", True), ("^a", "^b$", False), ("a.*", "ab", False)],
)
def test_regular_expressions_cover_where_that_is_plain(outer: str, inner: str, *, covered: bool) -> None:
    settings = {"matchMode": "regex"}
    assert is_below(f"logs, get, {outer}", line("logs", "get", inner), **settings) is covered


def test_no_more_than_a_few_are_told() -> None:
    with pytest.raises(Refused, match=r"; and 37 more; take the lines or roles away") as caught:
        require_below([], lines("g, octopus, role:admin"), "octopus", release=Release(3, 6))
    assert len(str(caught.value)) < 900
