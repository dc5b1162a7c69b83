# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else owns an object, and so might undo what we write to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import Refused
from .fragments import HELM_PATHS, RESOURCE_PATHS, as_yaml, in_resource, resource_keys

__all__ = (
    "FIELD_MANAGER",
    "Application",
    "Owner",
    "check_owners",
    "find_owners",
    "find_secret_owner",
    "find_secret_owners",
    "heals_itself",
    "is_local_user",
    "last_writers",
    "operator_resource",
    "other_writers",
    "tracking_application",
)

# Under this name we write.
FIELD_MANAGER = "fleetops.argocd"
# argo-cd: common/common.go, annotation of the default resource tracking since 3.0; before that a label, which
# `application.instanceLabelKey` of argocd-cm may rename. Helm sets the same label.
_TRACKING = "argocd.argoproj.io/tracking-id"
INSTANCE_LABEL = "app.kubernetes.io/instance"
_HELM_RELEASE = "meta.helm.sh/release-name"
_HELM_CHART = "helm.sh/chart"
# external-secrets: apis/externalsecrets/v1; it sets no ownerReferences with creationPolicy Merge or Orphan.
_EXTERNAL_SECRETS = ("reconcile.external-secrets.io/managed", "reconcile.external-secrets.io/data-hash")
# Its field manager (pkg/controllers/externalsecret, fieldOwnerTemplate).
_EXTERNAL_SECRETS_WRITER = "externalsecrets.external-secrets.io/"
# sealed-secrets: README, "Managing existing secrets" and "Patching existing secrets".
_SEALED_SECRETS = "sealedsecrets.bitnami.com/managed"
_SEALED_SECRETS_PATCH = "sealedsecrets.bitnami.com/patch"
_MERGED = "spec:\n  target:\n    creationPolicy: Merge\n"
_PATCHED = as_yaml(("metadata", "annotations"), {_SEALED_SECRETS_PATCH: "true"})


@dataclass(frozen=True)
class Owner:
    """Another owner; `reverts` if it undoes edits by itself.

    `kind` is `operator`, `argocd`, `helm`, `external-secrets` or `sealed-secrets`.
    """

    kind: str
    name: str
    reverts: bool


@dataclass(frozen=True)
class Application:
    """The Application that deploys an object. `certain` where nobody else could have left such a mark."""

    namespace: str
    name: str
    certain: bool


def tracking_application(metadata: Mapping[str, Any], *, label: str = "") -> Application | None:
    """Return the Application whose mark the object has, None where it has none. `label` is Argo CD's own, if renamed.

    The label alone may be Helm's, or of a chart that Helm only rendered: then the Application must be looked for.
    """
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    mark, _colon, _object = str(annotations.get(_TRACKING, "")).partition(":")
    if mark:
        # Of an Application outside of Argo CD's own namespace it is `<namespace>_<name>`.
        namespace, _under, name = mark.rpartition("_")
        return Application(namespace, name, certain=True)
    name = str(labels.get(label or INSTANCE_LABEL, ""))
    return Application("", name, certain=False) if name and _HELM_RELEASE not in annotations else None


def heals_itself(application: Mapping[str, Any]) -> bool:
    """Whether the Application undoes edits as soon as it sees them (spec.syncPolicy.automated.selfHeal)."""
    automated = ((application.get("spec") or {}).get("syncPolicy") or {}).get("automated") or {}
    return bool(automated.get("selfHeal")) and automated.get("enabled") is not False


def operator_resource(metadata: Mapping[str, Any]) -> str:
    """Return the name of the ArgoCD resource that the operator made the object of, empty where it did not."""
    for reference in metadata.get("ownerReferences") or []:
        if str(reference.get("apiVersion", "")).startswith("argoproj.io/") and reference.get("kind") == "ArgoCD":
            return str(reference.get("name"))
    return ""


def is_local_user(resource: Mapping[str, Any], account: str) -> bool:
    """Whether the operator keeps that account itself: then it replaces the account's tokens by one of its own."""
    users = (resource.get("spec") or {}).get("localUsers") or []
    return any(user.get("name") == account for user in users)


def find_owners(
    metadata: Mapping[str, Any], application: Application | None = None, *, heals: bool | None = None
) -> list[Owner]:
    """Return the owners of a ConfigMap of Argo CD.

    `application` is the one that deploys it, `heals` whether that one undoes edits by itself, None where unknown.
    """
    owners = []
    if resource := operator_resource(metadata):
        owners.append(Owner("operator", f"ArgoCD {resource}", reverts=True))
    if application:
        owners.append(Owner("argocd", f"Application {application.name}", reverts=heals is not False))
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    if _HELM_RELEASE in annotations:
        owners.append(Owner("helm", f"release {annotations[_HELM_RELEASE]}", reverts=False))
    elif _HELM_CHART in labels and not application:
        owners.append(Owner("helm", f"chart {labels[_HELM_CHART]}", reverts=False))
    return owners


def find_secret_owners(metadata: Mapping[str, Any], keys: Iterable[str]) -> list[Owner]:
    """Return who else writes argocd-secret and might undo those keys.

    Argo CD itself keeps keys there that no manifest, chart or operator has, so these owners are none to fear.
    """
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    for reference in metadata.get("ownerReferences") or []:
        if reference.get("kind") == "ExternalSecret":
            return [Owner("external-secrets", f"ExternalSecret {reference.get('name')}", reverts=True)]
    if not {*annotations, *labels}.isdisjoint(_EXTERNAL_SECRETS):
        writers = last_writers(metadata, keys).values()
        ours = any(writer.startswith(_EXTERNAL_SECRETS_WRITER) for writer in writers)
        return [Owner("external-secrets", "External Secrets", reverts=ours)]
    sealed = [item.get("name") for item in metadata.get("ownerReferences") or [] if item.get("kind") == "SealedSecret"]
    if sealed or annotations.get(_SEALED_SECRETS) == "true":
        name = f"SealedSecret {sealed[0]}" if sealed else "Sealed Secrets"
        return [Owner("sealed-secrets", name, reverts=annotations.get(_SEALED_SECRETS_PATCH) != "true")]
    return []


def last_writers(metadata: Mapping[str, Any], keys: Iterable[str]) -> dict[str, str]:
    """Return who wrote each of the keys last, and when, as far as the API server has followed it (managedFields)."""
    found = {}
    for key in keys:
        holders = [entry for entry in _entries(metadata) if f"f:{key}" in _owned(entry)]
        if holders:
            found[key] = _told(max(holders, key=_time))
    return found


def other_writers(metadata: Mapping[str, Any]) -> list[str]:
    """Return who else writes the object's data, the latest first."""
    others = [entry for entry in _entries(metadata) if entry.get("manager") != FIELD_MANAGER and _owned(entry)]
    return [_told(entry) for entry in sorted(others, key=_time, reverse=True)]


def _entries(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(metadata.get("managedFields") or [])


def _owned(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return (entry.get("fieldsV1") or {}).get("f:data") or {}


def _time(entry: Mapping[str, Any]) -> str:
    return str(entry.get("time", ""))


def _told(entry: Mapping[str, Any]) -> str:
    return f"{entry.get('manager')} at {_time(entry)}"


def check_owners(
    metadata: Mapping[str, Any],
    owners: Iterable[Owner],
    keys: Mapping[str, str | None],
    *,
    force: bool,
    noun: str = "ConfigMap",
    made: str = "",
) -> list[str]:
    """Return warnings about other owners; raise Refused for one that would undo the write, unless forced.

    `keys` is what is to stand in the object, None for a key that is not to stand there. `made` is the ConfigMap that
    the operator makes of them, where the object is its resource.
    """
    owners = list(owners)
    name = metadata.get("name", "?")
    reverting = next((owner for owner in owners if owner.reverts), None)
    if reverting and not force:
        raise Refused(
            f"cannot write {noun} {name}: it belongs to {reverting.name} "
            f"({reverting.kind}), which would undo the change{_writers(metadata, keys)}; put this there instead, or "
            f"set force_owner to true:\n{_fragment(reverting, metadata, keys, made)}"
        )
    return [
        f"{noun} {name} belongs to {owner.name} ({owner.kind}), and the next change "
        f"there may undo this one{_writers(metadata, keys)}; put this there:\n{_fragment(owner, metadata, keys, made)}"
        for owner in owners
    ]


def _writers(metadata: Mapping[str, Any], keys: Iterable[str]) -> str:
    writers = last_writers(metadata, keys)
    told = ", ".join(f"{key} by {writer}" for key, writer in writers.items())
    return f" (last written: {told})" if told else ""


def _fragment(owner: Owner, metadata: Mapping[str, Any], keys: Mapping[str, str | None], made: str) -> str:
    """Return what to put upstream, in that owner's own words."""
    name = made or str(metadata.get("name", "?"))
    if owner.kind == "external-secrets":
        return _MERGED
    if owner.kind == "sealed-secrets":
        return _PATCHED
    if owner.kind == "operator" or made:
        taken = {key: text for key, text in keys.items() if in_resource(name, key)}
        return as_yaml(RESOURCE_PATHS[name], resource_keys(name, taken))
    if owner.kind == "helm" or _HELM_CHART in (metadata.get("labels") or {}):
        return as_yaml(HELM_PATHS[name], keys)
    return as_yaml(("data",), keys)


def find_secret_owner(metadata: Mapping[str, Any], application: Application | None = None) -> str:
    """Return who else writes a Secret that holds a token, and would undo what we store; empty where nobody does.

    `application` is the one that deploys it.
    """
    references = metadata.get("ownerReferences") or []
    if references:
        return f"{references[0].get('kind')} {references[0].get('name')}"
    if application:
        return f"the Argo CD Application {application.name}"
    annotations = metadata.get("annotations") or {}
    if not {*annotations, *(metadata.get("labels") or {})}.isdisjoint(_EXTERNAL_SECRETS):
        return "External Secrets"
    return "Sealed Secrets" if annotations.get(_SEALED_SECRETS) == "true" else ""
