# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_rbac_policy: give a subject its policy lines and no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from .._clients.argocd import is_broken_policy
from .._core.checks import Check
from .._core.enforcer import counts
from .._core.errors import ApiError, InvalidInput, Refused, Unauthenticated, UnexpectedReply, check_one_line, quoted
from .._core.fragments import HELM_PATHS, as_yaml
from .._core.permissions import Ceiling, parse_ceiling, require_below
from .._core.plan import Plan, SetKeys
from .._core.policy import (
    CONFIG_MAP,
    DesiredPolicy,
    PolicyChange,
    check_subject,
    choose_key,
    overlay_key,
    parse_policies,
    parse_roles,
    plan_policy,
    replaced_lines,
)
from .._core.policy_text import POLICY_KEY, broken_lines, merged_lines, policy_keys, trimmed
from .._core.release import Release
from .judging import read_data, read_projects, release_of
from .owning import Owners
from .ports import Outcome, Ports, argocd_at_hand, settle
from .settling import Arrival, await_arrival, parse_settle_time, require_lasting

if TYPE_CHECKING:
    from .._clients.argocd import ArgocdClient
    from .._clients.kubernetes import KubernetesClient
    from .._stores.port import Snapshot, Store

__all__ = ("run",)

_NO_PROJECTS = (
    "max_permissions was held without the roles of AppProjects, which could not be read; allow list on "
    "appprojects.argoproj.io, as docs/rights/project-roles.yml does"
)
# An enforcing call that every version answers; the answer itself does not matter.
_PROBE = Check("get", "projects", "x")
_PROBES, _PROBE_PAUSE = 3, 0.3


def run(params: Mapping[str, Any], ports: Ports) -> Outcome:
    """Read, plan, lint, write, probe."""
    desired = _desired(params)
    ceiling = None if params["max_permissions"] is None else parse_ceiling(params["max_permissions"])
    settle_time = parse_settle_time(params)
    kubernetes = ports.kubernetes(params)
    store = ports.config_store(params, kubernetes)
    argocd = argocd_at_hand(params, ports)
    planner = _Planner(store, desired, params, ports.claim, kubernetes, release=release_of(argocd))
    planner.ceiling = ceiling if desired.present else None
    plan = settle(store, planner.plan, apply=not ports.check_mode, ports=ports)
    change = planner.change
    arrival = Arrival(pending=False, late=False)
    unasked: tuple[str, ...] = ()
    if store.upstream:
        arrival = await_arrival(planner.has_arrived, seconds=settle_time, ports=ports)
    elif plan.changed and not ports.check_mode:
        if argocd and argocd.has_credentials:
            unasked = _probe(store, plan, change, argocd, ports)
        upstream = as_yaml(HELM_PATHS[CONFIG_MAP], planner.touched())
        require_lasting(store, plan.steps, seconds=settle_time, upstream=upstream, ports=ports)
    return Outcome(
        changed=plan.changed,
        values={
            "subject": desired.subject,
            "key": planner.key,
            "added": list(change.added),
            "removed": list(change.removed),
            "permissions_gained": list(change.gained),
            "permissions_lost": list(change.lost),
            "upstream": store.upstream,
            "pending": arrival.pending,
            "findings": [finding.describe() for finding in change.findings],
            "policy": {key: text for key, text in change.data.items() if counts(key)},
        },
        before=_as_text(plan.before) + _permissions(change.lost),
        after=_as_text(plan.after) + _permissions(change.gained),
        warnings=(*change.plan.warnings, *planner.warnings, *unasked),
    )


class _Planner:
    """Makes the plan from a fresh read; keeps the change behind it for the report."""

    def __init__(
        self,
        store: Store,
        desired: DesiredPolicy,
        params: Mapping[str, Any],
        claim: Callable[[str, str], None],
        kubernetes: KubernetesClient,
        *,
        release: Release | None,
    ) -> None:
        self._store = store
        self._claim = claim
        self._desired = desired
        self._params = params
        self._release = release
        self._config = read_data(store, "argocd-cm")
        self._owners = Owners(kubernetes, force=params["force_owner"], config=self._config)
        self._read_projects = cache(lambda: read_projects(kubernetes))
        # Any plan is refused that lets the subject do more than that.
        self.ceiling: Sequence[Ceiling] | None = None
        self.change: PolicyChange
        self.key: str
        self._wanted: DesiredPolicy
        self.warnings: tuple[str, ...] = ()

    def plan(self) -> Plan:
        snapshot = self._store.read("configmaps", CONFIG_MAP)
        subject, params = self._desired.subject, self._params
        self._claim(f"{snapshot.metadata['uid']} policy {subject}", f"the policy of {subject}")
        where = {"location": self._location(), "overlay": params["overlay"], "release": self._release}
        self.key = choose_key(snapshot.data, subject, **where)
        # What only the ConfigMap has is not ours to remove where it is made from elsewhere: that would be undone.
        others = tuple(key for key in self._desired.others if key in snapshot.data)
        desired = self._wanted = replace(self._desired, key=self.key, others=others)
        # Roles of AppProjects are read only where they have a part in this.
        projects = self._read_projects() if self._projects_count(snapshot.in_force) else None
        known: dict[str, Any] = {"release": self._release, "config": self._config, "projects": projects}
        self.change = plan_policy(snapshot.data, desired, unset=snapshot.unset, **known)
        self.warnings = self._taken_over(snapshot, desired)
        if self.ceiling is not None:
            require_below(self.ceiling, self.change.data, subject, release=self._release, projects=projects)
            self.warnings += (_NO_PROJECTS,) if projects is None else ()
        endangered = self._endangered(snapshot)
        if endangered:
            self.warnings += tuple(self._owners.check_config_map(snapshot, endangered))
        return self.change.plan

    def _taken_over(self, snapshot: Snapshot, desired: DesiredPolicy) -> tuple[str, ...]:
        """Warn of lines that the key brings along; raise Refused where writing the key would replace them."""
        warnings = []
        for key in desired.keys:
            others = replaced_lines(snapshot.unset.get(key, ""), replace(desired, key=key))
            if others and key in self.touched():
                warnings.append(self._take_over(key, others, known=key in snapshot.data))
        return tuple(warnings)

    def _take_over(self, key: str, others: list[str], *, known: bool) -> str:
        """Return the warning; raise Refused where the lines are not known upstream, so that a write loses them."""
        upstream, more = self._store.upstream, f" and {len(others) - 1} more" if others[1:] else ""
        if known:
            return (
                f"{upstream} had no {key}, so it takes over what {CONFIG_MAP} has in it, {quoted(others[0])}{more}"
                "; change that there from now on: changes to the ConfigMap are undone"
            )
        other = "location to overlay" if key == POLICY_KEY else "overlay to another name"
        raise Refused(
            f"cannot write {key} to {upstream}: it has no such key, and would replace what {CONFIG_MAP} has in it"
            f", {quoted(others[0])}{more}; name the file that this comes from in config_store, put it into this one, "
            f"or set {other}"
        )

    def _projects_count(self, data: Mapping[str, str]) -> bool:
        """Whether the ceiling asks for them, or some line names one."""
        texts = [*(data[key] for key in policy_keys(data)), *(field for line in self._desired.lines for field in line)]
        return self.ceiling is not None or any("proj:" in text for text in texts)

    def has_arrived(self) -> bool:
        """Whether the ConfigMap has the policy as it is wanted."""
        live = self._store.live("configmaps", CONFIG_MAP).data
        try:
            change = plan_policy(live, self._wanted, release=self._release, config=self._config)
        except InvalidInput:
            # It does not load, as what is upstream does.
            return False
        return not change.plan.changed

    def touched(self) -> dict[str, str | None]:
        """Return the keys that the plan sets, as they will be."""
        return {key: self.change.data.get(key) for step in self.change.plan.steps for key in step.values}

    def _endangered(self, snapshot: Snapshot) -> dict[str, str | None]:
        """Return what an owner would undo. Owners rewrite the keys they know: an overlay of ours survives them."""
        touched = self.touched()
        if self._store.upstream:
            # Only what is kept there, and only where that is an object with owners of its own.
            return {
                key: text for key, text in touched.items() if snapshot.source and self._store.keeps(CONFIG_MAP, key)
            }
        return touched if set(touched) - {self._overlay()} else {}

    def _location(self) -> str:
        """An overlay is kept upstream where there is a place for it; asked for by name, it goes to the ConfigMap."""
        asked = str(self._params["location"])
        by_default = asked == "auto" and not self._params["overlay"]
        return POLICY_KEY if by_default and not self._store.keeps(CONFIG_MAP, self._overlay()) else asked

    def _overlay(self) -> str:
        return overlay_key(self._params["overlay"] or self._desired.subject)


def _desired(params: Mapping[str, Any]) -> DesiredPolicy:
    subject = check_subject(params["subject"])
    lines = (
        *parse_policies(params["policies"], subject, regex=params["match_mode"] == "regex"),
        *parse_roles(params["roles"], subject),
    )
    return DesiredPolicy(
        subject=subject,
        lines=lines,
        exclusive=params["exclusive"],
        present=params["state"] == "present",
        settings=_settings(params),
        # The location may have been another one before; where it is asked for, only that place is meant.
        others=(POLICY_KEY, overlay_key(subject)) if params["location"] == "auto" and not params["overlay"] else (),
    )


def _settings(params: Mapping[str, Any]) -> dict[str, str]:
    settings = {}
    if params["default_role"] is not None:
        # Taken as it is by Argo CD: a line end at its end would name another role.
        settings["policy.default"] = check_one_line(params["default_role"], option="default_role")
    if params["match_mode"] is not None:
        settings["policy.matchMode"] = params["match_mode"]
    if params["scopes"] is not None:
        scopes = [_claim(scope, option=f"scopes[{index}]") for index, scope in enumerate(params["scopes"])]
        settings["scopes"] = f"[{', '.join(scopes)}]"
    return settings


def _claim(scope: str, *, option: str) -> str:
    """Return the name of a claim; one that would not come out of the YAML list it is written to is refused."""
    check_one_line(scope, option=option)
    if not scope or scope != scope.strip() or set(scope) & set("[]{},#\"'`&*!|>%@"):
        raise InvalidInput(f"cannot use {option} {quoted(scope)}: write one name of a claim each, such as groups")
    return scope


def _as_text(keys: Mapping[str, Any]) -> str:
    """Return keys and their lines as a readable text: one line of policy per line of diff."""
    return "".join(f"{key}: |\n" + re.sub(r"(?m)^(?=.)", "  ", text.rstrip("\n")) + "\n" for key, text in keys.items())


def _permissions(statements: Sequence[str]) -> str:
    """Return what a side of the diff says under its lines."""
    return "".join(["permissions:\n", *(f"  {statement}\n" for statement in statements)]) if statements else ""


def _probe(store: Store, plan: Plan, change: PolicyChange, argocd: ArgocdClient, ports: Ports) -> tuple[str, ...]:
    """Ask the server something it must enforce; where the policy broke it, put the previous text back and fail.

    A probe may come before the server has seen the write: what holds is the lint before it, this is the second net.
    Where the login is refused, it is missing, and a warning says so: an error would come once, and the next run, which
    has nothing to write, would say that all is well.
    """
    for _attempt in range(_PROBES):
        try:
            broken = _answer(argocd)
        except Unauthenticated as exc:
            return (f"cannot tell whether Argo CD took the policy just written to {CONFIG_MAP}: {exc}",)
        if broken:
            stood, put_back = _put_back(store, plan, ports)
            raise UnexpectedReply(
                f"cannot keep the policy just written to {CONFIG_MAP}: Argo CD answers that it does not compile "
                f"({broken}); {_suspects(broken, stood, change)}; "
                + ("the previous text was put back" if put_back else _CHANGED_SINCE)
            )
        ports.sleep(_PROBE_PAUSE)
    return ()


def _suspects(broken: str, stood: Mapping[str, str], change: PolicyChange) -> str:
    """Say which line it is: the one in the server's words (rbac.go names it), else those just written."""
    for key, line in (*broken_lines(stood), *merged_lines(stood)):
        content = trimmed(line.raw)
        named = line.fields and (content in broken or content.replace('"', '\\"') in broken)
        if named or line.error:
            theirs = line.raw not in change.data.get(key, "")
            said = "it names" if named else "what does not load is"
            return f"{said} {key} line {line.number}{_WRITTEN_SINCE if theirs else ''}"
    return f"it names no line; those just written are {'; '.join(change.added) or 'none'}"


def _answer(argocd: ArgocdClient) -> str | None:
    """Return the server's words where its policy is broken; other trouble is no concern of this module.

    Raises Unauthenticated: whoever is not let in is not answered either.
    """
    try:
        argocd.can_i(_PROBE)
    except Unauthenticated:
        raise
    except ApiError as exc:
        if is_broken_policy(exc):
            return str(exc)
    return None


_CHANGED_SINCE = "somebody else has changed it since, so it was left as it is"
_WRITTEN_SINCE = ", which somebody else has written since: correct it, Argo CD answers 500 to everybody while it stands"


def _put_back(store: Store, plan: Plan, ports: Ports) -> tuple[Mapping[str, str], bool]:
    """Put the previous values back, unless what we wrote is no longer what stands there.

    Return the policy as it stood, and whether that was done.
    """
    stood: Mapping[str, str] = {}
    steps = tuple(
        SetKeys(step.kind, step.name, {key: plan.before.get(key) for key in step.values}) for step in plan.steps
    )

    def previous() -> Plan:
        nonlocal stood
        stood = store.read("configmaps", CONFIG_MAP).data
        still_ours = all(stood.get(key) == value for step in plan.steps for key, value in step.values.items())
        return Plan(before={}, after={}, steps=steps if still_ours else ())

    put_back = settle(store, previous, apply=True, ports=ports).changed
    return stood, put_back
