# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May somebody do something, and by which line? `make enforcer-check` asks casbin and the real server the same.

What Argo CD's own tests expect is in test_argo_cd_expectations.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from ansible_collections.fleetops.argocd.plugins.module_utils._core.enforcer import (
    BUILT_IN,
    Caller,
    Decision,
    Enforcer,
    ProjectRole,
    groups_of,
    local_account,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput, Undecidable
from ansible_collections.fleetops.argocd.plugins.module_utils._core.release import Release

NOW = Release(3, 5)
FOO = "applications get foo/bar"


def decide(
    data: Mapping[str, str] | str, subject: str, question: str, *groups: str, release: Release = NOW, **options: Any
) -> Decision:
    """The question is `resource action object`; a text is policy.csv."""
    enforcer = Enforcer({"policy.csv": data} if isinstance(data, str) else data, release=release, **options)
    resource, action, target = question.split(" ", 2)
    return enforcer.decide(Caller(subject, groups), resource, action, target)


PROJECTS = {
    "my-proj": [
        ProjectRole(
            "my-role",
            (
                "p, proj:my-proj:my-role, applications, create, my-proj/*, allow",
                "p, proj:my-proj:my-role, logs, get, my-proj/*, allow",
            ),
            ("my-org:my-team",),
        )
    ],
    "broken": [ProjectRole("r", ("p, proj:broken:r, applications, get, broken/*",), ("alice",))],
    "empty": [],
}
CREATE = "applications create my-proj/my-app"
OF_PROJECTS = {
    "role's-token": ("proj:my-proj:my-role", (), CREATE, True),
    "role's-token-elsewhere": ("proj:my-proj:my-role", (), "applications create empty/my-app", False),
    "role's-token-without-project": ("proj:my-proj:my-role", (), "applications create none/my-app", False),
    "group-without-subject": ("", ("my-org:my-team",), CREATE, True),
    "group-logs": ("dave", ("my-org:my-team",), "logs get my-proj/my-app", True),
    "group-sees-the-project": ("dave", ("my-org:my-team",), "projects get my-proj", True),
    "group-sees-no-other-project": ("dave", ("my-org:my-team",), "projects get empty", False),
    "no-group": ("cathy", (), CREATE, False),
    "resource-of-no-project": ("dave", ("my-org:my-team",), "accounts get my-proj/x", False),
    "account-named-as-a-group": ("my-org:my-team", (), CREATE, True),
    "a-broken-line-takes-all-of-its-project": ("alice", (), "projects get broken", False),
    "a-broken-line-takes-nothing-else": ("admin", (), "applications get broken/a", True),
}


@pytest.mark.parametrize(("subject", "groups", "question", "allowed"), OF_PROJECTS.values(), ids=OF_PROJECTS)
def test_roles_of_projects(subject: str, groups: tuple[str, ...], question: str, *, allowed: bool) -> None:
    assert decide({}, subject, question, *groups, projects=PROJECTS).allowed is allowed


def test_applicationsets_ask_their_project_since_3_1() -> None:
    roles = {"p": [ProjectRole("r", ("p, proj:p:r, applicationsets, get, p/*, allow",), ("alice",))]}
    question = "applicationsets get p/a"
    assert not decide({}, "alice", question, release=Release(3, 0), projects=roles).allowed
    assert decide({}, "alice", question, release=Release(3, 1), projects=roles).allowed


# --- the order of decisions, and the line that decides -------------------------------------------------------------

DENY_ALL = "p, alice, applications, *, */*, deny"
ALLOW_ALL = "p, alice, applications, *, */*, allow"
EVERYBODY = "p, , applications, get, */*, allow"
QUOTED = 'p, alice, applications, get, "{foo,x}/*", allow'
CRASHING = "p, alice, applications, get, foo/bar{, allow"
LINES = {
    "no-rule": ("", "alice", (), False, "no rule"),
    "allow": (ALLOW_ALL, "alice", (), True, f"policy.csv line 1: {ALLOW_ALL}"),
    "deny-wins-in-any-order": (f"{ALLOW_ALL}\n{DENY_ALL}", "alice", (), False, f"policy.csv line 2: {DENY_ALL}"),
    "deny-wins-before": (f"{DENY_ALL}\n{ALLOW_ALL}", "alice", (), False, f"policy.csv line 1: {DENY_ALL}"),
    "through-roles": (
        f"g, alice, a\ng, a, b\n{ALLOW_ALL.replace('alice', 'b')}",
        "alice",
        (),
        True,
        "policy.csv line 3: p, b, applications, *, */*, allow (through alice > a > b)",
    ),
    "built-in": (
        "g, alice, role:admin",
        "alice",
        (),
        True,
        f"{BUILT_IN}: p, role:readonly, applications, get, */*, allow (through alice > role:admin > role:readonly)",
    ),
    "group": (
        "g, team, role:readonly",
        "alice",
        ("team",),
        True,
        f"{BUILT_IN}: p, role:readonly, applications, get, */*, allow (through team > role:readonly)",
    ),
    "group-only-where-g-names-it": (ALLOW_ALL.replace("alice", "team"), "alice", ("team",), False, "no rule"),
    "deny-of-the-account-leaves-the-group": (
        f"{DENY_ALL}\ng, team, role:readonly",
        "alice",
        ("team",),
        True,
        f"{BUILT_IN}: p, role:readonly, applications, get, */*, allow (through team > role:readonly)",
    ),
    "everybody": (EVERYBODY, "alice", (), True, f"policy.csv line 1: {EVERYBODY}"),
    "anonymous": (EVERYBODY, "", (), True, f"policy.csv line 1: {EVERYBODY}"),
    "everybody-is-no-role": ('g, "", role:admin', "", (), True, None),
    "dead-effect": ("p, alice, applications, get, */*, Allow", "alice", (), False, "no rule"),
    "trailing-space": ("p, alice, applications , get, */*, allow", "alice", (), False, "no rule"),
    "quoted": (QUOTED, "alice", (), True, f"policy.csv line 1: {QUOTED}"),
    "broken-deny-fails-open": (
        f"{ALLOW_ALL}\np, alice, applications, get, [, deny",
        "alice",
        (),
        True,
        f"policy.csv line 1: {ALLOW_ALL}",
    ),
    "crash-denies": (
        f"{ALLOW_ALL}\n{CRASHING}",
        "alice",
        (),
        False,
        f"policy.csv line 2: {CRASHING}; the server crashes on matching 'foo/bar' with 'foo/bar{{' and denies",
    ),
}


@pytest.mark.parametrize(("policy", "subject", "groups", "allowed", "reason"), LINES.values(), ids=LINES)
def test_the_deciding_line(
    policy: str, subject: str, groups: tuple[str, ...], *, allowed: bool, reason: str | None
) -> None:
    decision = decide(policy, subject, FOO, *groups)
    assert decision.allowed is allowed
    assert reason in (None, decision.reason)


def test_a_deny_does_not_take_what_the_default_role_gives() -> None:
    decision = decide({"policy.csv": DENY_ALL, "policy.default": "role:readonly"}, "alice", FOO)
    assert (decision.allowed, decision.chain) == (True, ("role:readonly",))


def test_a_default_role_is_taken_as_it_is() -> None:
    assert not decide({"policy.default": "role:readonly\n"}, "alice", FOO).allowed


def test_overlays_follow_policy_csv_since_2_8() -> None:
    data = {"policy.csv": "# nothing", "policy.b.csv": "\np, alice, applications, get, foo/*, allow"}
    assert decide(data, "alice", FOO).reason.startswith("policy.b.csv line 2: ")
    assert not decide(data, "alice", FOO, release=Release(2, 7)).allowed


@pytest.mark.parametrize(("links", "allowed"), [(10, True), (11, False)])
def test_ten_links_of_roles_count(links: int, *, allowed: bool) -> None:
    chain = ["alice", *(f"r{number}" for number in range(1, links)), "role:readonly"]
    policy = "\n".join(f"g, {member}, {role}" for member, role in pairwise(chain))
    assert decide(policy, "alice", FOO).allowed is allowed


def test_roles_in_a_circle_end() -> None:
    assert decide("g, alice, b\ng, b, alice\ng, b, role:readonly", "alice", FOO).allowed


REGEX = {
    "built-in-lines-break": ({}, "admin", FOO, False),
    "own-role": ({"policy.csv": "p, alice, ^applications$, ^get$, ^foo/, allow"}, "alice", FOO, True),
    "unanchored": ({"policy.csv": "p, alice, app, e, o/b, allow"}, "alice", FOO, True),
    "broken-where-it-is-reached": (
        {"policy.csv": "p, alice, app, get, foo, allow\np, alice, app, get, *, allow"},
        "alice",
        FOO,
        False,
    ),
    "broken-where-it-is-not": (
        {"policy.csv": "p, alice, app, get, foo, allow\np, alice, app, sync, *, allow"},
        "alice",
        FOO,
        True,
    ),
}


@pytest.mark.parametrize(("data", "subject", "question", "allowed"), REGEX.values(), ids=REGEX)
def test_regex_mode(data: dict[str, str], subject: str, question: str, *, allowed: bool) -> None:
    assert decide({**data, "policy.matchMode": "regex"}, subject, question).allowed is allowed


def test_a_regular_expression_we_cannot_judge_is_no_answer() -> None:
    data = {"policy.csv": r"p, alice, \pL, get, foo, allow", "policy.matchMode": "regex"}
    with pytest.raises(Undecidable, match="classes of Unicode"):
        decide(data, "alice", FOO)


def test_the_corrected_globs_count_from_3_6_on() -> None:
    policy = 'p, alice, applications, get, "{team-*,ops}/*", allow'
    answers = [
        decide(policy, "alice", "applications get team-a/x", release=Release(3, minor)).allowed for minor in (5, 6)
    ]
    assert answers == [False, True]


def test_a_policy_that_does_not_load_is_no_policy() -> None:
    with pytest.raises(InvalidInput, match=r"policy\.csv line 2: a p line has 6 fields, this one has 2"):
        decide("# \np, alice", "alice", FOO)


# --- callers -------------------------------------------------------------------------------------------------------

SCOPES = {
    "default": ({}, ("a", "b")),
    "empty": ({"scopes": ""}, ("a", "b")),
    "list": ({"scopes": "[email, groups]"}, ("x@y", "a", "b")),
    "quoted": ({"scopes": "['cognito:groups', \"email\"]"}, ("c", "x@y")),
    "lines": ({"scopes": "- email\n- none\n"}, ("x@y",)),
    "none": ({"scopes": "[]"}, ()),
}


@pytest.mark.parametrize(("data", "groups"), SCOPES.values(), ids=SCOPES)
def test_scopes_name_the_claims_that_are_groups(data: dict[str, str], groups: tuple[str, ...]) -> None:
    claims = {"groups": ("a", "b"), "email": ("x@y",), "cognito:groups": ("c",)}
    assert groups_of(claims, data) == groups


def test_a_local_account_has_no_groups_unless_scopes_say_so() -> None:
    assert local_account("alice", {}) == Caller("alice")
    assert local_account("alice", {"scopes": "[iss, sub]"}) == Caller("alice", ("argocd", "alice"))


def test_the_lines_that_speak_of_a_caller() -> None:
    data = {
        "policy.default": "role:guest",
        "policy.csv": "p, role:guest, a, b, c, allow\np, alice, a, b, d, deny",
        "policy.x.csv": "p, , a, b, e, allow\np, bob, a, b, f, allow",
    }
    projects = {"p": [ProjectRole("r", (), ("alice",))]}
    found = Enforcer(data, release=NOW, projects=projects).rules_for(Caller("alice"))
    assert [(rule.object, way) for rule, way in found] == [
        ("c", ("role:guest",)),
        ("d", ("alice",)),
        ("e", ("",)),
        ("p", ("alice", "proj:p:r")),
    ]
