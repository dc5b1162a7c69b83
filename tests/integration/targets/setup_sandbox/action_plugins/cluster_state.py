# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The independent reader: what a cluster's servers hold, and what they answer to a token.

Nothing of the collection and nothing but the standard library below Ansible's own base class, so that a mistake in the
collection's clients cannot hide itself. An action plugin only because that is quick.

Options: `token`, to ask Argo CD as its holder for userinfo and every path of `ask`; `object`, the path of one more
object of the Kubernetes API. Returns:
  objects   {"argocd-cm": {...}, "argocd-rbac-cm": {...}, "argocd-secret": {...}}, each {uid, data, labels,
            annotations}; data of the Secret as text
  versions  resourceVersion of each: an API server changes it at every write and only then
  writes    the sandbox's counters {kubernetes, argocd, total, logins, log}; {} for a server without a control API
  token_ids {account: [id]} as argocd-secret holds them
  object    the one of that option, as it is
  claims, userinfo, answers (of `ask`: [{status, body}]) for `token`
"""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from ansible.plugins.action import ActionBase

OBJECTS = {"argocd-cm": "configmaps", "argocd-rbac-cm": "configmaps", "argocd-secret": "secrets"}
TOKENS_SUFFIX = ".tokens"


class Api:
    """GETs of one server."""

    def __init__(self, url: str, token: str, ca_file: str) -> None:
        self._url = url
        self._token = token
        self._tls = ssl.create_default_context(cafile=ca_file)

    def get(self, path: str) -> dict[str, Any]:
        """Return {status, body}; the body as text where it is no JSON."""
        request = urllib.request.Request(self._url + path)  # noqa: S310 # the address is the test's own
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=30) as reply:  # noqa: S310 # as above
                return {"status": reply.status, "body": parsed(reply.read())}
        except urllib.error.HTTPError as refusal:
            return {"status": refusal.code, "body": parsed(refusal.read())}


def parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode()


def decoded(data: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def described(kind: str, shape: dict[str, Any]) -> dict[str, Any]:
    metadata, data = shape["metadata"], shape.get("data") or {}
    return {
        "uid": metadata["uid"],
        "data": decoded(data) if kind == "secrets" else data,
        "labels": metadata.get("labels") or {},
        "annotations": metadata.get("annotations") or {},
    }


def token_ids(secret: dict[str, str]) -> dict[str, list[str]]:
    ids = {}
    for key, text in secret.items():
        if key.endswith(TOKENS_SUFFIX):
            account = key.removesuffix(TOKENS_SUFFIX).removeprefix("accounts.")
            listed = parsed(text.encode())
            # A test may have broken the list.
            ids[account] = [item["id"] for item in listed] if isinstance(listed, list) else []
    return ids


def claims(token: str) -> dict[str, Any]:
    """Return what a JWT says of itself; {} for anything else."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    return dict(json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))))


def read_objects(kubernetes: Api) -> dict[str, Any]:
    objects, versions = {}, {}
    for name, kind in OBJECTS.items():
        shape = kubernetes.get(f"/api/v1/namespaces/argocd/{kind}/{name}")["body"]
        versions[name] = shape["metadata"]["resourceVersion"]
        objects[name] = described(kind, shape)
    return {
        "objects": objects,
        "versions": versions,
        "token_ids": token_ids(objects["argocd-secret"]["data"]),
    }


def ask(argocd: Api, token: str, paths: list[str]) -> dict[str, Any]:
    return {
        "claims": claims(token),
        "userinfo": argocd.get("/api/v1/session/userinfo")["body"],
        "answers": [argocd.get(path) for path in paths],
    }


class ActionModule(ActionBase):
    """Reads; never changes anything."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the state of the host's cluster, as described above."""
        result = super().run(tmp, task_vars)
        cluster = self._templar.template((task_vars or {})["cluster"])
        ca_file = cluster["ca_file"]
        kubernetes = Api(cluster["kubernetes_url"], cluster["kubernetes_token"], ca_file)
        result.update(read_objects(kubernetes))
        if "object" in self._task.args:
            result["object"] = kubernetes.get(self._task.args["object"])["body"]
        control = cluster.get("control_url")
        result["writes"] = Api(control, "", ca_file).get("/writes")["body"] if control else {}
        token = str(self._task.args.get("token") or "")
        if token:
            paths = list(self._task.args.get("ask") or [])
            result.update(ask(Api(cluster["argocd_url"], token, ca_file), token, paths))
        return {**result, "changed": False}
