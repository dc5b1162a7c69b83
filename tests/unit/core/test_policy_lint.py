# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lint with meaning: what each line of a policy does not mean, where it stands, and what stops a write."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.argocd.plugins.module_utils._core.enforcer import ProjectRole
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy import (
    DesiredPolicy,
    choose_key,
    parse_policies,
    plan_policy,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy_faults import Server, covers
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy_lint import (
    Finding,
    Surroundings,
    lint_policy,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.release import Release

OVERLAY = "policy.octopus.csv"
GET_APPS = "p, octopus, applications, get, */*, allow"
V3_5, V3_6, V2_7 = Release(3, 5), Release(3, 6), Release(2, 7)


def lint(text: str = "", release: Release | None = V3_5, **keys: str) -> list[Finding]:
    """The findings about a policy.csv of others, and about other keys (`policy_default` is `policy.default`)."""
    data = {"policy.csv": text, **{key.replace("_", "."): value for key, value in keys.items()}}
    return lint_policy(data, Surroundings("octopus", release=release))


def told(findings: list[Finding]) -> list[tuple[str, str, str, int | None]]:
    return [(item.code, item.severity, item.key, item.number) for item in findings]


# --- one line ------------------------------------------------------------------------------------------------------

LINES = {
    "fine": ("p, bob, applications, get, */*, allow", None),
    "fine-cluster-url": ("p, bob, clusters, get, https://x:6443, allow", None),
    "fine-any": ("p, bob, *, *, *, allow", None),
    "fine-action-path": ("p, bob, applications, action/apps/Deployment/restart, */*, allow", None),
    "fine-action-glob": ("p, bob, applications, action/*, */*, allow", None),
    "fine-action-head": ("p, bob, applications, act*, */*, allow", None),
    "fine-braces": ('p, bob, logs, get, "{a,b}-*/x", allow', None),
    "fine-class": ("p, bob, logs, get, [!ab]*/x, allow", None),
    "fine-extension": ("p, bob, extensions, invoke, httpbin, allow", None),
    "dead-effect": ("p, bob, logs, get, */*, Allow", "dead-effect"),
    "dead-deny": ("p, bob, logs, get, */*, DENY", "dead-effect"),
    "trailing-space": ("p, bob, logs , get, */*, allow", "trailing-space"),
    "trailing-space-in-subject": ("p, bob , logs, get, */*, allow", "trailing-space"),
    "space-in-quotes": ('p, bob, logs, get, " */*", allow', "trailing-space"),
    "trailing-space-in-grant": ("g, bob , role:admin", "trailing-space"),
    "comment-after-line": ("p, bob, logs, get, */*, allow # why", "comment-after-line"),
    "comment-after-grant": ("g, bob, role:admin # why", "comment-after-line"),
    "empty-subject": ("p, , logs, get, */*, allow", "empty-subject"),
    "empty-member": ("g, , role:admin", "empty-subject"),
    "unknown-resource": ("p, bob, log, get, */*, allow", "unknown-resource"),
    "unknown-resource-glob": ("p, bob, cluster?x, get, *, allow", "unknown-resource"),
    "unknown-action": ("p, bob, logs, read, */*, allow", "unknown-action"),
    "unknown-action-glob": ("p, bob, logs, read*, */*, allow", "unknown-action"),
    "never-asked-logs": ("p, bob, logs, delete, */*, allow", "never-asked"),
    "never-asked-path": ("p, bob, applications, get/apps/*, */*, allow", "never-asked"),
    "never-asked-path-elsewhere": ("p, bob, logs, delete/*, */*, allow", "never-asked"),
    "never-asked-plain-action": ("p, bob, applications, action, */*, allow", "never-asked"),
    "too-new": ("p, bob, applications, rollback, */*, allow", "unknown-to-version"),
    "never-matches": ("p, bob, applications, get, guestbook, allow", "never-matches"),
    "never-matches-empty": ("p, bob, exec, create, , allow", "never-matches"),
    "brace-trap": ('p, bob, applications, get, "{team-*,ops}/*", allow', "brace-trap"),
    "brace-trap-after": ('p, bob, applications, get, "x/{a*,b}", allow', "brace-trap"),
    "caret-class": ("p, bob, applications, get, [^a]*/*, allow", "caret-class"),
    "broken-glob": ("p, bob, applications, get, [a/*, allow", "broken-glob"),
    "crashing-glob": ("p, bob, applications, get, x/{, allow", "crashing-glob"),
    "field-count": ("p, bob, logs, get, */*", "field-count"),
    "field-count-grant": ("g, bob", "field-count"),
    "unquoted-braces": ("p, bob, logs, get, {a,b}/*, allow", "unquoted-braces"),
    "quotes": ('p, bob, logs, get, "*/*, allow', "quotes"),
    "line-type": ("policy, bob, logs, get, */*, allow", "line-type"),
}
BREAKS = ("field-count", "unquoted-braces", "quotes", "line-type")


@pytest.mark.parametrize(("line", "code"), LINES.values(), ids=LINES)
def test_a_line_of_others_is_told_of_with_its_place_and_stops_only_what_does_not_load(
    line: str, code: str | None
) -> None:
    findings = lint(f"# first\n{line}\r\n")
    expected = [(code, "error" if code in BREAKS else "warning", "policy.csv", 2)] if code else []
    assert told(findings) == expected
    assert [item.text for item in findings] == [line] * len(expected)


@pytest.mark.parametrize(("line", "code"), LINES.values(), ids=LINES)
def test_the_same_line_of_ours_is_not_written(line: str, code: str | None) -> None:
    own = {"policy.csv": range(1, 2)}
    findings = lint_policy({"policy.csv": line}, Surroundings("bob", own, release=V3_5))
    severities = {item.severity for item in findings if item.code == code}
    # Of these another server may make something; what has no subject or another is not ours.
    mild = code in ("never-asked", "unknown-to-version") or "bob," not in line
    assert severities == (set() if code is None else {"warning"} if mild and code not in BREAKS else {"error"})


REASONS = {
    "deny-fails-open": (
        "p, bob, applications, get, [a/*, deny",
        (
            "the pattern '[a/*' does not compile, so it never matches: a list or range [ is not closed (a list and a "
            "range cannot be mixed); this denial fails open: what it should deny stays allowed"
        ),
    ),
    "trap-names-what-is-missed": (
        'p, bob, applications, get, "{team-*,ops}/*", allow',
        "the pattern '{team-*,ops}/*' misses 'team-x/x', by a mistake in Argo CD's library",
    ),
    "comment-is-effect": (
        "p, bob, logs, get, */*, allow # why",
        "effect 'allow # why' is neither allow nor deny, so the line does nothing",
    ),
    "breaks-everything": (
        "p, bob, logs, get, {a,b}/*, allow",
        (
            "a p line has 6 fields, this one has 7 (a comma inside needs quotes); while it stands Argo CD answers 500 "
            "to everybody"
        ),
    ),
    "too-new": (
        "p, bob, applications, rollback, */*, allow",
        "action 'rollback' exists from Argo CD 3.6 on, this is 3.5, so the line does nothing yet",
    ),
}


@pytest.mark.parametrize(("line", "why"), REASONS.values(), ids=REASONS)
def test_a_finding_gives_the_reason(line: str, why: str) -> None:
    (finding,) = lint(line)
    assert finding.why == why
    assert str(finding) == f"policy.csv line 1: {line!r}: {why}; {finding.fix}"
    assert finding.describe()["why"] == why


VERSIONS = {
    "new-resource-old-server": ("p, bob, applicationsets, get, */*, allow", Release(2, 4), ["unknown-to-version"]),
    "write-repositories": ("p, bob, write-repositories, get, *, allow", Release(2, 13), ["unknown-to-version"]),
    "extensions": ("p, bob, extensions, invoke, x, allow", Release(2, 6), ["unknown-to-version"] * 2),
    "extensions-2.7": ("p, bob, extensions, invoke, x, allow", V2_7, []),
    "paths": ("p, bob, applications, delete/*/Pod/*, */*, allow", Release(2, 11), ["unknown-to-version"]),
    "paths-2.12": ("p, bob, applications, delete/*/Pod/*, */*, allow", Release(2, 12), []),
    "paths-of-actions": ("p, bob, applications, action/*, */*, allow", Release(2, 4), []),
    "any-resource-covers-old-ones": ("p, bob, app*, get, */*, allow", Release(2, 4), []),
    "rollback-3.6": ("p, bob, applications, rollback, */*, allow", V3_6, []),
    "rollback-unknown": ("p, bob, applications, rollback, */*, allow", None, []),
    "brace-trap-3.6": ('p, bob, applications, get, "{team-*,ops}/*", allow', V3_6, []),
    "brace-trap-unknown": ('p, bob, applications, get, "{team-*,ops}/*", allow', None, ["brace-trap"]),
    "open-brace-3.6": ("p, bob, applications, get, a{b/x, allow", V3_6, ["broken-glob"]),
}


@pytest.mark.parametrize(("line", "release", "codes"), VERSIONS.values(), ids=VERSIONS)
def test_what_depends_on_the_version(line: str, release: Release | None, codes: list[str]) -> None:
    assert [item.code for item in lint(line, release)] == codes


IN_REGEX_MODE = {
    "anchored": ("p, bob, ^applications$, ^get$, ^a/.*$, allow", []),
    "part-of-a-name": ("p, bob, app, get, guestbook, allow", []),
    "glob": ("p, bob, applications, get, */*, allow", ["broken-regexp"]),
    "star": ("p, bob, applications, *, .*, allow", ["broken-regexp"]),
    "unknown": ("p, bob, ^apps$, get, .*, allow", ["unknown-resource"]),
    "brackets": ("p, bob, applications, get, [^a]/.*, allow", []),
    "cannot-be-judged": (r"p, bob, applications, get, \pL, allow", []),
}


@pytest.mark.parametrize(("line", "codes"), IN_REGEX_MODE.values(), ids=IN_REGEX_MODE)
def test_in_regex_mode_patterns_are_regular_expressions(line: str, codes: list[str]) -> None:
    findings = lint(line, policy_matchMode="regex")
    assert told(findings)[0] == ("regex-mode", "warning", "policy.matchMode", None)
    assert [item.code for item in findings[1:]] == codes


# --- keys and settings ---------------------------------------------------------------------------------------------

SETTINGS: dict[str, tuple[dict[str, str], str | None, str]] = {
    "default-line-end": ({"policy.default": "role:readonly\n"}, "default-role-spaces", "warning"),
    "default-unknown": ({"policy.default": "role:readnoly"}, "no-such-role", "warning"),
    "default-empty": ({"policy.default": ""}, None, ""),
    "default-known": ({"policy.default": "role:readonly"}, None, ""),
    "match-mode": ({"policy.matchMode": "Regex"}, "match-mode", "warning"),
    "scopes-word": ({"scopes": "groups"}, "scopes", "error"),
    "scopes-mapping": ({"scopes": "groups: true"}, "scopes", "error"),
    "scopes-flow": ({"scopes": "[groups, email]"}, None, ""),
    "scopes-flow-lines": ({"scopes": "[\n  groups,\n  email\n] # both\n"}, None, ""),
    "scopes-block": ({"scopes": "# ours\n- groups\n- email\n"}, None, ""),
    "account": ({"accounts.octopus": "apiKey"}, "wrong-config-map", "warning"),
    "unread": ({"policy.octopus": GET_APPS}, "unread-key", "warning"),
    "of-others": ({"note": "ours"}, None, ""),
}


@pytest.mark.parametrize(("data", "code", "severity"), SETTINGS.values(), ids=SETTINGS)
def test_keys_that_mean_something_else(data: dict[str, str], code: str | None, severity: str) -> None:
    (key,) = data
    assert told(lint_policy(data, Surroundings("bob"))) == ([(code, severity, key, None)] if code else [])


def test_keys_of_the_policy_in_argocd_cm_are_read_by_nobody() -> None:
    config = {"policy.csv": GET_APPS, "policy.x.csv": "", "policy.default": "role:readonly", "url": "https://x"}
    findings = lint_policy({}, Surroundings("octopus", config=config))
    assert told(findings) == [
        ("wrong-config-map", "warning", key, None) for key in ("policy.csv", "policy.default", "policy.x.csv")
    ]


@pytest.mark.parametrize("key", ["oidc.config", "dex.config", "accounts.octopus.password", "policy.octopus", OVERLAY])
def test_what_a_key_holds_that_is_not_read_here_is_not_shown(key: str) -> None:
    (finding,) = lint_policy({key: "clientSecret: SEKRET"}, Surroundings("bob", release=V2_7))[:1]
    assert (finding.key, finding.text) == (key, "(argocd-rbac-cm)")
    assert "SEKRET" not in f"{finding} {finding.describe()}"


def test_overlays_are_not_read_by_an_old_server() -> None:
    data = {"policy.csv": "", OVERLAY: GET_APPS}
    assert [item.code for item in lint_policy(data, Surroundings("bob", release=V2_7))] == ["unread-key"]
    assert lint_policy(data, Surroundings("bob", release=Release(2, 8))) == []


# --- the whole policy ----------------------------------------------------------------------------------------------


def test_a_role_to_which_nothing_is_given_does_not_exist() -> None:
    text = "g, bob, role:reader\ng, eve, role:ops\np, role:ops, logs, get, */*, allow\n"
    text += "g, amy, proj:x:y\ng, x, role:admin\n"
    assert told(lint(text)) == [("no-such-role", "warning", "policy.csv", 1)]
    assert lint("g, bob, role:a\ng, role:a, role:readonly\n") == []


def test_a_role_of_a_project_exists_where_the_project_has_it() -> None:
    text = "g, amy, proj:x:y\ng, amy, proj:x:z\n"
    projects = {"x": [ProjectRole("y")]}
    findings = lint_policy({"policy.csv": text}, Surroundings("octopus", projects=projects))
    assert told(findings) == [("no-such-role", "warning", "policy.csv", 2)]


def test_the_denial_of_a_project_shadows_nothing_outside() -> None:
    line = "p, proj:x:y, applications, *, */*, deny"
    projects = {"x": [ProjectRole("y", (line,), ("octopus",))]}
    assert lint_policy({"policy.csv": GET_APPS}, Surroundings("octopus", projects=projects, exclusive=False))[
        0
    ].code == ("elsewhere")


def test_lines_elsewhere_are_warned_of_where_there_should_be_none() -> None:
    for exclusive, severity in ((False, "note"), (True, "warning")):
        findings = lint_policy({"policy.csv": GET_APPS}, Surroundings("octopus", exclusive=exclusive))
        assert told(findings) == [("elsewhere", severity, "policy.csv", 1)]


def chain(links: int) -> str:
    grants = [f"g, r{number}, r{number + 1}\n" for number in range(links)]
    return "".join(grants) + f"p, r{links}, logs, get, */*, allow\n"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (chain(10), []),
        (chain(11), [11]),
        (chain(13), [11]),
        (chain(11) + "g, r0, r5\n", []),
        (chain(11) + "g, near, r5\n", [11]),
        (chain(11) + "g, r11, r0\n", []),
    ],
    ids=["ten", "eleven", "thirteen", "short-cut", "another-start", "a-circle-has-no-start"],
)
def test_roles_behind_the_tenth_link_are_not_reached(text: str, numbers: list[int]) -> None:
    assert [item.number for item in lint(text) if item.code == "long-chain"] == numbers


SHADOWS = {
    "same": ("p, bob, logs, get, a/*, allow\np, bob, logs, get, a/*, deny\n", [1]),
    "wider": ("p, bob, logs, get, a/b, allow\np, bob, logs, *, a/*, deny\n", [1]),
    "wider-pattern": ("p, bob, logs, get, a/b-*, allow\np, bob, *, *, a/*, deny\n", [1]),
    "narrower": ("p, bob, logs, get, a/*, allow\np, bob, logs, get, a/b, deny\n", []),
    "another-subject": ("p, bob, logs, get, a/*, allow\np, eve, logs, get, a/*, deny\n", []),
    "dead-denial": ("p, bob, logs, get, a/*, allow\np, bob, logs, get, a/*, Deny\n", []),
}


@pytest.mark.parametrize(("text", "numbers"), SHADOWS.values(), ids=SHADOWS)
def test_lines_that_a_denial_takes_away_whole(text: str, numbers: list[int]) -> None:
    assert [item.number for item in lint(text) if item.code == "shadowed"] == numbers


def test_the_denials_of_its_roles_shadow_the_lines_of_our_subject() -> None:
    text = f"g, octopus, role:x\n{GET_APPS}\np, role:x, applications, *, *, deny\n"
    (finding,) = [item for item in lint(text) if item.code == "shadowed"]
    assert (finding.number, finding.why) == (2, "all it allows is denied by policy.csv line 3, and a denial wins")


@pytest.mark.parametrize(
    ("line", "default", "found"),
    [
        ("p, bob, applications, get, secret/*, deny", "role:readonly", True),
        ("p, bob, *, *, *, deny", "role:readonly", True),
        ("p, bob, applications, delete, secret/*, deny", "role:readonly", False),
        ("p, bob, applications, get, secret/*, deny", "", False),
        ("p, bob, applications, get, secret/*, deny", "role:admin", True),
    ],
)
def test_denials_that_the_default_role_undoes(line: str, default: str, found: bool) -> None:  # noqa: FBT001 # expected
    findings = lint(line, policy_default=default)
    assert [item.code for item in findings] == (["useless-denial"] if found else [])


@pytest.mark.parametrize(
    ("text", "default", "severity"),
    [
        ("p, octopus, clusters, get, *, allow\np, octopus, logs, get, */*, allow\n", "", "warning"),
        ("p, octopus, applications, sync, */*, allow\n", "", "warning"),
        ("p, octopus, clusters, get, *, allow\n", "", "note"),
        (f"{GET_APPS}\np, octopus, logs, get, */*, allow\n", "", None),
        ("p, octopus, logs, get, */*, allow\n", "role:readonly", None),
        ("p, octopus, logs, get, */*, allow\ng, octopus, role:readonly\n", "", None),
        ("p, octopus, projects, get, *, allow\n", "", None),
        ("", "", None),
    ],
)
def test_an_account_that_connects_and_sees_no_application(text: str, default: str, severity: str | None) -> None:
    data = {"policy.csv": text, "policy.default": default}
    findings = lint_policy(data, Surroundings("octopus", {"policy.csv": range(1, 9)}))
    assert [item.severity for item in findings if item.code == "empty-application-list"] == [severity] * bool(severity)


def test_an_account_sees_the_applications_that_the_grants_of_a_project_lead_to() -> None:
    text = "p, octopus, logs, get, */*, allow\np, proj:x:y, applications, get, x/*, allow"
    for groups, codes in (((), ["empty-application-list"]), (("octopus",), [])):
        around = Surroundings("octopus", projects={"x": [ProjectRole("y", (), groups)]})
        found = [item.code for item in lint_policy({"policy.csv": text}, around)]
        assert [code for code in found if code == "empty-application-list"] == codes


def test_a_denial_that_only_the_grants_of_a_project_lead_to_shadows_nothing_outside() -> None:
    text = f"{GET_APPS}\np, proj:x:y, applications, get, */*, deny"
    around = Surroundings("octopus", projects={"x": [ProjectRole("y", (), ("octopus",))]})
    assert "shadowed" not in [item.code for item in lint_policy({"policy.csv": text}, around)]


def test_a_grant_of_ours_also_counts_for_a_group_of_that_name() -> None:
    around: dict[str, Any] = {"own": {OVERLAY: range(1, 2)}}
    data = {OVERLAY: "g, octopus, role:readonly\n"}
    sso = Surroundings("octopus", **around, config={"dex.config": "connectors: []"})
    assert [item.code for item in lint_policy(data, sso)] == ["also-a-group"]
    for config in (None, {"dex.config": ""}, {"url": "https://x"}):
        assert lint_policy(data, Surroundings("octopus", **around, config=config)) == []


# --- what a task does with it --------------------------------------------------------------------------------------


def wish(*items: str, **changes: Any) -> DesiredPolicy:
    lines = tuple(parse_policies(items, "octopus", regex=changes.pop("regex", False)))
    return DesiredPolicy("octopus", lines, OVERLAY, **changes)


def test_a_line_of_ours_that_the_match_mode_makes_meaningless_stops_the_write() -> None:
    with pytest.raises(InvalidInput) as caught:
        plan_policy({"policy.matchMode": "regex"}, wish("applications, get, */*", "logs, get, *"))
    assert str(caught.value) == (
        "cannot write the policy to argocd-rbac-cm: policy.octopus.csv line 1: 'p, octopus, applications, get, */*, "
        "allow': '*/*' is no regular expression (nothing to repeat, or a repetition of a repetition), on which the "
        "whole question is denied; policy.matchMode is regex: write .* for any text, [.] for a dot (and 1 more)"
    )


@pytest.mark.parametrize(
    "item", ["^applications$, get, .*", "(applications|logs), get, guestbook[.]x", "app.*, get, x/.+"]
)
def test_a_line_that_only_regex_mode_understands_waits_for_the_mode(item: str) -> None:
    assert plan_policy({"policy.matchMode": "regex"}, wish(item)).plan.changed
    assert plan_policy({}, wish(item, regex=True, settings={"policy.matchMode": "regex"})).plan.changed
    with pytest.raises(InvalidInput):
        plan_policy({}, wish("^applications$, get, */*"))


def test_faults_of_others_are_shown_and_stop_nothing() -> None:
    data = {"policy.csv": "p, bob, logs, get, */*, Allow\n" * 12}
    change = plan_policy(data, wish("applications, get, */*"))
    assert len(change.findings) == 12
    assert len(change.plan.warnings) == 11
    assert change.plan.warnings[0] == str(change.findings[0])
    assert change.plan.warnings[-1] == "2 more warnings are among the findings"


def test_what_concerns_us_is_shown_before_the_faults_of_others() -> None:
    data = {"policy.csv": "p, bob, logs, get, */*, Allow\n" * 12 + "p, octopus, logs, get, */*, deny\n"}
    change = plan_policy(data, wish("logs, get, a/*", "applications, get, */*"))
    codes = [finding.code for finding in change.findings if str(finding) in change.plan.warnings]
    assert codes == ["dead-effect"] * 8 + ["shadowed", "elsewhere"]
    assert "policy.octopus.csv line 1" in change.plan.warnings[0]


def test_scopes_that_the_server_cannot_read_stop_the_write_unless_it_corrects_them() -> None:
    with pytest.raises(InvalidInput, match=r"scopes: 'groups': it is no YAML list"):
        plan_policy({"scopes": "groups"}, wish("applications, get, */*"))
    assert plan_policy({"scopes": "groups"}, wish(settings={"scopes": "[groups]"})).plan.changed


MARKED = {"policy.csv": "# BEGIN fleetops.argocd octopus\r\n# END fleetops.argocd octopus"}
KEYS: dict[str, tuple[dict[str, str], str, str | None, Release | None, str]] = {
    "auto": ({}, "auto", None, V3_5, OVERLAY),
    "auto-unknown": ({}, "auto", None, None, OVERLAY),
    "auto-named": ({}, "auto", "shared", V3_5, "policy.shared.csv"),
    "auto-old": ({}, "auto", "shared", V2_7, "policy.csv"),
    "auto-stays": (MARKED, "auto", None, V3_5, "policy.csv"),
    "auto-named-moves": (MARKED, "auto", "shared", V3_5, "policy.shared.csv"),
    "overlay": (MARKED, "overlay", None, V3_5, OVERLAY),
    "policy-csv": ({}, "policy.csv", "shared", V3_5, "policy.csv"),
}


@pytest.mark.parametrize(("data", "location", "overlay", "release", "key"), KEYS.values(), ids=KEYS)
def test_where_the_lines_go(
    data: dict[str, str], location: str, overlay: str | None, release: Release | None, key: str
) -> None:
    assert choose_key(data, "octopus", location=location, overlay=overlay, release=release) == key


def test_an_overlay_is_refused_where_nobody_would_read_it() -> None:
    with pytest.raises(InvalidInput) as caught:
        choose_key({}, "octopus", location="overlay", overlay=None, release=V2_7)
    assert str(caught.value) == (
        "cannot use location overlay: this Argo CD is 2.7, which reads policy.csv only; leave location at auto, or set "
        "it to policy.csv"
    )


@pytest.mark.parametrize(
    ("outer", "inner", "covered"),
    [
        ("*", "a{b", True),
        ("*/*", "a/*", True),
        ("*/*", "*", False),
        ("a/*", "a/b?", True),
        ("a/?", "a/*", False),
        ("a/b", "a/b", True),
        ("a/b", "a/*", False),
        ("{a,b}/*", "a/x", True),
        ("{a,b}/*", "a/*", False),
        ("*a", "[ab]", False),
    ],
)
def test_a_glob_that_covers_another(outer: str, inner: str, covered: bool) -> None:  # noqa: FBT001 # expected
    assert covers(outer, inner, Server()) == covered
