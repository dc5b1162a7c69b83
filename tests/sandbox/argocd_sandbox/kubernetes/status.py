# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes `Status` objects for errors.

Source: apimachinery pkg/api/errors/errors.go (messages), pkg/apis/meta/v1/types.go (reasons).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ..http import Response, json_response

CONFLICT_TEXT = "the object has been modified; please apply your changes to the latest version and try again"


class FieldError(NamedTuple):
    """What is wrong with one field."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"


class StatusError(Exception):
    """A refusal of the Kubernetes API; `reason` is '' where the server has none."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        # apiserver pkg/endpoints/handlers/responsewriters/errors.go
        self.headers = (("X-Content-Type-Options", "nosniff"),) if reason == "Forbidden" else ()
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            **({"reason": reason} if reason else {}),
            **({} if details is None else {"details": details}),
            "code": code,
        }

    def response(self) -> Response:
        return replace(json_response(self.code, self.body), headers=self.headers)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def no_route() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def not_found(plural: str, name: str, group: str = "") -> StatusError:
    details = {"name": name, **({"group": group} if group else {}), "kind": plural}
    qualified = f"{plural}.{group}" if group else plural
    return StatusError(404, "NotFound", f'{qualified} "{name}" not found', details)


def already_exists(plural: str, name: str) -> StatusError:
    return StatusError(409, "AlreadyExists", f'{plural} "{name}" already exists', {"name": name, "kind": plural})


def conflict(plural: str, name: str, cause: str = CONFLICT_TEXT) -> StatusError:
    message = f'Operation cannot be fulfilled on {plural} "{name}": {cause}'
    return StatusError(409, "Conflict", message, {"name": name, "kind": plural})


def method_not_allowed() -> StatusError:
    text = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", text, {})


def unsupported_patch() -> StatusError:
    return StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def unavailable(message: str) -> StatusError:
    return StatusError(503, "ServiceUnavailable", message)


def internal(message: str) -> StatusError:
    """An error of Go that the server passes on as it is."""
    return StatusError(500, "", message)


def invalid(kind: str, name: str, field: str, message: str, reason: str = "FieldValueInvalid") -> StatusError:
    return invalid_fields(kind, name, [FieldError(field, message, reason)])


def invalid_fields(kind: str, name: str, errors: Sequence[FieldError], group: str = "") -> StatusError:
    """Every error is a cause; the message tells equal ones once."""
    causes = [{"reason": error.reason, "message": error.message, "field": error.field} for error in errors]
    named = {"name": name, "group": group, "kind": kind}
    details = {**{key: value for key, value in named.items() if value}, "causes": causes}
    told = list(dict.fromkeys(f"{error.field}: {error.message}" for error in errors))
    problem = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    qualified = f"{kind}.{group}" if group else kind
    return StatusError(422, "Invalid", f'{qualified} "{name}" is invalid: {problem}', details)
