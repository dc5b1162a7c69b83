# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which field manager owns which field: `metadata.managedFields` for operation Update.

Source: Kubernetes documentation, Server-Side Apply, section Field management.
"""

from __future__ import annotations

from typing import Any

from .store import Object

Path = tuple[str, ...]

OWNED_MAPS: tuple[Path, ...] = (("data",), ("binaryData",), ("metadata", "labels"), ("metadata", "annotations"))
OWNED_VALUES: tuple[Path, ...] = (("type",), ("immutable",), ("spec",), ("metadata", "ownerReferences"))


def _at(item: Object, path: Path) -> Any:
    value: Any = item
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def leaves(item: Object) -> dict[Path, Any]:
    """Each owned field with its value; ('data', '.') stands for the existence of the map itself."""
    found: dict[Path, Any] = {}
    for path in OWNED_MAPS:
        values = _at(item, path)
        if values is not None:
            found.update({(*path, key): value for key, value in {".": True, **values}.items()})
    for path in OWNED_VALUES:
        if (value := _at(item, path)) is not None:
            found[path] = value
    return found


def _fields(paths: set[Path]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in sorted(paths):
        node = tree
        for part in path:
            node = node.setdefault("." if part == "." else f"f:{part}", {})
    return _collapsed(tree)


def _collapsed(tree: dict[str, Any]) -> dict[str, Any]:
    """A map of which only the existence is owned is written without the dot."""
    return {} if list(tree) == ["."] else {name: _collapsed(below) for name, below in tree.items()}


def _paths(fields: dict[str, Any], prefix: Path = ()) -> set[Path]:
    found: set[Path] = set()
    for name, below in fields.items():
        path = (*prefix, name.removeprefix("f:"))
        found |= _paths(below, path) if below else {(*path, ".") if path in OWNED_MAPS else path}
    return found


def record_update(before: Object | None, after: Object, manager: str, now: str) -> list[Object]:
    """The managedFields of `after`: changed fields go to `manager`, removed ones to nobody.

    An object that has none is not followed from then on. Source: apimachinery pkg/util/managedfields/internal
    (skipnonapplied.go; managedfields.go for the order).
    """
    if before is not None and not before["metadata"].get("managedFields"):
        return []
    old, new = leaves(before or {}), leaves(after)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    entries: list[Object] = []
    mine = set(changed)
    for entry in (before or {}).get("metadata", {}).get("managedFields", []):
        is_mine = entry.get("manager") == manager and entry.get("operation") == "Update"
        kept = (_paths(entry.get("fieldsV1", {})) & new.keys()) - changed
        if is_mine:
            mine |= kept
        elif kept:
            entries.append({**entry, "fieldsV1": _fields(kept)})
    if mine:
        entries.append(_entry(manager, now, after.get("apiVersion", "v1"), mine))
    return sorted(entries, key=lambda entry: (entry["time"], entry["manager"]))


def _entry(manager: str, now: str, api_version: str, paths: set[Path]) -> Object:
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": api_version,
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": _fields(paths),
    }
