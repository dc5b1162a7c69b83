# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a request before a handler sees it: path cleaning, content type, gateway routes.

Source: Go net/http ServeMux and Redirect; argo-cd server/server.go (enforceContentTypes); grpc-gateway v1.16.0
runtime/mux.go, runtime/pattern.go.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote, unquote

from ..http import Request, Response, redirect, text_response
from .release import Release

# What ServeMux has as a subtree: its root redirects into it.
SUBTREE = "/api/"

Arguments = dict[str, str]
Handler = Callable[[Request, Arguments], Response]


class Route(NamedTuple):
    """`template` parts: a literal, `{name}` for one segment, `{name=**}` for all the rest, none included."""

    method: str
    template: tuple[str, ...]
    handler: Handler


def route(method: str, template: str, handler: Handler) -> Route:
    return Route(method, tuple(template.split("/")[1:]), handler)


def cleaned_path(path: str) -> str:
    """The path as ServeMux wants it; escaped slashes and stars are left alone."""
    clean = posixpath.normpath("/" + path.lstrip("/"))
    if clean == SUBTREE.rstrip("/"):
        return SUBTREE
    return clean + "/" if path.endswith("/") and clean != "/" else clean


def redirect_if_unclean(request: Request, root: str, release: Release) -> Response | None:
    clean = cleaned_path(request.path)
    if clean == request.path:
        return None
    # ServeMux escapes the path, which it has cleaned in its escaped form, a second time.
    location = root + quote(clean, safe="/$&+,:;=@~") + (f"?{request.query}" if request.query else "")
    return redirect(request.method, release.redirect_status, location)


def refuse_content_type(request: Request, release: Release) -> Response | None:
    """Every method but GET must say exactly application/json, without parameters; DELETE and HEAD too."""
    if request.method == "GET" or not release.checks_content_type:
        return None
    if request.header("content-type").lower() == "application/json":
        return None
    return text_response(415, "Invalid content type")


def dispatch(routes: tuple[Route, ...], request: Request) -> Response:
    """The answer of the handler, or the router's own plain-text 404 or 405."""
    segments = unquote(request.path).split("/")[1:]
    if ":" in segments[-1]:
        return text_response(404, "Not Found")
    is_known = False
    for candidate in routes:
        arguments = _match(candidate.template, segments)
        if arguments is not None:
            if candidate.method == request.method:
                return candidate.handler(request, arguments)
            is_known = True
    return text_response(405, "Method Not Allowed") if is_known else text_response(404, "Not Found")


def _match(template: tuple[str, ...], segments: list[str]) -> Arguments | None:
    arguments: Arguments = {}
    for position, part in enumerate(template):
        if part.endswith("=**}"):
            arguments[part[1:-4]] = "/".join(segments[position:])
            return arguments
        if position >= len(segments):
            return None
        if part.startswith("{"):
            arguments[part[1:-1]] = segments[position]
        elif part != segments[position]:
            return None
    return arguments if len(segments) == len(template) else None
