# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test wants to know of a cluster's objects, or to change, through its API."""

from __future__ import annotations

import base64
import secrets
import threading
from abc import ABC, abstractmethod
from typing import Any

from argocd_sandbox.faults import Touch

from . import installation
from .door import Watch
from .installation import MANAGER, PROVISIONER, Installation
from .kubernetes import Kubernetes, Object

# Of the API server itself; no test's business.
OWN_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
CHANGEABLE = ("ConfigMap", "Secret", "Service", "Application", "ApplicationSet", "AppProject", "ArgoCD")
TOUCHED = "testbed/touched"


class Administered(ABC):
    """A cluster that we may do anything in; `lock` guards reset against the rest."""

    name: str
    provisioner: Object
    argocd_certificate: str
    kubernetes_url: str
    kubernetes_token: str
    provisioner_token: str
    argocd_url: str
    admin_password: str

    def __init__(
        self, name: str, kubernetes: Kubernetes, watch: Watch, installed: Installation = installation.FIRST
    ) -> None:
        self.name, self.watch, self.installed = name, watch, installed
        self.lock = threading.RLock()
        self._kubernetes = kubernetes
        # The subject that the rights are bound to.
        self.provisioner = {"apiGroup": installation.RBAC, "kind": "User", "name": PROVISIONER}

    @abstractmethod
    def direct(self) -> dict[str, Any]:
        """The addresses without the door: {"kubernetes_url", "argocd_urls": [...]}."""

    @abstractmethod
    def reset(self) -> None:
        """Have a fresh installation."""

    @abstractmethod
    def writes(self) -> dict[str, Any]:
        """What was written since the reset, in the shape of the sandbox."""

    @abstractmethod
    def requests(self) -> list[dict[str, Any]]:
        """What was asked of both APIs since it was forgotten last."""

    @abstractmethod
    def forget_requests(self) -> None:
        """Begin anew."""

    def _grant(self) -> None:
        """A test may have taken rights away."""
        for item in self.installed.provisioner_rights(self.provisioner):
            self.plant(item)

    def _secret(self, name: str) -> Object:
        found = self._kubernetes.find("Secret", self.installed.namespace, name)
        if found is None:
            raise LookupError(f"Secret {name}")
        return found

    def _secret_value(self, name: str, key: str) -> str:
        return base64.b64decode(self._secret(name)["data"][key]).decode()

    def state(self) -> list[Object]:
        kinds = ("Namespace", *CHANGEABLE)
        return [item for kind in kinds for item in self._kubernetes.list(kind) if not _is_the_servers_own(item)]

    def plant(self, item: Object) -> Object:
        """Create or replace an object, as whoever is its first manager in `managedFields`.

        A uid or a version of its own cannot be given; ValueError.
        """
        metadata = dict(item["metadata"])
        manager = next((entry["manager"] for entry in metadata.pop("managedFields", None) or []), MANAGER)
        found = self._kubernetes.find(item["kind"], metadata.get("namespace"), metadata["name"])
        known = found["metadata"]["uid"] if found else None
        if metadata.get("uid", known) != known:
            raise ValueError("a real API server gives every object its own uid")
        if found and found["apiVersion"].startswith("argoproj.io/"):
            # The API server replaces custom resources in no other way.
            metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
        item = {"apiVersion": "v1", **item, "metadata": metadata}
        return self._kubernetes.replace(item, manager) if found else self._kubernetes.create(item, manager)

    def touch(self, touch: Touch) -> None:
        """Change an annotation, and data, as somebody else would; LookupError if there is no such object."""
        found = self._kubernetes.find(*touch.key)
        if found is None:
            raise LookupError(touch.key)
        annotations = {**(found["metadata"].get("annotations") or {}), TOUCHED: secrets.token_hex(8)}
        data = {"data": {**(found.get("data") or {}), **touch.data}} if touch.data else {}
        metadata = {**found["metadata"], "annotations": annotations}
        self._kubernetes.replace({**found, **data, "metadata": metadata}, MANAGER)

    def uproot(self, kind: str, namespace: str, name: str) -> bool:
        """Delete an object; False if there is none."""
        if self._kubernetes.find(kind, namespace or None, name) is None:
            return False
        self._kubernetes.delete(kind, namespace or None, name)
        return True


def _is_the_servers_own(item: Object) -> bool:
    metadata = item["metadata"]
    return metadata.get("namespace", metadata["name"]) in OWN_NAMESPACES[1:] or metadata["name"] == "kubernetes"
