# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions the server can be asked, and what counts as the wrong answer."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.argocd.plugins.module_utils._core.checks import (
    ACTIONS,
    RESOURCES,
    Answer,
    Check,
    as_enforced,
    lint_checks,
    parse_checks,
    require_match,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput, Mismatch
from ansible_collections.fleetops.argocd.plugins.module_utils._core.release import Release

GET_CLUSTERS = Check("get", "clusters")
NO_DELETE = Check("delete", "applications", "*/*", allowed=False)


@pytest.mark.parametrize(
    ("item", "check"),
    [
        ({"action": "get", "resource": "clusters"}, GET_CLUSTERS),
        ({"action": "get", "resource": "clusters", "object": None, "allowed": True}, GET_CLUSTERS),
        ({"action": "delete", "resource": "applications", "object": "*/*", "allowed": False}, NO_DELETE),
        ({"action": "get", "resource": "clusters", "object": "https://x/y"}, Check("get", "clusters", "https://x/y")),
    ],
)
def test_a_check_is_read(item: dict[str, Any], check: Check) -> None:
    assert parse_checks([item]) == [check]


NO_ACTION = "the server cannot be asked about action {!r}; it knows " + ", ".join(ACTIONS)
NO_RESOURCE = "the server cannot be asked about resource {!r}; it knows " + ", ".join(RESOURCES)
NO_OBJECT = (
    "the server cannot be asked about object {!r}: its route takes no ':' after the last '/' (a cluster's URL, say); "
    "ask about another object"
)
NO_SEGMENT = "the server cannot be asked about object {!r}, which leads to another address; ask about another object"


@pytest.mark.parametrize(
    ("item", "cause"),
    [
        ({"action": "read", "resource": "clusters"}, NO_ACTION.format("read")),
        ({"action": "update/*", "resource": "applications"}, NO_ACTION.format("update/*")),
        ({"action": "rollback", "resource": "applications"}, NO_ACTION.format("rollback")),
        ({"action": "get", "resource": "cluster"}, NO_RESOURCE.format("cluster")),
        ({"action": "get", "resource": "*"}, NO_RESOURCE.format("*")),
        ({"action": "get", "resource": "clusters", "object": "https://x:6443"}, NO_OBJECT.format("https://x:6443")),
        ({"action": "get", "resource": "clusters", "object": "a:b"}, NO_OBJECT.format("a:b")),
        ({"action": "get", "resource": "clusters", "object": "."}, NO_SEGMENT.format(".")),
        ({"action": "get", "resource": "clusters", "object": ".."}, NO_SEGMENT.format("..")),
    ],
)
def test_what_would_be_another_question_on_the_wire_is_refused_by_its_place(item: dict[str, Any], cause: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_checks([{"action": "get", "resource": "logs"}, item], option="questions")
    assert str(caught.value) == f"cannot use questions[1]: {cause}"


@pytest.mark.parametrize("name", ["a\nb", "a\x00b"])
def test_an_object_with_a_control_character_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        parse_checks([{"action": "get", "resource": "clusters", "object": name}])


ROWS = {
    "yes-as-asked": (Answer(GET_CLUSTERS, value=True), "yes", "yes", True),
    "no-as-asked": (Answer(NO_DELETE, value=False), "no", "no", True),
    "no-for-yes": (Answer(GET_CLUSTERS, value=False), "yes", "no", False),
    "yes-for-no": (Answer(NO_DELETE, value=True), "no", "yes", False),
}


@pytest.mark.parametrize(("answer", "expected", "told", "ok"), ROWS.values(), ids=ROWS)
def test_an_answer_is_told_beside_what_must_come(answer: Answer, expected: str, told: str, ok: Any) -> None:
    check = answer.check
    assert answer.describe() == {
        "action": check.action,
        "resource": check.resource,
        "object": check.object,
        "expected": expected,
        "answer": told,
        "ok": ok,
    }
    assert answer.mismatch == (ok is False)


def test_every_wrong_answer_is_named_and_no_other() -> None:
    answers = [row[0] for row in ROWS.values()]
    with pytest.raises(Mismatch) as caught:
        require_match(answers, account="octopus")
    assert str(caught.value) == (
        "cannot accept the rights of account octopus: get clusters * must be yes and is no; delete applications */* "
        "must be no and is yes; correct its policy lines (policy.default and roles count too), or the checks"
    )
    require_match([answer for answer in answers if not answer.mismatch], account="octopus")


def test_checks_that_contradict_each_other_are_refused_by_their_places() -> None:
    items = [{"action": "get", "resource": "clusters"}, {"action": "get", "resource": "clusters", "allowed": False}]
    with pytest.raises(InvalidInput) as caught:
        parse_checks(items)
    assert str(caught.value) == (
        "cannot use checks[1]: together with checks[0] get clusters * must be yes and no; leave one out"
    )


ABOUT_NOTHING = (
    "the server takes '*' for a name, applications are named project/name, and a line with */* does not match it; ask "
    "about */* or project/name"
)


def test_a_no_that_always_comes_is_warned_of() -> None:
    items = [
        {"action": "delete", "resource": "applications", "allowed": False},
        {"action": "delete", "resource": "applications", "object": "*/*", "allowed": False},
        {"action": "delete", "resource": "clusters", "allowed": False},
        {"action": "get", "resource": "applications"},
    ]
    warning = f"delete applications * must be no, which proves nothing: {ABOUT_NOTHING}"
    assert lint_checks(parse_checks(items)) == (warning,)


def test_a_star_that_is_answered_no_is_explained() -> None:
    with pytest.raises(Mismatch) as caught:
        require_match([Answer(Check("get", "applications"), value=False)], account="octopus")
    assert str(caught.value).endswith(f"or the checks: {ABOUT_NOTHING}")
    with pytest.raises(Mismatch, match=r"or the checks$"):
        require_match([Answer(Check("get", "clusters"), value=False)], account="octopus")


ENFORCED = {
    "as-it-is": (Check("get", "clusters", "https://x"), Release(3, 5), {}, Check("get", "clusters", "https://x")),
    "own-namespace": (Check("get", "logs", "p/argocd/a"), Release(3, 5), {}, Check("get", "logs", "p/a")),
    "no-namespace": (Check("get", "logs", "p//a"), Release(3, 5), {}, Check("get", "logs", "p/a")),
    "other-namespace": (Check("get", "logs", "p/x/a"), Release(3, 5), {}, Check("get", "logs", "p/x/a")),
    "before-3.5": (Check("get", "logs", "p/argocd/a"), Release(3, 4), {}, Check("get", "logs", "p/argocd/a")),
    "logs-before-3": (Check("get", "logs", "p/a"), Release(2, 14), None),
    "logs-before-3-enforced": (
        Check("get", "logs", "p/a"),
        Release(2, 14),
        {"server.rbac.log.enforce.enable": "true"},
        Check("get", "logs", "p/a"),
    ),
    "rollback-is-sync": (
        Check("rollback", "applications", "p/a"),
        Release(3, 6),
        {},
        Check("sync", "applications", "p/a"),
    ),
    "rollback-enforced": (
        Check("rollback", "applications", "p/a"),
        Release(3, 6),
        {"server.rbac.rollback.enforce.enable": "true"},
        Check("rollback", "applications", "p/a"),
    ),
}


DELETE_POD = Check("delete//Pod/ns/x", "applications", "p/a")
DELETE_APP = Check("delete", "applications", "p/a")
ALONE = "server.rbac.disableApplicationFineGrainedRBACInheritance"
ENFORCED |= {
    "resource-before-2.12": (DELETE_POD, Release(2, 11), {}, DELETE_APP),
    "resource-inherits": (DELETE_POD, Release(2, 12), {ALONE: "true"}, DELETE_APP, DELETE_POD),
    "resource-inherits-by-default": (DELETE_POD, Release(2, 14), {}, DELETE_APP, DELETE_POD),
    "resource-alone": (DELETE_POD, Release(2, 14), {ALONE: "true"}, DELETE_POD),
    "resource-alone-by-default": (DELETE_POD, Release(3, 0), {}, DELETE_POD),
    "resource-inherits-still": (DELETE_POD, Release(3, 5), {ALONE: "false"}, DELETE_APP, DELETE_POD),
    "the-whole": (DELETE_APP, Release(2, 14), {}, DELETE_APP),
    "an-action": (
        Check("action//Pod/x", "applications", "p/a"),
        Release(2, 11),
        {},
        Check("action//Pod/x", "applications", "p/a"),
    ),
}


@pytest.mark.parametrize(
    ("check", "release", "config", "enforced"), [(*case[:3], case[3:]) for case in ENFORCED.values()], ids=ENFORCED
)
def test_what_a_release_really_asks(
    check: Check, release: Release, config: dict[str, str] | None, enforced: tuple[Check, ...]
) -> None:
    assert as_enforced(check, release, config, "argocd") == enforced


@pytest.mark.parametrize("action", ["update/*", "delete/apps/Deployment/ns/x", "action//Pod/x", "rollback"])
def test_the_policy_can_be_asked_what_the_route_does_not_take(action: str) -> None:
    item = {"action": action, "resource": "applications", "object": "p/https://x:6443"}
    assert parse_checks([item], by_route=False) == [Check(action, "applications", "p/https://x:6443")]
    with pytest.raises(InvalidInput):
        parse_checks([item])
