# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The independent reader of any Secret, and what a test puts there behind the collection's back.

Nothing of the collection, as in cluster_state. The namespace is made where it is missing. Options:

  cluster, namespace, name   the host's cluster if not given
  plant   what the Secret is replaced with: `data` (plain text), and any other part of the object
  absent  true: it is deleted
  grant   rules: what the user of the kubeconfig may do in the namespace besides what it may anyway, from now on

Returns `secret`, null where there is none: {data (plain text), annotations, labels, type, version}.
"""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from ansible.plugins.action import ActionBase


class Door:
    """Requests to one server."""

    def __init__(self, url: str, ca_file: str, token: str = "") -> None:
        self._url = url
        self._token = token
        self._tls = ssl.create_default_context(cafile=ca_file)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return the parsed answer, None for 404."""
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=raw, method=method)  # noqa: S310 # the test's own address
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=30) as reply:  # noqa: S310 # as above
                return json.loads(reply.read())
        except urllib.error.HTTPError as refusal:
            if refusal.code == 404:
                return None
            raise


def planted(namespace: str, name: str, parts: dict[str, Any]) -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in (parts.get("data") or {}).items()}
    metadata = {**(parts.get("metadata") or {}), "name": name, "namespace": namespace}
    return {"type": "Opaque", **parts, "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def granted(namespace: str, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a Role and its binding to the user of the kubeconfig, whom sandbox and testbed call the same."""
    group = "rbac.authorization.k8s.io"
    common = {"apiVersion": f"{group}/v1", "metadata": {"name": "reader-of-the-token", "namespace": namespace}}
    reference = {"apiGroup": group, "kind": "Role", "name": common["metadata"]["name"]}
    subjects = [{"apiGroup": group, "kind": "User", "name": "provisioner"}]
    return [
        {**common, "kind": "Role", "rules": rules},
        {**common, "kind": "RoleBinding", "roleRef": reference, "subjects": subjects},
    ]


def described(shape: dict[str, Any]) -> dict[str, Any]:
    metadata = shape["metadata"]
    return {
        "data": {key: base64.b64decode(value).decode() for key, value in (shape.get("data") or {}).items()},
        "annotations": metadata.get("annotations") or {},
        "labels": metadata.get("labels") or {},
        "type": shape.get("type"),
        "version": metadata["resourceVersion"],
    }


class ActionModule(ActionBase):
    """Plants or deletes, uncounted, and reads."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do as described above."""
        result = super().run(tmp, task_vars)
        args = self._task.args
        cluster = args.get("cluster") or self._templar.template((task_vars or {})["cluster"])
        namespace, name = args["namespace"], args["name"]
        control = Door(cluster["control_url"], cluster["ca_file"])
        kubernetes = Door(cluster["kubernetes_url"], cluster["ca_file"], cluster["kubernetes_token"])
        place = {"kind": "Secret", "namespace": namespace, "name": name}
        path = f"/api/v1/namespaces/{namespace}"
        if not kubernetes.call("GET", path):
            control.call("PUT", "/objects", {"kind": "Namespace", "metadata": {"name": namespace}})
        for item in granted(namespace, args["grant"]) if "grant" in args else []:
            control.call("PUT", "/objects", item)
        # Deleted first: the type of a Secret cannot be changed.
        if ("plant" in args or args.get("absent")) and kubernetes.call("GET", f"{path}/secrets/{name}"):
            control.call("DELETE", f"/objects?{urllib.parse.urlencode(place)}")
        if "plant" in args:
            control.call("PUT", "/objects", planted(namespace, name, args["plant"] or {}))
        found = kubernetes.call("GET", f"{path}/secrets/{name}")
        return {**result, "changed": False, "secret": described(found) if found else None}
