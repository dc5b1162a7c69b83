# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few calls of the Kubernetes API, by the testbed's own user, whom the counters leave out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import requests

Object = dict[str, Any]
TIMEOUT = 30
# What a custom resource that is new answers until its cache is there ("storage is (re)initializing").
TOO_EARLY = 429
PATIENCE_SECONDS = 60
# Where the objects of a kind live: API prefix and plural. Source: the discovery documents of kube-apiserver.
RESOURCES = {
    "Namespace": ("/api/v1", "namespaces"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Secret": ("/api/v1", "secrets"),
    "Service": ("/api/v1", "services"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "Node": ("/api/v1", "nodes"),
    "Pod": ("/api/v1", "pods"),
    "Endpoints": ("/api/v1", "endpoints"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles"),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings"),
    "CustomResourceDefinition": ("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions"),
    "Application": ("/apis/argoproj.io/v1alpha1", "applications"),
    "ApplicationSet": ("/apis/argoproj.io/v1alpha1", "applicationsets"),
    "AppProject": ("/apis/argoproj.io/v1alpha1", "appprojects"),
    "ArgoCD": ("/apis/argoproj.io/v1beta1", "argocds"),
}


def collection_path(kind: str, namespace: str | None) -> str:
    """KeyError: a kind that nothing here needs."""
    prefix, plural = RESOURCES[kind]
    return f"{prefix}/namespaces/{namespace}/{plural}" if namespace else f"{prefix}/{plural}"


class Kubernetes:
    """One API server; every refusal raises requests.HTTPError."""

    def __init__(self, url: str, token: str, ca_file: Path, certificate: tuple[str, str] | None = None) -> None:
        """`certificate` and its key are files, for a user without a token."""
        self._url = url
        self._session = requests.Session()
        # Else requests would take a proxy and a CA bundle from the environment.
        self._session.trust_env = False
        self._session.verify = str(ca_file)
        self._session.cert = certificate
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def ready(self) -> bool:
        try:
            return self._session.get(f"{self._url}/readyz", timeout=TIMEOUT).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Object:
        for _attempt in range(PATIENCE_SECONDS):
            answer = self._session.request(method, self._url + path, json=body, params=query, timeout=TIMEOUT)
            if answer.status_code != TOO_EARLY:
                break
            time.sleep(1)
        answer.raise_for_status()
        return dict(answer.json())

    def find(self, kind: str, namespace: str | None, name: str) -> Object | None:
        try:
            return self.call("GET", f"{collection_path(kind, namespace)}/{name}")
        except requests.HTTPError as error:
            if error.response.status_code == 404:
                return None
            raise

    def list(self, kind: str, namespace: str | None = None) -> list[Object]:
        """Of one namespace, or of all; none of a kind that the cluster does not know.

        Items of a list do not say what they are; ours do.
        """
        try:
            items = self.call("GET", collection_path(kind, namespace))["items"]
        except requests.HTTPError as refusal:
            if refusal.response.status_code != 404:
                raise
            return []
        version = RESOURCES[kind][0].removeprefix("/apis/").removeprefix("/api/")
        return [{"apiVersion": version, "kind": kind, **item} for item in items]

    def create(self, item: Object, manager: str) -> Object:
        path = collection_path(item["kind"], item["metadata"].get("namespace"))
        return self.call("POST", path, item, fieldManager=manager)

    def replace(self, item: Object, manager: str) -> Object:
        path = collection_path(item["kind"], item["metadata"].get("namespace"))
        return self.call("PUT", f"{path}/{item['metadata']['name']}", item, fieldManager=manager)

    def set_status(self, item: Object, status: Object) -> None:
        metadata = item["metadata"]
        path = f"{collection_path(item['kind'], metadata.get('namespace'))}/{metadata['name']}/status"
        self.call("PUT", path, {**item, "status": status})

    def delete(self, kind: str, namespace: str | None, name: str) -> None:
        self.call("DELETE", f"{collection_path(kind, namespace)}/{name}")

    def service_account_token(self, namespace: str, name: str) -> str:
        """Valid for a day, which no run outlives."""
        path = f"{collection_path('ServiceAccount', namespace)}/{name}/token"
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}}
        return str(self.call("POST", path, asked)["status"]["token"])
