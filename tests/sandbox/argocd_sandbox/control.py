# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API of one cluster: for tests, without authentication, never counted or logged as a request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from .cluster import Cluster
from .faults import Fault
from .http import Request, Response, json_response
from .store import Key


def handle(cluster: Cluster, request: Request) -> Response:
    """Bad input is answered with 400 and the reason."""
    action = ACTIONS.get((request.method, request.path))
    if action is None:
        known = ", ".join(f"{method} {path}" for method, path in ACTIONS)
        return json_response(404, {"error": f"no such control call; there are: {known}"})
    try:
        with cluster.lock:
            return json_response(200, action(cluster, request))
    except (KeyError, TypeError, ValueError, re.error) as error:
        return json_response(400, {"error": f"{type(error).__name__}: {error}"})


def _writes(cluster: Cluster, _request: Request) -> Any:
    return cluster.ledger.report()


def _reset(cluster: Cluster, _request: Request) -> Any:
    cluster.reset()
    return {}


def _state(cluster: Cluster, _request: Request) -> Any:
    return {"objects": list(cluster.store.items())}


def _put_object(cluster: Cluster, request: Request) -> Any:
    return cluster.plant(json.loads(request.body))


def _delete_object(cluster: Cluster, request: Request) -> Any:
    key = Key(request.parameter("kind"), request.parameter("namespace"), request.parameter("name"))
    return {"deleted": cluster.uproot(key)}


def _add_fault(cluster: Cluster, request: Request) -> Any:
    cluster.faults.add(Fault.parse(json.loads(request.body)))
    return {}


def _clear_faults(cluster: Cluster, _request: Request) -> Any:
    cluster.faults.clear()
    return {}


def _move_clock(cluster: Cluster, request: Request) -> Any:
    cluster.clock.offset = float(json.loads(request.body)["offset"])
    return {"now": cluster.clock.now()}


def _requests(cluster: Cluster, _request: Request) -> Any:
    return {"requests": list(cluster.requests)}


def _forget_requests(cluster: Cluster, _request: Request) -> Any:
    cluster.forget_requests()
    return {}


ACTIONS: dict[tuple[str, str], Callable[[Cluster, Request], Any]] = {
    ("GET", "/writes"): _writes,
    ("POST", "/reset"): _reset,
    ("GET", "/state"): _state,
    ("PUT", "/objects"): _put_object,
    ("DELETE", "/objects"): _delete_object,
    ("POST", "/faults"): _add_fault,
    ("DELETE", "/faults"): _clear_faults,
    ("POST", "/clock"): _move_clock,
    ("GET", "/requests"): _requests,
    ("DELETE", "/requests"): _forget_requests,
}
