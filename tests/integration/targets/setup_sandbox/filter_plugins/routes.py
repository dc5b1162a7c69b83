# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way requests took, and what they carried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def objections(seen: list[dict[str, Any]], routes: list[dict[str, Any]]) -> list[str]:
    """What gateway.py saw and the `routes` do not say, which are {at, path, user, headers: {name: [value]}}.

    A route's path is how the request's begins. Every request took a route, with its user and headers, and each route
    was taken.
    """
    taken = [(request, _route(request, routes)) for request in seen]
    unexpected = [f"unexpected at {request['at']}: {request['path']}" for request, route in taken if route is None]
    ways = [route for _request, route in taken]
    untaken = [f"not taken: {route['at']} {route['path']}" for route in routes if route not in ways]
    differing = [
        f"{request['at']} {request['path']}: {name} is {found!r}"
        for request, route in taken
        if route is not None
        for name, wanted, found in _differences(request, route)
        if found != wanted
    ]
    return unexpected + untaken + differing


def _route(request: dict[str, Any], routes: list[dict[str, Any]]) -> dict[str, Any] | None:
    found = (route for route in routes if route["at"] == request["at"] and request["path"].startswith(route["path"]))
    return next(found, None)


def _differences(request: dict[str, Any], route: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Name, wanted, found."""
    pairs = [("user", route.get("user", ""), request["user"])]
    for name, wanted in (route.get("headers") or {}).items():
        pairs.append((name, wanted, [value for header, value in request["headers"] if header == name]))
    return pairs


def read_yaml(file: str) -> Any:
    """Return the content of the file."""
    return yaml.safe_load(Path(file).read_text())


class FilterModule:
    """Ansible finds filters here."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"objections_to_routes": objections, "read_yaml": read_yaml}
