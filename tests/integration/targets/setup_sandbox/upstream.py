# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever makes the ConfigMaps from something else: `upstream.py operator|undo CONTROL_URL CA_FILE`.

`operator` does with the resource ArgoCD what argocd-operator does (controllers/argocd/configmap.go): argocd-cm gets
exactly the keys of spec.extraConfig, argocd-rbac-cm what spec.rbac says of its four keys. `undo` takes the account
octopus and the key policy.csv away whenever it sees them. Both through the control API, under a name of their own, for
a quarter of an hour at most.
"""

from __future__ import annotations

import json
import ssl
import sys
import time
import urllib.request
from typing import Any

RBAC = {
    "policy": "policy.csv",
    "defaultPolicy": "policy.default",
    "policyMatcherMode": "policy.matchMode",
    "scopes": "scopes",
}
SECONDS, PAUSE = 900, 0.3
NAME = "argocd-operator"


class Control:
    """The control API of one cluster."""

    def __init__(self, url: str, ca_file: str) -> None:
        self._url = url
        self._tls = ssl.create_default_context(cafile=ca_file)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=raw, method=method)  # noqa: S310 # the test's own address
        with urllib.request.urlopen(request, context=self._tls, timeout=30) as reply:  # noqa: S310 # as above
            return json.loads(reply.read())

    def objects(self) -> dict[str, dict[str, Any]]:
        """The ConfigMaps and the resource by name."""
        found = self.call("GET", "/state")["objects"]
        return {item["metadata"]["name"]: item for item in found if item["kind"] in ("ConfigMap", "ArgoCD")}

    def give(self, item: dict[str, Any], data: dict[str, str]) -> None:
        """Replace the data where it differs, as its manager."""
        if (item.get("data") or {}) == data:
            return
        metadata = {key: value for key, value in item["metadata"].items() if key != "resourceVersion"}
        fields = {"f:data": {f"f:{key}": {} for key in data}}
        written = {"manager": NAME, "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1"}
        written |= {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "fieldsV1": fields}
        self.call("PUT", "/objects", {**item, "data": data, "metadata": {**metadata, "managedFields": [written]}})


def operate(control: Control) -> None:
    objects = control.objects()
    spec = objects["argocd"]["spec"]
    control.give(objects["argocd-cm"], spec.get("extraConfig") or {})
    policy = objects["argocd-rbac-cm"]
    wanted = {RBAC[field]: text for field, text in (spec.get("rbac") or {}).items()}
    control.give(policy, {**(policy.get("data") or {}), **wanted})


def undo(control: Control) -> None:
    objects = control.objects()
    for name in ("argocd-cm", "argocd-rbac-cm"):
        data = objects[name].get("data") or {}
        kept = {
            key: text for key, text in data.items() if not key.startswith("accounts.octopus") and key != "policy.csv"
        }
        control.give(objects[name], kept)


def main(what: str, url: str, ca_file: str) -> None:
    control = Control(url, ca_file)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        {"operator": operate, "undo": undo}[what](control)
        time.sleep(PAUSE)


if __name__ == "__main__":
    main(*sys.argv[1:])
