# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy says: judged here, for any subject, also where it is only planned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._core.checks import Answer, Check, as_enforced
from .._core.enforcer import Caller, Enforcer, ProjectRole, local_account, project_roles
from .._core.errors import Absent, ApiError, Denied, InvalidInput, Undecidable
from .._core.policy import CONFIG_MAP
from .._core.release import NEWEST_KNOWN, Release, parse_release
from .._core.target import names_cluster
from .._stores.configmaps import ConfigMapStore
from .ports import argocd_at_hand

if TYPE_CHECKING:
    from .._clients.argocd import ArgocdClient
    from .._clients.kubernetes import KubernetesClient
    from .._stores.port import Store
    from .ports import Ports

__all__ = ("Roles", "judge", "read_data", "read_projects", "release_of")

Roles = Mapping[str, Sequence[ProjectRole]]


def judge(params: Mapping[str, Any], ports: Ports, checks: Iterable[Check]) -> tuple[list[Answer], tuple[str, ...]]:
    """Answer by the policy given, or by the one in the cluster; return warnings about what could not be known."""
    kubernetes = ports.kubernetes(params) if params["policy"] is None or names_cluster(params) else None
    projects = read_projects(kubernetes) if kubernetes else None
    config = read_data(ConfigMapStore(kubernetes), "argocd-cm") if kubernetes else None
    data = _stored(kubernetes) if params["policy"] is None else _given(params["policy"])
    release, guessed = _release(params, ports)
    enforcer = Enforcer(data, release=release, projects=projects)
    account = local_account(params["account"], data)
    caller = Caller(account.subject, (*account.groups, *params["groups"]))
    namespace = params["argocd_namespace"]
    asked = [(check, as_enforced(check, release, config, namespace)) for check in checks]
    answers = [
        _answer(enforcer, caller, check, as_asked, strict=params["fail_on_mismatch"]) for check, as_asked in asked
    ]
    unread = () if projects is not None else (_NO_PROJECTS,)
    return answers, (*unread, *((_GUESSED,) if guessed else ()))


_NO_PROJECTS = (
    "judged without the roles of AppProjects, which could not be read; allow list on appprojects.argoproj.io, and name "
    "the cluster"
)
_GUESSED = f"judged as Argo CD {NEWEST_KNOWN}; set argocd_version, or argocd_url to ask the server"


def _answer(enforcer: Enforcer, caller: Caller, check: Check, enforced: Sequence[Check], *, strict: bool) -> Answer:
    if not enforced:
        return Answer(check, value=True, reason="this version does not enforce logs unless argocd-cm says so")
    try:
        decisions = [enforcer.decide(caller, asked.resource, asked.action, asked.object) for asked in enforced]
    except Undecidable as exc:
        if strict:
            raise
        return Answer(check, value=None, reason=str(exc))
    decision = next((each for each in decisions if each.allowed), decisions[-1])
    return Answer(check, value=decision.allowed, reason=decision.reason)


def _given(policy: Mapping[str, Any]) -> Mapping[str, str]:
    wrong = next((key for key, text in policy.items() if not isinstance(text, str)), None)
    if wrong is not None:
        raise InvalidInput(f"cannot use policy key {wrong!r}: it is no text; give the keys as argocd-rbac-cm has them")
    return policy


def _stored(kubernetes: KubernetesClient | None) -> Mapping[str, str]:
    if kubernetes is None:
        raise InvalidInput("cannot judge by the policy: give policy, or name the cluster to read it from")
    return ConfigMapStore(kubernetes).read("configmaps", CONFIG_MAP).data


def _release(params: Mapping[str, Any], ports: Ports) -> tuple[Release, bool]:
    """Return the release, and whether it is only a guess."""
    if params["argocd_version"]:
        return parse_release(params["argocd_version"]), False
    release = release_of(argocd_at_hand(params, ports))
    return release or NEWEST_KNOWN, release is None


def release_of(argocd: ArgocdClient | None) -> Release | None:
    """Return the server's release, None where it is not at hand or says nothing that we know."""
    if argocd is None:
        return None
    try:
        return parse_release(argocd.version())
    except (ApiError, InvalidInput):
        return None


def read_data(store: Store, name: str) -> Mapping[str, str] | None:
    """Return the ConfigMap's data, None where we may not read it: less is known then."""
    try:
        return store.read("configmaps", name).in_force
    except (Absent, Denied):
        return None


def read_projects(kubernetes: KubernetesClient) -> Roles | None:
    """Return the roles of every AppProject, None where we may not list them."""
    try:
        return project_roles(kubernetes.list_all("appprojects"))
    except (Absent, Denied):
        return None
