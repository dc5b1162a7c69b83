# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster: its objects, the two APIs over them, and what a test wants to know or change."""

from __future__ import annotations

import secrets
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import bcrypt

from .argocd.api import ArgoCd
from .argocd.rbac import Rbac
from .argocd.release import Release
from .clock import Clock
from .faults import Faults, Touch
from .http import Request, Response
from .installation import MANAGER, PROVISIONER, fresh_installation, provisioner_rights
from .kubernetes.api import KubernetesApi
from .kubernetes.objects import normalised
from .ledger import Ledger
from .managed_fields import record_update
from .snapshot import Snapshot
from .store import Key, Object, ObjectStore, key_of

REMEMBERED_REQUESTS = 1000
TOUCHED = "sandbox/touched"
# The cheapest cost bcrypt has: N clusters start in well under two seconds, and nobody attacks this hash.
BCRYPT_COST = 4


@dataclass(frozen=True)
class Behaviour:
    """Of the Argo CD servers: delays in seconds, and the release they are."""

    visible_after: float
    login_delay: float
    release: Release


class Cluster:
    """Credentials live as long as the process; everything else is new after a reset.

    `lock` guards all state; a condition, because waiting on it gives it free for the time.
    """

    def __init__(self, name: str, behaviour: Behaviour) -> None:
        self.name = name
        self.behaviour = behaviour
        self.lock = threading.Condition(threading.RLock())
        self.kubernetes_token, self.provisioner_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.admin_password = secrets.token_urlsafe(12)
        self.admin_hash = bcrypt.hashpw(self.admin_password.encode(), bcrypt.gensalt(BCRYPT_COST, prefix=b"2a"))
        # By section of the path.
        self.apis: dict[str, Callable[[Request], Response]] = {"k8s": self.kubernetes, "argocd": self.argocd}
        self.reset()

    def reset(self, objects: Iterable[Object] | None = None) -> None:
        """Begin anew: with a fresh installation, or with these objects and no other."""
        self.clock = Clock()
        self.ledger = Ledger()
        self.faults = Faults()
        self.requests: deque[dict[str, Any]] = deque(maxlen=REMEMBERED_REQUESTS)
        self.store = ObjectStore(self._on_change)
        rbac = Rbac(self.store, self.behaviour.release)
        self.snapshot = Snapshot(self.behaviour.visible_after, rbac.on_event)
        users = {self.kubernetes_token: "", self.provisioner_token: PROVISIONER}
        self._kubernetes = KubernetesApi(self.store, self.ledger, self.clock, users, self.inside)
        self._argocd = ArgoCd(
            store=self.store,
            snapshot=self.snapshot,
            rbac=rbac,
            ledger=self.ledger,
            clock=self.clock,
            release=self.behaviour.release,
            root=f"/{self.name}/argocd",
            login_delay=self.behaviour.login_delay,
            pause=self.lock.wait,
        )
        for item in self._fresh() if objects is None else objects:
            self.plant(item)

    def _fresh(self) -> list[Object]:
        return [*fresh_installation(self.admin_hash.decode(), self.clock.rfc3339()), *provisioner_rights()]

    def _on_change(self, key: Key, item: Object | None) -> None:
        self.snapshot.record(key, item)

    def kubernetes(self, request: Request) -> Response:
        with self.lock:
            return self._kubernetes.handle(request)

    def argocd(self, request: Request) -> Response:
        with self.lock:
            return self._argocd.handle(request)

    def inside(self, request: Request) -> Response:
        """Argo CD as the cluster's own network sees it; unlike a real one it also answers without its root path."""
        root = f"/{self.name}/argocd"
        return self.argocd(request.below(root) if request.path.startswith(f"{root}/") else request)

    def plant(self, item: Object) -> Object:
        """Create or replace an object outside the APIs: not counted, seen by Argo CD at once."""
        item = {"apiVersion": "v1", **item}
        before = self.store.get(key_of(item))
        now = self.clock.rfc3339()
        known = {"uid": str(uuid.uuid4()), "creationTimestamp": now}
        if before is not None:
            known = {field: before["metadata"][field] for field in known}
        item["metadata"] = {**known, **item["metadata"]}
        item = normalised(item)
        if "managedFields" not in item["metadata"]:
            item["metadata"]["managedFields"] = record_update(before, item, MANAGER, now)
            item = normalised(item)
        stored = self.store.put(item)
        self.snapshot.resync()
        return stored

    def touch(self, touch: Touch) -> None:
        """Change an annotation, and data, as somebody else would; KeyError if there is no such object."""
        with self.lock:
            found = self.store.get(touch.key)
            if found is None:
                raise KeyError(touch.key)
            metadata = {name: value for name, value in found["metadata"].items() if name != "managedFields"}
            metadata["annotations"] = {**(metadata.get("annotations") or {}), TOUCHED: str(uuid.uuid4())}
            data = {"data": {**(found.get("data") or {}), **touch.data}} if touch.data else {}
            self.plant({**found, **data, "metadata": metadata})

    def uproot(self, key: Key) -> bool:
        """Delete an object outside the APIs; False if there is none."""
        if self.store.get(key) is None:
            return False
        self.store.delete(key)
        self.snapshot.resync()
        return True

    def remember(self, request: Request, status: int | None) -> None:
        with self.lock:
            entry = {"method": request.method, "path": request.path, "query": request.query, "status": status}
            self.requests.append(entry)

    def forget_requests(self) -> None:
        self.requests.clear()
        self.faults.seen = 0
