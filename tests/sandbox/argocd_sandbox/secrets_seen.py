# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords, tokens and signing keys that went over the wire, for those who look for them where they must not be."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .http import Request, Response

JWT = re.compile(rb"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_SIGNING_KEY = "server.secretkey"
_PASSWORDS = ("password", "newPassword", "currentPassword")


class SecretsSeen:
    """A file with each of them once, one a line; tokens as issued or sent, passwords as sent, keys as read."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", encoding="utf-8", buffering=1)
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def note(self, request: Request, response: Response | None) -> None:
        """Remember what is in this request and its answer."""
        with self._lock:
            for secret in secrets_in(request, response):
                if secret not in self._seen:
                    self._seen.add(secret)
                    self._file.write(secret + "\n")


def secrets_in(request: Request, response: Response | None) -> Iterator[str]:
    """The secrets that a request and its answer, None where it was dropped, carry."""
    yield from _tokens(request, response)
    yield from _passwords(request.body)
    yield from _signing_keys(response.body if response else b"")


def _tokens(request: Request, response: Response | None) -> Iterator[str]:
    texts = [" ".join((request.headers or {}).values()).encode(), request.body, response.body if response else b""]
    yield from (found.decode() for text in texts for found in JWT.findall(text))


def _passwords(body: bytes) -> Iterator[str]:
    shape = _object(body)
    yield from (value for name in _PASSWORDS if isinstance(value := shape.get(name), str) and value.isprintable())


def _signing_keys(body: bytes) -> Iterator[str]:
    """Of argocd-secret, which signs every token."""
    data = _object(body).get("data")
    if isinstance(data, dict) and _SIGNING_KEY in data:
        yield base64.b64decode(data[_SIGNING_KEY]).decode()


def _object(body: bytes) -> dict[str, Any]:
    shape: Any = None
    try:
        shape = json.loads(body)
    except ValueError:
        return {}
    return shape if isinstance(shape, dict) else {}
