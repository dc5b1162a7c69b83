# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a fresh Argo CD installation.

Source: argo-cd manifests/base (config, server); passwords and keys as the server generates them at first start.
"""

from __future__ import annotations

import base64
import copy
import json
import secrets
from functools import cache
from pathlib import Path
from typing import Any

import trustme
import yaml

from .store import Object

NAMESPACE = "argocd"
POD_PORT = 8080
MANAGER = "kubectl-client-side-apply"
# The user of the kubeconfig, with the rights that docs/rights gives users to apply.
PROVISIONER = "provisioner"
READY_RIGHTS = sorted((Path(__file__).parents[3] / "docs" / "rights").glob("*.yml"))
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def _labels(name: str, component: str = "") -> dict[str, str]:
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "argocd"}
    return {**labels, "app.kubernetes.io/component": component} if component else labels


def _object(kind: str, name: str, labels: dict[str, str], **content: Any) -> Object:
    item: Object = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels, "annotations": {}},
        **content,
    }
    applied = json.dumps({key: value for key, value in item.items() if key != "data"}) + "\n"
    item["metadata"]["annotations"][LAST_APPLIED] = applied
    return item


def _managed(now: str, fields: dict[str, Any]) -> list[Object]:
    """Where fields are lists whose members have owners, too: written down, as nothing here changes them."""
    entry = {"manager": MANAGER, "operation": "Update", "apiVersion": "v1", "time": now, "fieldsType": "FieldsV1"}
    return [{**entry, "fieldsV1": fields}]


def namespace(name: str, now: str) -> Object:
    labels = {"kubernetes.io/metadata.name": name}
    fields: Object = {"f:metadata": {"f:labels": {".": {}, **{f"f:{label}": {} for label in labels}}}}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels, "managedFields": _managed(now, fields)},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def pod() -> Object:
    """The one of argocd-server, as far as a port-forward looks at it."""
    container = {"name": "argocd-server", "ports": [{"name": "server", "containerPort": POD_PORT}]}
    item = _object("Pod", "argocd-server-0", _labels("argocd-server", "server"), spec={"containers": [container]})
    return {**item, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}


def _encode(data: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def default_project(now: str) -> Object:
    """As argocd-server makes it at its start (server/server.go, initializeDefaultProject)."""
    everything = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
    fields: Object = {"f:sourceRepos": {}, "f:destinations": {}, "f:clusterResourceWhitelist": {}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {
            "name": "default",
            "namespace": NAMESPACE,
            "generation": 1,
            "managedFields": [
                {**entry, "manager": "argocd-server", "apiVersion": "argoproj.io/v1alpha1"}
                for entry in _managed(now, {"f:spec": {".": {}, **fields}, "f:status": {}})
            ],
        },
        "spec": {**everything, "clusterResourceWhitelist": [{"group": "*", "kind": "*"}]},
        "status": {},
    }


@cache
def _tls_pair() -> dict[str, str]:
    """A certificate of its own making, as the server stores one; here nobody is shown it."""
    made = trustme.CA().issue_cert("localhost", "argocd-server")
    return {
        "tls.crt": made.cert_chain_pems[0].bytes().decode(),
        "tls.key": made.private_key_pem.bytes().decode(),
    }


def service(now: str) -> Object:
    """With what Kubernetes fills in."""
    ports = [
        {"name": "http", "protocol": "TCP", "port": 80, "targetPort": POD_PORT},
        {"name": "https", "protocol": "TCP", "port": 443, "targetPort": POD_PORT},
    ]
    selector = {"app.kubernetes.io/name": "argocd-server"}
    labels = _labels("argocd-server", "server")
    item = _object("Service", "argocd-server", labels, spec={"ports": ports, "selector": selector})
    address = "10.96.0.80"
    item["spec"] |= {"clusterIP": address, "clusterIPs": [address], "type": "ClusterIP", "sessionAffinity": "None"}
    item["spec"] |= {"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster"}
    item["status"] = {"loadBalancer": {}}
    port: Object = {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {}}
    owned_ports = {f'k:{{"port":{number},"protocol":"TCP"}}': port for number in (80, 443)}
    owned: Object = {"f:internalTrafficPolicy": {}, "f:selector": {}, "f:sessionAffinity": {}, "f:type": {}}
    metadata: Object = {
        "f:annotations": {".": {}, f"f:{LAST_APPLIED}": {}},
        "f:labels": {".": {}, **{f"f:{name}": {} for name in labels}},
    }
    fields = {"f:metadata": metadata, "f:spec": {**owned, "f:ports": {".": {}, **owned_ports}}}
    item["metadata"]["managedFields"] = _managed(now, fields)
    return item


def fresh_installation(admin_password_hash: str, now: str) -> list[Object]:
    """`now` (RFC3339) becomes admin's passwordMtime; the signing key is new each time."""
    secret_key = base64.b64encode(secrets.token_bytes(32)).decode()
    passwords = {
        "admin.password": admin_password_hash,
        "admin.passwordMtime": now,
        "server.secretkey": secret_key,
        **_tls_pair(),
    }
    return [
        namespace("default", now),
        namespace(NAMESPACE, now),
        _object("ConfigMap", "argocd-cm", _labels("argocd-cm")),
        _object("ConfigMap", "argocd-rbac-cm", _labels("argocd-rbac-cm")),
        _object("Secret", "argocd-secret", _labels("argocd-secret"), type="Opaque", data=_encode(passwords)),
        service(now),
        default_project(now),
        pod(),
    ]


@cache
def _ready_roles() -> tuple[Object, ...]:
    return tuple(yaml.safe_load(file.read_text()) for file in READY_RIGHTS)


def provisioner_rights() -> list[Object]:
    """Each Role of docs/rights, bound to the user of the kubeconfig."""
    return [item for role in _ready_roles() for item in (copy.deepcopy(role), _binding(role))]


def _binding(role: Object) -> Object:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {key: role["metadata"][key] for key in ("name", "namespace")},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": role["metadata"]["name"]},
        "subjects": [{"apiGroup": group, "kind": "User", "name": PROVISIONER}],
    }
