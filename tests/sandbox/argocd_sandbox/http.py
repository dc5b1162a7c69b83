# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request and an answer as plain values; every API of the sandbox is a function from one to the other."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

PLAIN_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """`path` is raw, as sent, below the prefix of the API that handles it; header names are lower-case.

    `user` is whom the client's certificate names.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] | None = None
    body: bytes = b""
    user: str = ""

    def header(self, name: str) -> str:
        """The value of a header, '' if absent."""
        return (self.headers or {}).get(name, "")

    def parameter(self, name: str) -> str:
        """The first value of a query parameter, '' if absent."""
        return next(iter(self.parameters(name)), "")

    def parameters(self, name: str) -> list[str]:
        """All values of a query parameter."""
        return parse_qs(self.query, keep_blank_values=True).get(name, [])

    def below(self, prefix: str) -> Request:
        """The same request as seen by the API mounted at `prefix`."""
        return replace(self, path=self.path[len(prefix) :])


@dataclass(frozen=True)
class Response:
    """`content_type` is '' where none is sent.

    `delay` seconds are spent before the answer is sent, after the state has changed and its lock is free.
    """

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0


def json_response(status: int, value: Any) -> Response:
    """JSON with a closing newline, as kube-apiserver and the control API send it."""
    return Response(status, json.dumps(value).encode() + b"\n")


def text_response(status: int, text: str) -> Response:
    """Plain text as Go's http.Error writes it."""
    return Response(status, f"{text}\n".encode(), PLAIN_TEXT, (("X-Content-Type-Options", "nosniff"),))


def redirect(method: str, status: int, location: str, *headers: tuple[str, str], link: str = "") -> Response:
    """As Go's http.Redirect writes it: a page only where one may be looked at. `link` is where that leads to."""
    headers = (*headers, ("Location", location))
    if method not in ("GET", "HEAD"):
        return Response(status, b"", "", headers)
    page = f'<a href="{html.escape(link or location)}">{HTTPStatus(status).phrase}</a>.\n\n'
    return Response(status, page.encode() if method == "GET" else b"", "text/html; charset=utf-8", headers)
