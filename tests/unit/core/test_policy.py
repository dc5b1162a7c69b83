# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of one subject: foreign lines byte for byte, a second plan without steps, refusals in full."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.checks import RESOURCES
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy import (
    DesiredPolicy,
    PolicyChange,
    check_subject,
    overlay_key,
    parse_policies,
    parse_roles,
    plan_policy,
    replaced_lines,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy_text import parse_lines, policy_keys

OVERLAY = "policy.octopus.csv"
GET_APPS = ("p", "octopus", "applications", "get", "*", "allow")
GET_CLUSTERS = ("p", "octopus", "clusters", "get", "*", "allow")
READ_ONLY = ("g", "octopus", "role:readonly")
APPS_LINE = "p, octopus, applications, get, *, allow\n"
CLUSTERS_LINE = "p, octopus, clusters, get, *, allow\n"
KEYS = (OVERLAY, "policy.csv")
BEGIN, END = "# BEGIN fleetops.argocd octopus\n", "# END fleetops.argocd octopus\n"


def desired(*lines: tuple[str, ...], **changes: Any) -> DesiredPolicy:
    return DesiredPolicy(**{"subject": "octopus", "lines": lines, "key": OVERLAY, **changes})


def applied(data: dict[str, str], change: PolicyChange) -> dict[str, str]:
    merged: dict[str, str | None] = dict(data)
    for step in change.plan.steps:
        assert (step.kind, step.name) == ("configmaps", "argocd-rbac-cm")
        merged.update(step.values)
    return {key: value for key, value in merged.items() if value is not None}


def places(change: PolicyChange, code: str) -> list[tuple[str, int | None, str]]:
    return [(item.key, item.number, item.text) for item in change.findings if item.code == code]


def settle(data: dict[str, str], wish: DesiredPolicy) -> dict[str, str]:
    """Plan, apply, and prove that planning again has nothing to do."""
    after = applied(data, plan_policy(data, wish))
    again = plan_policy(after, wish)
    assert (again.plan.steps, again.added, again.removed, again.gained, again.lost) == ((), (), (), (), ())
    return after


# --- what is asked for ---------------------------------------------------------------------------------------------

ITEMS = {
    "verbatim": ("p, octopus, applications, get, *, allow", GET_APPS),
    "verbatim-without-spaces": ("p,octopus,applications,get,*,allow", GET_APPS),
    "spaces-around": ("  applications, get, *  ", GET_APPS),
    "short": ("applications, get, *", GET_APPS),
    "short-with-effect": ("applications, get, *, allow", GET_APPS),
    "deny": ("applications, delete, */*, deny", ("p", "octopus", "applications", "delete", "*/*", "deny")),
    "quoted-braces": ('logs, get, "{a,b}/*"', ("p", "octopus", "logs", "get", "{a,b}/*", "allow")),
    "resource-pattern": ("*, get, x", ("p", "octopus", "*", "get", "x", "allow")),
    "action-pattern": ("clusters, g*, x", ("p", "octopus", "clusters", "g*", "x", "allow")),
    "sub-resource-action": (
        "applications, action/apps/Deployment/restart, p/a",
        ("p", "octopus", "applications", "action/apps/Deployment/restart", "p/a", "allow"),
    ),
    "rollback": ("applications, rollback, p/a", ("p", "octopus", "applications", "rollback", "p/a", "allow")),
    "cluster-url": (
        "clusters, get, https://x:6443",
        ("p", "octopus", "clusters", "get", "https://x:6443", "allow"),
    ),
}


@pytest.mark.parametrize(("item", "fields"), ITEMS.values(), ids=ITEMS)
def test_an_item_becomes_the_line_of_the_subject(item: str, fields: tuple[str, ...]) -> None:
    assert parse_policies([item], "octopus") == [fields]


SHAPE = (
    "write `p, octopus, <resource>, <action>, <object>, <allow or deny>`, or only `<resource>, <action>, <object>`; "
    "this has {} fields (policies is a list of such lines; a comma inside a field needs quotes)"
)
VERBATIM = (
    "a p line has 6 fields, this has {} (a comma inside a field, as in {{a,b}}, needs quotes); Argo CD would refuse "
    "its WHOLE policy for it"
)
REFUSALS = {
    "empty": ("", SHAPE.format(1)),
    "role-grant": ("g, octopus, role:admin", "it gives a role; name the role in roles instead"),
    "two-fields": ("clusters, get", SHAPE.format(2)),
    "six-without-p": ("g, octopus, a, b, c, allow", SHAPE.format(6)),
    "unquoted-braces-short": ("logs, get, {a,b}/*, allow", SHAPE.format(5)),
    "verbatim-short": ("p, octopus, clusters, get, *", VERBATIM.format(5)),
    "unquoted-braces-verbatim": ("p, octopus, logs, get, {a,b}/*, allow", VERBATIM.format(7)),
    "of-another-subject": (
        "p, bob, clusters, get, *, allow",
        "it is about 'bob', the subject is 'octopus'; give it in a task with that subject",
    ),
    "csv": ('clusters, get, "*', 'a quoted field is not closed (")'),
    "effect-case": (
        "clusters, get, *, Allow",
        "effect 'Allow' is neither allow nor deny, so the line does nothing; write allow or deny, in small letters",
    ),
    "effect-comment": (
        "clusters, get, *, allow # why",
        (
            "effect 'allow # why' is neither allow nor deny, so the line does nothing; "
            "put the comment on a line of its own, before this one"
        ),
    ),
    "space-before-comma": (
        "clusters , get, *",
        (
            "a field has a space at its start or end, which belongs to it, so it never matches; "
            "remove the space before the comma or inside the quotes"
        ),
    ),
    "no-such-resource": (
        "cluster, get, *",
        f"resource 'cluster' does not exist, so the line never matches; write one of {', '.join(RESOURCES)}",
    ),
    "no-such-action": (
        "clusters, read, *",
        (
            "action 'read' does not exist, so the line never matches; write one of get, create, update, delete, sync, "
            "override, action, invoke, rollback"
        ),
    ),
    "object-without-project": (
        "applications, get, guestbook",
        "object 'guestbook' can never match: applications are named project/name; write <project>/guestbook",
    ),
}


@pytest.mark.parametrize(("item", "cause"), REFUSALS.values(), ids=REFUSALS)
def test_an_item_that_cannot_mean_what_it_says_is_refused_by_its_place(item: str, cause: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_policies(["clusters, get, *", item], "octopus")
    assert str(caught.value) == f"cannot use policies[1] {item!r}: {cause}"


def test_roles_become_grants() -> None:
    assert parse_roles(["role:readonly", "a,b"], "octopus") == [READ_ONLY, ("g", "octopus", "a,b")]


CONTROL = "it has a line end or another control character; remove it, a list takes one line per item"


@pytest.mark.parametrize(
    ("role", "cause"),
    [
        ("", "a role name has no spaces around it"),
        (" role:x", "a role name has no spaces around it"),
        ("role:x\n# note", CONTROL),
        ("role:x\r", CONTROL),
    ],
)
def test_a_role_that_names_nothing_or_another_line_is_refused(role: str, cause: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_roles(["role:readonly", role], "octopus")
    assert str(caught.value) == f"cannot use roles[1] {role!r}: {cause}"


@pytest.mark.parametrize("item", ["clusters, get, *\np, bob, *, *, *, allow", 'clusters, get, "a\nb"', "a, b, c\r\n"])
def test_an_item_that_would_become_two_lines_is_refused(item: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_policies([item], "octopus")
    assert str(caught.value) == f"cannot use policies[0] {item!r}: {CONTROL}"


@pytest.mark.parametrize("subject", ["", " ", " octopus", "octopus ", "a\nb", "a\rb"])
def test_a_subject_that_matches_everyone_or_nobody_is_refused(subject: str) -> None:
    with pytest.raises(InvalidInput):
        check_subject(subject)


@pytest.mark.parametrize(
    ("name", "key"),
    [("octopus", OVERLAY), ("role:ci", "policy.role-ci.csv"), ("a.b/c d", "policy.a-b-c-d.csv")],
)
def test_the_overlay_of_a_subject_is_a_key_the_server_reads(name: str, key: str) -> None:
    assert overlay_key(name) == key
    assert policy_keys({key: ""}) == [key]


# --- an overlay of our own -----------------------------------------------------------------------------------------


def test_the_first_plan_makes_the_overlay_and_says_what_it_means() -> None:
    change = plan_policy({"policy.csv": "g, bob, role:admin\n"}, desired(GET_APPS, READ_ONLY))
    assert [dict(step.values) for step in change.plan.steps] == [{OVERLAY: f"{APPS_LINE}g, octopus, role:readonly\n"}]
    assert change.plan.before == {}
    assert change.plan.after == {OVERLAY: f"{APPS_LINE}g, octopus, role:readonly\n"}
    assert change.added == (APPS_LINE.strip(), "g, octopus, role:readonly")
    assert change.gained[:2] == ("may get applications *", "may get applications */* (through role:readonly)")
    assert len(change.gained) == 11
    assert (change.removed, change.lost, change.findings) == ((), (), ())


def test_removed_rights_are_said_too_and_denials_as_such() -> None:
    data = {OVERLAY: f"{APPS_LINE}p, octopus, logs, get, */*, deny\n"}
    change = plan_policy(data, desired(GET_APPS))
    assert change.removed == ("p, octopus, logs, get, */*, deny",)
    assert (change.gained, change.lost) == (("is no longer denied: get logs */*",), ())
    assert change.plan.before == data


def test_a_right_the_subject_has_by_another_key_is_not_gained_and_stays_a_finding() -> None:
    data = {"policy.csv": f"# x\n{APPS_LINE}"}
    change = plan_policy(data, desired(GET_APPS))
    assert (change.added, change.gained) == ((APPS_LINE.strip(),), ())
    assert places(change, "elsewhere") == [("policy.csv", 2, APPS_LINE.strip())]


def test_exclusive_removes_other_lines_of_the_subject_and_only_those() -> None:
    foreign = "# ours\r\n\r\np, bob, clusters, get, *, allow\r\n  g, octopus-eu, role:x\n"
    data = {OVERLAY: f"{CLUSTERS_LINE}{foreign}{APPS_LINE}"}
    assert settle(data, desired(GET_APPS)) == {OVERLAY: foreign + APPS_LINE}
    assert settle(data, desired(GET_APPS, exclusive=False)) == data


def test_a_line_that_is_there_in_another_spelling_stays_as_it_is() -> None:
    data = {OVERLAY: "p,octopus,applications,get,*,allow"}
    assert settle(data, desired(GET_APPS)) == data
    assert settle(data, desired(GET_APPS, GET_CLUSTERS)) == {OVERLAY: data[OVERLAY] + "\n" + CLUSTERS_LINE.strip()}


def test_a_line_asked_for_twice_is_written_once() -> None:
    assert settle({}, desired(GET_APPS, GET_APPS)) == {OVERLAY: APPS_LINE}


def test_absent_removes_the_key_or_only_the_lines_of_the_subject() -> None:
    assert settle({OVERLAY: APPS_LINE, "scopes": "[groups]"}, desired(present=False)) == {"scopes": "[groups]"}
    shared = {OVERLAY: f"{APPS_LINE}# bob's\n{CLUSTERS_LINE}"}
    assert settle(shared, desired(GET_APPS, present=False)) == {OVERLAY: "# bob's\n"}


@pytest.mark.parametrize("key", [OVERLAY, "policy.csv"])
def test_absent_removes_what_is_ours_in_every_key_of_ours_and_nothing_else(key: str) -> None:
    theirs = f"{CLUSTERS_LINE}# bob's\r\n"
    other = f"{BEGIN}{APPS_LINE}{END}".replace("octopus", "octopus-eu")
    data = {
        "policy.csv": f"{theirs}{BEGIN}{APPS_LINE}{END}{other}# no line end",
        OVERLAY: f"{CLUSTERS_LINE}g, bob, role:x\n{APPS_LINE}",
        "policy.more.csv": APPS_LINE,
        "policy.default": "",
    }
    change = plan_policy(data, desired(present=False, key=key, others=KEYS))
    after = applied(data, change)
    assert after == {**data, "policy.csv": f"{theirs}{other}# no line end", OVERLAY: "g, bob, role:x\n"}
    assert (change.added, set(change.removed)) == ((), {APPS_LINE.strip(), CLUSTERS_LINE.strip()})
    assert change.plan.before == {name: data[name] for name in KEYS}
    assert change.plan.after == {name: after[name] for name in KEYS}
    assert places(change, "elsewhere") == [
        ("policy.csv", 1, CLUSTERS_LINE.strip()),
        ("policy.more.csv", 1, APPS_LINE.strip()),
    ]
    assert settle(data, desired(present=False, key=key, others=KEYS)) == after


def test_absent_tells_of_a_line_that_stood_in_both_places_once() -> None:
    data = {"policy.csv": f"{BEGIN}{APPS_LINE}{END}", OVERLAY: APPS_LINE}
    change = plan_policy(data, desired(present=False, others=KEYS))
    assert (change.removed, change.lost) == ((APPS_LINE.strip(),), ("may get applications *",))
    assert applied(data, change) == {}


def test_present_leaves_the_other_place_and_warns_of_it() -> None:
    data = {"policy.csv": f"{BEGIN}{APPS_LINE}{END}"}
    change = plan_policy(data, desired(GET_CLUSTERS, others=KEYS))
    assert applied(data, change) == {**data, OVERLAY: CLUSTERS_LINE}
    assert places(change, "elsewhere") == [("policy.csv", 2, APPS_LINE.strip())]


def test_nothing_wanted_and_nothing_there_is_no_change() -> None:
    assert settle({}, desired()) == {}
    assert settle({}, desired(present=False)) == {}


# --- policy.csv ----------------------------------------------------------------------------------------------------


def test_in_policy_csv_our_lines_stand_between_markers() -> None:
    wish = desired(GET_APPS, key="policy.csv")
    data = {"policy.csv": "g, bob, role:admin\r\n"}
    after = settle(data, wish)
    assert after == {"policy.csv": f"g, bob, role:admin\r\n{BEGIN}{APPS_LINE}{END}"}
    assert settle(after, replace(wish, present=False)) == data


def test_in_policy_csv_only_what_stands_between_the_markers_is_ours() -> None:
    head, tail = f"{CLUSTERS_LINE}", "# end, no line end"
    data = {"policy.csv": f"{head}{BEGIN}{APPS_LINE}{END}{tail}"}
    after = settle(data, desired(READ_ONLY, key="policy.csv"))
    assert after == {"policy.csv": f"{head}{BEGIN}g, octopus, role:readonly\n{END}{tail}"}
    assert settle(after, desired(key="policy.csv", present=False)) == {"policy.csv": head + tail}


def test_in_policy_csv_a_line_of_the_subject_outside_the_markers_is_a_finding_and_not_counted_as_ours() -> None:
    data = {"policy.csv": f"# x\n{CLUSTERS_LINE}{BEGIN}{APPS_LINE}{END}g, octopus, role:x\n"}
    change = plan_policy(data, desired(GET_CLUSTERS, key="policy.csv"))
    assert (change.added, change.removed) == ((CLUSTERS_LINE.strip(),), (APPS_LINE.strip(),))
    assert (change.gained, change.lost) == ((), ("may get applications *",))
    assert places(change, "elsewhere") == [
        ("policy.csv", 2, CLUSTERS_LINE.strip()),
        ("policy.csv", 6, "g, octopus, role:x"),
    ]


def test_markers_of_another_subject_are_not_ours() -> None:
    other = BEGIN.replace("octopus", "octopus-eu") + "g, octopus-eu, role:x\n" + END.replace("octopus", "octopus-eu")
    assert settle({"policy.csv": other}, desired(GET_APPS, key="policy.csv")) == {
        "policy.csv": f"{other}{BEGIN}{APPS_LINE}{END}"
    }


def test_a_missing_end_marker_is_refused_rather_than_guessed() -> None:
    with pytest.raises(InvalidInput) as caught:
        plan_policy({"policy.csv": f"{BEGIN}{APPS_LINE}"}, desired(GET_APPS, key="policy.csv"))
    assert str(caught.value) == (
        "cannot edit policy.csv: the line '# END fleetops.argocd octopus' is missing after '# BEGIN fleetops.argocd "
        "octopus'; put it back"
    )


# --- settings ------------------------------------------------------------------------------------------------------

SETTINGS = {
    "default-unset": ({}, {"policy.default": ""}, False),
    "default-same": ({"policy.default": "role:x"}, {"policy.default": "role:x"}, False),
    "default-differs": ({"policy.default": "role:x"}, {"policy.default": ""}, True),
    "default-with-a-line-end-is-another": ({"policy.default": "role:x\n"}, {"policy.default": "role:x"}, True),
    "glob-is-the-default": ({}, {"policy.matchMode": "glob"}, False),
    "anything-but-regex-is-glob": ({"policy.matchMode": "Regex"}, {"policy.matchMode": "glob"}, False),
    "regex": ({}, {"policy.matchMode": "regex"}, True),
    "scopes-default": ({}, {"scopes": "[groups]"}, False),
    "scopes-other-notation": ({"scopes": "- groups\n- 'email'\n"}, {"scopes": "[groups, email]"}, False),
    "scopes-differ": ({"scopes": "[groups]"}, {"scopes": "[groups, email]"}, True),
}


@pytest.mark.parametrize(("data", "settings", "changed"), SETTINGS.values(), ids=SETTINGS)
def test_settings_are_compared_as_the_server_means_them(
    data: dict[str, str],
    settings: dict[str, str],
    changed: bool,  # noqa: FBT001 # an expectation of the table
) -> None:
    wish = desired(settings=settings)
    assert plan_policy(data, wish).plan.changed == changed
    assert settle(data, wish) == ({**data, **settings} if changed else data)


# --- a policy that does not compile --------------------------------------------------------------------------------


def test_a_broken_line_of_somebody_else_is_named_and_nothing_planned() -> None:
    data = {"policy.csv": "g, bob, role:admin\n", "policy.a.csv": "# x\np, a, b, c, d\n"}
    with pytest.raises(InvalidInput) as caught:
        plan_policy(data, desired(GET_APPS))
    assert str(caught.value) == (
        "cannot compile the policy of argocd-rbac-cm: policy.a.csv line 2: a p line has 6 fields, this one has 5 (a "
        "comma inside needs quotes); while it stands Argo CD answers 500 to everybody; correct that line first"
    )


def test_full_admin_is_never_given_without_a_warning() -> None:
    admin = ("g", "octopus", "role:admin")
    (warning,) = plan_policy({}, desired(admin)).plan.warnings
    assert warning.startswith("octopus gets role:admin, which may do everything on this Argo CD; ")
    assert plan_policy({}, desired(READ_ONLY)).plan.warnings == ()
    assert plan_policy({}, desired(admin, present=False)).plan.warnings == ()


# --- properties ----------------------------------------------------------------------------------------------------

FOREIGN = st.sampled_from(
    [
        "",
        "  ",
        "# a comment, with a comma",
        "   # indented",
        "p, bob, clusters, get, *, allow",
        "  g,octopus-eu ,  role:x  ",
        'p, role:x, applications, get, "{a,b}/*", deny',
        "r, nothing",
        "# p, octopus, clusters, get, *, allow",
    ]
)
ENDS = st.sampled_from(["\n", "\r\n", " \n"])
OURS = st.sampled_from([APPS_LINE.strip(), "p,octopus,clusters,get,*,allow", "g, octopus, role:x"])
WISHES = st.lists(st.sampled_from([GET_APPS, GET_CLUSTERS, READ_ONLY]), max_size=4)

SWITCHES = st.fixed_dictionaries({"exclusive": st.booleans(), "present": st.booleans()})


@st.composite
def policy_texts(draw: st.DrawFn) -> str:
    lines = draw(st.lists(st.tuples(FOREIGN | OURS, ENDS), max_size=8))
    text = "".join(line + end for line, end in lines)
    return text.rstrip("\r\n") if draw(st.booleans()) else text


def foreign_bytes(text: str) -> str:
    """What is not about the subject, without line ends at the very end: those separate our lines from the rest."""
    return "".join(line.raw for line in parse_lines(text) if not line.about("octopus")).rstrip("\n")


@given(policy_texts(), WISHES, SWITCHES)
def test_an_edited_overlay_keeps_every_foreign_byte_and_reaches_what_was_asked(
    text: str, wanted: list[tuple[str, ...]], switches: dict[str, bool]
) -> None:
    wish = desired(*wanted, **switches)
    after = settle({OVERLAY: text, "policy.csv": text}, wish)
    assert after["policy.csv"] == text
    edited = after.get(OVERLAY, "")
    assert foreign_bytes(edited) == foreign_bytes(text)
    has = {line.fields for line in parse_lines(edited) if line.about("octopus")}
    had = {line.fields for line in parse_lines(text) if line.about("octopus")}
    stays = had if switches["present"] and not switches["exclusive"] else set()
    assert has == stays | (set(wanted) if switches["present"] else set())


def outside(text: str) -> str:
    head, _begin, rest = text.partition(BEGIN)
    return head + rest.partition(END)[2]


@given(policy_texts(), WISHES, WISHES)
def test_in_policy_csv_everything_outside_the_markers_stays_byte_for_byte(
    text: str, first: list[tuple[str, ...]], second: list[tuple[str, ...]]
) -> None:
    head = f"{text}\n"
    after = settle({"policy.csv": head}, desired(*first, key="policy.csv"))["policy.csv"]
    tail = "# more\r\n# the end\n"
    again = settle({"policy.csv": after + tail}, desired(*second, key="policy.csv"))["policy.csv"]
    assert outside(again) == head + tail


@given(policy_texts(), policy_texts(), policy_texts(), st.sampled_from(KEYS))
def test_a_removal_takes_all_that_is_ours_from_both_places_and_no_foreign_byte(
    head: str, ours: str, overlay: str, key: str
) -> None:
    section = f"{head}\n{BEGIN}{ours.rstrip()}\n{END}# the end"
    after = settle({"policy.csv": section, OVERLAY: overlay}, desired(present=False, key=key, others=KEYS))
    assert outside(after["policy.csv"]) == outside(section)
    inside = after["policy.csv"].partition(BEGIN)[2].partition(END)[0]
    for text, was in ((inside, ours.rstrip()), (after.get(OVERLAY, ""), overlay)):
        assert foreign_bytes(text).rstrip() == foreign_bytes(was).rstrip()
        assert not [line for line in parse_lines(text) if line.about("octopus")]


# --- where what is written is not the whole -----------------------------------------------------------------------

KEPT = st.dictionaries(st.sampled_from([OVERLAY, "policy.csv", "policy.default", "scopes"]), st.just(""), max_size=2)
STANDING = st.dictionaries(
    st.sampled_from([OVERLAY, "policy.csv", "policy.more.csv"]),
    st.sampled_from(["", APPS_LINE, f"g, ops, role:admin\n{BEGIN}{APPS_LINE}{END}", "# theirs\n"]),
)


@given(KEPT, STANDING, st.sampled_from(["present", "absent"]), st.sampled_from(KEYS))
def test_planning_again_has_nothing_to_do_and_says_the_same_of_the_whole(
    kept: dict[str, str], standing: dict[str, str], state: str, key: str
) -> None:
    wish = desired(GET_CLUSTERS, present=state == "present", key=key, settings={"scopes": "[groups]"}, others=KEYS)
    first = plan_policy(kept, wish, unset=standing)
    after = applied(kept, first)
    again = plan_policy(after, wish, unset={name: text for name, text in standing.items() if name not in after})
    assert (again.plan.steps, again.added, again.removed, again.gained, again.lost) == ((), (), (), (), ())
    assert dict(again.data) == dict(first.data)
    assert {name: text for name, text in first.data.items() if name not in {*after, *wish.keys}} == {
        name: text for name, text in standing.items() if text and name not in {*kept, *after, *wish.keys}
    }


@pytest.mark.parametrize(
    ("text", "changes", "lost"),
    [
        ("", {}, []),
        (APPS_LINE, {}, []),
        ("p,octopus,clusters,get,*,allow\n", {"exclusive": False}, []),
        (APPS_LINE, {"exclusive": False}, [APPS_LINE.rstrip()]),
        ("# theirs\n\ng, ops, role:admin", {}, ["# theirs", "g, ops, role:admin"]),
        (f"{BEGIN}{APPS_LINE}{END}", {"key": "policy.csv"}, []),
        (f"{BEGIN}{APPS_LINE}{END}g, a, b\n", {"key": "policy.csv", "present": False}, ["g, a, b"]),
    ],
)
def test_lines_that_nobody_asked_away_are_lost_with_a_key_that_is_written_anew(
    text: str, changes: dict[str, Any], lost: list[str]
) -> None:
    assert replaced_lines(text, desired(GET_CLUSTERS, **changes)) == lost
