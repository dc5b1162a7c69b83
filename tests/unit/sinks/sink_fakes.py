# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Kubernetes client over the sandbox's Kubernetes API, without a network; a test can step in between."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from argocd_sandbox.argocd.release import Release
from argocd_sandbox.cluster import Behaviour, Cluster
from argocd_sandbox.http import Request
from argocd_sandbox.store import Key

from ansible_collections.fleetops.argocd.plugins.module_utils._clients.http import Reply
from ansible_collections.fleetops.argocd.plugins.module_utils._clients.kubernetes import KubernetesClient

# What happens before a request: another writer, or an error instead of the answer.
Step = Callable[[], None]


class Api:
    """Stands in for an HttpClient. `before` are steps for the next requests that write, one each.

    `rehearsed` are those for dry runs.
    """

    name = "the Kubernetes API at https://k8s"
    base_url = "https://k8s"
    server_time = None

    def __init__(self) -> None:
        self.cluster = Cluster("c1", Behaviour(0.0, 0.0, Release.parse("3.5.0")))
        self.before: list[Step] = []
        self.rehearsed: list[Step] = []
        self.after: list[Step] = []
        self.sent: list[tuple[str, str, Any]] = []

    def send(
        self,
        method: str,
        path: str,
        *,
        about: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        auth: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send as the real one does."""
        assert about.startswith("cannot ")
        dry_run = "dryRun" in (params or {})
        writes = method != "GET" and not dry_run
        steps = self.before if writes else self.rehearsed if dry_run else []
        if steps:
            steps.pop(0)()
        self.sent.append((method, path, body))
        lines = {**(headers or {}), **(auth or {})}
        sent = {name.lower(): str(value) for name, value in lines.items()}
        content = b"" if body is None else json.dumps(body).encode()
        answer = self.cluster.kubernetes(Request(method, path, urlencode(params or {}), sent, content))
        if writes and self.after:
            self.after.pop(0)()
        return Reply(answer.status, answer.body.decode(), {"Content-Type": answer.content_type})

    def client(self, namespace: str) -> KubernetesClient:
        auth = {"authorization": f"Bearer {self.cluster.kubernetes_token}"}
        http: Any = self
        return KubernetesClient(http, auth, namespace=namespace)

    # behind the collection's back

    def secret(self, namespace: str, name: str) -> dict[str, Any] | None:
        return self.cluster.store.get(Key("Secret", namespace, name))

    def plant(self, namespace: str, name: str, *, data: Mapping[str, str] | None = None, **parts: Any) -> None:
        """Create or replace a Secret; `data` is plain text."""
        metadata = {"name": name, "namespace": namespace, **parts.pop("metadata", {})}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in (data or {}).items()}
        self.cluster.plant({"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": encoded, **parts})

    def delete(self, namespace: str, name: str) -> None:
        self.cluster.store.delete(Key("Secret", namespace, name))

    @property
    def writes(self) -> int:
        return int(self.cluster.ledger.report()["kubernetes"])
