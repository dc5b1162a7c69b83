# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one TLS port: threads, keep-alive, raw paths, faults.

The standard library's server and not an ASGI one: a fault must be able to close the connection without an answer.
"""

from __future__ import annotations

import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import Any

from . import control
from .cluster import Cluster
from .faults import Dropped
from .http import PLAIN_TEXT, Request, Response, text_response
from .installation import POD_PORT
from .port_forward import carry

SWITCHED = 101
CONTROL = "_control"
# Is shown each request with its answer, None where it was dropped.
See = Callable[[Request, Response | None], None]


def unseen(_request: Request, _response: Response | None) -> None:
    """Nobody looks."""


class SandboxServer(ThreadingHTTPServer):
    """Handlers find the clusters here; the TLS handshake happens in the connection's own thread."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        clusters: Mapping[str, Cluster],
        log: Path | None,
        see: See = unseen,
    ) -> None:
        self.clusters = clusters
        self.see = see
        self._context = context
        self._log = log.open("a", encoding="utf-8", buffering=1) if log is not None else None
        self._inside: dict[str, InsideServer] = {}
        super().__init__(("127.0.0.1", port), Handler)

    def inside(self, cluster: Cluster) -> InsideServer:
        """What a forwarded port of the cluster leads to; started by the first one who needs it."""
        with cluster.lock:
            if cluster.name not in self._inside:
                self._inside[cluster.name] = InsideServer(cluster, self._context)
                threading.Thread(target=self._inside[cluster.name].serve_forever, daemon=True).start()
            return self._inside[cluster.name]

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def get_request(self) -> tuple[socket, Any]:
        connection, address = super().get_request()
        wrapped = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return wrapped, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news; anything else is a bug and shown."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, ssl.SSLError, TimeoutError)):
            super().handle_error(request, client_address)

    def note(self, method: str, path: str, status: int | None) -> None:
        if self._log is not None:
            self._log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {method} {path} {status or 'dropped'}\n")


class InsideServer(SandboxServer):
    """The port of one cluster's argocd-server, inside of the cluster: TLS, and nothing but Argo CD."""

    def __init__(self, cluster: Cluster, context: ssl.SSLContext) -> None:
        self.cluster = cluster
        super().__init__(0, context, {}, None)


class Handler(BaseHTTPRequestHandler):
    """Reads one request, finds its cluster and API, sends the answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    connection: ssl.SSLSocket
    wbufsize = -1
    server: SandboxServer

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline:
            self.close_connection = True
        elif self.parse_request():
            self._serve()

    def _serve(self) -> None:
        # Not self.path: the standard library rewrites it.
        target = self.raw_requestline.split()[1].decode("latin-1")
        path, _mark, query = target.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, path, query, self._header_values(), body, self._user())
        if isinstance(self.server, InsideServer):
            self._send(self.server.cluster.inside(request), self.server.cluster)
            return
        name, section = _place(path)
        cluster = self.server.clusters.get(name)
        try:
            response = _outside(path) if cluster is None else serve(cluster, section, request)
        except Dropped:
            self.close_connection = True
            self.server.note(request.method, path, None)
            self.server.see(request, None)
            return
        self.server.note(request.method, path, response.status)
        self.server.see(request, response)
        self._send(response, cluster)
        if response.status == SWITCHED and cluster is not None:
            self._forward(cluster, int(request.parameter("ports")))

    def _forward(self, cluster: Cluster, port: int) -> None:
        # A port that nobody listens at stands for every other one.
        inner = self.server.inside(cluster).port if port == POD_PORT else 1
        carry(self.connection, port, ("127.0.0.1", inner))
        self.close_connection = True

    def _user(self) -> str:
        """TLS has verified the certificate, if there is one."""
        certificate: dict[str, Any] = self.connection.getpeercert() or {}
        return str(dict(part[0] for part in certificate.get("subject", ())).get("commonName", ""))

    def _header_values(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, value in self.headers.items():
            separator = "; " if name.lower() == "cookie" else ", "
            found[name.lower()] = f"{found[name.lower()]}{separator}{value}" if name.lower() in found else value
        return found

    def _send(self, response: Response, cluster: Cluster | None) -> None:
        self.send_response_only(response.status)
        self.send_header("Date", cluster.clock.http_date() if cluster is not None else self.date_time_string())
        if response.content_type:
            self.send_header("Content-Type", response.content_type)
        if response.status != SWITCHED:
            self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()


def _place(path: str) -> tuple[str, str]:
    """Cluster and section of a raw path."""
    parts = path.split("/", 3)
    return ("".join(parts[1:2]), "".join(parts[2:3]))


def _outside(path: str) -> Response:
    if path == "/healthz":
        return Response(200, b"ok", PLAIN_TEXT)
    return text_response(404, "404 page not found")


def serve(cluster: Cluster, section: str, request: Request) -> Response:
    """The answer of one of the cluster's APIs, faults applied; raises Dropped."""
    prefix = f"/{cluster.name}/{section}"
    if section not in (CONTROL, *cluster.apis) or not request.path.startswith(f"{prefix}/"):
        return text_response(404, "404 page not found")
    inner = request.below(prefix)
    if section == CONTROL:
        return control.handle(cluster, inner)
    with cluster.lock:
        fault = cluster.faults.take(request.method, request.path)

    def handle() -> Response:
        return cluster.apis[section](inner)

    status = None
    try:
        response = fault.apply(handle, cluster.touch) if fault else handle()
        status = response.status
    finally:
        cluster.remember(request, status)
    if response.delay:
        time.sleep(response.delay)
    return response
