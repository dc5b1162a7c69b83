# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of most installations: argocd-cm, argocd-rbac-cm and argocd-secret themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .._clients.kubernetes import KubernetesClient, decode_data
from .._core.plan import Plan, SetKeys
from .port import Retry, Snapshot

__all__ = ("ConfigMapStore",)


class ConfigMapStore:
    """Writes single keys, each only if the object is still the one that was planned from."""

    upstream = ""

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client
        self._versions: dict[tuple[str, str], str] = {}

    def keeps(self, name: str, key: str) -> bool:  # noqa: ARG002 # every key
        """Whether that key of that ConfigMap is kept where this store keeps keys."""
        return True

    def read(self, kind: str, name: str) -> Snapshot:
        """As `live`."""
        return self.live(kind, name)

    def live(self, kind: str, name: str) -> Snapshot:
        """Return the object and remember its version: a later write is refused if it changed."""
        shape = self._client.get(kind, name)
        self._versions[kind, name] = shape["metadata"]["resourceVersion"]
        data = decode_data(shape) if kind == "secrets" else shape.get("data") or {}
        return Snapshot(data=data, metadata=shape["metadata"])

    def settle(self, make_plan: Callable[[], Plan], *, apply: bool, retry: Retry) -> Plan:
        """Plan and apply; on a conflict `retry` has that done anew. `make_plan` reads through this store.

        Without `apply` every step is sent as a dry run, so that a plan is also the proof that it could be written.
        """
        done: list[SetKeys] = []
        before: Mapping[str, Any] = {}

        def once() -> Plan:
            nonlocal before
            plan = make_plan()
            # What others wrote before our own first write is no change of ours, and nothing to go back behind.
            before = before if done else plan.before
            self._apply(plan, done) if apply else self._rehearse(plan)
            return replace(plan, before=before, steps=(*done, *(() if apply else plan.steps)))

        return retry(once)

    def _rehearse(self, plan: Plan) -> None:
        for step in plan.steps:
            self._send(step, dry_run=True)

    def _apply(self, plan: Plan, done: list[SetKeys]) -> None:
        for step in plan.steps:
            self._send(step, dry_run=False)
            done.append(step)

    def _send(self, step: SetKeys, *, dry_run: bool) -> None:
        self._client.patch(step, resource_version=self._versions[step.kind, step.name], dry_run=dry_run)
