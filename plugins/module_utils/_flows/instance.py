# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which installation is this, and does the API belong to it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._core.accounts import account_names, parse_account, tokens_key
from .._core.errors import Absent, Denied, InvalidInput, Refused, UnexpectedReply
from .._core.token_list import listed_tokens
from .._stores.configmaps import ConfigMapStore
from .account import shows
from .ports import Ports, wait_until
from .token_wish import Wish

if TYPE_CHECKING:
    from .._clients.argocd import ArgocdClient
    from .._clients.kubernetes import KubernetesClient

__all__ = ("is_disabled", "may_have_tokens", "read_instance_uid", "require_same_instance")

# Made by argocd-server itself where it is missing (server/server.go, initializeDefaultProject).
_PROJECT = "default"
_UNPROVEN = (
    "cannot tell for sure that the Argo CD of argocd_url is the one of ConfigMap argocd-cm in this cluster and "
    "namespace: their accounts agree, as those of two installations may; allow both logins to get AppProject default, "
    "or set url in argocd-cm"
)
# A side that may not, or cannot, show the project proves nothing; no answer at all is an error as ever.
_NOT_SHOWN = (Absent, Denied, UnexpectedReply)


def read_instance_uid(params: Mapping[str, Any], ports: Ports) -> str:
    """The uid of argocd-cm tells one installation from another behind the same address."""
    if params["instance_uid"]:
        return _unmasked(str(params["instance_uid"]))
    store = ConfigMapStore(ports.kubernetes(params))
    return str(store.read("configmaps", "argocd-cm").metadata["uid"])


def _unmasked(uid: str) -> str:
    """Return the uid; raise InvalidInput for what Ansible made of it in the result of an ordinary module."""
    if "*" in uid:
        raise InvalidInput(
            "cannot use instance_uid: Ansible has masked a part of it, since a value that it hides (a short one of "
            "argocd_headers, perhaps) occurs in it; leave instance_uid out"
        )
    return uid


def is_disabled(store: ConfigMapStore, name: str) -> bool:
    """Whether argocd-cm has the account and disables it."""
    account = parse_account(store.read("configmaps", "argocd-cm").data, name)
    return account.exists and not account.enabled


def may_have_tokens(store: ConfigMapStore, account: str, ports: Ports) -> bool:
    """Whether the account may have tokens, by the cluster alone: whoever may not read argocd-secret cannot rule it out.

    An account that was removed from what argocd-cm is made from stays there for a while, and its tokens have ended.
    """
    if not parse_account(store.read("configmaps", "argocd-cm").data, account).exists:
        return False
    try:
        secret = store.read("secrets", "argocd-secret").data
    except Denied:
        return True
    ports.remember(secret.get("server.secretkey", ""))
    return bool(listed_tokens(secret, tokens_key(account)))


def require_same_instance(
    kubernetes: KubernetesClient, argocd: ArgocdClient, wish: Wish, ports: Ports, *, bearer: str | None
) -> tuple[str, ...]:
    """Raise Refused where the two are of different installations: a token of another one is worth nothing.

    AppProject `default` is one object behind both APIs, so its uid settles it. Where one of them does not show it,
    `url` and the accounts of argocd-cm are compared with what Argo CD says. Returns a warning where they agree and
    two installations could agree as well.
    """
    uids = _project_uids(kubernetes, argocd, bearer)
    if uids:
        _require_none([f"AppProject {_PROJECT}"] if uids[0] != uids[1] else [], wish)
        return ()
    config = ConfigMapStore(kubernetes).read("configmaps", "argocd-cm").data
    differing = wait_until(
        lambda: _differences(config, argocd, bearer), lambda found: not found, seconds=wish.patience, sleep=ports.sleep
    )
    _require_none(differing, wish)
    if config.get("url"):
        return ()
    return (_UNPROVEN,)


def _require_none(differing: list[str], wish: Wish) -> None:
    if differing:
        raise Refused(
            f"cannot mint a token for account {wish.account}: the Argo CD of argocd_url is not the one of ConfigMap "
            f"argocd-cm in this cluster and namespace, they differ in {', '.join(differing)}; correct argocd_url or "
            "the Kubernetes connection"
        )


def _project_uids(kubernetes: KubernetesClient, argocd: ArgocdClient, bearer: str | None) -> tuple[str, str] | None:
    try:
        shown = argocd.project_uid(_PROJECT, token=bearer)
        return shown, kubernetes.get("appprojects", _PROJECT)["metadata"]["uid"]
    except _NOT_SHOWN:
        return None


def _differences(config: Mapping[str, str], argocd: ArgocdClient, bearer: str | None) -> list[str]:
    """Return in what argocd-cm and Argo CD differ; what the login may not see is left out."""
    names = _strangers(config, argocd, bearer)
    urls = ["url"] if argocd.configured_url(token=bearer) != config.get("url", "") else []
    return urls + ([f"account {', '.join(names)}"] if names else [])


def _strangers(config: Mapping[str, str], argocd: ArgocdClient, bearer: str | None) -> list[str]:
    """Return the accounts that one side lacks or shows otherwise."""
    shown = {item.name: item for item in argocd.accounts(token=bearer)}
    differing = [name for name, item in shown.items() if not shows(item, parse_account(config, name))]
    return differing + [
        name for name in account_names(config) if name not in shown and _is_absent(argocd, name, bearer)
    ]


def _is_absent(argocd: ArgocdClient, name: str, bearer: str | None) -> bool:
    try:
        argocd.account(name, token=bearer)
    except Absent:
        return True
    except Denied:
        return False
    return False
