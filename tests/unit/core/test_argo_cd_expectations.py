# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Argo CD's own tests of RBAC expect, retold as tables.

Source: argo-cd v3.5.3 util/rbac/rbac_test.go, server/rbacpolicy/rbacpolicy_test.go, util/glob/glob_test.go and
cmd/argocd/commands/admin/settings_rbac_test.go. Left out is what has no meaning here: an enforcer without its built-in
policy or switched off, caches and messages, and how the command line changes a question before it asks.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ansible_collections.fleetops.argocd.plugins.module_utils._core.enforcer import (
    Caller,
    Enforcer,
    ProjectRole,
    groups_of,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.glob import BadGlob, compile_glob
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy_faults import Server, line_faults
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy_lint import Surroundings, lint_policy
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy_text import (
    broken_lines,
    merged_lines,
    trimmed,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.release import Release

NOW, NEXT = Release(3, 5), Release(3, 6)
ISOLATION = """
p, role:foo-admin, *, *, foo/*, allow
p, role:bar-admin, *, *, bar/*, allow
g, alice, role:foo-admin
g, bob, role:bar-admin
"""
URLS = """
p, alice, repositories, *, foo/*, allow
p, bob, repositories, *, foo/https://github.com/argoproj/argo-cd.git, allow
"""
ACTIONS = """
p, alice, applications, action/*, my-proj/*, allow
p, bob, applications, action/argoproj.io/Rollout/*, my-proj/*, allow
p, cam, applications, action/argoproj.io/Rollout/resume, my-proj/*, allow
"""
OF_TWO = """
p, alice, applications, create, my-proj/*, allow
p, alice, logs, get, my-proj/*, allow
p, alice, exec, create, my-proj/*, allow
"""
COMMAND_LINE = """
p, role:user, clusters, get, *, allow
p, role:user, clusters, get, https://kubernetes*, deny
p, role:user, applications, get, *, allow
p, role:user, applications, delete, *, allow
p, role:user, applications, delete, */guestbook, deny
p, role:user, applicationsets, create, */*, allow
p, role:user, applicationsets, delete, */*, allow
p, role:test, logs, get, */*, allow
p, role:test, exec, create, */*, allow
p, log-allow-user, logs, get, */*, allow
p, log-deny-user, logs, get, */*, deny
g, test, role:user
"""
AS_REGEX = """
p, role:user, clusters, get, .+, allow
p, role:user, clusters, get, https://kubernetes.*, deny
p, role:user, applications, get, .*, allow
p, role:user, applications, create, .*/.*, allow
p, role:user, applicationsets, delete, .*/.*, allow
p, role:user, logs, get, .*/.*, allow
"""
ROLLOUT, NEW_CRD = "applications action/argoproj.io/Rollout", "applications action/argoproj.io/NewCrd"
GITHUB = "https://github.com"
# Name: argocd-rbac-cm's data (a text is policy.csv), who may do what, and what not.
ENFORCED: dict[str, tuple[Mapping[str, str] | str, list[str], list[str]]] = {
    "built-in": (
        "",
        [
            "admin applications get foo/bar",
            "admin applications delete foo/bar",
            "role:readonly applications get foo/bar",
            "role:admin applications get foo/bar",
            "role:admin applications delete foo/bar",
        ],
        [
            "role:readonly applications create foo/bar",
            "role:readonly applications delete foo/bar",
            "bob applications get foo/bar",
        ],
    ),
    "isolation-of-projects": (
        ISOLATION,
        ["bob applications delete bar/obj", "alice applications delete foo/obj"],
        ["bob applications delete foo/obj", "alice applications delete bar/obj"],
    ),
    "project-read-only": (
        "p, role:foo-readonly, *, get, foo/*, allow\ng, alice, role:foo-readonly",
        ["alice applications get foo/obj"],
        ["alice applications delete bar/obj", "alice applications get bar/obj", "bob applications get foo/obj"],
    ),
    "default-role": (
        {"policy.default": "role:readonly"},
        ["bob applications get foo/bar"],
        ["bob applications sync foo/bar"],
    ),
    "urls-as-names": (
        URLS,
        [
            f"alice repositories delete foo/{GITHUB}/argoproj/argo-cd.git",
            f"alice repositories delete foo/{GITHUB}/golang/go.git",
            f"bob repositories delete foo/{GITHUB}/argoproj/argo-cd.git",
        ],
        [f"bob repositories delete foo/{GITHUB}/golang/go.git"],
    ),
    "allow-and-deny": (
        "p, alice, *, get, foo/obj, allow\np, mike, *, get, foo/obj, deny",
        ["alice applications get foo/obj"],
        [
            "alice applications/resources delete foo/obj",
            "mike applications get foo/obj",
            "mike applications/resources delete foo/obj",
        ],
    ),
    "policy-replaced": (
        "p, bob, *, get, foo/obj, allow",
        ["bob applications get foo/obj"],
        ["alice applications get foo/obj"],
    ),
    "actions": (
        ACTIONS,
        [
            f"alice {ROLLOUT}/resume my-proj/my-app",
            f"alice {NEW_CRD}/abort my-proj/my-app",
            f"bob {ROLLOUT}/resume my-proj/my-app",
            f"cam {ROLLOUT}/resume my-proj/my-app",
        ],
        [
            f"bob {NEW_CRD}/abort my-proj/my-app",
            f"cam {ROLLOUT}/abort my-proj/my-app",
            f"eve {ROLLOUT}/resume my-proj/my-app",
        ],
    ),
    "another-project-by-now": (
        OF_TWO.replace("my-proj", "my-proj2"),
        [
            "alice applications create my-proj2/my-app",
            "alice logs get my-proj2/my-app",
            "alice exec create my-proj2/my-app",
        ],
        [
            "alice applications create my-proj/my-app",
            "alice logs get my-proj/my-app",
            "alice exec create my-proj/my-app",
        ],
    ),
    "glob-by-default": (
        'p, alice, clusters, get, "https://github.com/*/*.git", allow',
        [f"alice clusters get {GITHUB}/argoproj/argo-cd.git"],
        [f"alice repositories get {GITHUB}/argoproj/argo-cd.git", f"alice clusters get {GITHUB}/argo-cd.git"],
    ),
    "regex": (
        {
            "policy.matchMode": "regex",
            "policy.csv": 'p, alice, clusters, get, "https://github.com/argo[a-z]{4}/argo-[a-z]+.git", allow',
        },
        [f"alice clusters get {GITHUB}/argoproj/argo-cd.git"],
        [f"alice clusters get {GITHUB}/argoproj/1argo-cd.git"],
    ),
    "command-line": (
        {"policy.csv": COMMAND_LINE, "policy.default": "role:unknown"},
        [
            "role:user applications get */*",
            "role:user clusters get *",
            "role:test logs get */*",
            "role:test exec create */*",
            "role:user applicationsets create */*",
            "role:user applicationsets delete */*",
            "log-allow-user logs get */*",
            "test applications delete */x",
        ],
        [
            "role:user certificates get *",
            "no-such-user logs get */*",
            "log-deny-user logs get */*",
            "role:user clusters get https://kubernetes.default.svc",
            "test applications delete x/guestbook",
        ],
    ),
    "command-line-default": (
        {"policy.csv": COMMAND_LINE, "policy.default": "role:readonly", "policy.matchMode": "glob"},
        ["role:user certificates get *"],
        [],
    ),
    "command-line-overlay": (
        {
            "policy.csv": COMMAND_LINE,
            "policy.overlay.csv": "p, role:tester, projects, *, *, allow\ng, my-org:team-qa, role:tester",
        },
        ["my-org:team-qa projects update foo"],
        ["my-org:team-qa clusters get foo"],
    ),
    "command-line-regex": (
        {"policy.csv": AS_REGEX, "policy.default": "role:unknown", "policy.matchMode": "regex"},
        [
            "role:user applications get .*/.*",
            "role:user clusters get .*",
            "role:user applicationsets delete .*/.*",
            "role:user logs get .*/.*",
        ],
        ["role:user certificates get .*", "role:user clusters get https://kubernetes.default.svc"],
    ),
    "command-line-regex-as-glob": (
        {"policy.csv": AS_REGEX, "policy.matchMode": "glob"},
        ["role:user logs get .*/.*"],
        ["role:user certificates get .+"],
    ),
}


@pytest.mark.parametrize(("data", "yes", "no"), ENFORCED.values(), ids=ENFORCED)
def test_who_may_do_what(data: Mapping[str, str] | str, yes: list[str], no: list[str]) -> None:
    enforcer = Enforcer({"policy.csv": data} if isinstance(data, str) else data, release=NOW)
    answers = {}
    for question in (*yes, *no):
        subject, resource, action, target = question.split(" ")
        answers[question] = enforcer.decide(Caller(subject), resource, action, target).allowed
    assert answers == dict.fromkeys(yes, True) | dict.fromkeys(no, False)


def test_rollback_is_built_in_from_3_6_on() -> None:
    enforcer = Enforcer({}, release=NEXT)
    answers = [
        enforcer.decide(Caller(role), "applications", "rollback", "foo/bar").allowed
        for role in ("role:admin", "role:readonly")
    ]
    assert answers == [True, False]


OF_PROJECT = tuple(line.replace("alice", "proj:my-proj:my-role") for line in OF_TWO.split("\n") if line)
PROJECT = {"my-proj": [ProjectRole("my-role", OF_PROJECT, ("my-org:my-team",))]}
ASKED = (
    ("applications", "create", "my-proj/my-app"),
    ("logs", "get", "my-proj/my-app"),
    ("exec", "create", "my-proj/my-app"),
)
CALLERS: dict[str, tuple[dict[str, str], str, dict[str, tuple[str, ...]], bool]] = {
    "of-the-policy": ({}, "alice", {}, True),
    "token-of-the-role": ({}, "proj:my-proj:my-role", {}, True),
    "group-without-subject": ({}, "", {"groups": ("my-org:my-team",)}, True),
    "nobody": ({}, "cathy", {}, False),
    "group-by-another-claim": ({"scopes": "[cognito:groups]"}, "", {"cognito:groups": ("my-org:my-team",)}, True),
    "group-by-a-claim-that-does-not-count": ({}, "", {"cognito:groups": ("my-org:my-team",)}, False),
}


@pytest.mark.parametrize(("settings", "subject", "claims", "allowed"), CALLERS.values(), ids=CALLERS)
def test_roles_of_a_project(
    settings: dict[str, str], subject: str, claims: dict[str, tuple[str, ...]], *, allowed: bool
) -> None:
    data = {"policy.csv": OF_TWO, **settings}
    enforcer = Enforcer(data, release=NOW, projects=PROJECT)
    caller = Caller(subject, groups_of(claims, data))
    assert [enforcer.decide(caller, *question).allowed for question in ASKED] == [allowed] * len(ASKED)


REPOSITORY = "my-proj/https://github.com/argoproj/argocd-example-apps"


@pytest.mark.parametrize(
    ("resource", "action"), [("repositories", "create"), ("applicationsets", "create"), ("applicationsets", "get")]
)
def test_the_project_is_what_stands_before_the_first_slash(resource: str, action: str) -> None:
    line = f"p, proj:my-proj:my-role, {resource}, {action}, my-proj/*, allow"
    enforcer = Enforcer({}, release=NOW, projects={"my-proj": [ProjectRole("my-role", (line,))]})
    decision = enforcer.decide(Caller("proj:my-proj:my-role"), resource, action, REPOSITORY)
    assert decision.rule
    assert decision.rule.key == "AppProject my-proj"


def test_a_policy_of_a_project_that_does_not_load_falls_back() -> None:
    bad = {"foo": [ProjectRole("r", ("this, is, not, a, good, policy",))]}
    enforcer = Enforcer({}, release=NOW, projects=bad)
    answers = [
        enforcer.decide(Caller(subject), "applications", "update", "foo/bar").allowed
        for subject in ("admin", "role:readonly")
    ]
    assert answers == [True, False]


LINES = {
    "p": ("p, role:Myrole, applications, *, myproj/*, allow", True),
    "g": ("g, your-github-org:your-team, role:org-admin", True),
    "empty": ("", True),
    "comment": ("# Some comment", True),
    "comment-only": ("#", True),
    "quoted-comma": ('p, "role,admin", projects, delete, *, allow', True),
    "spaces-around": (" p, role:admin, projects, delete, *, allow ", True),
    "single-token": ("p", False),
    "plain-text": ("Some comment", False),
    "other-type": ("agh, foo, bar", False),
    "missing-comma": ("p, role:Myrole, applications, *, myproj/* allow", False),
    "missing-type": (", role:Myrole, applications, *, myproj/*, allow", False),
    "not-a-policy": ("this, is, not, a, good, policy", False),
    "tab": ("this\ttoo", False),
}


@pytest.mark.parametrize(("line", "loads"), LINES.values(), ids=LINES)
def test_lines_that_load(line: str, *, loads: bool) -> None:
    assert (broken_lines({"policy.csv": line}) == []) is loads


KEYS: dict[str, tuple[dict[str, str], list[str]]] = {
    "none": ({}, []),
    "one": ({"policy.csv": "policy1\npolicy2", "UnrelatedKey": "x"}, ["policy1", "policy2"]),
    "overlays": (
        {"policy.csv": "policy1", "policy.overlay2.csv": "policy3", "policy.overlay1.csv": "policy2", "U": "x"},
        ["policy1", "policy2", "policy3"],
    ),
    "order": (
        {"policy.B.csv": "policyb", "policy.A.csv": "policya", "policy.C.csv": "policyc", "policy.csv": "policy1"},
        ["policy1", "policya", "policyb", "policyc"],
    ),
}


@pytest.mark.parametrize(("data", "lines"), KEYS.values(), ids=KEYS)
def test_the_policy_that_keys_make(data: dict[str, str], lines: list[str]) -> None:
    assert [trimmed(line.raw) for _key, line in merged_lines(data)] == lines


BOTH_ROLES = "p, role:depA, *, get, foo/obj, allow\np, role:depB, *, get, foo/obj, deny\n"


@pytest.mark.parametrize(
    ("grants", "found"),
    [
        ("g, depA, role:depA\ng, depB, role:depB\n", []),
        ("g, depC, role:depC\ng, role:depC, role:depA\n", []),
        ("g, depC, role:depC\n", ["g, depC, role:depC"]),
    ],
    ids=["known", "known-through-another", "unknown"],
)
def test_roles_that_are_given_and_have_nothing(grants: str, found: list[str]) -> None:
    findings = lint_policy({"policy.csv": BOTH_ROLES + grants}, Surroundings("octopus", release=NOW))
    assert [item.text for item in findings if item.code == "no-such-role"] == found


QUESTIONS = {
    "valid": ("applications", "create", True),
    "invalid-resource": ("invalid", "create", False),
    "invalid-action": ("applications", "invalid", False),
    "invalid-for-the-resource": ("logs", "create", False),
    "path": ("applications", "action/apps/Deployment/restart", True),
    "path-of-no-action": ("applications", "get/apps/Deployment/restart", False),
}


@pytest.mark.parametrize(("resource", "action", "valid"), QUESTIONS.values(), ids=QUESTIONS)
def test_resources_and_actions_that_go_together(resource: str, action: str, *, valid: bool) -> None:
    faults = line_faults(("p", "bob", resource, action, "*/*", "allow"), Server(NOW))
    assert (list(faults) == []) is valid


GLOBS = {
    "exact": ("hello", "hello", True),
    "not-exact": ("hell", "hello", False),
    "long": ("hell*", "hello", True),
    "short": ("h*", "hello", True),
    "other": ("e*", "hello", False),
    "project": ("arg/*", "arg/123", True),
    "star-and-text": ("test*pattern", "testABCpattern", True),
    "no-separators": ("a*b", "a/b", True),
}


@pytest.mark.parametrize(("pattern", "text", "matches"), GLOBS.values(), ids=GLOBS)
def test_globs(pattern: str, text: str, *, matches: bool) -> None:
    assert compile_glob(pattern)(text) is matches


def test_a_glob_that_does_not_compile() -> None:
    with pytest.raises(BadGlob):
        compile_glob("e[[a*")
