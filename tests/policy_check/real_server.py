# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real argocd-server: policies planted in its ConfigMap, the module run against it, can-i asked."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import requests
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fleetops.argocd.plugins.module_utils import _wiring, arguments
from ansible_collections.fleetops.argocd.plugins.module_utils._flows import rbac_policy

from .texts import MARKER_ACTION, MARKER_RESOURCE, SUBJECT

VISIBLE_SECONDS = 30
BROKEN = "broken"
GRPC_INTERNAL = 13
NAMESPACE = "argocd"

Question = tuple[str, str, str]


class RealServer:
    """One Argo CD with the account that is asked for; `cluster` is its part of the testbed's info file."""

    def __init__(self, cluster: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._kubernetes = _session(cluster["ca_file"], cluster["kubernetes_token"])
        self._argocd = _session(cluster["ca_file"], None)
        self._admin = self._login()
        self._make_account()
        self._token = self._minted()

    def version(self) -> str:
        return str(self._call("GET", "version").json()["Version"])

    def _call(self, method: str, path: str, token: str = "", body: Any = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self._cluster['argocd_url']}/api/{path}"
        return self._argocd.request(method, url, headers=headers, json=body, timeout=30)

    def _login(self) -> str:
        body = {"username": "admin", "password": self._cluster["admin_password"]}
        return str(self._call("POST", "v1/session", body=body).json()["token"])

    def _make_account(self) -> None:
        headers = {"Content-Type": "application/merge-patch+json"}
        body = json.dumps({"data": {f"accounts.{SUBJECT}": "apiKey"}})
        answer = self._kubernetes.patch(self._config_map("argocd-cm"), data=body, headers=headers, timeout=30)
        answer.raise_for_status()

    def _minted(self) -> str:
        """The account is seen a moment after it was written."""
        deadline = time.monotonic() + VISIBLE_SECONDS
        while True:
            answer = self._call("POST", f"v1/account/{SUBJECT}/token", self._admin, {})
            if answer.status_code != 404 or time.monotonic() > deadline:
                answer.raise_for_status()
                return str(answer.json()["token"])

    def _config_map(self, name: str) -> str:
        return f"{self._cluster['kubernetes_url']}/api/v1/namespaces/{NAMESPACE}/configmaps/{name}"

    def read(self) -> dict[str, str]:
        """The policy as the API server has it."""
        answer = self._kubernetes.get(self._config_map("argocd-rbac-cm"), timeout=30)
        answer.raise_for_status()
        return dict(answer.json().get("data") or {})

    def plant(self, data: Mapping[str, str]) -> None:
        """Replace the whole policy."""
        url = self._config_map("argocd-rbac-cm")
        shape = self._kubernetes.get(url, timeout=30).json()
        self._kubernetes.put(url, json={**shape, "data": data}, timeout=30).raise_for_status()

    def ask(self, question: Question, *, as_admin: bool = False) -> str:
        """Return `yes`, `no`, or `broken` where the server panics on its policy."""
        action, resource, target = question
        path = "/".join(quote(part, safe="") for part in (resource, action, target))
        answer = self._call("GET", f"v1/account/can-i/{path}", self._admin if as_admin else self._token)
        if answer.status_code == 500 and answer.json()["code"] == GRPC_INTERNAL:
            return BROKEN
        answer.raise_for_status()
        return str(answer.json()["value"])

    def when_in_force(self, marker: str) -> str:
        """Wait until the policy that allows the marker is in force; return `yes`, or `broken`."""
        return self._wait(("yes", BROKEN), marker)

    def clear(self, marker: str) -> None:
        """Take every policy away, so that the next one is not taken for the one before."""
        self.plant({})
        self._wait(("no",), marker)

    def _wait(self, answers: Collection[str], marker: str) -> str:
        deadline = time.monotonic() + VISIBLE_SECONDS
        while (answer := self.ask((MARKER_ACTION, MARKER_RESOURCE, marker))) not in answers:
            if time.monotonic() > deadline:
                sys.exit(f"{marker}: no answer of {answers} after {VISIBLE_SECONDS} s")
        return answer

    def run_module(self, options: Mapping[str, Any], *, check_mode: bool = False) -> dict[str, Any]:
        """Run argocd_rbac_policy as Ansible would, in this process; return its result."""
        connection = {
            "host": self._cluster["kubernetes_url"],
            "api_key": self._cluster["kubernetes_token"],
            "ca_cert": self._cluster["ca_file"],
            "argocd_url": self._cluster["argocd_url"],
            "argocd_auth_token": self._admin,
            "argocd_ca_cert": self._cluster["ca_file"],
        }
        spec = arguments.RBAC_POLICY
        validated = ArgumentSpecValidator(spec.argument_spec).validate({**connection, **options})
        if validated.error_messages:
            sys.exit(f"cannot run the module: {validated.error_messages}")
        around = _wiring.Surroundings(open_sink=_no_sink, open_values=_no_sink, claim=lambda _target, _about: None)
        params = validated.validated_parameters
        result, _met = _wiring.carry_out(spec, rbac_policy.run, params, around, check_mode=check_mode, diff=False)
        return result


def _no_sink(options: Mapping[str, Any], _account: str = "") -> Any:
    sys.exit(f"the policy needs no sink, and asked for {options}")


def _session(ca_file: str, token: str | None) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_file
    if token:
        session.headers["Authorization"] = f"Bearer {token}"
    return session
