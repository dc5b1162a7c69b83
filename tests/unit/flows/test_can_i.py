# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_can_i: a token is proven before it is asked, and sent nowhere unless it is the account's own."""

from __future__ import annotations

from typing import Any

import pytest
from flow_fakes import World, jwt

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    InvalidInput,
    Mismatch,
    SinkError,
    Unauthenticated,
    Undecidable,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._flows import can_i as flow
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.ports import Outcome
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.port import Entry

CHECKS = [
    {"action": "get", "resource": "clusters", "object": "*", "allowed": True},
    {"action": "delete", "resource": "applications", "object": "*", "allowed": False},
]
ASKED = ["ask get clusters * as id", "ask delete applications * as id"]


def run(world: World, *, check_mode: bool = False, **changes: Any) -> Outcome:
    shape = {"checks": CHECKS, "token": None, "token_from": {"file": "first"}, "account": "octopus"}
    judging = {"source": "server", "policy": None, "groups": [], "argocd_version": None, "argocd_url": "https://argocd"}
    more = {
        "password_from": None,
        "fail_on_mismatch": True,
        "wait_timeout": 1,
        "argocd_namespace": "argocd",
        "argocd_transport": "direct",
        **judging,
    }
    return flow.run({**shape, **more, **changes}, world.ports(check_mode=check_mode))


def world(*denied: str) -> World:
    made = World()
    made.sink.entry = Entry(token=made.argocd.issue("id"))
    made.argocd.denied = set(denied)
    return made


def test_a_stored_token_is_read_proven_and_asked_and_nothing_is_written() -> None:
    lab = world("delete applications *")
    outcome = run(lab)
    assert lab.events == ["read.first", "prove octopus id", *ASKED]
    assert (outcome.changed, outcome.values["account"], outcome.values["mismatches"]) == (False, "octopus", [])
    assert [row["answer"] for row in outcome.values["matrix"]] == ["yes", "no"]
    assert lab.remembered == [lab.sink.entry.token]


def test_check_mode_asks_too() -> None:
    lab = world("delete applications *")
    assert run(lab, check_mode=True).values == run(lab).values


def test_a_mismatch_fails_after_patience_or_is_reported() -> None:
    lab = world()
    with pytest.raises(Mismatch) as caught:
        run(lab)
    assert "delete applications * must be no and is yes" in str(caught.value)
    assert lab.slept == 1
    outcome = run(lab, fail_on_mismatch=False)
    assert [row["resource"] for row in outcome.values["mismatches"]] == ["applications"]


def test_a_policy_seen_late_is_waited_for() -> None:
    lab = world()
    lab.fail("ask", None, None, None, None, lambda: lab.argocd.denied.add("delete applications *"))
    assert run(lab).values["mismatches"] == []
    assert lab.slept == 0.5


def test_a_token_the_server_does_not_accept_is_asked_nothing() -> None:
    lab = world()
    lab.argocd.tokens.clear()
    with pytest.raises(Unauthenticated) as caught:
        run(lab)
    assert str(caught.value).startswith("cannot ask can-i as account octopus: the server does not accept its token")
    assert lab.events == ["read.first", "prove octopus id"]


def test_a_given_token_needs_no_account_and_no_sink() -> None:
    lab = world("delete applications *")
    outcome = run(lab, token=lab.sink.entry.token, token_from=None, account=None)
    assert (outcome.values["account"], lab.events) == ("octopus", ["prove octopus id", *ASKED])


NOT_SENT: dict[str, tuple[dict[str, Any], str]] = {
    "no-token": ({"token_from": None}, "cannot ask can-i: no token; set token, or token_from to read it from a sink"),
    "whose-token": ({"account": None}, "cannot read the token from a sink: set account, whose token it is"),
    "bad-account": ({"account": "a.b"}, "cannot use account name 'a.b': "),
    "garbage": ({"token": "SEKRET", "token_from": None}, "cannot ask can-i: the given value is not an Argo CD token"),
    "of-another-account": (
        {"token": jwt("id", "bob"), "token_from": None},
        "cannot ask can-i as account octopus: the token is of account bob; it was not sent anywhere",
    ),
    "bad-check": ({"checks": [{"action": "eat", "resource": "logs"}]}, "cannot use checks[0]: "),
}


@pytest.mark.parametrize(("changes", "message"), NOT_SENT.values(), ids=NOT_SENT)
def test_what_cannot_be_asked_is_told_and_no_token_is_sent(changes: dict[str, Any], message: str) -> None:
    lab = world()
    with pytest.raises(InvalidInput) as caught:
        run(lab, **changes)
    assert str(caught.value).startswith(message)
    assert "SEKRET" not in str(caught.value)
    assert lab.events == []


def test_an_empty_sink_is_told_and_one_that_cannot_be_read_is_an_error() -> None:
    lab = World()
    with pytest.raises(InvalidInput) as caught:
        run(lab)
    assert str(caught.value) == "cannot ask can-i as account octopus: sink first holds no token; run argocd_token first"
    lab.fail("read.first", SinkError("cannot read"))
    with pytest.raises(SinkError):
        run(lab)


# --- by the policy -------------------------------------------------------------------------------------------------

LINES = {"policy.csv": "p, octopus, applications, action/*, p/*, allow\ng, argocd, role:admin\n"}
RESTART = {"action": "action/apps/Deployment/restart", "resource": "applications", "object": "p/shop"}
AS_POLICY = {"source": "policy", "token_from": None, "checks": [RESTART]}


def test_the_policy_of_the_cluster_is_judged_without_a_token() -> None:
    lab = world()
    lab.kubernetes.data["argocd-rbac-cm"] = LINES
    outcome = run(lab, **AS_POLICY)
    assert not [event for event in lab.events if event.startswith(("read", "prove", "ask"))]
    assert outcome.values["source"] == "policy"
    assert outcome.values["matrix"][0]["answer"] == "yes"
    assert outcome.values["matrix"][0]["reason"] == f"policy.csv line 1: {LINES['policy.csv'].splitlines()[0]}"
    assert outcome.warnings == ()


def test_a_planned_policy_is_judged_instead_and_the_cluster_left_alone_where_none_is_named() -> None:
    lab = world()
    outcome = run(lab, **AS_POLICY, policy={}, argocd_url=None, fail_on_mismatch=False)
    assert lab.events == []
    assert outcome.values["source"] == "planned policy"
    assert [(row["answer"], row["reason"]) for row in outcome.values["mismatches"]] == [("no", "no rule")]
    assert [warning.partition(";")[0] for warning in outcome.warnings] == [
        "judged without the roles of AppProjects, which could not be read",
        "judged as Argo CD 3.6",
    ]


def test_a_mismatch_names_the_deciding_line() -> None:
    lab = world()
    forbidden = {**RESTART, "allowed": False}
    with pytest.raises(Mismatch, match=r"must be no and is yes \(policy\.csv line 1: p, octopus, applications, action"):
        run(lab, **{**AS_POLICY, "checks": [forbidden]}, policy=LINES)


def test_groups_projects_and_the_version_count() -> None:
    lab = world()
    role = {"name": "r", "policies": ["p, proj:p:r, applicationsets, get, p/*, allow"], "groups": ["team"]}
    lab.kubernetes.projects = [{"metadata": {"name": "p"}, "spec": {"roles": [role]}}, {"metadata": {"name": "q"}}]
    check = {"action": "get", "resource": "applicationsets", "object": "p/a"}
    asked = {"source": "policy", "token_from": None, "checks": [check], "fail_on_mismatch": False}
    answers = [
        run(lab, **asked, groups=groups, argocd_version=version).values["matrix"][0]["answer"]
        for groups, version in ((["team"], "3.5"), (["team"], "3.0"), ([], "3.5"))
    ]
    assert answers == ["yes", "no", "no"]


def test_what_only_the_server_can_tell_is_an_error_or_an_answer_of_its_own() -> None:
    only_in_go = {"policy.matchMode": "regex", "policy.csv": "p, octopus, applications, get, \\p{L}+/.*, allow\n"}
    asked = {**AS_POLICY, "checks": [{"action": "get", "resource": "applications", "object": "p/shop"}]}
    with pytest.raises(Undecidable, match="what the regular expression"):
        run(world(), **asked, policy=only_in_go)
    outcome = run(world(), **asked, policy=only_in_go, fail_on_mismatch=False)
    (row,) = outcome.values["mismatches"]
    assert (row["answer"], row["ok"]) == ("unknown", False)
    assert "what the regular expression" in row["reason"]


@pytest.mark.parametrize("value", [None, ["p, octopus, logs, get, */*, allow"], 1])
def test_a_planned_policy_is_text(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"cannot use policy key 'policy\.csv': it is no text"):
        run(world(), **AS_POLICY, policy={"policy.csv": value})


def test_whose_rights_must_be_said() -> None:
    with pytest.raises(InvalidInput, match="set account, whose rights are asked"):
        run(world(), **AS_POLICY, account=None)
