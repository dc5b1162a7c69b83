# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster in this very process, spoken to without a network: quick, and any Argo CD release at will."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from argocd_sandbox.argocd.release import Release
from argocd_sandbox.cluster import Behaviour, Cluster
from argocd_sandbox.http import Request, Response
from argocd_sandbox.store import Key

MERGE = "application/merge-patch+json"
JSON = "application/json"
CONFIG_MAPS = "/api/v1/namespaces/argocd/configmaps"
SECRETS = "/api/v1/namespaces/argocd/secrets"


@dataclass(frozen=True)
class Reply:
    """An answer, with its body as text and as JSON (None where it is none)."""

    status: int
    text: str
    headers: dict[str, str]
    content_type: str

    @classmethod
    def of(cls, response: Response) -> Reply:
        return cls(response.status, response.body.decode(), dict(response.headers), response.content_type)

    @property
    def json(self) -> Any:
        return json.loads(self.text) if self.content_type == JSON else None

    @property
    def error(self) -> tuple[int, int, str]:
        """HTTP status, gRPC code, message."""
        return self.status, self.json["code"], self.json["message"]


class Lab:
    """One cluster; writes of the lab itself are seen by Argo CD at once."""

    def __init__(self, version: str = "3.5.0", *, visible_after: float = 0.0) -> None:
        self.cluster = Cluster("c1", Behaviour(visible_after, 0.0, Release.parse(version)))

    # the two APIs

    def argocd(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        sent = {"content-type": JSON, **({"authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        path, _mark, query = path.partition("?")
        return Reply.of(self.cluster.argocd(Request(method, path, query, sent, content)))

    def kubernetes(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = MERGE,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        token = f"Bearer {self.cluster.kubernetes_token}"
        sent = {"content-type": content_type, "authorization": token, **(headers or {})}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        path, _mark, query = path.partition("?")
        return Reply.of(self.cluster.kubernetes(Request(method, path, query, sent, content)))

    # preparation

    def set_data(self, name: str, data: Mapping[str, str | None], kind: str = "ConfigMap") -> None:
        """Set (None: remove) keys of a ConfigMap or Secret of the installation."""
        item = self.cluster.store.get(Key(kind, "argocd", name))
        assert item is not None
        merged = {**self.data(name, kind), **data}
        plain = {key: value for key, value in merged.items() if value is not None}
        item["data"] = {k: base64.b64encode(v.encode()).decode() if kind == "Secret" else v for k, v in plain.items()}
        self.cluster.plant(item)

    def data(self, name: str, kind: str = "ConfigMap") -> dict[str, str]:
        item = self.cluster.store.get(Key(kind, "argocd", name))
        assert item is not None
        values: dict[str, str] = item.get("data", {})
        return {k: base64.b64decode(v).decode() if kind == "Secret" else v for k, v in values.items()}

    def configure(self, **data: str | None) -> None:
        """Keys of argocd-cm; `__` stands for a dot."""
        self.set_data("argocd-cm", {key.replace("__", "."): value for key, value in data.items()})

    def secret(self, **data: str | None) -> None:
        self.set_data("argocd-secret", {key.replace("__", "."): value for key, value in data.items()}, "Secret")

    def policy(self, text: str, **other: str) -> None:
        self.set_data("argocd-rbac-cm", {"policy.csv": text, **{k.replace("__", "."): v for k, v in other.items()}})

    # tokens

    def login(self, username: str = "admin", password: str | None = None) -> Reply:
        password = self.cluster.admin_password if password is None else password
        return self.argocd("POST", "/api/v1/session", {"username": username, "password": password})

    def admin(self) -> str:
        token: str = self.login().json["token"]
        return token

    def create_token(self, name: str, token_id: str = "ci", expires_in: int = 0) -> str:
        body = {"id": token_id, "expiresIn": expires_in}
        reply = self.argocd("POST", f"/api/v1/account/{name}/token", body, token=self.admin())
        assert reply.status == 200, reply.text
        token: str = reply.json["token"]
        return token

    def forge(self, claims: Mapping[str, Any], *, key: str | None = None, algorithm: str = "HS256") -> str:
        """A token with any claims, signed with the server's own key."""
        secret = self.data("argocd-secret", "Secret")["server.secretkey"] if key is None else key
        return jwt.encode(dict(claims), secret, algorithm)

    def can_i(self, token: str, question: str) -> str:
        """`yes`, `no`, or the error message, for `resource/action/object`."""
        reply = self.argocd("GET", f"/api/v1/account/can-i/{question}", token=token)
        answer: str = reply.json["value"] if reply.status == 200 else reply.json["message"]
        return answer


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims
