# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Application of Argo CD deploys an object of its cluster, as far as we may look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._core.errors import Absent, Denied, UnexpectedReply
from .._core.ownership import Application, heals_itself, tracking_application

if TYPE_CHECKING:
    from .kubernetes import KubernetesClient

__all__ = ("LABEL_KEY", "find_application", "look_up", "shown")

# Of argocd-cm: Argo CD's own label, where it is renamed.
LABEL_KEY = "application.instanceLabelKey"


def shown(kubernetes: KubernetesClient, kind: str, name: str) -> dict[str, Any]:
    """Return the object; empty where there is none, no such kind in this cluster, or no right to see it."""
    try:
        return kubernetes.get(kind, name)
    except (Absent, Denied, UnexpectedReply):
        return {}


def find_application(argocd: KubernetesClient, kind: str, metadata: Mapping[str, Any]) -> Application | None:
    """Return the Application that deploys the object, None where none does or is shown.

    `argocd` is a client for the namespace of Argo CD in the object's cluster. A label tracks where Argo CD is told to
    track by labels, and only what the Application deploys to this cluster: its status lists just that.
    """
    label = _instance_label(argocd) if metadata.get("labels") else ""
    found = tracking_application(metadata, label=label)
    if found is None or found.certain:
        return found
    found, resource = _read(argocd, found)
    return found if _lists(resource, (kind, metadata.get("namespace"), metadata["name"])) else None


def look_up(argocd: KubernetesClient, found: Application) -> tuple[Application | None, bool | None]:
    """Return the Application, None where it is none, and whether it heals itself, None where that is not shown."""
    found, resource = _read(argocd, found)
    if resource:
        return found, heals_itself(resource)
    return (found if found.certain else None), None


def _read(argocd: KubernetesClient, found: Application) -> tuple[Application, dict[str, Any]]:
    """Return it with its namespace, and the resource, empty where that is not shown: we look in one namespace only."""
    found = replace(found, namespace=found.namespace or argocd.namespace)
    here = found.namespace == argocd.namespace
    return found, shown(argocd, "applications", found.name) if here else {}


def _lists(application: Mapping[str, Any], wanted: tuple[str, str | None, str]) -> bool:
    listed = (application.get("status") or {}).get("resources") or []
    return any((item.get("kind"), item.get("namespace"), item.get("name")) == wanted for item in listed)


def _instance_label(argocd: KubernetesClient) -> str:
    return str((shown(argocd, "configmaps", "argocd-cm").get("data") or {}).get(LABEL_KEY, ""))
