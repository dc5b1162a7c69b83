# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_account: bring a local account into the wanted state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .._core.accounts import (
    Account,
    DesiredAccount,
    PasswordWish,
    check_account_name,
    check_capabilities,
    helm_values,
    parse_account,
    plan_account,
    read_keys,
)
from .._core.decision import compare_clocks
from .._core.errors import Absent, ApiError, InvalidInput, Mismatch
from .._core.plan import Plan
from .owning import Owners
from .password import parse_password
from .ports import Outcome, Ports, await_own_login, everywhere, optional_argocd, settle
from .settling import Arrival, await_arrival, parse_settle_time, require_lasting
from .stored_password import StoredPassword

if TYPE_CHECKING:
    from .._clients.argocd import ListedAccount
    from .._clients.kubernetes import KubernetesClient
    from .._stores.port import Snapshot

__all__ = ("account_target", "run", "shows")

_PART_OF = ("app.kubernetes.io/part-of", "argocd")


def run(params: Mapping[str, Any], ports: Ports) -> Outcome:
    """Read, plan, write, wait until Argo CD sees it."""
    desired = _desired(params)
    kubernetes = ports.kubernetes(params)

    def bring(password: PasswordWish | None, *, check_mode: bool) -> Outcome:
        return _bring(kubernetes, replace(desired, password=password), params, replace(ports, check_mode=check_mode))

    if params["account_password_store"]:
        return StoredPassword(desired, ports.config_store(params, kubernetes), params, ports).run(bring)
    return bring(desired.password, check_mode=ports.check_mode)


def _bring(kubernetes: KubernetesClient, desired: DesiredAccount, params: Mapping[str, Any], ports: Ports) -> Outcome:
    settle_time = parse_settle_time(params)
    planner = _Planner(kubernetes, desired, params, ports)
    store = planner.store
    plan = settle(store, planner.plan, apply=not ports.check_mode, ports=ports)
    snapshot = planner.snapshot
    arrival = Arrival(pending=False, late=False)
    if store.upstream:
        arrival = await_arrival(planner.has_arrived, seconds=settle_time, ports=ports)
    elif not ports.check_mode:
        require_lasting(store, plan.steps, seconds=settle_time, upstream=planner.helm_values, ports=ports)
    seen: bool | None = None
    unasked: tuple[str, ...] = ()
    password_changed = any(step.kind == "secrets" for step in plan.steps) and planner.desires_password
    news = (plan.changed or arrival.late) and not arrival.pending
    if news and not ports.check_mode and params["wait"]:
        try:
            seen = _wait_until_seen(planner.target, params, ports, sets_password=password_changed)
        except ApiError as exc:
            # What was asked for is written. An error would come once and stop a rollout that has more to write, and the
            # next run, which has nothing to write, would say that all is well.
            unasked = (f"cannot tell whether Argo CD shows account {desired.name} as it was written: {exc}",)
    return Outcome(
        changed=plan.changed,
        values={
            "account": planner.target.describe(),
            "instance_uid": snapshot.metadata["uid"],
            "seen": seen,
            "upstream": store.upstream,
            "pending": arrival.pending,
            "helm_values": planner.helm_values,
            "password_changed": password_changed,
        },
        before=plan.before,
        after=plan.after,
        warnings=(*plan.warnings, *unasked),
    )


class _Planner:
    """Makes the plan from a fresh read; keeps what was read last for the report."""

    def __init__(
        self, kubernetes: KubernetesClient, desired: DesiredAccount, params: Mapping[str, Any], ports: Ports
    ) -> None:
        self._kubernetes = kubernetes
        self.store = ports.config_store(params, kubernetes)
        self._desired = desired
        self._force_owner = params["force_owner"]
        self._ports = ports
        self.desires_password = desired.password is not None
        self.snapshot: Snapshot
        self.target: Account
        self.helm_values = ""

    def plan(self) -> Plan:
        self.snapshot = self.store.read("configmaps", "argocd-cm")
        check_part_of(self.snapshot)
        name = self._desired.name
        self._ports.claim(account_target(self.snapshot.metadata["uid"], name), f"account {name}")
        if self.store.upstream:
            # Refused, too, where it was stopped in the cluster only.
            self._live_plan()
        secret = self._read_secret()
        data = None if secret is None else secret.data
        now, clocks = self._now()
        plan = plan_account(self.snapshot.data, data, self._desired, now=now)
        after = _after(self.snapshot.data, plan)
        self.target = parse_account(after, self._desired.name)
        self.helm_values = helm_values(self._desired.name, after)
        owners = self._check_owners(plan, after, secret)
        return replace(plan, warnings=(*plan.warnings, *(clocks if plan.changed else ()), *owners))

    def _now(self) -> tuple[datetime, tuple[str, ...]]:
        """Return the server's time, with a warning where ours is another.

        A password counts as set at a time, and tokens issued before it are refused: also those that Argo CD issues
        later, if our clock is ahead.
        """
        ours, server = self._ports.clock(), self._kubernetes.server_time
        if server is None or not self.desires_password:
            return ours, ()
        warning = compare_clocks(server, ours, of="the Kubernetes API")
        return server, (warning,) if warning else ()

    def has_arrived(self) -> bool:
        """Whether the ConfigMap has the account as it is wanted."""
        return not self._live_plan().changed

    def _live_plan(self) -> Plan:
        live = self.store.live("configmaps", "argocd-cm").data
        return plan_account(live, None, replace(self._desired, password=None), now=self._ports.clock())

    def _check_owners(self, plan: Plan, after: Mapping[str, str], secret: Snapshot | None) -> list[str]:
        owners = Owners(self._kubernetes, force=self._force_owner, config=self.snapshot.in_force)
        warnings = owners.check_account(self.snapshot, self._desired.name) if self._desired.present else []
        for step in plan.steps:
            if step.kind == "secrets" and secret is not None:
                warnings += owners.check_secret(secret, step.values)
            if step.kind == "configmaps" and (self.snapshot.source or not self.store.upstream):
                read = [key for key in read_keys(self._desired.name) if key in after]
                whole = {key: after.get(key) for key in sorted({*step.values, *read})}
                warnings += owners.check_config_map(self.snapshot, whole)
        return warnings

    def _read_secret(self) -> Snapshot | None:
        """argocd-secret holds the signing key: read only when its keys matter."""
        if self._desired.present and self._desired.password is None:
            return None
        secret = self.store.read("secrets", "argocd-secret")
        self._ports.remember(secret.data.get("server.secretkey", ""))
        return secret


def _after(data: Mapping[str, str], plan: Plan) -> dict[str, str]:
    merged: dict[str, str | None] = dict(data)
    for step in plan.steps:
        if step.kind == "configmaps":
            merged.update(step.values)
    return {key: value for key, value in merged.items() if value is not None}


def account_target(instance_uid: str, name: str) -> str:
    """Return what is claimed before an account is written: no two hosts of a play may manage the same one."""
    return f"{instance_uid} account {name}"


def check_part_of(snapshot: Snapshot) -> None:
    """Raise InvalidInput where Argo CD cannot see its own ConfigMap (util/settings/settings.go, informer selector)."""
    label, value = _PART_OF
    if (snapshot.metadata.get("labels") or {}).get(label) == value:
        return
    raise InvalidInput(
        f"cannot use ConfigMap argocd-cm: it lacks the label {label}={value}, without which Argo CD treats it as "
        "missing; set the label, or check argocd_namespace"
    )


def _desired(params: Mapping[str, Any]) -> DesiredAccount:
    capabilities = params["capabilities"]
    if capabilities is not None:
        check_capabilities(tuple(capabilities))
    return DesiredAccount(
        name=check_account_name(params["name"]),
        present=params["state"] == "present",
        capabilities=None if capabilities is None else tuple(capabilities),
        enabled=params["enabled"],
        password=parse_password(params),
        reenable=params["reenable"],
        override_admin=params["override_admin_enabled"],
    )


def _wait_until_seen(target: Account, params: Mapping[str, Any], ports: Ports, *, sets_password: bool) -> bool | None:
    """Poll until every replica shows the account as written. None where there is no login to ask with, or no more.

    Raises Mismatch where it goes on showing something else, ApiError where it does not say.
    """
    argocd = optional_argocd(params, ports)
    if argocd is None or not argocd.lives_on(target):
        return None
    if sets_password and argocd.acts_as(target.name) and params["argocd_password"] != params["account_password"]:
        # The old password, or a token issued before the new one: each refused login is one of five.
        return None
    if argocd.logs_in_as(target.name):
        await_own_login(argocd, target.name, ports)

    def look() -> ListedAccount | None:
        try:
            return argocd.account(target.name)
        except Absent:
            return None

    if everywhere(argocd, lambda: shows(look(), target), seconds=params["wait_timeout"], sleep=ports.sleep):
        return True
    raise Mismatch(
        f"cannot see account {target.name} in Argo CD as it was written to argocd-cm: after {params['wait_timeout']} "
        "s the server still shows something else; does argocd_url belong to this cluster and namespace?"
    )


def shows(listed: ListedAccount | None, target: Account) -> bool:
    """Whether the server shows the account as the ConfigMap has it."""
    if listed is None or not target.exists:
        return listed is None and not target.exists
    return listed.enabled == target.enabled and set(listed.capabilities) == set(target.capabilities)
