# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else owns an object, and so might undo what we write to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import Refused

__all__ = ("Owner", "check_owners", "find_owners", "find_secret_owner")

# argo-cd: common/common.go, annotation of the default resource tracking since 3.0.
_TRACKING = "argocd.argoproj.io/tracking-id"
_HELM_RELEASE = "meta.helm.sh/release-name"
# external-secrets: apis/externalsecrets/v1; it sets no ownerReferences with creationPolicy Merge or Orphan.
_EXTERNAL_SECRETS = ("reconcile.external-secrets.io/managed", "reconcile.external-secrets.io/data-hash")
# sealed-secrets: README, "Managing existing secrets".
_SEALED_SECRETS = "sealedsecrets.bitnami.com/managed"


@dataclass(frozen=True)
class Owner:
    """Another owner: `kind` is `operator`, `argocd` or `helm`; `reverts` if it undoes edits by itself."""

    kind: str
    name: str
    reverts: bool


def find_owners(metadata: Mapping[str, Any]) -> list[Owner]:
    """Return the owners that the object's metadata shows."""
    owners = [
        Owner("operator", f"{reference.get('kind')} {reference.get('name')}", reverts=True)
        for reference in metadata.get("ownerReferences") or []
        if str(reference.get("apiVersion", "")).startswith("argoproj.io/")
    ]
    annotations = metadata.get("annotations") or {}
    if _TRACKING in annotations:
        owners.append(Owner("argocd", f"Application {annotations[_TRACKING].split(':')[0]}", reverts=True))
    if _HELM_RELEASE in annotations:
        owners.append(Owner("helm", f"release {annotations[_HELM_RELEASE]}", reverts=False))
    return owners


def check_owners(metadata: Mapping[str, Any], *, fragment: str, force: bool) -> list[str]:
    """Return warnings about other owners; raise Refused for one that would undo the write.

    `fragment` is what to put upstream instead.
    """
    name = metadata.get("name", "?")
    owners = find_owners(metadata)
    reverting = [owner for owner in owners if owner.reverts]
    if reverting and not force:
        raise Refused(
            f"cannot write ConfigMap {name}: it belongs to {reverting[0].name} ({reverting[0].kind}), which would undo "
            f"the change; put this there instead, or set force_owner to true:\n{fragment}"
        )
    return [
        f"ConfigMap {name} belongs to {owner.name} ({owner.kind}), and the next change there may undo this one; put "
        f"this there:\n{fragment}"
        for owner in owners
    ]


def find_secret_owner(metadata: Mapping[str, Any]) -> str:
    """Return who else writes the Secret and would undo what we store in it; empty where nobody does."""
    references = metadata.get("ownerReferences") or []
    if references:
        return f"{references[0].get('kind')} {references[0].get('name')}"
    annotations = metadata.get("annotations") or {}
    if _TRACKING in annotations:
        return f"the Argo CD Application {annotations[_TRACKING].split(':')[0]}"
    if not {*annotations, *(metadata.get("labels") or {})}.isdisjoint(_EXTERNAL_SECRETS):
        return "External Secrets"
    return "Sealed Secrets" if annotations.get(_SEALED_SECRETS) == "true" else ""
