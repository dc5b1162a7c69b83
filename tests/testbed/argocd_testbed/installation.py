# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a fresh Argo CD installation, as its manifests create them; argocd-server fills argocd-secret itself.

Source: argo-cd manifests/base (config, server) and manifests/cluster-rbac/server. The schemas of Argo CD's custom
resources are left open: no controller runs, so nothing here depends on them. That of the operator's resource knows the
fields the collection writes, and has kube-apiserver prune every other, as the operator's own does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .kubernetes import Object

NAMESPACE = "argocd"
SERVER = "argocd-server"
PORT = 8080
POD = f"{SERVER}-0"
MANAGER = "kubectl-client-side-apply"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
CUSTOM = {"Application": "applications", "ApplicationSet": "applicationsets", "AppProject": "appprojects"}
RBAC = "rbac.authorization.k8s.io"
# The user of the kubeconfig, with the rights that docs/rights gives users to apply.
PROVISIONER = "provisioner"
READY_RIGHTS = Path(__file__).parents[3] / "docs" / "rights"


def _labels(name: str, component: str = "") -> dict[str, str]:
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "argocd"}
    return {**labels, "app.kubernetes.io/component": component} if component else labels


def custom_resource(kind: str, plural: str, version_name: str = "v1alpha1", schema: Object | None = None) -> Object:
    schema = schema or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": version_name, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.argoproj.io"},
        "spec": {"group": "argoproj.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def operator_resource() -> Object:
    """Source: argocd-operator api/v1beta1/argocd_types.go (ArgoCDSpec, ArgoCDRBACSpec, LocalUserSpec)."""
    texts = {"type": "object", "additionalProperties": {"type": "string"}}
    rbac = {name: {"type": "string"} for name in ("defaultPolicy", "policy", "policyMatcherMode", "scopes")}
    user = {
        "name": {"type": "string"},
        **{name: {"type": "boolean"} for name in ("apiKey", "autoRenewToken", "enabled", "login")},
        "tokenLifetime": {"type": "string"},
    }
    users = {"type": "array", "items": {"type": "object", "required": ["name"], "properties": user}}
    spec = {"extraConfig": texts, "localUsers": users, "rbac": {"type": "object", "properties": rbac}}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}}
    return custom_resource("ArgoCD", "argocds", "v1beta1", schema)


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> dict[str, list[str]]:
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


@dataclass(frozen=True)
class Installation:
    """One Argo CD: the objects of its namespace. The one in `argocd` is that of the whole cluster."""

    namespace: str = NAMESPACE

    @property
    def server_user(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{SERVER}"

    @property
    def _node(self) -> str:
        return f"node-of-{self.namespace}"

    def _object(self, kind: str, name: str, component: str = "", *, version: str = "v1", **content: Any) -> Object:
        """An object in Argo CD's namespace, with the annotation that `kubectl apply` leaves."""
        metadata = {
            "name": name,
            "namespace": self.namespace,
            "labels": _labels(SERVER if component else name, component),
            "annotations": {},
        }
        item: Object = {"apiVersion": version, "kind": kind, "metadata": metadata, **content}
        applied = json.dumps({key: value for key, value in item.items() if key != "data"}) + "\n"
        item["metadata"]["annotations"] = {LAST_APPLIED: applied}
        return item

    def namespace_itself(self) -> Object:
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}

    def server_rights(self) -> list[Object]:
        """What argocd-server may do, as its own manifests say; kube-apiserver enforces it.

        Further installations are those of manifests/namespace-install: nothing outside of their namespace.
        """
        everything = ["create", "get", "list", "watch", "update", "patch", "delete"]
        here = [
            _rule([""], ["secrets", "configmaps"], everything),
            _rule(["argoproj.io"], list(CUSTOM.values()), everything),
            _rule([""], ["events"], ["create", "list"]),
        ]
        version = f"{RBAC}/v1"
        subjects = [{"kind": "ServiceAccount", "name": SERVER, "namespace": self.namespace}]
        role = {"apiGroup": RBAC, "kind": "Role", "name": SERVER}
        return [
            self._object("ServiceAccount", SERVER, "server"),
            self._object("Role", SERVER, "server", version=version, rules=here),
            self._object("RoleBinding", SERVER, "server", version=version, roleRef=role, subjects=subjects),
            *(_cluster_rights(subjects) if self == FIRST else []),
        ]

    def provisioner_rights(self, subject: Object) -> list[Object]:
        """Each Role of docs/rights, bound to the user of the kubeconfig."""
        roles = [yaml.safe_load(file.read_text()) for file in sorted(READY_RIGHTS.glob("*.yml"))]
        placed = [{**role, "metadata": {**role["metadata"], "namespace": self.namespace}} for role in roles]
        return [item for role in placed for item in (role, _binding(role, subject))]

    def configuration(self, secret_data: dict[str, str] | None = None) -> list[Object]:
        """The objects that tests change. `secret_data`, encoded, is what a former start of the server made."""
        ports = [
            {"name": "http", "protocol": "TCP", "port": 80, "targetPort": PORT},
            {"name": "https", "protocol": "TCP", "port": 443, "targetPort": PORT},
        ]
        secret: dict[str, Any] = {"type": "Opaque", **({"data": secret_data} if secret_data else {})}
        selector = {"app.kubernetes.io/name": SERVER}
        return [
            self._object("ConfigMap", "argocd-cm"),
            self._object("ConfigMap", "argocd-rbac-cm"),
            self._object("Secret", "argocd-secret", **secret),
            self._object("Service", SERVER, "server", spec={"ports": ports, "selector": selector}),
        ]

    def pod(self, address: str, kubelet_port: int) -> list[tuple[Object, Object]]:
        """A node and a pod of argocd-server, each with its status: what scheduler and kubelet would have written."""
        kubelet = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet_port}},
        }
        ports = [{"name": "server", "containerPort": PORT}]
        container = {"name": SERVER, "image": "quay.io/argoproj/argocd", "ports": ports}
        spec = {"nodeName": self._node, "serviceAccountName": SERVER, "containers": [container]}
        node: Object = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self._node}}
        conditions = [{"type": "Ready", "status": "True"}]
        ready = {"phase": "Running", "conditions": conditions, "podIP": address, "podIPs": [{"ip": address}]}
        return [(node, kubelet), (self._object("Pod", POD, "server", spec=spec), ready)]

    def endpoints(self, address: str, replicas: list[int]) -> Object:
        """Where the Service leads, as the endpoints controller would say; Kubernetes takes no loopback address.

        Not an EndpointSlice: the service proxy does not look there, and only leads to addresses of pods (kubernetes
        pkg/registry/core/service/storage/storage.go, ResourceLocation).
        """
        target = {"kind": "Pod", "namespace": self.namespace, "name": POD}
        subsets = [
            {
                "addresses": [{"ip": address, "targetRef": target}],
                "ports": [{"name": name, "protocol": "TCP", "port": port} for name in ("http", "https")],
            }
            for port in replicas
        ]
        return self._object("Endpoints", SERVER, "server", subsets=subsets)


FIRST = Installation()


def _cluster_rights(subjects: list[dict[str, str]]) -> list[Object]:
    everywhere = [
        _rule(["*"], ["*"], ["delete", "get", "patch"]),
        _rule([""], ["events"], ["list"]),
        _rule(["argoproj.io"], ["applications", "applicationsets"], ["get", "list", "watch"]),
    ]
    wide = {"apiVersion": f"{RBAC}/v1", "metadata": {"name": SERVER, "labels": _labels(SERVER, "server")}}
    role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": SERVER}
    return [
        {"kind": "ClusterRole", **wide, "rules": everywhere},
        {"kind": "ClusterRoleBinding", **wide, "roleRef": role, "subjects": subjects},
    ]


def _binding(role: Object, subject: Object) -> Object:
    name, namespace = role["metadata"]["name"], role["metadata"]["namespace"]
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
        "subjects": [subject],
    }
