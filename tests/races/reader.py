# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The independent reader: what the servers of one cluster hold, and what every replica answers to a token.

It knows nothing of the collection. It also is who else writes there: what a scenario needs, faults, other accounts.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import requests

NAMESPACE = "argocd"
SEEN_SECONDS = 30
NOUNS = {"argocd-cm": "configmaps", "argocd-rbac-cm": "configmaps", "argocd-secret": "secrets"}
MERGE = {"Content-Type": "application/merge-patch+json"}


class Cluster:
    """One cluster; `shape` is its part of the info file of tests/sandbox or tests/testbed."""

    def __init__(self, name: str, shape: Mapping[str, Any], ca_file: str) -> None:
        self.name = name
        self.shape = shape
        self.ca_file = str(shape.get("ca_file", ca_file))
        # The sandbox has one Argo CD behind one address; of the testbed each replica is asked by itself.
        self.replicas = list(shape.get("direct", {}).get("argocd_urls", [shape["argocd_url"]]))

    def session(self, token: str = "") -> requests.Session:
        """One for each thread. A proxy of the environment knows no loopback address."""
        session = requests.Session()
        session.trust_env = False
        session.verify = self.ca_file
        if token:
            session.headers["Authorization"] = f"Bearer {token}"
        return session

    def _kubernetes(self, method: str, path: str, **more: Any) -> requests.Response:
        with self.session(self.shape["kubernetes_token"]) as session:
            url = f"{self.shape['kubernetes_url']}/api/v1/namespaces/{path}"
            return session.request(method, url, timeout=30, **more)

    def read(self, name: str) -> dict[str, Any]:
        """One of the objects of Argo CD, as the API server has it."""
        answer = self._kubernetes("GET", f"{NAMESPACE}/{NOUNS[name]}/{name}")
        answer.raise_for_status()
        return dict(answer.json())

    def data(self, name: str) -> dict[str, str]:
        """Its `data`, that of the Secret as text."""
        data = self.read(name).get("data") or {}
        return decoded(data) if NOUNS[name] == "secrets" else dict(data)

    def set(self, name: str, data: Mapping[str, str | None]) -> None:
        """Set keys as somebody else would."""
        path = f"{NAMESPACE}/{NOUNS[name]}/{name}"
        self._kubernetes("PATCH", path, data=json.dumps({"data": data}), headers=MERGE).raise_for_status()

    def replace(self, name: str, shape: Mapping[str, Any]) -> bool:
        """Write the whole object if it is still the one that was read; whether it was."""
        answer = self._kubernetes("PUT", f"{NAMESPACE}/{NOUNS[name]}/{name}", json=shape)
        if answer.status_code == requests.codes.conflict:
            return False
        answer.raise_for_status()
        return True

    def consumer(self, name: str) -> dict[str, str]:
        """The Secret of a token's reader, in the namespace `default`; {} where there is none."""
        answer = self._kubernetes("GET", f"default/secrets/{name}")
        return decoded(answer.json().get("data") or {}) if answer.ok else {}

    def listed(self, account: str) -> list[str]:
        """The ids of the account's tokens, as argocd-secret has them."""
        listed = json.loads(self.data("argocd-secret").get(f"accounts.{account}.tokens", "[]"))
        return [item["id"] for item in listed or []]

    def accepted(self, token: str, account: str) -> bool:
        """Whether every replica takes the token for this account."""
        return all(self._user(replica, token) == account for replica in self.replicas)

    def _user(self, url: str, token: str) -> str | None:
        with self.session(token) as session:
            answer = session.get(f"{url}/api/v1/session/userinfo", timeout=30)
        shape = answer.json() if answer.ok else {}
        return shape.get("username") if shape.get("loggedIn") else None

    def admin(self) -> str:
        """A session of the admin."""
        body = {"username": "admin", "password": self.shape["admin_password"]}
        with self.session() as session:
            answer = session.post(f"{self.shape['argocd_url']}/api/v1/session", json=body, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["token"])

    def wait_for_account(self, account: str) -> None:
        """Until every replica has seen it."""
        deadline = time.monotonic() + SEEN_SECONDS
        with self.session(self.admin()) as session:
            for replica in self.replicas:
                while not session.get(f"{replica}/api/v1/account/{account}", timeout=30).ok:
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"{replica} does not see account {account}")
                    time.sleep(0.1)

    def slow_down(self, method: str, path: str, *, seconds: float, times: int) -> None:
        """Have requests handled late."""
        fault = {"match": {"method": method, "path": path}, "times": times, "delay": seconds}
        self._control("POST", fault)

    def speed_up(self) -> None:
        """Forget about it."""
        self._control("DELETE")

    def _control(self, method: str, body: Any = None) -> None:
        with self.session() as session:
            # Its own certificate is that of the common authority.
            session.request(method, f"{self.shape['control_url']}/faults", json=body, timeout=30).raise_for_status()


def token_id(token: str) -> str:
    """What a JWT says of itself."""
    payload = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"])


def decoded(data: Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in data.items()}
