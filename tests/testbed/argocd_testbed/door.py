# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door clients come through to real servers: untouched bytes, unless a test asked for faults, for another clock or
for what is asked.

TLS passes through it as it is, so what a client proves about certificates it proves about the server. Only while the
visitors are watched the door ends TLS itself, with the server's own certificate and key; a client sees no difference,
but cannot show a certificate of its own then.
"""

from __future__ import annotations

import http.client
import itertools
import selectors
import socket
import socketserver
import ssl
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

from argocd_sandbox.faults import Fault, Faults, Touch

TIMEOUT = 30
COPIED_BYTES = 65536
# Of one connection; the other one gets its own. RFC 9110, section 7.6.1.
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade")


class Watch:
    """What a test wants done to one cluster's visitors, and what they asked; shared by all its doors."""

    def __init__(self, disturb: Callable[[Touch], None], *, always: bool = False) -> None:
        """`disturb` writes an object, as somebody else would (see Fault.touch)."""
        self.disturb = disturb
        self._always = always
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        self.faults = Faults()
        self.seen: list[dict[str, Any]] = []
        self._requests_from = 0
        self.clock_offset = 0.0
        self.on = self._always

    def expect(self, fault: Fault) -> None:
        self.faults.add(fault)
        self.on = True

    def move_clock(self, offset: float) -> None:
        """The Date of all answers from now on is so many seconds ahead."""
        self.clock_offset = offset
        self.on = True

    def date(self, text: str) -> str:
        """What a server's Date is told as. Source: RFC 9110, section 5.6.7."""
        moved = parsedate_to_datetime(text).timestamp() + self.clock_offset
        return formatdate(moved, usegmt=True) if self.clock_offset else text

    def forget_requests(self) -> None:
        self._requests_from = len(self.seen)
        self.on = True

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Those seen since they were forgotten last."""
        return self.seen[self._requests_from :]

    def take(self, method: str, path: str) -> Fault | None:
        with self._lock:
            return self.faults.take(method, path)


@dataclass(frozen=True)
class Identity:
    """The certificate and key of a server, and whom to trust for it; all PEM files."""

    certificate: Path
    key: Path
    ca_file: Path

    def serve(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)


class Answer(NamedTuple):
    """What is sent to a visitor; without a reason the usual one of the status."""

    status: int
    reason: str | None
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Door(socketserver.ThreadingTCPServer):
    """One port in front of equal servers, which take turns, as behind a Service."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, section: str, watch: Watch, servers: Sequence[tuple[str, int]], identity: Identity) -> None:
        """`section` is the path prefix of the requests, as faults and tests name them: /<cluster>/k8s."""
        super().__init__(("127.0.0.1", 0), Visit)
        self.section, self.watch, self.identity = section, watch, identity
        self._turns = itertools.cycle(servers)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def next_server(self) -> tuple[str, int]:
        return next(self._turns)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the visitor's own thread."""
        if not self.watch.on:
            with socket.create_connection(self.next_server(), timeout=TIMEOUT) as server:
                server.settimeout(None)
                join(request, server)
            return
        with self.identity.serve().wrap_socket(request, server_side=True) as connection:
            Visit(connection, client_address, self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news, nor is a server that is being reset."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError, TimeoutError)):
            super().handle_error(request, client_address)


class Visit(BaseHTTPRequestHandler):
    """A watched connection: each request is asked of the server anew, unless a fault says otherwise."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: Door

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
        watch, whole_path = self.server.watch, self.server.section + path
        if "Upgrade" in self.headers:
            watch.seen.append({"method": self.command, "path": whole_path, "query": query, "status": 101})
            self._switch()
            return
        answer = self._answer(watch.take(self.command, whole_path), target, body)
        status = answer.status if answer else None
        watch.seen.append({"method": self.command, "path": whole_path, "query": query, "status": status})
        if answer is None:
            self.close_connection = True
        else:
            self._send(answer)

    def _switch(self) -> None:
        """Another protocol from here on (websocket): whatever the server answers to that."""
        self.close_connection = True
        address = self.server.next_server()
        head = b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in self.headers.items())
        with (
            socket.create_connection(address, timeout=TIMEOUT) as raw,
            self.server.identity.trust().wrap_socket(raw, server_hostname=address[0]) as server,
        ):
            server.settimeout(None)
            server.sendall(self.raw_requestline + head + b"\r\n")
            join(self.connection, server)

    def _answer(self, fault: Fault | None, target: str, body: bytes) -> Answer | None:
        """None: the connection is closed without one."""
        if fault is None:
            return self._ask(target, body)
        time.sleep(fault.delay)
        if fault.touch:
            self.server.watch.disturb(fault.touch)
        if fault.drop_before:
            return None
        injected = fault.answer()
        if injected is not None:
            headers = (("Content-Type", injected.content_type), *injected.headers)
            return Answer(injected.status, None, headers, injected.body)
        answer = self._ask(target, body)
        return None if fault.drop_after else answer

    def _ask(self, target: str, body: bytes) -> Answer:
        host, port = self.server.next_server()
        connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=self.server.identity.trust())
        connection.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP_BY_HOP:
                connection.putheader(name, value)
        connection.putheader("Connection", "close")
        if "Content-Length" in self.headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        with connection.getresponse() as reply:
            return Answer(reply.status, reply.reason, tuple(reply.getheaders()), reply.read())

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, self.server.watch.date(value) if name.lower() == "date" else value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()


def join(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until either end closes."""
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, (one, other))
        ready.register(other, selectors.EVENT_READ, (other, one))
        while True:
            for key, _events in ready.select():
                if not copy(*key.data):
                    return


def copy(source: socket.socket, target: socket.socket) -> bool:
    """Hand on what is there; False where the source has closed."""
    while data := source.recv(COPIED_BYTES):
        target.sendall(data)
        # What TLS has read already no selector tells.
        if not isinstance(source, ssl.SSLSocket) or not source.pending():
            return True
    return False
