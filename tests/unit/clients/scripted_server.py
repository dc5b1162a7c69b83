# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP server on loopback that answers what a test scripted, in order, and keeps what it was sent."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any

SEKRET = "eyJhbGciOiJIUzI1NiJ9.SEKRET.c2ln"


@dataclass(frozen=True)
class Request:
    """What arrived: `target` is the raw request target, `headers` every line of them."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: str
    client_certificate: Any

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass(frozen=True)
class Answer:
    """A scripted answer; one without status closes the connection instead."""

    status: int | None = 200
    body: Any = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def encoded(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body or {}).encode()


HANG_UP = Answer(status=None)


class ScriptedServer:
    """Answers `{}` when its script is at its end."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if context:
            # The handshake belongs to the connection's own thread, where a failed one disturbs nobody.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._server.handle_error = lambda *_about: None  # type: ignore[method-assign] # clients that leave are the point
        self.port = self._server.server_port
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        # The default poll of half a second would be most of a test's time.
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def script(self, *answers: Answer) -> None:
        self.answers.extend(answers)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_request(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length).decode()
                lines = list(self.headers.items())
                certificate = getattr(self.connection, "getpeercert", lambda: None)()
                outer.requests.append(Request(self.command, self.path, lines, body, certificate))
                answer = outer.answers.pop(0) if outer.answers else Answer()
                if answer.status is not None:
                    self.reply(answer, answer.status)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_CONNECT = do_request  # noqa: N815 # names http.server calls

            def reply(self, answer: Answer, status: int) -> None:
                self.send_response(status)
                for name, value in (("Content-Type", answer.content_type), *answer.headers):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.encoded)

            def log_message(self, *_args: Any) -> None:
                return

        return Handler

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
