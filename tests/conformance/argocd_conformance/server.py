# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One side of the comparison: a cluster with Argo CD in it, real or not, and what was said to it."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any
from urllib.parse import urlencode, urlsplit

from .script import Ask, Put, Remove, Set, Sign, Step

# Callers: without credentials, the administrator, and (of Kubernetes) the user who has the Roles of docs/rights.
NOBODY, ADMIN, PROVISIONER = "nobody", "admin", "provisioner"
TIMES = ("exp", "nbf", "iat")
DIGESTS = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
TIMEOUT = 60
OBJECTS = "/api/v1/namespaces/argocd"
SECRET = f"{OBJECTS}/secrets/argocd-secret"
MERGE_PATCH = "application/merge-patch+json"
JSON = "application/json"


class CannotPrepare(Exception):
    """A step that only prepares was refused, so that nothing after it would mean anything."""


@dataclass(frozen=True)
class Answer:
    """As it came, status 0 where none did. Header names are in lower case; one sent more than once has many lines."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True)
class Address:
    """Where an API is, and which TLS certificates it may show."""

    url: str
    context: ssl.SSLContext

    def send(self, method: str, path: str, headers: Mapping[str, str], body: str | None = None) -> Answer:
        """One request on a connection of its own; the path goes out as it is."""
        place = urlsplit(self.url)
        assert place.hostname is not None
        connection = http.client.HTTPSConnection(place.hostname, place.port, context=self.context, timeout=TIMEOUT)
        content = None if body is None else body.encode()
        try:
            connection.putrequest(method, place.path + path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if content is not None:
                connection.putheader("Content-Length", str(len(content)))
            connection.endheaders(content)
            answer = connection.getresponse()
            found: dict[str, str] = {}
            for name, value in answer.getheaders():
                key = name.lower()
                found[key] = f"{found[key]}\n{value}" if key in found else value
            return Answer(answer.status, found, answer.read().decode("utf-8", "replace"))
        except (http.client.HTTPException, ConnectionError) as error:
            return Answer(0, body=type(error).__name__)
        finally:
            connection.close()


class Server:
    """A cluster as an info file describes it (tests/sandbox/README.md, tests/testbed/README.md)."""

    def __init__(self, described: Mapping[str, str], ca_file: str) -> None:
        context = ssl.create_default_context(cafile=described.get("ca_file", ca_file))
        self.argocd_url = described["argocd_url"]
        self._apis = {name: Address(described[f"{name}_url"], context) for name in ("argocd", "kubernetes")}
        self._control = Address(described["control_url"], ssl.create_default_context(cafile=ca_file))
        self._tokens = {ADMIN: described["kubernetes_token"], PROVISIONER: described["provisioner_token"]}
        self._admin_password = described["admin_password"]
        self.names: dict[str, str] = {}

    def reset(self) -> None:
        """A fresh installation; the admin of a group is a session signed with its key, as no login is a second long."""
        self.control("POST", "/reset")
        self.names = {"admin_password": self._admin_password}
        self._sign(Sign(ADMIN, {"iss": "argocd", "sub": "admin:login", "jti": "conformance", "iat": 0, "exp": 86400}))

    def control(self, method: str, path: str, item: Mapping[str, Any] | None = None) -> None:
        answer = self._control.send(method, path, {}, None if item is None else json.dumps(item))
        if answer.status != 200:
            raise CannotPrepare(f"cannot prepare {method} {path}: {answer.status}: {answer.body}")

    def ask(self, ask: Ask) -> Answer:
        headers = {**self._headers(ask), **ask.headers}
        sent = {name: self._filled(value) for name, value in headers.items() if value is not None}
        body = None if ask.body is None else self._filled(ask.body)
        answer = self._apis[ask.api].send(ask.method, self._filled(ask.path), sent, body)
        for name, pointer in ask.keep.items():
            self.names[name] = _part(answer, pointer)
        return answer

    def _headers(self, ask: Ask) -> dict[str, str | None]:
        token = (self._tokens if ask.api == "kubernetes" else self.names).get(ask.caller)
        headers: dict[str, str | None] = {}
        if ask.caller != NOBODY:
            headers["Authorization"] = f"Bearer {token}"
        if ask.method != "GET":
            is_patch = ask.api == "kubernetes" and ask.method == "PATCH"
            headers["Content-Type"] = MERGE_PATCH if is_patch else JSON
        return headers

    def _filled(self, text: str) -> str:
        return Template(text).safe_substitute(self.names)

    def prepare(self, step: Step) -> None:
        match step:
            case Set(data):
                for name, values in data.items():
                    self._set(name, values)
            case Put(item):
                self.control("PUT", "/objects", item)
            case Remove(kind, name):
                self.control("DELETE", f"/objects?{urlencode({'kind': kind, 'namespace': 'argocd', 'name': name})}")
            case Sign():
                self._sign(step)

    def _kubernetes(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self._tokens[ADMIN]}", "Content-Type": MERGE_PATCH}
        answer = self._apis["kubernetes"].send(method, path, headers, None if body is None else json.dumps(body))
        if answer.status != 200:
            raise CannotPrepare(f"cannot prepare {method} {path}: {answer.status}: {answer.body}")
        return json.loads(answer.body)

    def _set(self, name: str, values: Mapping[str, str | None]) -> None:
        if name == "argocd-secret":
            encoded = {key: value and base64.b64encode(value.encode()).decode() for key, value in values.items()}
            self._kubernetes("PATCH", SECRET, {"data": encoded})
        else:
            self._kubernetes("PATCH", f"{OBJECTS}/configmaps/{name}", {"data": values})

    def _sign(self, wanted: Sign) -> None:
        key = wanted.key
        if key is None:
            key = base64.b64decode(self._kubernetes("GET", SECRET)["data"]["server.secretkey"]).decode()
        now = int(time.time())
        claims = {
            name: now + value if name in TIMES and isinstance(value, int) else value
            for name, value in wanted.claims.items()
        }
        self.names[wanted.name] = signed(claims, key, wanted.algorithm)


def signed(claims: Mapping[str, Any], key: str, algorithm: str) -> str:
    """A JWT by hand, as libraries refuse claims of a wrong type, which is what some steps are about."""
    header = {"alg": algorithm, "typ": "JWT"}
    text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
    if algorithm not in DIGESTS:
        return f"{text}."
    return f"{text}.{_encoded(hmac.digest(key.encode(), text.encode(), DIGESTS[algorithm]))}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _part(answer: Answer, pointer: str) -> str:
    """The text at `a.b.c` of a JSON answer; a refusal has none, which the comparison shows."""
    value: Any = json.loads(answer.body) if answer.body.startswith("{") else {}
    for name in pointer.split("."):
        value = value.get(name, {})
    return value if isinstance(value, str) else "absent"
