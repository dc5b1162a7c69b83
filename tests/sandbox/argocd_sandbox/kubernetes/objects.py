# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure rules for objects: merging a patch, Go's decoding of fields, validation, immutability.

Source: RFC 7396; kubernetes pkg/apis/core/validation/validation.go; apimachinery pkg/api/validation/objectmeta.go.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Iterator
from typing import Any

from ..go import encode
from ..store import Object
from . import labels, status

CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
NO_TYPE_META = "couldn't get version/kind; json parse error: "
MAX_KEY = 253
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
METADATA_FIELDS = frozenset(METADATA_ORDER) | {
    "generateName",
    "selfLink",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
}
TYPE_META = frozenset({"apiVersion", "kind", "metadata"})
FIELDS = {
    "ConfigMap": TYPE_META | {"data", "binaryData", "immutable"},
    "Secret": TYPE_META | {"data", "stringData", "type", "immutable"},
    "Service": TYPE_META | {"spec", "status"},
    "Pod": TYPE_META | {"spec", "status"},
    "Namespace": TYPE_META | {"spec", "status"},
}
# What each kind holds: its maps, and the Go type of their values; bytes travel as base64.
MAPS = {
    "ConfigMap": {"binaryData": "[]uint8", "data": "string"},
    "Secret": {"data": "[]uint8", "stringData": "string"},
}
BASE64_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


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


def unknown_fields(item: Object, kind: str) -> list[str]:
    """What an object of this kind does not have, in the order given."""
    found = []
    for name, value in item.items():
        if name not in FIELDS[kind]:
            found.append(name)
        elif name == "metadata" and isinstance(value, dict):
            found += [f"metadata.{below}" for below in value if below not in METADATA_FIELDS]
    return found


def typed(item: Object, kind: str) -> Object:
    """As an object of this kind: with its kind and metadata, without unknown fields."""
    known = {name: value for name, value in item.items() if name in FIELDS[kind]}
    metadata = {name: value for name, value in (item.get("metadata") or {}).items() if name in METADATA_FIELDS}
    return {**known, "kind": kind, "apiVersion": "v1", "metadata": metadata}


def go_text(item: Object, patch: Object) -> str:
    """A patched object as JSON: a map, so sorted; metadata that the patch left alone has the order of its Go struct."""
    ordered = {
        name: dict(sorted(value.items())) if isinstance(value, dict) and name in ("data", *patch) else value
        for name, value in sorted(item.items())
    }
    if "metadata" not in patch:
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


def _is_no(wanted: type, value: Any) -> bool:
    """Null is the zero value of every type."""
    return value is not None and not isinstance(value, wanted)


def problem(item: Object, kind: str) -> str | None:
    """Why this is no object of the kind, in the words of Go's decoder; what it does not say it is, is not asked."""
    if (error := type_meta_error(item)) is not None:
        return f"{NO_TYPE_META}{error}"
    given, version = item.get("kind") or kind, item.get("apiVersion") or "v1"
    if version != "v1" or given not in FIELDS:
        # The line is one of apimachinery pkg/runtime, of this release.
        return f'no kind "{given}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
    error = decoding_error(item, given)
    if error is None and given != kind:
        return f"converting (v1.{given}) to (core.{kind}): unknown conversion"
    return error


def type_meta_error(item: Object) -> str | None:
    """The first thing that is decoded of any object: what it says it is."""
    for name in ("apiVersion", "kind"):
        if _is_no(str, item.get(name)):
            return f"json: cannot unmarshal {go_kind(item[name])} into Go struct field .{name} of type string"
    return None


def decoding_error(item: Object, kind: str) -> str | None:
    """The error of Go's decoder for a field that holds something else than it should."""
    maps = [(f"{kind}.{name}", item.get(name), go_type) for name, go_type in MAPS.get(kind, {}).items()]
    metadata = {} if item.get("metadata") is None else item["metadata"]
    if not isinstance(metadata, dict):
        return f"json: cannot unmarshal {go_kind(metadata)} into Go struct field {kind}.metadata of type v1.ObjectMeta"
    for name, go_type in METADATA_TYPES.items():
        if _is_no(str, metadata.get(name)):
            text = f"json: cannot unmarshal {go_kind(metadata[name])} into Go struct field ObjectMeta.metadata.{name}"
            return f"{text} of type {go_type}"
    maps += [(f"ObjectMeta.metadata.{name}", metadata.get(name), "string") for name in ("labels", "annotations")]
    for field, values, go_type in maps:
        if (error := _map_error(field, values, go_type)) is not None:
            return error
    if _is_no(bool, item.get("immutable")):
        return f"json: cannot unmarshal {go_kind(item['immutable'])} into Go struct field {kind}.immutable of type bool"
    return _owner_error(metadata.get("ownerReferences"))


def _map_error(field: str, values: Any, go_type: str) -> str | None:
    if values is not None and not isinstance(values, dict):
        return f"json: cannot unmarshal {go_kind(values)} into Go struct field {field} of type map[string]{go_type}"
    for value in (values or {}).values():
        if not isinstance(value, str):
            return f"json: cannot unmarshal {go_kind(value)} into Go struct field {field} of type {go_type}"
        if go_type == "[]uint8" and (position := _bad_base64(value)) is not None:
            return f"illegal base64 data at input byte {position}"
    return None


def _owner_error(owners: Any) -> str | None:
    where = "into Go struct field ObjectMeta.metadata.ownerReferences"
    if owners is not None and not isinstance(owners, list):
        return f"json: cannot unmarshal {go_kind(owners)} {where} of type []v1.OwnerReference"
    for owner in owners or []:
        if not isinstance(owner, dict):
            return f"json: cannot unmarshal {go_kind(owner)} {where} of type v1.OwnerReference"
        for name, go_type in OWNER_TYPES.items():
            if _is_no(str, owner.get(name)):
                field = f"OwnerReference.metadata.ownerReferences.{name}"
                return f"json: cannot unmarshal {go_kind(owner[name])} into Go struct field {field} of type {go_type}"
    return None


def _bad_base64(text: str) -> int | None:
    """Where Go's base64.StdEncoding stops: at a wrong character, or where the last, unfinished group of four began."""
    body = text.rstrip("=")
    position = next((i for i, character in enumerate(body) if character not in BASE64_ALPHABET), None)
    if position is None and (len(text) % 4 or len(text) - len(body) > 2):
        return len(body) // 4 * 4
    return position


def normalised(item: Object) -> Object:
    """stringData merged into data, empty maps left out: what is stored."""
    stored = copy.deepcopy(item)
    for key, value in (stored.pop("stringData", None) or {}).items():
        stored.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()
    if stored["kind"] == "Secret":
        stored.setdefault("type", "Opaque")
    maps = ("labels", "annotations", "managedFields")
    for holder, names in ((stored, ("data", "binaryData")), (stored["metadata"], maps)):
        for name in names:
            if not holder.get(name, True):
                del holder[name]
    return stored


def validate(item: Object, *, is_update: bool) -> None:
    """Raise the 422 for a bad name, label or key."""
    kind, metadata = item["kind"], item["metadata"]
    errors = (
        [] if SUBDOMAIN.fullmatch(metadata["name"]) else [_invalid("metadata.name", metadata["name"], SUBDOMAIN_TEXT)]
    )
    # An update is looked at by the storage, by the kind, and by both once more as a new object.
    errors += labels.errors(metadata) * (4 if is_update else 1)
    if kind in MAPS:
        errors += [_invalid(f"{field}[{key}]", key, text) for field, key, text in _key_errors(item)]
    if errors:
        raise status.invalid_fields(kind, metadata["name"], errors)


def _invalid(field: str, value: str, text: str) -> status.FieldError:
    return status.FieldError(field, f"Invalid value: {encode(value)}: {text}")


def _key_errors(item: Object) -> Iterator[tuple[str, str, str]]:
    """Field, key, and what is wrong with it."""
    for field in ("data", "binaryData"):
        for key in item.get(field) or {}:
            if len(key) > MAX_KEY:
                yield field, key, f"must be no more than {MAX_KEY} characters"
            if not CONFIG_KEY.fullmatch(key):
                yield field, key, CONFIG_KEY_TEXT
            elif key in (".", ".."):
                yield field, key, f"must not be '{key}'"
            elif key.startswith(".."):
                yield field, key, "must not start with '..'"
            if field == "data" and key in (item.get("binaryData") or {}):
                yield field, key, "duplicate of key present in binaryData"


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
    if before.get("immutable"):
        frozen = [field for field in ("immutable", "data", "binaryData") if after.get(field) != before.get(field)]
        text = "Forbidden: field is immutable when `immutable` is set"
        errors = [status.FieldError(field, text, "FieldValueForbidden") for field in frozen]
        if errors:
            raise status.invalid_fields(kind, name, errors)


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
