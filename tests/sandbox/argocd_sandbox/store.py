# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of one cluster, as etcd holds them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Object = dict[str, Any]


class Key(NamedTuple):
    """Names an object; `namespace` is '' for cluster-scoped kinds."""

    kind: str
    namespace: str
    name: str


def key_of(item: Object) -> Key:
    metadata = item["metadata"]
    return Key(item["kind"], metadata.get("namespace", ""), metadata["name"])


def copied(item: Object) -> Object:
    """As its JSON says, which is all of an object and takes a fraction of what copy.deepcopy does."""
    return json.loads(json.dumps(item))  # type: ignore[no-any-return]


class ObjectStore:
    """Hands out and takes in copies; every change gets a new resourceVersion and is told to `on_change`."""

    def __init__(self, on_change: Callable[[Key, Object | None], None]) -> None:
        self._objects: dict[Key, Object] = {}
        self._revision = 1000
        self._on_change = on_change

    @property
    def revision(self) -> str:
        return str(self._revision)

    def get(self, key: Key) -> Object | None:
        found = self._objects.get(key)
        return None if found is None else copied(found)

    def items(self, kind: str | None = None, namespace: str | None = None) -> Iterator[Object]:
        for key in sorted(self._objects):
            if kind in (None, key.kind) and namespace in (None, key.namespace):
                yield copied(self._objects[key])

    def put(self, item: Object) -> Object:
        stored = copied(item)
        self._revision += 1
        stored["metadata"]["resourceVersion"] = str(self._revision)
        self._objects[key_of(stored)] = stored
        self._on_change(key_of(stored), copied(stored))
        return copied(stored)

    def delete(self, key: Key) -> None:
        del self._objects[key]
        self._revision += 1
        self._on_change(key, None)
