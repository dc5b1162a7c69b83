# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy loading, glob quirks, the order of decisions, can-i by release."""

from __future__ import annotations

from itertools import pairwise

import pytest
from argocd_sandbox.argocd.glob import glob_match
from argocd_sandbox.argocd.policy import BadPolicy, parse_csv_record, parse_policy
from argocd_sandbox.argocd.release import Release
from hypothesis import given
from hypothesis import strategies as st
from lab import CONFIG_MAPS, Lab

# (pattern, matches, does not match); every row was tried with gobwas/glob 0.2.3 itself.
GLOBS: list[tuple[str, list[str], list[str]]] = [
    ("*", ["", "a", "a/b", "a\nb"], []),
    ("*/*", ["p/a", "p/ns/a", "*/*"], ["p", ""]),
    ("?", ["a", "/", ""], ["ab"]),
    ("a?", ["ab"], ["a"]),
    ("[!a]", ["b", ""], ["a"]),
    ("[abc]", ["a"], ["d", ""]),
    ("[a-c]", ["b"], ["d", "-"]),
    ("[!a-c]", ["d"], ["b"]),
    ("[^a]", ["^", "a"], ["b"]),
    ("[ab-d]", ["a", "b", "-", "d"], ["c"]),
    ("[]", [], ["", "[]"]),
    ("[a-]", [], ["a", "-"]),
    ("[a", [], ["a", "[a"]),
    ("{a,b}", ["a", "b"], ["c", "{a,b}"]),
    ("{a,{b,c}}", ["a", "c"], ["d"]),
    ("x{a,}", ["x", "xa"], ["xb"]),
    ("{team-*,ops}/*", ["ops/x"], ["team-a/x"]),
    ("{ops,team-*}/*", ["ops/x", "team-a/x"], ["dev/x"]),
    ("{a*,b}/x", ["b/x", "a/x"], ["ab/x"]),
    ("x/{a*,b}", ["x/b"], ["x/ab"]),
    ("{**,b}/x", ["b/x"], ["ab/x"]),
    ("{a*,b*}/*", ["abc/x", "b/x"], ["c/x"]),
    ("{a,b}-*", ["a-1", "b-"], ["c-1"]),
    ("{a?,b}/x", ["ab/x", "b/x"], ["a/x"]),
    ("{a*,b}", ["abc", "b"], ["c"]),
    (r"\*", ["*"], ["a"]),
    (r"a\{b", ["a{b"], ["a"]),
    ("a.b+(c)^$!|", ["a.b+(c)^$!|"], ["aXb"]),
    ("/*/", ["/", "/a/"], ["a/"]),
    ("App", ["App"], ["app", "Apps"]),
]


@pytest.mark.parametrize(("pattern", "yes", "no"), GLOBS)
def test_globs(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [value for value in yes if not glob_match(value, pattern)] == []
    assert [value for value in no if glob_match(value, pattern)] == []


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8")))
def test_an_escaped_text_matches_itself_only(text: str) -> None:
    pattern = "".join(f"\\{character}" for character in text)
    assert glob_match(text, pattern)
    assert not glob_match(f"{text}x", pattern)


ROWS: list[tuple[str, list[tuple[str, ...]] | None]] = [
    ("p, a, b, c, d, allow", [("p", "a", "b", "c", "d", "allow")]),
    ("  # note", []),
    ("g, a, a", [("g", "a", "a")]),
    ("p, a, b , c, d, allow", [("p", "a", "b ", "c", "d", "allow")]),
    ("p, a, b, c, d, allow # note", [("p", "a", "b", "c", "d", "allow # note")]),
    ('p, a, b, c, "{x,y}", allow', [("p", "a", "b", "c", "{x,y}", "allow")]),
    ("p, , b, c, d, allow", [("p", "", "b", "c", "d", "allow")]),
    ("r, a, b", []),
    ("p, a, b, c, d", None),
    ("p, a, b, c, d, allow,", None),
    ("p, a, b, c, {x,y}, allow", None),
    ("g, a", None),
    ("g, a, b, c", None),
    ("P, a, b, c, d, allow", None),
    ("p2, a, b, c, d, allow", None),
    ("foo", None),
    ('p, a, b, c, "x,y" , allow', None),
    ('p, a, b, c, x"y, allow', None),
    ('p, a, b, c, "x, allow', None),
]


@pytest.mark.parametrize(("line", "rules"), ROWS)
def test_policy_lines(line: str, rules: list[tuple[str, ...]] | None) -> None:
    if rules is None:
        with pytest.raises(BadPolicy, match=r"invalid RBAC policy|error parsing policy line"):
            parse_policy(line, Release(3, 5))
    else:
        assert parse_policy(line, Release(3, 5)) == rules


FIELD = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), min_size=1)


@given(st.lists(FIELD, min_size=1))
def test_quoted_fields_come_back(fields: list[str]) -> None:
    line = ", ".join('"' + field.replace('"', '""') + '"' for field in fields)
    assert parse_csv_record(line) == tuple(fields)


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    lab.configure(accounts__bob="apiKey")
    return lab


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("p, bob, clusters, get, *, allow", "yes"),
        ("p, bob, clusters, get, *, Allow", "no"),
        ("p, bob, clusters, get, *, allow # really", "no"),
        ("p, bob, clusters , get, *, allow", "no"),
        ("p, Bob, clusters, get, *, allow", "no"),
        ("p, b*, clusters, get, *, allow", "no"),
        ("p, bob, *, *, *, allow\np, bob, clusters, *, x, deny", "no"),
        ("p, bob, clusters, get, [, deny\np, bob, clusters, get, *, allow", "yes"),
        ("p, , clusters, get, *, allow", "yes"),
        ("p, alice, clusters, get, *, allow\ng, bob, alice", "yes"),
        ("g, bob, role:readonly", "yes"),
        ("g, bob, role:nowhere", "no"),
    ],
)
def test_decisions(lab: Lab, line: str, answer: str) -> None:
    lab.policy(line)
    assert lab.can_i(lab.create_token("bob"), "clusters/get/x") == answer


@pytest.mark.parametrize(("links", "answer"), [(10, "yes"), (11, "no")])
def test_ten_links_of_inheritance(lab: Lab, links: int, answer: str) -> None:
    names = ["bob", *(f"r{number}" for number in range(1, links)), "top"]
    grants = [f"g, {low}, {high}" for low, high in pairwise(names)]
    lab.policy("\n".join([*grants, "p, top, clusters, get, *, allow"]))
    assert lab.can_i(lab.create_token("bob"), "clusters/get/x") == answer


def test_a_users_deny_cannot_take_what_the_default_role_gives(lab: Lab) -> None:
    lab.policy("p, bob, *, *, *, deny", policy__default="role:readonly")
    bob = lab.create_token("bob")
    assert lab.can_i(bob, "clusters/get/x") == "yes"
    lab.policy("", policy__default="role:readonly\n")
    assert lab.can_i(bob, "clusters/get/x") == "no", "the default role is not trimmed"


def test_overlays_come_after_the_main_policy_in_byte_order(lab: Lab) -> None:
    lab.policy("", policy__x__csv="p, bob, clusters, get, *, allow", xpolicy__csv="broken")
    assert lab.can_i(lab.create_token("bob"), "clusters/get/x") == "yes"
    old = Lab("2.7.0")
    old.configure(accounts__bob="apiKey")
    old.policy("", policy__x__csv="p, bob, clusters, get, *, allow")
    assert old.can_i(old.create_token("bob"), "clusters/get/x") == "no"


def test_scopes_name_the_claims_that_hold_groups(lab: Lab) -> None:
    lab.policy("g, argocd, role:readonly", scopes="[groups, iss]")
    bob = lab.create_token("bob")
    assert lab.can_i(bob, "clusters/get/x") == "yes"
    assert lab.argocd("GET", "/api/v1/session/userinfo", token=bob).json["groups"] == ["argocd"]
    lab.policy("p, bob, clusters, get, *, allow", scopes="groups", policy__default="role:admin")
    assert lab.can_i(bob, "clusters/delete/x") == "yes", "the default role is set before the scopes are read"
    lab.policy("p, bob, clusters, get, *, deny", scopes="groups")
    assert lab.can_i(bob, "clusters/get/x") == "yes", "unreadable scopes keep the user policy of before"


def test_projects_bring_their_own_rules(lab: Lab) -> None:
    role = {"name": "ci", "groups": ["bob"], "policies": ["p, proj:shop:ci, applications, get, shop/*, allow"]}
    project = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {"roles": [role]},
    }
    bob = lab.create_token("bob")
    lab.policy("", scopes="[sub]")
    assert lab.can_i(bob, "applications/get/shop/web") == "no"
    lab.cluster.plant(project)
    assert lab.can_i(bob, "applications/get/shop/web") == "yes"
    assert lab.can_i(bob, "projects/get/shop") == "yes"
    assert lab.can_i(bob, "applications/get/other/web") == "no"
    lab.cluster.plant({**project, "spec": {"roles": [{**role, "policies": ["broken"]}]}})
    assert lab.can_i(bob, "applications/get/shop/web") == "no"


def test_regex_mode_is_unanchored_and_breaks_the_built_in_roles(lab: Lab) -> None:
    bob, admin = lab.create_token("bob"), lab.admin()
    lab.policy("p, bob, app, get, ^shop/, allow\ng, eve, role:readonly", policy__matchMode="regex")
    assert lab.can_i(bob, "applications/get/shop/web") == "yes"
    assert lab.can_i(bob, "applications/get/my-shop/web") == "no"
    assert lab.can_i(admin, "clusters/get/x") == "no", "`*` is no regex"
    lab.policy("p, bob, applications, get, [, allow\np, bob, applications, get, shop, allow", policy__matchMode="regex")
    assert lab.can_i(bob, "applications/get/shop/web") == "no", "one bad pattern spoils the whole question"


# a policy that does not load


@pytest.mark.parametrize(
    ("version", "prefix"), [("3.5.0", "error creating casbin enforcer: error loading policy line: "), ("3.4.0", "")]
)
def test_one_bad_line_breaks_every_enforcing_call(version: str, prefix: str) -> None:
    lab = Lab(version)
    admin = lab.admin()
    lab.configure(accounts__bob="apiKey")
    bob = lab.create_token("bob")
    lab.policy("p, bob, clusters, get, *, allow\np, oops")
    broken = (500, 13, f"{prefix}invalid RBAC policy: p, oops")
    assert lab.argocd("GET", "/api/v1/account/can-i/projects/get/x", token=admin).error == broken
    assert lab.argocd("GET", "/api/v1/account", token=admin).error == broken
    assert lab.argocd("POST", "/api/v1/account/bob/token", {}, token=admin).error == broken
    assert lab.argocd("GET", "/api/v1/account/bob", token=bob).status == 200, "an own account is not enforced"
    assert lab.argocd("POST", "/api/v1/account/bob/token", {}, token=bob).status == 200
    assert lab.login().status == 200
    lab.configure(accounts__bob=None)
    assert lab.argocd("GET", "/api/v1/account", token=admin).status == 200, "admin alone asks about nobody"
    lab.policy("")
    assert lab.can_i(admin, "projects/get/x") == "yes"


def test_before_2_8_a_bad_line_denies_everything() -> None:
    lab = Lab("2.7.0")
    lab.policy("p, oops")
    assert lab.can_i(lab.admin(), "clusters/get/x") == "no"


def test_a_deleted_rbac_config_map_changes_nothing(lab: Lab) -> None:
    lab.policy("p, bob, clusters, get, *, allow")
    bob = lab.create_token("bob")
    lab.kubernetes("DELETE", f"{CONFIG_MAPS}/argocd-rbac-cm")
    assert lab.can_i(bob, "clusters/get/x") == "yes"


# can-i

KNOWN = "clusters projects applications applicationsets repositories write-repositories certificates accounts"
ADMIN: list[tuple[str, str]] = [
    ("applications/get/*", "no"),
    ("applications/get/*/*", "yes"),
    ("applications/get/", "no"),
    ("applications/get", "no"),
    ("accounts/get/", "yes"),
    ("applications/action/p/a", "no"),
    ("exec/get/p/a", "no"),
    ("exec/create/p/a", "yes"),
    ("extensions/invoke/x", "no"),
    ("accounts/create/x", "no"),
    ("applications/update%2F*/p/a", "yes"),
    ("foo/bar/x", "[get create update delete sync override action invoke] does not contain bar"),
    ("foo/get/x", f"[{KNOWN} gpgkeys logs exec extensions] does not contain foo"),
]


@pytest.mark.parametrize(("question", "answer"), ADMIN)
def test_what_admin_is_told(question: str, answer: str) -> None:
    lab = Lab()
    assert lab.can_i(lab.admin(), question) == answer


@pytest.mark.parametrize(
    ("version", "question", "answer"),
    [
        ("2.4.0", "accounts/get/x", "[clusters projects applications repositories certificates logs exec]"),
        ("2.4.0", "applicationsets/get/p/a", "[clusters projects applications repositories certificates logs exec]"),
        ("2.13.0", "applicationsets/create/p/a", "yes"),
        ("2.13.0", "applications/action/x", "[get create update delete sync override]"),
        ("2.14.0", "accounts/get/x", "yes"),
        ("3.5.0", "applications/rollback/p/a", "[get create update delete sync override action invoke]"),
        ("3.6.0", "applications/rollback/p/a", "yes"),
    ],
)
def test_can_i_lists_by_release(version: str, question: str, answer: str) -> None:
    lab = Lab(version)
    assert lab.can_i(lab.admin(), question).startswith(answer)


@pytest.mark.parametrize(
    ("version", "flag", "answer"), [("2.14.0", "", "yes"), ("2.14.0", "true", "no"), ("3.0.0", "", "no")]
)
def test_logs_were_not_enforced_before_3_0(version: str, flag: str, answer: str) -> None:
    lab = Lab(version)
    lab.configure(accounts__bob="apiKey")
    if flag:
        lab.configure(server__rbac__log__enforce__enable=flag)
    assert lab.can_i(lab.create_token("bob"), "logs/get/p/a") == answer


@pytest.mark.parametrize(
    ("version", "item", "answer"),
    [
        ("3.5.0", "p/argocd/a", "yes"),
        ("3.5.0", "p%2F%2Fa", "yes"),
        ("3.5.0", "p/other/a", "no"),
        ("3.4.0", "p/argocd/a", "no"),
    ],
)
def test_the_own_namespace_is_dropped_since_3_5(version: str, item: str, answer: str) -> None:
    lab = Lab(version)
    lab.configure(accounts__bob="apiKey")
    lab.policy("p, bob, applications, get, p/?, allow")
    assert lab.can_i(lab.create_token("bob"), f"applications/get/{item}") == answer


def test_rollback_asks_for_sync_unless_it_is_enforced() -> None:
    lab = Lab("3.6.0")
    lab.configure(accounts__bob="apiKey")
    lab.policy("p, bob, applications, sync, *, allow")
    bob = lab.create_token("bob")
    assert lab.can_i(bob, "applications/rollback/p/a") == "yes"
    lab.configure(server__rbac__rollback__enforce__enable="true")
    assert lab.can_i(bob, "applications/rollback/p/a") == "no"
