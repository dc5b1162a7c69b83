# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs are compared answer by answer; a group is run in its order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from argocd_conformance.compare import differences, run, run_patiently
from argocd_conformance.double import sandbox
from argocd_conformance.plants import PLANTS
from argocd_conformance.script import Ask, BadScript, Group, read_group, read_groups
from argocd_conformance.server import Answer

GROUPS = read_groups(Path(__file__).parents[2] / "conformance" / "groups")
GET = "admin GET /api/v1/account"
VERSION = "3.5.3"


def group(*steps: Any, api: str = "argocd") -> Group:
    return read_group("a group", {"about": "a test", "api": api, "steps": list(steps)})


def answer(body: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, {"content-type": "application/json", **headers}, json.dumps(body))


@pytest.mark.parametrize(
    "other",
    [
        answer({"a": 1}, status=403),
        answer({"a": 1}, **{"content-type": "text/plain"}),
        answer({"a": 1}, location="/elsewhere"),
        answer({"a": 1, "b": ""}),
        answer({}),
        answer({"a": True}),
        answer({"a": "1"}),
        Answer(0, body="RemoteDisconnected"),
    ],
)
def test_every_difference_counts(other: Answer) -> None:
    assert len(differences(group(GET), [answer({"a": 1})], [other])) == 1


def test_a_difference_shows_only_what_differs() -> None:
    one, other = {"message": "x", "same": [1, {"y": 2}]}, {"message": "z", "same": [1, {"y": 2}]}
    (found,) = differences(group(GET), [answer(one)], [answer(other)])
    assert (found.real, found.double) == ('{"body": {"message": "x"}}', '{"body": {"message": "z"}}')
    assert str(found).startswith(f"a group: {GET}\n")


def test_masked_values_and_other_headers_do_not_count() -> None:
    one = answer({"metadata": {"resourceVersion": "1"}}, date="now")
    other = answer({"metadata": {"resourceVersion": "2"}}, date="then")
    assert differences(group(GET), [one], [other]) == []


def test_a_version_that_stays_on_one_side_only_is_a_difference() -> None:
    first, second = answer({"metadata": {"resourceVersion": "1"}}), answer({"metadata": {"resourceVersion": "2"}})
    assert len(differences(group(GET, GET), [first, first], [first, second])) == 1


def test_the_sandbox_conforms_to_itself_patiently() -> None:
    script = group(
        {"set": {"argocd-cm": {"accounts.bob": "apiKey"}}},
        "admin GET /api/v1/account/bob",
        {"send": "admin POST /api/v1/account/bob/token", "json": {"id": "ci"}, "keep": {"bob": "token"}},
        "bob GET /api/v1/session/userinfo",
        {"sign": {"name": "forged", "claims": {"iss": "argocd", "sub": "bob:apiKey", "jti": "ci", "iat": 0}}},
        "forged GET /api/v1/account/bob",
        {"put": {"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "argocd"}}},
        {"send": "admin GET /api/v1/namespaces/argocd/configmaps/x", "api": "kubernetes"},
        {"remove": {"kind": "ConfigMap", "name": "x"}},
        {"send": "admin GET /api/v1/namespaces/argocd/configmaps/x", "api": "kubernetes"},
    )
    with sandbox(VERSION) as server:
        expected = run(script, server)
        assert [one.status for one in expected] == [200, 200, 200, 200, 200, 404]
        assert json.loads(expected[2].body)["username"] == "bob"
        assert differences(script, run_patiently(script, server, expected), expected) == []


@pytest.mark.parametrize(
    "step",
    [
        "GET /api/v1/account",
        "admin FETCH /api/v1/account",
        {"send": GET, "jason": {}},
        {"send": GET, "json": {}, "text": ""},
        {"set": {}, "put": {}},
        {"remove": {"kind": "ConfigMap"}},
        5,
    ],
)
def test_a_step_that_says_nothing_is_refused(step: Any) -> None:
    with pytest.raises(BadScript, match="step 1 of group a group"):
        group(step)


def test_an_unknown_api_is_refused() -> None:
    with pytest.raises(BadScript, match="api 'helm'"):
        group(GET, api="helm")


@pytest.mark.parametrize("script", GROUPS, ids=lambda script: script.name)
def test_every_group_asks_at_least_ten_times(script: Group) -> None:
    assert script.about
    assert len(script.asked) >= 10


@pytest.mark.parametrize("script", GROUPS, ids=lambda script: script.name)
def test_who_asks_was_introduced(script: Group) -> None:
    known = {"nobody", "admin", "provisioner"}
    for step in script.steps:
        if isinstance(step, Ask):
            assert step.caller in known
            known |= set(step.keep)
        known.add(getattr(step, "name", "admin"))


def test_twenty_plants_each_for_a_group_there_is() -> None:
    assert len({plant.name for plant in PLANTS}) == len(PLANTS) == 20
    assert {plant.group for plant in PLANTS} <= {script.name for script in GROUPS}


def test_a_plant_shows_in_its_group_and_goes_again() -> None:
    """One of them; `make conformance` plants them all."""
    plant = next(plant for plant in PLANTS if plant.group == "kubernetes_conflict")
    script = next(script for script in GROUPS if script.name == plant.group)
    with sandbox(VERSION) as server:
        before = run(script, server)
    with plant.planted(), sandbox(VERSION) as server:
        assert differences(script, before, run(script, server)) != []
    with sandbox(VERSION) as server:
        assert differences(script, before, run(script, server)) == []
