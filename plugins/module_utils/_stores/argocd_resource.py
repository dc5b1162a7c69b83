# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store `argocd_resource`: the operator's ArgoCD, which it makes the ConfigMaps from.

`spec.extraConfig` has the keys of argocd-cm and beats whatever else the resource says of them; `spec.rbac` has four of
argocd-rbac-cm (argocd-operator: controllers/argocd/configmap.go). Overlays of the policy live in the ConfigMap itself,
where the operator leaves them alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._clients.kubernetes import KubernetesClient
from .._core.errors import InvalidInput
from .._core.fragments import RESOURCE_PATHS, config_keys, in_resource, resource_keys
from .._core.ownership import operator_resource
from .._core.plan import SetKeys

__all__ = ("ArgocdResource",)

_KIND = "argocds"


class ArgocdResource:
    """See the port `Source`. Without a name it is the resource that owns argocd-cm."""

    def __init__(self, client: KubernetesClient, name: str | None) -> None:
        self._client = client
        self._name = name or self._owner()
        self.label = f"ArgoCD {self._name}"
        self.metadata: Mapping[str, Any] | None = None

    def _owner(self) -> str:
        name = operator_resource(self._client.get("configmaps", "argocd-cm")["metadata"])
        if name:
            return name
        raise InvalidInput(
            "cannot use config_store argocd_resource: argocd-cm has no owner of kind ArgoCD; set its name, or leave "
            "config_store out where no operator runs this Argo CD"
        )

    def holds(self, name: str, key: str) -> bool:
        """Whether the ConfigMap's key is kept here."""
        return in_resource(name, key)

    def leaves(self, name: str) -> bool:
        """Fields of spec.rbac that are missing (reconcileRBACConfigMap); argocd-cm is made anew as a whole."""
        return name == "argocd-rbac-cm"

    def read(self, name: str) -> dict[str, str]:
        """Return the ConfigMap's keys, and remember the version: a later write is refused if it changed."""
        shape: Mapping[str, Any] = self._client.get(_KIND, self._name)
        self.metadata = shape["metadata"]
        for part in RESOURCE_PATHS[name]:
            shape = shape.get(part) or {}
        return config_keys(name, shape)

    def write(self, step: SetKeys, *, dry_run: bool) -> None:
        """Set the keys by a JSON merge patch, if the resource is still as it was read. Raises Conflict."""
        part, below = RESOURCE_PATHS[step.name]
        metadata = self.metadata or {}
        body = {
            "metadata": {"resourceVersion": metadata["resourceVersion"]},
            part: {below: resource_keys(step.name, step.values)},
        }
        done = self._client.merge(_KIND, self._name, body, dry_run=dry_run)
        if not dry_run:
            self.metadata = done["metadata"]
