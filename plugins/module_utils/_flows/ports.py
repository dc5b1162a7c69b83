# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a flow gets from its shell, and what it gives back.

A flow reads, plans, applies and reports; it knows neither Ansible nor the wall clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from .._clients.argocd import ArgocdClient
from .._clients.kubernetes import KubernetesClient
from .._core.errors import Absent, Conflict, Unauthenticated
from .._core.plan import Plan
from .._sinks.port import Sink
from .._stores.configmaps import ConfigMapStore
from .._stores.port import Store

__all__ = (
    "Outcome",
    "Ports",
    "argocd_at_hand",
    "await_own_login",
    "everywhere",
    "optional_argocd",
    "own_login",
    "retry_conflicts",
    "settle",
    "wait_until",
)

_POLL_SECONDS = 0.25
_CONNECTIONS = 5
# Twenty tries, some 12 s of waiting: with twenty controllers on two busy processors, and somebody who rewrites the
# object every second, five tries at once were too few for one in five (`make races`).
_CONFLICT_PAUSES, _FIRST_PAUSE, _LONGEST_PAUSE = 19, 0.1, 1.0
# Seconds between tries to log in as the very account that was just enabled, or given a password.
_OWN_LOGIN_PAUSES = (1.0, 2.0, 4.0)
T = TypeVar("T")


@dataclass(frozen=True)
class Ports:
    """Doors to the outside. The openers take the task's validated options.

    `remember` is told every secret met on the way, so that the shell masks it wherever it turns up. `claim` is told,
    before any write, which object (its uid and what is managed in it) is about to be managed, and raises Refused where
    another host of the same play manages it.
    """

    check_mode: bool
    kubernetes: Callable[[Mapping[str, Any]], KubernetesClient]
    argocd: Callable[[Mapping[str, Any]], ArgocdClient]
    sink: Callable[[Mapping[str, Any], str], Sink]
    config_store: Callable[[Mapping[str, Any], KubernetesClient], ConfigMapStore]
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    random_hex: Callable[[], str]
    random_below: Callable[[int], int]
    remember: Callable[[str], None]
    claim: Callable[[str, str], None]
    actor: str


@dataclass(frozen=True)
class Outcome:
    """What happened, or would happen: `values` are returned to the user, `before` and `after` are the diff."""

    changed: bool
    values: Mapping[str, Any]
    before: Any = None
    after: Any = None
    warnings: tuple[str, ...] = ()


def wait_until(
    probe: Callable[[], T], good: Callable[[T], bool], *, seconds: float, sleep: Callable[[float], None]
) -> T:
    """Probe until the answer is good or `seconds` of sleeping are used up; return the last answer."""
    answer = probe()
    waited = 0.0
    while not good(answer) and waited < seconds:
        sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
        answer = probe()
    return answer


def everywhere(
    argocd: ArgocdClient, probe: Callable[[], bool], *, seconds: float, sleep: Callable[[float], None]
) -> bool:
    """Whether the probe says yes on several new connections in a row, before `seconds` of sleeping are used up.

    Behind several replicas one answer proves nothing: each sees a change at a time of its own, and a connection stays
    with one of them.
    """
    in_a_row, waited = 0, 0.0
    while in_a_row < _CONNECTIONS:
        argocd.reconnect()
        in_a_row = in_a_row + 1 if probe() else 0
        if in_a_row == 0:
            if waited >= seconds:
                return False
            sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
    return True


def _conflict_pauses(ports: Ports) -> Iterator[float]:
    """Seconds to wait each time that another writer of an object was first; by chance, so that many get apart."""
    for number in range(_CONFLICT_PAUSES):
        longest = min(_FIRST_PAUSE * 2**number, _LONGEST_PAUSE)
        yield longest * (50 + ports.random_below(51)) / 100


def settle(store: Store, make_plan: Callable[[], Plan], *, apply: bool, ports: Ports) -> Plan:
    """Have the store carry out the plan, and plan anew after a pause where another writer was first (stores.port)."""
    return store.settle(make_plan, apply=apply, retry=lambda once: retry_conflicts(once, ports))


def retry_conflicts(call: Callable[[], T], ports: Ports) -> T:
    """Call again after a pause where another writer of the object was first (409): nothing of ours happened then."""
    for pause in _conflict_pauses(ports):
        try:
            return call()
        except Conflict:
            ports.sleep(pause)
    return call()


def optional_argocd(params: Mapping[str, Any], ports: Ports) -> ArgocdClient | None:
    """Return a client where the task may log in to Argo CD; modules that write ConfigMaps only do not need one."""
    argocd = argocd_at_hand(params, ports)
    return argocd if argocd and argocd.has_credentials else None


def argocd_at_hand(params: Mapping[str, Any], ports: Ports) -> ArgocdClient | None:
    """Return a client where the task names an Argo CD, with a login or without."""
    named = params["argocd_url"] or params["argocd_transport"] != "direct"
    return ports.argocd(params) if named else None


def await_own_login(argocd: ArgocdClient, name: str, ports: Ports) -> None:
    """Give the server time to let the account in that was just enabled, or given a password.

    With the caller's own try this stays below the 5 wrong passwords after which Argo CD locks an account; a right one
    of an account it takes for disabled is not counted (util/session/sessionmanager.go, VerifyUsernamePassword).
    """
    for pause in _OWN_LOGIN_PAUSES:
        try:
            argocd.account(name)
        except Absent:
            return
        except Unauthenticated:
            ports.sleep(pause)
            argocd.forget_refusal()
        else:
            return


def own_login(account: str, password: str) -> dict[str, str | None]:
    """Return the options that log in as the account itself."""
    return {"argocd_auth_token": None, "argocd_username": account, "argocd_password": password}
