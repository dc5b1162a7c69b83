# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API of the sandbox (tests/sandbox), as far as real servers can do what it asks."""

from __future__ import annotations

import json
import re
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any
from urllib.parse import parse_qs

import requests
from argocd_sandbox.faults import Fault

from .administered import Administered
from .errors import CannotRun

Query = Mapping[str, str]
Action = Callable[[Administered, Query, bytes], Any]


def _reset(cluster: Administered, _query: Query, _body: bytes) -> Any:
    cluster.reset()
    return {}


def _forget_requests(cluster: Administered, _query: Query, _body: bytes) -> Any:
    cluster.forget_requests()
    return {}


def _add_fault(cluster: Administered, _query: Query, body: bytes) -> Any:
    cluster.watch.expect(Fault.parse(json.loads(body)))
    return {}


def _clear_faults(cluster: Administered, _query: Query, _body: bytes) -> Any:
    cluster.watch.faults.clear()
    return {}


def _move_clock(cluster: Administered, _query: Query, body: bytes) -> Any:
    """Only as clients read it."""
    cluster.watch.move_clock(float(json.loads(body)["offset"]))
    return {"now": time.time() + cluster.watch.clock_offset}


ACTIONS: dict[tuple[str, str], Action] = {
    ("GET", "/writes"): lambda cluster, _query, _body: cluster.writes(),
    ("POST", "/reset"): _reset,
    ("GET", "/state"): lambda cluster, _query, _body: {"objects": cluster.state()},
    ("PUT", "/objects"): lambda cluster, _query, body: cluster.plant(json.loads(body)),
    ("DELETE", "/objects"): lambda cluster, query, _body: {
        "deleted": cluster.uproot(query["kind"], query.get("namespace", ""), query["name"])
    },
    ("POST", "/faults"): _add_fault,
    ("DELETE", "/faults"): _clear_faults,
    ("POST", "/clock"): _move_clock,
    ("GET", "/requests"): lambda cluster, _query, _body: {"requests": cluster.requests()},
    ("DELETE", "/requests"): _forget_requests,
}


def answer(cluster: Administered, method: str, target: str, body: bytes) -> tuple[int, Any]:
    """Status and JSON body; bad input is answered with 400, a refusal of the API server with 502, and the reason."""
    path, _mark, query = target.partition("?")
    action = ACTIONS.get((method, path))
    if action is None:
        known = ", ".join(f"{one} {other}" for one, other in ACTIONS)
        return 404, {"error": f"no such control call; there are: {known}"}
    try:
        with cluster.lock:
            return 200, action(cluster, {key: values[-1] for key, values in parse_qs(query).items()}, body)
    except requests.HTTPError as error:
        return 502, {"error": error.response.text}
    except CannotRun as error:
        return 500, {"error": str(error)}
    except (KeyError, TypeError, ValueError, re.error) as error:
        return 400, {"error": f"{type(error).__name__}: {error}"}


class ControlServer(ThreadingHTTPServer):
    """One TLS port of the loopback for all clusters; the handshake happens in the connection's own thread."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext, clusters: Mapping[str, Administered]) -> None:
        self.clusters = clusters
        self._context = context
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def get_request(self) -> tuple[socket, Any]:
        connection, address = super().get_request()
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news; anything else is a bug and shown."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError, TimeoutError)):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """`/<cluster>/_control/<call>`."""

    protocol_version = "HTTP/1.1"
    server: ControlServer

    def _serve(self) -> None:
        _empty, name, section, rest = [*self.path.split("/", 3), "", "", ""][:4]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        cluster = self.server.clusters.get(name)
        if cluster is None or section != "_control":
            status, content = 404, {"error": "no such cluster"}
        else:
            status, content = answer(cluster, self.command, f"/{rest}", body)
        raw = json.dumps(content).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 # the names the standard library calls
