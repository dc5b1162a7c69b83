# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bodies and options of requests, and how the server refuses them.

Source: apiserver pkg/endpoints/handlers/{create,update,patch,delete,rest}.go; apimachinery
pkg/apis/meta/v1/validation/validation.go.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..go import encode, refuse_constant
from ..go_syntax import syntax_error
from ..http import Request
from ..store import Object
from . import objects, status

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
GO_MAP = "map[string]interface {}"
GO_TYPE_META = r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
OPTIONS = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions", "DELETE": "DeleteOptions"}
VALIDATIONS = ("", "Ignore", "Strict", "Warn")
MAX_MANAGER_BYTES = 128
SUMMARY_BYTES = 30


def check_options(request: Request) -> None:
    """Raise the 422 for options of a write that the server does not know."""
    kind, errors = OPTIONS[request.method], []
    manager, dry_run = request.parameter("fieldManager"), request.parameters("dryRun")
    validation = request.parameter("fieldValidation")
    if kind == "PatchOptions" and request.parameters("force"):
        text = "Forbidden: may not be specified for non-apply patch"
        errors.append(status.FieldError("force", text, "FieldValueForbidden"))
    if len(manager.encode()) > MAX_MANAGER_BYTES and kind != "DeleteOptions":
        text = f"Too long: may not be more than {MAX_MANAGER_BYTES} bytes"
        errors.append(status.FieldError("fieldManager", text, "FieldValueTooLong"))
    if set(dry_run) - {"All"}:
        text = f'Unsupported value: {encode(dry_run)}: supported values: "All"'
        errors.append(status.FieldError("dryRun", text, "FieldValueNotSupported"))
    if validation not in VALIDATIONS and kind != "DeleteOptions":
        known = ", ".join(encode(word) for word in VALIDATIONS)
        text = f"Unsupported value: {encode(validation)}: supported values: {known}"
        errors.append(status.FieldError("fieldValidation", text, "FieldValueNotSupported"))
    if errors:
        raise status.invalid_fields(kind, "", errors, "meta.k8s.io")


def strict_problem(request: Request, unknown: list[str]) -> str | None:
    """Unknown fields are an error where the request says so."""
    if not unknown or request.parameter("fieldValidation") != "Strict":
        return None
    return "strict decoding error: " + ", ".join(f'unknown field "{name}"' for name in unknown)


def warnings(request: Request, unknown: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Else they are dropped, with a warning."""
    told = unknown if request.parameter("fieldValidation") in ("", "Warn") else []
    return tuple(("Warning", f'299 - "unknown field \\"{name}\\""') for name in told)


def patch_type(request: Request) -> str:
    """One of the two that are imitated; raises the 415."""
    given = request.header("content-type").split(";")[0].strip().lower()
    if given not in (MERGE_PATCH, STRATEGIC_PATCH):
        raise status.unsupported_patch()
    return given


def decode_patch(body: bytes, kind: str) -> Object:
    is_merge = kind == MERGE_PATCH
    try:
        patch = _parse(body, GO_MAP)
    except _BadJsonError as error:
        raise status.bad_request(f"error decoding patch: {error}" if is_merge else str(error)) from error
    if patch is None and is_merge:
        raise status.bad_request("Invalid JSON Patch")
    return patch or {}


def decode_delete_options(body: bytes) -> Object:
    try:
        return _parse(body, GO_TYPE_META) or {} if body else {}
    except _BadJsonError as error:
        raise status.bad_request(f"{objects.NO_TYPE_META}{error}") from error


def decode_object(request: Request, kind: str) -> tuple[Object, list[str]]:
    """An object of this kind with `metadata`, which the body may leave out like kind and apiVersion; unknown fields."""
    body = request.body
    try:
        item = _parse(body, GO_TYPE_META) or {}
        if (wrong := objects.type_meta_error(item)) is not None:
            raise _BadJsonError(wrong)
    except _BadJsonError as error:
        cause = f"{objects.NO_TYPE_META}{error} ({_summary(body)})"
        text = f"the object provided is unrecognized (must be of type {kind}): {cause}"
        raise status.bad_request(text) from error
    unknown = objects.unknown_fields(item, kind)
    problem = objects.problem(item, kind) or strict_problem(request, unknown)
    if problem is not None:
        given = f'{item.get("kind") or kind} in version "{item.get("apiVersion") or "v1"}"'
        raise status.bad_request(f"{given} cannot be handled as a {kind}: {problem}")
    return objects.typed(item, kind), unknown


class _BadJsonError(ValueError):
    """Has Go's text."""


def _parse(body: bytes, go_type: str) -> Object | None:
    text = body.decode("utf-8", "replace")
    try:
        value: Object | list[object] | str | float | None = json.loads(text, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        raise _BadJsonError(syntax_error(text)) from error
    if value is None or isinstance(value, dict):
        return value
    raise _BadJsonError(f"json: cannot unmarshal {objects.go_kind(value)} into Go value of type {go_type}")


def _summary(body: bytes) -> str:
    shown = body[:SUMMARY_BYTES].decode("utf-8", "replace") if body[:1] == b"{" else body[:SUMMARY_BYTES].hex()
    return (shown or "<empty>") + (" ..." if len(body) > SUMMARY_BYTES else "")
