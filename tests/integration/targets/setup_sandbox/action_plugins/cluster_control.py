# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test does to a cluster behind the collection's back, all in this one place: the sandbox's control API.

Options, each on its own or several, carried out in this order:
  reset     true: a fresh installation
  config    {name: {"data": {...}, "labels": {...}, "annotations": {...}, "ownerReferences": [...], "uid": ...,
            "spec": {...}}}: parts to merge into ConfigMaps, Secrets and AppProjects of Argo CD, null removes a key;
            Argo CD sees them at once
  objects   objects to create or replace, such as an Application; they go with the next reset
  rights    {name of a Role of docs/rights: rules}: what the user of the kubeconfig may do from now on
  faults    list of faults, see tests/sandbox/README.md; an empty list removes those that wait
  clock     by how many seconds the servers' clock is to be ahead; real ones only say so, in the Date of their answers
  pass      seconds to let pass; the sandbox's clock is moved, real servers are waited for
  requests  "read" or "forget": what was asked of the servers since they were forgotten last
"""

from __future__ import annotations

import base64
import json
import ssl
import time
import urllib.request
from typing import Any

from ansible.plugins.action import ActionBase

NAMESPACE = "argocd"


class Control:
    """The control API of one cluster."""

    def __init__(self, cluster: dict[str, Any]) -> None:
        self._url = cluster["control_url"]
        self._tls = ssl.create_default_context(cafile=cluster["ca_file"])

    def call(self, method: str, path: str, body: Any = None) -> Any:
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=raw, method=method)  # noqa: S310 # the test's own address
        with urllib.request.urlopen(request, context=self._tls, timeout=30) as reply:  # noqa: S310 # as above
            return json.loads(reply.read())

    def find(self, name: str) -> dict[str, Any]:
        for item in self.call("GET", "/state")["objects"]:
            metadata = item["metadata"]
            if (metadata["name"], metadata.get("namespace")) == (name, NAMESPACE) and item["kind"] != "Service":
                return dict(item)
        raise LookupError(name)


def merged(current: dict[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
    both = {**(current or {}), **wanted}
    return {key: value for key, value in both.items() if value is not None}


def encoded(item: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    if item["kind"] != "Secret":
        return data
    return {key: value and base64.b64encode(value.encode()).decode() for key, value in data.items()}


def configure(control: Control, name: str, parts: dict[str, Any]) -> None:
    item = control.find(name)
    for part, wanted in (("data", encoded(item, parts.get("data") or {})), ("spec", parts.get("spec"))):
        if wanted:
            item[part] = merged(item.get(part), wanted)
    metadata = item["metadata"]
    for part in ("labels", "annotations"):
        metadata[part] = merged(metadata.get(part), parts.get(part) or {})
    metadata["ownerReferences"] = parts.get("ownerReferences") or metadata.get("ownerReferences") or []
    # A uid may be given: argocd-cm of an installation that was made anew.
    metadata["uid"] = parts.get("uid") or metadata["uid"]
    for field in ("resourceVersion", "managedFields"):
        metadata.pop(field, None)
    control.call("PUT", "/objects", item)


def set_rights(control: Control, name: str, rules: list[dict[str, Any]]) -> None:
    version = "rbac.authorization.k8s.io/v1"
    metadata = {"name": name, "namespace": NAMESPACE}
    control.call("PUT", "/objects", {"apiVersion": version, "kind": "Role", "metadata": metadata, "rules": rules})


def let_pass(control: Control, seconds: float, *, real: bool) -> None:
    if real:
        time.sleep(seconds)
    else:
        control.call("POST", "/clock", {"offset": seconds})


def set_faults(control: Control, faults: list[dict[str, Any]]) -> None:
    control.call("DELETE", "/faults")
    for fault in faults:
        control.call("POST", "/faults", fault)


class ActionModule(ActionBase):
    """Changes the host's cluster; counted nowhere."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Carry out the options; `requests` returns the list of that name."""
        result = super().run(tmp, task_vars)
        cluster = self._templar.template((task_vars or {})["cluster"])
        control = Control(cluster)
        args = self._task.args
        if args.get("reset"):
            control.call("POST", "/reset")
        for name, parts in (args.get("config") or {}).items():
            configure(control, name, parts)
        for item in args.get("objects") or []:
            control.call("PUT", "/objects", item)
        for name, rules in (args.get("rights") or {}).items():
            set_rights(control, name, rules)
        if "faults" in args:
            set_faults(control, args["faults"])
        if "clock" in args:
            control.call("POST", "/clock", {"offset": float(args["clock"])})
        if "pass" in args:
            let_pass(control, float(args["pass"]), real=cluster["real"])
        if args.get("requests") == "read":
            result["requests"] = control.call("GET", "/requests")["requests"]
        if args.get("requests") == "forget":
            control.call("DELETE", "/requests")
        return {**result, "changed": False}
