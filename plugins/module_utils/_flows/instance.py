# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which installation is this, and does the API belong to it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._core.accounts import account_names, parse_account
from .._core.errors import Absent, Denied, Refused
from .._stores.configmaps import ConfigMapStore
from .account import shows
from .ports import Ports, wait_until
from .token_wish import Wish

if TYPE_CHECKING:
    from .._clients.argocd import ArgocdClient

__all__ = ("account_exists", "read_instance_uid", "require_same_instance")


def read_instance_uid(params: Mapping[str, Any], ports: Ports) -> str:
    """The uid of argocd-cm tells one installation from another behind the same address."""
    if params["instance_uid"]:
        return str(params["instance_uid"])
    store = ConfigMapStore(ports.kubernetes(params))
    return str(store.read("configmaps", "argocd-cm").metadata["uid"])


def account_exists(store: ConfigMapStore, account: str) -> bool:
    """Whether argocd-cm has the account."""
    return parse_account(store.read("configmaps", "argocd-cm").data, account).exists


def require_same_instance(
    store: ConfigMapStore, argocd: ArgocdClient, wish: Wish, ports: Ports, *, bearer: str | None
) -> None:
    """Compare the accounts of argocd-cm with those that the API shows: a token of elsewhere is worth nothing."""
    config = store.read("configmaps", "argocd-cm").data
    names = wait_until(
        lambda: _strangers(config, argocd, bearer), lambda found: not found, seconds=wish.patience, sleep=ports.sleep
    )
    if names:
        raise Refused(
            f"cannot mint a token for account {wish.account}: the Argo CD of argocd_url is not the one of ConfigMap "
            f"argocd-cm in this cluster and namespace, they differ in account {', '.join(names)}; correct argocd_url "
            "or the Kubernetes connection"
        )


def _strangers(config: Mapping[str, str], argocd: ArgocdClient, bearer: str | None) -> list[str]:
    """Return the accounts that one side lacks or shows otherwise; what the login may not see is left out."""
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
