# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The places a token, or a password, is stored in, read and restored without the collection's help."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import requests
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from argocd_sandbox.cluster import Cluster
from argocd_sandbox.http import Request, Response
from argocd_sandbox.store import Key

KEY, RECORD_KEY = "token", "token_record"
ANNOTATION = "record.fleetops.argocd/token"
VARIABLE, RECORD_VARIABLE = "argocd_robot_token", "argocd_robot_token_record"
SECRET = Key("Secret", "default", "consumer")
VAULT_PASSWORD = "planted-vault-password"
FOREIGN = "of-somebody-else"
# Where requests to OpenBao arrive, below the cluster's own path: they are counted, held and answered like all others.
VAULT_SECTION = "vault"
READS = ("GET", "HEAD", "LIST")


@dataclass(frozen=True)
class Held:
    """What a place holds: `others` is everything in it that is not ours, None where nothing else is or no such place.

    `copies` are the values of further places.
    """

    value: str | None = field(repr=False)
    record: Mapping[str, Any] | None
    others: Any = field(repr=False)
    copies: tuple[str | None, ...] = field(default=(), repr=False)


def value_sent(request: Request) -> str | None:
    """The value that a request brings to a Secret, where it is in base64, or to OpenBao."""
    try:
        shape = json.loads(request.body)
    except ValueError:
        return None
    data = shape.get("data") if isinstance(shape, dict) else None
    value = data.get(KEY) if isinstance(data, dict) else None
    if value is None or f"/{VAULT_SECTION}/" in request.path:
        return value
    return base64.b64decode(value).decode()


class Place(Protocol):
    """One place of one cluster."""

    def options(self) -> list[dict[str, Any]]:
        """What is given as `store`."""

    def fill(self) -> None:
        """Bring it to where a first run may start: only what is not ours is there."""

    def clear(self) -> None:
        """Bring it to where the first run of a new host starts: there is no such place."""

    def read(self) -> Held:
        """As its reader does."""

    def mark(self) -> Any:
        """Return what is the same only where nothing was written since; writes that the sandbox counts are left out."""

    def save(self) -> Any:
        """Return all of it."""

    def restore(self, saved: Any) -> None:
        """Bring it back to what `save` returned, on this or another cluster."""

    def undo(self, saved: Any) -> None:
        """Bring it back as somebody else does who writes there, too."""


class _Tagged(yaml.SafeLoader):
    """Reads `!vault` as its text."""


_Tagged.add_constructor("!vault", lambda loader, node: loader.construct_scalar(node))  # type: ignore[arg-type]


class VaultFile:
    """A vaulted variable in a file; around it a variable, another vaulted one and comments of somebody else."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "argocd.yml"
        self._vault = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))])
        self._known: tuple[bytes | None, Held] | None = None

    def options(self) -> list[dict[str, Any]]:
        return [{"type": "ansible_vault", "file": str(self.file), "variable": VARIABLE}]

    def fill(self) -> None:
        self.clear()
        self.directory.mkdir(parents=True)
        other = bytes(self._vault.encrypt(FOREIGN, vault_id="default")).decode()
        block = "".join(f"          {line}\n" for line in other.splitlines())
        text = f"---\n# kept by hand\nregion: eu  # not ours\ndatabase_password: !vault |\n{block}\nlast: true\n"
        self.file.write_text(text)
        self.file.chmod(0o640)

    def clear(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def read(self) -> Held:
        raw = self.save()
        if self._known is None or self._known[0] != raw:
            self._known = (raw, self._parse(raw))
        return self._known[1]

    def _parse(self, raw: bytes | None) -> Held:
        if raw is None:
            return Held(None, None, None)
        values = yaml.load(raw, _Tagged) or {}  # noqa: S506 # a SafeLoader
        cipher = values.get(VARIABLE)
        token = self._vault.decrypt(cipher.encode()).decode() if cipher else None
        ours = re.compile(rf"^({VARIABLE}|{RECORD_VARIABLE}):.*\n(?:[ ]+.*\n)*", re.MULTILINE)
        rest, mode = ours.sub("", raw.decode()), self.file.stat().st_mode
        others = (rest, mode) if rest.replace("---", "").strip() else None
        return Held(token, values.get(RECORD_VARIABLE), others)

    def mark(self) -> Any:
        there = self.directory.iterdir() if self.directory.exists() else ()
        return sorted((path.name, path.stat().st_mode, path.read_bytes()) for path in there)

    def save(self) -> bytes | None:
        return self.file.read_bytes() if self.file.exists() else None

    def restore(self, saved: bytes | None) -> None:
        self.clear()
        if saved is None:
            return
        self.directory.mkdir(parents=True)
        self.file.write_bytes(saved)
        self.file.chmod(0o640)

    def undo(self, saved: bytes | None) -> None:
        self.restore(saved)


class KubernetesSecret:
    """A key of a Secret of the same cluster; its objects are saved and restored with the rest of it."""

    def __init__(self, cluster: Cluster, url: str, ca_file: str) -> None:
        self._cluster = cluster
        self._connection = {"host": f"{url}/k8s", "ca_cert": ca_file, "api_key": cluster.kubernetes_token}

    def options(self) -> list[dict[str, Any]]:
        where = {"namespace": SECRET.namespace, "name": SECRET.name, "key": KEY}
        return [{"type": "kubernetes_secret", **where, "connection": self._connection}]

    def fill(self) -> None:
        metadata = {"name": SECRET.name, "namespace": SECRET.namespace}
        notes = {"labels": {"team": "theirs"}, "annotations": {"note": "theirs"}}
        data = {"other": base64.b64encode(FOREIGN.encode()).decode()}
        self._cluster.plant({"kind": "Secret", "metadata": {**metadata, **notes}, "type": "Opaque", "data": data})

    def clear(self) -> None:
        self._cluster.uproot(SECRET)

    def read(self) -> Held:
        found = self._cluster.store.get(SECRET)
        if found is None:
            return Held(None, None, None)
        metadata, data = found["metadata"], dict(found.get("data") or {})
        notes = dict(metadata.get("annotations") or {})
        token, record = data.pop(KEY, None), notes.pop(ANNOTATION, None)
        others = (data, notes, metadata.get("labels"), found.get("type")) if data or notes else None
        return Held(base64.b64decode(token).decode() if token else None, json.loads(record) if record else None, others)

    def mark(self) -> Any:
        return None

    def save(self) -> Any:
        return self._cluster.store.get(SECRET)

    def restore(self, saved: Any) -> None:
        if saved:
            self._cluster.plant(saved)
        else:
            self.clear()

    def undo(self, saved: Any) -> None:
        self.restore(saved)


class OpenBaoSecret:
    """A key of a secret in a real OpenBao, one path for each cluster, reached through the cluster's own door."""

    def __init__(self, cluster: Cluster, url: str, ca_file: str, bao: Mapping[str, str]) -> None:
        self._path = cluster.name
        self._bao = bao
        self._session = requests.Session()
        self._session.headers["X-Vault-Token"] = bao["root"]
        self._connection = {"url": f"{url}/{VAULT_SECTION}", "ca_cert": ca_file, "token": bao["root"]}
        # What is there, and which write it was read after: all of them come by _ask, which no run can go around.
        self._write_seen: object = None
        self._known: tuple[object, dict[str, Any] | None] | None = None
        cluster.apis[VAULT_SECTION] = self._forward

    def _ask(self, method: str, path: str, **content: Any) -> requests.Response:
        # Said for each request: the session's own setting loses to REQUESTS_CA_BUNDLE.
        url, verify = f"{self._bao['url']}{path}", self._bao["ca_file"]
        try:
            if method not in READS:
                self._write_seen = object()
            return self._session.request(method, url, timeout=30, verify=verify, **content)
        finally:
            # Once more: whoever read meanwhile may have read what was there before.
            if method not in READS:
                self._write_seen = object()

    def _forward(self, request: Request) -> Response:
        headers = {"X-Vault-Token": request.header("x-vault-token")}
        path = f"{request.path}?{request.query}" if request.query else request.path
        reply = self._ask(request.method, path, data=request.body, headers=headers)
        return Response(reply.status_code, reply.content, reply.headers.get("Content-Type", ""))

    def options(self) -> list[dict[str, Any]]:
        return [{"type": "hashicorp_vault", "path": self._path, "key": KEY, "connection": self._connection}]

    def fill(self) -> None:
        self.restore({"other": FOREIGN})

    def clear(self) -> None:
        self._ask("DELETE", f"/v1/secret/metadata/{self._path}").raise_for_status()

    def mark(self) -> Any:
        reply = self._ask("GET", f"/v1/secret/metadata/{self._path}")
        return reply.json()["data"]["current_version"] if reply.ok else None

    def save(self) -> dict[str, Any] | None:
        seen = self._write_seen
        if self._known is None or self._known[0] is not seen:
            self._known = (seen, self._fetch())
        found = self._known[1]
        return None if found is None else dict(found)

    def _fetch(self) -> dict[str, Any] | None:
        reply = self._ask("GET", f"/v1/secret/data/{self._path}")
        if reply.status_code == 404:
            return None
        reply.raise_for_status()
        return dict(reply.json()["data"]["data"] or {})

    def read(self) -> Held:
        data = self.save() or {}
        token, record = data.pop(KEY, None), data.pop(RECORD_KEY, None)
        return Held(token, json.loads(record) if record else None, data or None)

    def restore(self, saved: dict[str, Any] | None) -> None:
        self.clear()
        if saved is not None:
            self._write(saved)

    def undo(self, saved: dict[str, Any] | None) -> None:
        """As a version of its own: that numbers go up is what our writes are compared by."""
        if saved is None:
            self._ask("DELETE", f"/v1/secret/data/{self._path}").raise_for_status()
        else:
            self._write(saved)

    def _write(self, data: Mapping[str, Any]) -> None:
        self._ask("POST", f"/v1/secret/data/{self._path}", json={"data": data}).raise_for_status()


class Both:
    """Two places of one token: the first is read and decides."""

    def __init__(self, first: Place, second: Place) -> None:
        self._first, self._second = first, second

    def options(self) -> list[dict[str, Any]]:
        return [*self._first.options(), *self._second.options()]

    def fill(self) -> None:
        self._first.fill()
        self._second.fill()

    def clear(self) -> None:
        self._first.clear()
        self._second.clear()

    def read(self) -> Held:
        held, other = self._first.read(), self._second.read()
        return replace(held, others=(held.others, other.others), copies=(other.value,))

    def mark(self) -> Any:
        return self._first.mark(), self._second.mark()

    def save(self) -> Any:
        return self._first.save(), self._second.save()

    def restore(self, saved: Any) -> None:
        self._first.restore(saved[0])
        self._second.restore(saved[1])

    def undo(self, saved: Any) -> None:
        self._first.undo(saved[0])
        self._second.undo(saved[1])
