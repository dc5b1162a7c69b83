# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What casbin says: the sandbox's order of decisions on pycasbin, with the patterns judged as our core does.

The patterns' judge is proven by the real server; everything else here is not ours.
"""

from __future__ import annotations

from argocd_sandbox.argocd import policy
from argocd_sandbox.argocd.rbac import RBAC_CONFIG, Rbac
from argocd_sandbox.argocd.release import Release
from argocd_sandbox.argocd.tokens import Caller
from argocd_sandbox.installation import NAMESPACE
from argocd_sandbox.store import ObjectStore

from ansible_collections.fleetops.argocd.plugins.module_utils._core.glob import BadGlob, GlobCrash, compile_glob
from ansible_collections.fleetops.argocd.plugins.module_utils._core.go_regexp import BadRegexp, compile_regexp

from .scenarios import Question, Scenario

RELEASE = Release(3, 5, 3)


def _glob_match(value: str, pattern: str) -> bool:
    try:
        return compile_glob(pattern)(value)
    except BadGlob:
        return False
    except GlobCrash as error:
        raise RuntimeError(str(error)) from error


def _regex_match(value: str, pattern: str) -> bool:
    try:
        return compile_regexp(pattern)(value)
    except BadRegexp as error:
        raise RuntimeError(str(error)) from error


vars(policy).update(glob_match=_glob_match, regex_match=_regex_match)


def casbin_answers(scenario: Scenario) -> list[bool]:
    """One answer for each question."""
    store = ObjectStore(lambda _key, _item: None)
    for name, roles in scenario.projects.items():
        spec = {
            "roles": [
                {"name": role.name, "policies": list(role.policies), "groups": list(role.groups)} for role in roles
            ]
        }
        store.put({"kind": "AppProject", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec})
    rbac = Rbac(store, RELEASE)
    rbac.on_event(RBAC_CONFIG, {"data": scenario.data})
    return [
        rbac.allows(_caller(question), question.resource, question.action, question.object)
        for question in scenario.questions
    ]


def _caller(question: Question) -> Caller:
    claims = {"iss": "argocd", "sub": question.account, "groups": list(question.groups)}
    return Caller(name=question.account, issuer="argocd", claims=claims)
