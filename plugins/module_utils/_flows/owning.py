# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else owns the objects of Argo CD, as far as we may look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .._clients.applications import LABEL_KEY, look_up, shown
from .._core.errors import Refused
from .._core.ownership import (
    check_owners,
    find_owners,
    find_secret_owners,
    is_local_user,
    operator_resource,
    tracking_application,
)

if TYPE_CHECKING:
    from .._clients.kubernetes import KubernetesClient
    from .._stores.port import Snapshot

__all__ = ("Owners",)


class Owners:
    """Looks for other owners before a write. `config` is the data of argocd-cm, as far as it could be read."""

    def __init__(self, kubernetes: KubernetesClient, *, force: bool, config: Mapping[str, str] | None = None) -> None:
        self._kubernetes = kubernetes
        self._force = force
        self._config = config or {}

    def check_config_map(self, snapshot: Snapshot, keys: Mapping[str, str | None]) -> list[str]:
        """Return warnings; raise Refused where an owner would undo the keys. None is a key that goes.

        Where the ConfigMap is made from another object, the owners of that one count.
        """
        metadata = snapshot.source or snapshot.metadata
        found = tracking_application(metadata, label=self._config.get(LABEL_KEY, ""))
        application, heals = look_up(self._kubernetes, found) if found else (None, None)
        owners = find_owners(metadata, application, heals=heals)
        if snapshot.source:
            made = str(snapshot.metadata.get("name", ""))
            return check_owners(metadata, owners, keys, force=self._force, noun="ArgoCD", made=made)
        return check_owners(metadata, owners, keys, force=self._force)

    def check_secret(self, snapshot: Snapshot, keys: Mapping[str, str | None]) -> list[str]:
        """Return warnings; raise Refused where an owner of argocd-secret would undo the keys."""
        owners = find_secret_owners(snapshot.metadata, keys)
        return check_owners(snapshot.metadata, owners, keys, force=self._force, noun="Secret")

    def check_account(self, snapshot: Snapshot, account: str) -> list[str]:
        """Raise Refused, or warn, where the operator keeps this very account."""
        resource = operator_resource(snapshot.metadata)
        if not resource or not is_local_user(shown(self._kubernetes, "argocds", resource), account):
            return []
        cause = (
            f"spec.localUsers of ArgoCD {resource} has it, so that the operator replaces its tokens by one of its own"
        )
        if not self._force:
            raise Refused(
                f"cannot manage account {account}: {cause}; use another name, take it out of there, or set force_owner "
                "to true"
            )
        return [f"account {account}: {cause}"]
