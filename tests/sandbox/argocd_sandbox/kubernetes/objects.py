# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure rules for objects: merging a patch, Go's decoding of fields, validation, immutability.

Source: RFC 7396; kubernetes pkg/apis/core/validation/validation.go; apimachinery pkg/api/validation/objectmeta.go.
"""

from __future__ import annotations

import base64
import binascii
import copy
import json
import re
from typing import Any

from ..go import encode
from ..store import Object
from . import status

CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
CONFIG_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
SERVER_FIELDS = ("creationTimestamp", "managedFields", "resourceVersion", "uid")
METADATA_TYPES = {"name": "string", "namespace": "string", "uid": "types.UID", "resourceVersion": "string"}
OWNER_TYPES = {"apiVersion": "string", "kind": "string", "name": "string", "uid": "types.UID"}
METADATA_ORDER = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
TYPE_META = frozenset({"apiVersion", "kind", "metadata"})
FIELDS = {
    "ConfigMap": TYPE_META | {"data", "binaryData", "immutable"},
    "Secret": TYPE_META | {"data", "stringData", "type", "immutable"},
    "Service": TYPE_META | {"spec", "status"},
    "Namespace": TYPE_META | {"spec", "status"},
}
STRING_MAPS = {"ConfigMap": ("data", "binaryData"), "Secret": ("data", "stringData")}


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396: null deletes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def pruned(item: Object) -> Object:
    """Without the fields the kind does not have: the API server drops them silently."""
    known = FIELDS.get(item["kind"])
    return item if known is None else {name: value for name, value in item.items() if name in known}


def typed(item: Object, kind: str) -> Object:
    """As an object of this kind: with its kind and metadata, without unknown fields."""
    given = item.get("metadata")
    return pruned({**item, "kind": kind, "apiVersion": "v1", "metadata": {} if given is None else given})


def go_text(item: Object) -> str:
    """A patched object as JSON: a map, so sorted, whose metadata is still in the order of its Go struct."""
    ordered = {
        name: dict(sorted(value.items())) if name == "data" and isinstance(value, dict) else value
        for name, value in sorted(item.items())
    }
    if isinstance(item["metadata"], dict):
        known = {name: item["metadata"][name] for name in METADATA_ORDER if name in item["metadata"]}
        ordered["metadata"] = {**known, **item["metadata"]}
    return encode(ordered)


def version_of(metadata: Object) -> int:
    """The resourceVersion, 0 without one; raises the 500 for another text, as strconv.ParseUint has no status."""
    text = metadata.get("resourceVersion") or "0"
    if not (text.isascii() and text.isdigit()):
        raise status.internal(f"strconv.ParseUint: parsing {encode(text)}: invalid syntax")
    if (version := int(text)) >= 2**64:
        raise status.internal(f"strconv.ParseUint: parsing {encode(text)}: value out of range")
    return version


def go_kind(value: Any) -> str:
    """What encoding/json calls a JSON value in its errors."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return {"str": "string", "dict": "object", "list": "array"}.get(type(value).__name__, "null")


def decoding_error(item: Object) -> str | None:
    """The error of Go's decoder for a map that holds something else than strings."""
    kind = item.get("kind", "")
    maps = [(f"{kind}.{name}", item.get(name)) for name in STRING_MAPS.get(kind, ())]
    metadata = item.get("metadata")
    if not isinstance(metadata, dict):
        return f"json: cannot unmarshal {go_kind(metadata)} into Go struct field {kind}.metadata of type v1.ObjectMeta"
    for name, go_type in METADATA_TYPES.items():
        if not isinstance(metadata.get(name) or "", str):
            text = f"json: cannot unmarshal {go_kind(metadata[name])} into Go struct field ObjectMeta.metadata.{name}"
            return f"{text} of type {go_type}"
    maps += [(f"ObjectMeta.metadata.{name}", metadata.get(name)) for name in ("labels", "annotations")]
    for name, values in maps:
        if values is not None and not isinstance(values, dict):
            return f"json: cannot unmarshal {go_kind(values)} into Go struct field {name} of type map[string]string"
        for value in (values or {}).values():
            if not isinstance(value, str):
                return f"json: cannot unmarshal {go_kind(value)} into Go struct field {name} of type string"
    return _owner_error(metadata.get("ownerReferences")) or _base64_error(item)


def _owner_error(owners: Any) -> str | None:
    where = "into Go struct field ObjectMeta.metadata.ownerReferences"
    if owners is not None and not isinstance(owners, list):
        return f"json: cannot unmarshal {go_kind(owners)} {where} of type []v1.OwnerReference"
    for owner in owners or []:
        if not isinstance(owner, dict):
            return f"json: cannot unmarshal {go_kind(owner)} {where} of type v1.OwnerReference"
        for name, go_type in OWNER_TYPES.items():
            if not isinstance(owner.get(name) or "", str):
                field = f"OwnerReference.metadata.ownerReferences.{name}"
                return f"json: cannot unmarshal {go_kind(owner[name])} into Go struct field {field} of type {go_type}"
    return None


def _base64_error(item: Object) -> str | None:
    for value in (item.get("data") or {}).values() if item.get("kind") == "Secret" else ():
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            return "illegal base64 data at input byte 0"
    return None


def normalised(item: Object) -> Object:
    """stringData merged into data, empty maps left out: what is stored."""
    stored = copy.deepcopy(item)
    for key, value in (stored.pop("stringData", None) or {}).items():
        stored.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()
    if stored["kind"] == "Secret":
        stored.setdefault("type", "Opaque")
    for holder, names in ((stored, ("data", "binaryData")), (stored["metadata"], ("labels", "annotations"))):
        for name in names:
            if not holder.get(name, True):
                del holder[name]
    return stored


def validate(item: Object) -> None:
    """Raise the 422 for a bad name or key."""
    kind, name = item["kind"], item["metadata"]["name"]
    if not SUBDOMAIN.fullmatch(name):
        raise status.invalid(kind, name, "metadata.name", f"Invalid value: {json.dumps(name)}: {SUBDOMAIN_TEXT}")
    if kind not in STRING_MAPS:
        return
    for field in ("data", "binaryData"):
        for key in item.get(field) or {}:
            if not CONFIG_KEY.fullmatch(key) or len(key) > 253 or key in (".", ".."):
                raise status.invalid(
                    kind, name, f"{field}[{key}]", f"Invalid value: {json.dumps(key)}: {CONFIG_KEY_TEXT}"
                )


def validate_update(before: Object, after: Object) -> None:
    """Raise the 422 for a change of what cannot change."""
    kind, name = before["kind"], before["metadata"]["name"]
    uid = after["metadata"].get("uid")
    if uid != before["metadata"]["uid"]:
        error = status.FieldError("metadata.uid", f"Invalid value: {json.dumps(uid)}: field is immutable")
        # Both rest.BeforeUpdate and the kind's own validation look.
        raise status.invalid_fields(kind, name, [error, error])
    if kind == "Secret" and after.get("type") != before.get("type"):
        text = f"Invalid value: {json.dumps(after.get('type'))}: field is immutable"
        raise status.invalid(kind, name, "type", text)
    if before.get("immutable") and any(after.get(f) != before.get(f) for f in ("data", "binaryData", "immutable")):
        text = "Forbidden: field is immutable when `immutable` is set"
        raise status.invalid(kind, name, "data", text, "FieldValueForbidden")


def changed_fields(before: Object | None, after: Object) -> list[str]:
    """The names of changed fields, maps one level deep; values are never told."""
    old, new = _named_fields(before or {}), _named_fields(after)
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _named_fields(item: Object) -> dict[str, Any]:
    metadata = {key: value for key, value in item.get("metadata", {}).items() if key not in SERVER_FIELDS}
    found: dict[str, Any] = {}
    for prefix, holder in (("", item), ("metadata.", metadata)):
        for name, value in holder.items():
            if (prefix, name) == ("", "metadata"):
                continue
            if isinstance(value, dict):
                found.update({f"{prefix}{name}.{key}": below for key, below in value.items()})
            else:
                found[prefix + name] = value
    return found
