# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a kubelet, which would need a container engine: the one thing it does is to forward ports.

kube-apiserver authorises a port-forward, finds the pod's node, and passes the websocket on to it; that part is real.
"""

from __future__ import annotations

import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any
from urllib.parse import parse_qs, urlsplit

from argocd_sandbox.port_forward import answer_headers, carry

from .installation import PORT


class Kubelet(ThreadingHTTPServer):
    """Serves until the process ends; port PORT of whichever pod is the target."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext, target: tuple[str, int]) -> None:
        self.target = target
        self._context = context
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def get_request(self) -> tuple[socket, Any]:
        connection, address = super().get_request()
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news; anything else is a bug and shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """`/portForward/<namespace>/<pod>?port=<port>`, as pkg/kubelet/server/server.go routes it."""

    protocol_version = "HTTP/1.1"
    server: Kubelet

    def do_GET(self) -> None:  # the name the standard library calls
        """Answer the upgrade, and carry."""
        url = urlsplit(self.path)
        port = int(parse_qs(url.query).get("port", ["0"])[0])
        answer = answer_headers({name.lower(): value for name, value in self.headers.items()})
        if answer is None or not url.path.startswith("/portForward/"):
            self.send_error(400)
            return
        self.send_response_only(101)
        for name, value in answer.items():
            self.send_header(name, value)
        self.end_headers()
        # A port that nobody listens at stands for every other one.
        target = self.server.target if port == PORT else ("127.0.0.1", 1)
        carry(self.connection, port, target)
        self.close_connection = True

    def log_message(self, *_args: object) -> None:
        """Leave it out."""
