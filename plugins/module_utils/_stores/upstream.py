# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Account and policy keys where the ConfigMaps are made from; what is not made from there is in the cluster as ever."""

from __future__ import annotations

from dataclasses import replace

from .._clients.kubernetes import KubernetesClient
from .._core.plan import SetKeys
from .configmaps import ConfigMapStore
from .port import Snapshot, Source

__all__ = ("UpstreamStore",)


class UpstreamStore(ConfigMapStore):
    """The keys of a source, with the metadata of the object that is made from them."""

    def __init__(self, client: KubernetesClient, source: Source) -> None:
        super().__init__(client)
        self._source = source
        self.upstream = source.label

    def keeps(self, name: str, key: str) -> bool:
        """Whether the source has a place for the key."""
        return self._source.holds(name, key)

    def read(self, kind: str, name: str) -> Snapshot:
        """Return the keys of the source, and those of the object that the source does not hold, or leaves as they are.

        Which of them the source could hold and does not is told besides: these count, too, whoever has set them.
        """
        snapshot = self.live(kind, name)
        if kind != "configmaps":
            return snapshot
        kept = self._source.read(name)
        unset = {key: text for key, text in snapshot.data.items() if self.keeps(name, key) and key not in kept}
        hidden = () if self._source.leaves(name) else unset
        live = {key: text for key, text in snapshot.data.items() if key not in hidden}
        return replace(snapshot, data={**live, **kept}, source=self._source.metadata, unset=unset)

    def _send(self, step: SetKeys, *, dry_run: bool) -> None:
        values = step.values if step.kind == "configmaps" else {}
        upstream = {key: text for key, text in values.items() if self.keeps(step.name, key)}
        live = {key: text for key, text in step.values.items() if key not in upstream}
        # First what carries the version that was read: once the source is written, others write the ConfigMap.
        if live:
            super()._send(replace(step, values=live), dry_run=dry_run)
        if upstream:
            self._source.write(replace(step, values=upstream), dry_run=dry_run)
