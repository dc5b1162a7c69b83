# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gRPC codes, and how grpc-gateway 1.16 turns them into HTTP answers.

Source: grpc-gateway v1.16.0 runtime/errors.go; argo-cd util/grpc/errors.go.
"""

from __future__ import annotations

UNKNOWN = 2
INVALID_ARGUMENT = 3
NOT_FOUND = 5
PERMISSION_DENIED = 7
FAILED_PRECONDITION = 9
ABORTED = 10
INTERNAL = 13
UNAUTHENTICATED = 16

HTTP_STATUS = {
    UNKNOWN: 500,
    INVALID_ARGUMENT: 400,
    NOT_FOUND: 404,
    PERMISSION_DENIED: 403,
    FAILED_PRECONDITION: 400,
    ABORTED: 409,
    INTERNAL: 500,
    UNAUTHENTICATED: 401,
}


class GrpcError(Exception):
    """An error with a gRPC status: outer wrapper texts are lost on the way to the client."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class PlainError(Exception):
    """An ordinary Go error: sent as code 2, HTTP 500, with the full wrapped text."""


class KubernetesError(Exception):
    """An error of the Kubernetes API inside Argo CD: mapped to `code`, with the full wrapped text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def wrapped(error: PlainError | KubernetesError, prefix: str) -> PlainError | KubernetesError:
    """The error with `prefix: ` before its text, as Go's %w does."""
    text = f"{prefix}: {error}"
    return KubernetesError(error.code, text) if isinstance(error, KubernetesError) else PlainError(text)
