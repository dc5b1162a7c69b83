# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each route and each trap of both APIs is asked at least ten times; that a group is, test_compare.py says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from argocd_conformance.script import Ask, read_groups

ENOUGH = 10
GROUPS = {group.name: group for group in read_groups(Path(__file__).parents[2] / "conformance" / "groups")}
ASKED = [(name, ask) for name, group in GROUPS.items() for ask in group.asked]
IN_NAMESPACE = r"/api/v1/namespaces/[^/]+"

# Of Argo CD: the services account, session, version and settings, the projects' one that is used here, and what its
# server answers itself. Of Kubernetes: what the collection, its sinks and the users of docs/rights ask for.
ROUTES = {
    "argocd": [
        r"GET /api/version",
        r"GET /healthz",
        r"GET /auth/logout",
        r"POST /api/v1/session",
        r"DELETE /api/v1/session",
        r"GET /api/v1/session/userinfo",
        r"GET /api/v1/account",
        r"GET /api/v1/account/[^/]+",
        r"PUT /api/v1/account/password",
        r"POST /api/v1/account/[^/]+/token",
        r"DELETE /api/v1/account/[^/]+/token/[^/]+",
        r"GET /api/v1/account/can-i/[^/]+/[^/]+(/.*)?",
        r"GET /api/v1/settings",
        r"GET /api/v1/projects/[^/]+",
    ],
    "kubernetes": [
        rf"GET {IN_NAMESPACE}/configmaps",
        rf"POST {IN_NAMESPACE}/configmaps",
        rf"GET {IN_NAMESPACE}/configmaps/[^/]+",
        rf"PUT {IN_NAMESPACE}/configmaps/[^/]+",
        rf"PATCH {IN_NAMESPACE}/configmaps/[^/]+",
        rf"DELETE {IN_NAMESPACE}/configmaps/[^/]+",
        rf"POST {IN_NAMESPACE}/secrets",
        rf"GET {IN_NAMESPACE}/secrets/[^/]+",
        rf"PATCH {IN_NAMESPACE}/secrets/[^/]+",
        rf"GET {IN_NAMESPACE}/services/[^/]+/proxy/.*",
        rf"(POST|PUT|DELETE) {IN_NAMESPACE}/services/[^/]+/proxy/.*",
    ],
}

# Traps that groups are about: the group's name, and nothing in it is about anything else.
GROUPS_OF_TRAPS = {
    "what Go's JSON decoder takes and refuses": "json_bodies",
    "the order of questions at a login": "session",
    "five failures lock a name out": "lockout",
    "which of several tokens counts": "credentials",
    "anonymous access hides that a token is none": "anonymous",
    "a login that ends soon is renewed": "renewal",
    "logging off revokes little": "logoff",
    "may one see others, and always oneself": "accounts",
    "how long a token lives": "tokens",
    "why a token is refused": "token_checks",
    "an id used again revives a token": "token_reuse",
    "whose password a change asks for, and what it ends": "password",
    "can-i takes its object literally": "can_i",
    "can-i's path is no way to ask some questions": "can_i_path",
    "can-i rewrites names of three parts": "can_i_namespaced",
    "capabilities and names of accounts": "settings",
    "one bad bool breaks every account": "settings_bool",
    "what argocd-secret may hold": "secrets",
    "what Argo CD rewrites": "storage",
    "objects that are missing, or without their label": "missing_objects",
    "one bad line breaks every check": "rbac_lines",
    "overlays": "rbac_config",
    "the default role comes first": "rbac_default",
    "scopes": "rbac_scopes",
    "whose line it is, and deny": "rbac_subjects",
    "roles of roles": "rbac_inheritance",
    "globs, with their mistakes": "rbac_glob",
    "regular expressions break the built-in roles": "rbac_regex",
    "roles of projects": "rbac_projects",
    "rights in Kubernetes": "kubernetes_denied",
    "dry runs": "kubernetes_dry_run",
    "conflicts": "kubernetes_conflict",
    "patches that are none": "kubernetes_patch_bad",
    "the service proxy takes the Authorization header": "service_proxy",
}


def body(ask: Ask) -> Any:
    try:
        return json.loads(ask.body or "null")
    except json.JSONDecodeError:
        return None


def sent(ask: Ask, header: str) -> bool:
    return header in ask.headers


def path(ask: Ask) -> str:
    return ask.path.partition("?")[0]


# Traps that lie across the groups: which requests step into them.
TRAPS: dict[str, Callable[[Ask], object]] = {
    "a colon in the last segment": lambda ask: ask.api == "argocd" and re.search(r"(:|%3A)[^/]*$", path(ask)),
    "a slash at the end": lambda ask: ask.api == "argocd" and path(ask).endswith("/"),
    "a path that is cleaned": lambda ask: ask.api == "argocd" and re.search(r"//|/\.\.?(/|$)", path(ask)),
    "an escaped slash": lambda ask: ask.api == "argocd" and "%2F" in path(ask),
    "no such route": lambda ask: (
        ask.api == "argocd" and re.search(r"nope|v2|accounts$|Account$|/api/?$|v1/?$", path(ask))
    ),
    "another content type, or none": lambda ask: ask.api == "argocd" and sent(ask, "Content-Type"),
    "a token as a cookie": lambda ask: sent(ask, "Cookie"),
    "a token as gRPC metadata": lambda ask: sent(ask, "Grpc-Metadata-Token"),
    "a lifetime": lambda ask: isinstance(body(ask), dict) and "expiresIn" in body(ask),
    "a body that is no JSON": lambda ask: ask.body is not None and body(ask) is None,
    "a dry run": lambda ask: "dryRun" in ask.path,
    "a resourceVersion": lambda ask: "resourceVersion" in (ask.body or ""),
    "a user with the rights of docs/rights": lambda ask: ask.caller == "provisioner",
    "nobody at all": lambda ask: ask.caller == "nobody" and ask.api == "kubernetes",
}


@pytest.mark.parametrize(("api", "route"), [(api, route) for api, routes in ROUTES.items() for route in routes])
def test_every_route_is_asked_enough(api: str, route: str) -> None:
    asked = [ask for _group, ask in ASKED if ask.api == api and re.fullmatch(route, f"{ask.method} {path(ask)}")]
    assert len(asked) >= ENOUGH


def test_every_trap_that_has_a_group_is_asked_enough() -> None:
    assert [trap for trap, name in GROUPS_OF_TRAPS.items() if len(GROUPS[name].asked) < ENOUGH] == []


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_across_the_groups_is_asked_enough(trap: str) -> None:
    assert len([ask for _group, ask in ASKED if TRAPS[trap](ask)]) >= ENOUGH
