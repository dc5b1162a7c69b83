# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign a token as Argo CD does (argo-cd util/session/sessionmanager.go, Create and signClaims)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

__all__ = ("sign_token",)

_HEADER = {"alg": "HS256", "typ": "JWT"}


def sign_token(key: bytes, *, account: str, token_id: str, issued_at: datetime, expires_in: int | None) -> str:
    """Return a JWT of an API key. `key` is `server.secretkey` as it is: it looks like base64 and is not decoded.

    Times are whole seconds; `expires_in` is in seconds, None for a token that never expires.
    """
    seconds = int(issued_at.timestamp())
    expiry = {} if expires_in is None else {"exp": seconds + expires_in}
    claims = {"iss": "argocd", "sub": f"{account}:apiKey", **expiry, "nbf": seconds, "iat": seconds, "jti": token_id}
    signed = f"{_segment(_HEADER)}.{_segment(claims)}"
    return f"{signed}.{_base64url(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def _segment(shape: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(shape, separators=(",", ":")).encode())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
