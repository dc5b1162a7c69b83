# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May this caller do that? The order of questions is Argo CD's, each answer is casbin's.

Source: argo-cd util/rbac/rbac.go (enforce, syncUpdate), server/rbacpolicy/rbacpolicy.go (EnforceClaims).
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from ..clock import rfc3339
from ..installation import NAMESPACE
from ..store import Key, Object, ObjectStore
from .errors import INTERNAL, PERMISSION_DENIED, GrpcError
from .policy import BadPolicy, Policy, Rule, compiled, parse_policy, policy_text
from .release import Release
from .tokens import Caller

RBAC_CONFIG = Key("ConfigMap", NAMESPACE, "argocd-rbac-cm")
DEFAULT_SCOPES = ["groups"]
PROJECT_SCOPED = ("applications", "applicationsets", "repositories", "clusters", "logs", "exec")


class Rbac:
    """Holds what the last seen argocd-rbac-cm said; a deletion changes nothing until a restart."""

    def __init__(self, store: ObjectStore, release: Release) -> None:
        self._store = store
        self._release = release
        self._default_role = ""
        self._is_regex = False
        self._scopes = list(DEFAULT_SCOPES)
        self._user_policy = ""

    def on_event(self, key: Key, item: Object | None) -> None:
        if key == RBAC_CONFIG and item is not None:
            self._load(item.get("data") or {})

    def _load(self, data: Mapping[str, str]) -> None:
        """In the server's order: unreadable scopes leave the user policy as it was."""
        self._default_role = data.get("policy.default", "")
        self._is_regex = data.get("policy.matchMode") == "regex"
        scopes = _parse_scopes(data["scopes"]) if "scopes" in data else DEFAULT_SCOPES
        if scopes is not None:
            self._scopes = list(scopes)
            self._user_policy = policy_text(data, self._release)

    def require(self, caller: Caller, resource: str, action: str, item: str) -> None:
        """Raises 403/7 with the question in it, or 500/13 where the policy does not load."""
        if self.allows(caller, resource, action, item):
            return
        question = [resource, action, item]
        if caller.issuer:
            question.append(f"sub: {caller.name}")
            question.append(f"iat: {rfc3339(caller.issued_at or 0)}")
        raise GrpcError(PERMISSION_DENIED, "permission denied: " + ", ".join(question))

    def allows(self, caller: Caller, resource: str, action: str, item: str) -> bool:
        question = (resource, action, item)
        base = self._compiled(())
        if self._asks_default_role(base, question):
            return True
        if caller.issuer:
            policy = self._with_project(base, resource, item)
            subjects = [caller.name, *(group for group in self.groups(caller) if group in policy.grantees)]
            if self._asks_default_role(policy, question) or any(policy.allows(s, *question) for s in subjects):
                return True
        return base.allows("", *question)

    def _asks_default_role(self, policy: Policy, question: tuple[str, str, str]) -> bool:
        return self._default_role != "" and policy.allows(self._default_role, *question)

    def groups(self, caller: Caller) -> list[str]:
        """The values of the claims that `scopes` names."""
        found: list[str] = []
        for scope in self._scopes:
            value = caller.claims.get(scope)
            if isinstance(value, str):
                found.append(value)
            elif isinstance(value, list):
                found.extend(group for group in value if isinstance(group, str))
        return found

    def _compiled(self, runtime: tuple[Rule, ...]) -> Policy:
        try:
            return compiled(self._user_policy, runtime, self._release, is_regex=self._is_regex)
        except BadPolicy as error:
            prefix = "error creating casbin enforcer: error loading policy line: "
            raise GrpcError(INTERNAL, (prefix if self._release.at_least(3, 5) else "") + str(error)) from error

    def _with_project(self, base: Policy, resource: str, item: str) -> Policy:
        project = self._project(resource, item)
        rules = _project_rules(project, self._release) if project is not None else ()
        return self._compiled(rules) if rules else base

    def _project(self, resource: str, item: str) -> Object | None:
        if resource == "applicationsets" and not self._release.at_least(3, 1):
            return None
        if resource in PROJECT_SCOPED and "/" in item:
            return self._store.get(Key("AppProject", NAMESPACE, item.partition("/")[0]))
        return self._store.get(Key("AppProject", NAMESPACE, item)) if resource == "projects" else None


def _parse_scopes(text: str) -> list[str] | None:
    """The claim names, or None where they are no YAML list."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    if value is None:
        return []
    return [str(scope) for scope in value] if isinstance(value, list) else None


def _project_rules(project: Object, release: Release) -> tuple[Rule, ...]:
    """The rules of an AppProject's roles; none at all where one of its lines does not load."""
    name = project["metadata"]["name"]
    lines: list[str] = []
    rules: list[Rule] = []
    for role in project.get("spec", {}).get("roles") or []:
        subject = f"proj:{name}:{role['name']}"
        lines += role.get("policies") or []
        rules.append(("p", subject, "projects", "get", name, "allow"))
        rules += [("g", group, subject) for group in role.get("groups") or []]
    try:
        return (*parse_policy("\n".join(lines), release), *rules)
    except BadPolicy:
        return ()
