# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a caller is what the enforcer decides by, however roles, groups and projects lead to a line.

Few names, so that they meet: a role of a project may be granted in argocd-rbac-cm, and the other way round.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.enforcer import (
    Caller,
    Enforcer,
    ProjectRole,
    Rule,
    local_account,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.argocd.plugins.module_utils._core.permissions import parse_ceiling, require_below
from ansible_collections.fleetops.argocd.plugins.module_utils._core.release import Release

NOW = Release(3, 5)
PROJECTS = ("shop", "web")
RESOURCES, ACTIONS = ("applications", "projects"), ("get", "delete")
OBJECTS = ("shop/a", "web/a", "none/a", "shop", "web")
CEILING = ("*, get, *", "projects, *, shop", "*, *, web/*")

members = st.sampled_from(["octopus", "team", "x", "proj:shop:r", "proj:web:r"])
subjects = members | st.just("")
grants = st.builds("g, {}, {}".format, members, members)
statements = st.builds(
    "p, {}, {}, {}, {}, {}".format,
    subjects,
    st.sampled_from(["*", *RESOURCES]),
    st.sampled_from(["*", *ACTIONS]),
    st.sampled_from(["*", "shop/*", "web/*", "shop"]),
    st.sampled_from(["allow", "deny"]),
)
policies = st.fixed_dictionaries(
    {"policy.csv": st.lists(grants | statements, max_size=6).map("\n".join)},
    optional={"policy.default": st.sampled_from(["x", "octopus"]), "scopes": st.just("[sub]")},
)
roles = st.builds(
    ProjectRole, st.just("r"), st.lists(statements, max_size=2).map(tuple), st.lists(members, max_size=2).map(tuple)
)
projects = st.dictionaries(st.sampled_from(PROJECTS), st.lists(roles, max_size=1))
callers = st.builds(Caller, subjects, st.lists(members, max_size=2).map(tuple))


def project_of(target: str) -> str:
    return target.partition("/")[0]


@given(policies, projects, callers)
def test_every_line_that_decides_is_told_with_where_it_counts(
    data: dict[str, str], existing: dict[str, list[ProjectRole]], caller: Caller
) -> None:
    enforcer = Enforcer(data, release=NOW, projects=existing)
    told: set[tuple[Rule, str]] = {(rule, way[0]) for rule, way in enforcer.rules_for(caller)}
    for resource, action, target in product(RESOURCES, ACTIONS, OBJECTS):
        decision = enforcer.decide(caller, resource, action, target)
        if decision.rule:
            places = {replace(decision.rule, project=project) for project in ("", project_of(target))}
            assert told & {(place, decision.chain[0]) for place in places}


@given(policies, projects)
def test_what_is_below_the_ceiling_may_do_no_more(data: dict[str, str], existing: dict[str, list[ProjectRole]]) -> None:
    try:
        require_below(parse_ceiling(CEILING), data, "octopus", release=NOW, projects=existing)
    except Refused:
        return
    enforcer, caller = Enforcer(data, release=NOW, projects=existing), local_account("octopus", data)
    for resource, action, target in product(RESOURCES, ACTIONS, OBJECTS):
        if enforcer.decide(caller, resource, action, target).allowed:
            assert action == "get" or (resource, target) == ("projects", "shop") or target.startswith("web/")
