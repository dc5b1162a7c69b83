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

__all__ = ("LABEL_KEY", "NOT_SHOWN", "find_application", "look_up")

# Of argocd-cm: Argo CD's own label, where it is renamed.
LABEL_KEY = "application.instanceLabelKey"
# Not to be seen: no right to, no such object, or no such kind in this cluster.
NOT_SHOWN = (Absent, Denied, UnexpectedReply)


def find_application(argocd: KubernetesClient, kind: str, metadata: Mapping[str, Any]) -> Application | None:
    """Return the Application that deploys the object, None where none does or is shown.

    `argocd` is a client for the namespace of Argo CD in the object's cluster. A label tracks where Argo CD is told to
    track by labels, and only what the Application deploys to this cluster: its status lists just that.
    """
    label = _instance_label(argocd) if metadata.get("labels") else ""
    found = tracking_application(metadata, label=label)
    if found is None or found.certain:
        return found
    found = replace(found, namespace=found.namespace or argocd.namespace)
    return found if _lists(argocd, found, (kind, metadata.get("namespace"), metadata["name"])) else None


def _lists(argocd: KubernetesClient, application: Application, wanted: tuple[str, str | None, str]) -> bool:
    if application.namespace != argocd.namespace:
        return False
    try:
        status = argocd.get("applications", application.name).get("status") or {}
    except NOT_SHOWN:
        return False
    listed = status.get("resources") or []
    return any((item.get("kind"), item.get("namespace"), item.get("name")) == wanted for item in listed)


def look_up(argocd: KubernetesClient, found: Application) -> tuple[Application | None, bool | None]:
    """Return the Application, None where it is none, and whether it heals itself, None where that is not shown."""
    found = replace(found, namespace=found.namespace or argocd.namespace)
    try:
        if found.namespace == argocd.namespace:
            return found, heals_itself(argocd.get("applications", found.name))
    except NOT_SHOWN:
        pass
    return (found if found.certain else None), None


def _instance_label(argocd: KubernetesClient) -> str:
    try:
        data = argocd.get("configmaps", "argocd-cm").get("data") or {}
    except NOT_SHOWN:
        return ""
    return str(data.get(LABEL_KEY, ""))
