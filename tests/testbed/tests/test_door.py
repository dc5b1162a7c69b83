# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door in front of a server of our own: what goes through it untouched, and what a test can have it do."""

from __future__ import annotations

import http.client
import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme
from argocd_sandbox.faults import Fault, Touch
from argocd_testbed.door import Door, Identity, Watch

TOUCH = Touch("ConfigMap", "argocd", "argocd-cm", {"url": "https://x"})


class House(NamedTuple):
    """A door, what came to the server behind it, [(method, path, body)], and which objects were touched."""

    door: Door
    came: list[tuple[str, str, bytes]]
    touched: list[Touch]

    def ask(
        self, method: str = "GET", path: str = "/a?b=1", body: bytes | None = None, *, header: str = "X-Own"
    ) -> tuple[int, str, bytes, str]:
        """Status, reason, body and one header of the answer."""
        context = self.door.identity.trust()
        connection = http.client.HTTPSConnection("localhost", self.door.port, context=context, timeout=10)
        connection.request(method, path, body)
        reply = connection.getresponse()
        answer = (reply.status, reply.reason, reply.read(), str(reply.getheader(header)))
        connection.close()
        return answer

    def expect(self, **fault: Any) -> None:
        self.door.watch.expect(Fault.parse(fault))


def make_identity(directory: Path) -> Identity:
    authority = trustme.CA()
    pair = authority.issue_cert("localhost")
    files = [directory / name for name in ("server.pem", "server.key", "ca.pem")]
    blobs = [pair.cert_chain_pems[0], pair.private_key_pem, authority.cert_pem]
    for file, blob in zip(files, blobs, strict=True):
        file.write_bytes(blob.bytes())
    return Identity(*files)


@pytest.fixture(scope="module")
def built_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    came: list[tuple[str, str, bytes]] = []
    touched: list[Touch] = []

    class Server(http.server.BaseHTTPRequestHandler):
        """Answers what it was asked."""

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            # Not self.path: the standard library rewrites it.
            came.append((self.command, self.requestline.split()[1], body))
            if self.headers.get("Upgrade") == "echo":
                self.send_response_only(101)
                self.end_headers()
                self.wfile.write(self.rfile.readline().upper())
                self.close_connection = True
                return
            self.send_response_only(418, "Own Reason")
            self.send_header("X-Own", "yes")
            self.send_header("Date", "Sat, 21 Nov 2026 09:59:00 GMT")
            self.end_headers()
            self.wfile.write(b"told")

        do_GET = do_POST = _answer  # noqa: N815 # the names the standard library calls

    identity = make_identity(tmp_path_factory.mktemp("house"))
    server = http.server.ThreadingHTTPServer(("localhost", 0), Server)
    server.socket = identity.serve().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    door = Door("/c1/argocd", Watch(touched.append), [("localhost", server.server_port)], identity)
    yield House(door, came, touched)
    for one in (door, server):
        one.shutdown()
        one.server_close()


@pytest.fixture
def house(built_house: House) -> House:
    built_house.door.watch.clear()
    built_house.came.clear()
    built_house.touched.clear()
    return built_house


ANSWER = (418, "Own Reason", b"told", "yes")


def test_the_door_changes_nothing_watched_or_not(house: House) -> None:
    assert house.ask("POST", "//a%2Fb?c=%20", b"{}") == ANSWER
    house.door.watch.forget_requests()
    assert house.ask("POST", "//a%2Fb?c=%20", b"{}") == ANSWER
    assert house.came == [("POST", "//a%2Fb?c=%20", b"{}")] * 2
    seen = {"method": "POST", "path": "/c1/argocd//a%2Fb", "query": "c=%20", "status": 418}
    assert house.door.watch.requests == [seen]


def test_a_fault_answers_in_the_place_of_the_server(house: House) -> None:
    house.expect(match={"method": "POST", "path": "^/c1/argocd/a$"}, status=503, body={"a": 1}, headers={"X-Own": "no"})
    assert house.ask() == ANSWER
    assert house.ask("POST", body=b"{}") == (503, "Service Unavailable", b'{"a": 1}', "no")
    assert house.ask("POST", body=b"{}") == ANSWER
    assert len(house.came) == 2


@pytest.mark.parametrize(("fault", "handled"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_request_or_answer(house: House, fault: str, handled: int) -> None:
    house.expect(**{fault: True})
    with pytest.raises((http.client.RemoteDisconnected, ssl.SSLError, ConnectionError)):
        house.ask()
    assert len(house.came) == handled
    assert [request["status"] for request in house.door.watch.requests] == [None]


def test_somebody_else_writes_in_between(house: House) -> None:
    house.expect(touch=TOUCH._asdict(), delay=0.01)
    assert house.ask() == ANSWER
    assert house.touched == [TOUCH]


def test_the_clock_is_moved_as_clients_read_it(house: House) -> None:
    def date() -> str:
        return house.ask(header="Date")[3]

    assert date() == "Sat, 21 Nov 2026 09:59:00 GMT"
    house.door.watch.move_clock(3661)
    assert date() == "Sat, 21 Nov 2026 11:00:01 GMT"


@pytest.mark.parametrize("watched", [False, True])
def test_another_protocol_goes_through(house: House, watched: bool) -> None:  # noqa: FBT001 # a case of the table
    if watched:
        house.door.watch.forget_requests()
    with (
        socket.create_connection(("localhost", house.door.port), timeout=10) as raw,
        house.door.identity.trust().wrap_socket(raw, server_hostname="localhost") as client,
    ):
        client.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        answer = client.makefile("rb")
        assert answer.readline().split()[1] == b"101"
        assert answer.readline() == b"\r\n"
        client.sendall(b"hello\n")
        assert answer.readline() == b"HELLO\n"
    assert [request["status"] for request in house.door.watch.requests] == [101] * watched


def test_the_watch_ends_with_a_reset(house: House) -> None:
    house.expect(times=9, status=503)
    house.door.watch.clear()
    assert house.ask() == ANSWER
    assert not house.door.watch.requests
