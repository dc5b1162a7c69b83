# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's side of a port-forward: a websocket whose frames are the bytes of a connection.

Source: RFC 6455; kubernetes pkg/kubelet/server/portforward/websocket.go and constants.go (v4.channel.k8s.io: for each
port a channel of data and one of errors, each begun by a frame with the port's number).
"""

from __future__ import annotations

import base64
import hashlib
import select
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping

PROTOCOL = "v4.channel.k8s.io"
KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
FINAL, MASKED = 0x80, 0x80
DATA, ERRORS = b"\0", b"\1"
CHUNK = 65536


def answer_headers(headers: Mapping[str, str]) -> dict[str, str] | None:
    """Of the 101; None where the request, its header names in lower case, asks for something else."""
    offered = [item.strip() for item in headers.get("sec-websocket-protocol", "").split(",")]
    if headers.get("upgrade", "").lower() != "websocket" or PROTOCOL not in offered:
        return None
    accepted = hashlib.sha1(f"{headers['sec-websocket-key']}{KEY_SUFFIX}".encode()).digest()  # noqa: S324 # RFC 6455
    return {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": base64.b64encode(accepted).decode(),
        "Sec-WebSocket-Protocol": PROTOCOL,
    }


def frame(code: int, payload: bytes) -> bytes:
    """A whole frame, as servers send it: without a mask."""
    size = len(payload)
    short = size if size < 126 else 126 if size < 65536 else 127
    extended = b"" if short < 126 else struct.pack("!H" if short == 126 else "!Q", size)
    return bytes([FINAL | code, short]) + extended + payload


def read_frame(connection: socket.socket) -> tuple[int, bytes]:
    """Code and payload of a client's frame; the end of the connection is CLOSE. Clients here send no fragments."""
    head = _exactly(connection, 2)
    if len(head) < 2:
        return CLOSE, b""
    size = head[1] & ~MASKED
    if size > 125:
        size = int.from_bytes(_exactly(connection, 2 if size == 126 else 8), "big")
    mask = _exactly(connection, 4)
    body = _exactly(connection, size)
    return head[0] & ~FINAL, bytes(byte ^ mask[index % 4] for index, byte in enumerate(body))


def _exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or less at the end of the connection."""
    found = b""
    while len(found) < size:
        more = connection.recv(size - len(found))
        if not more:
            break
        found += more
    return found


def carry(connection: socket.socket, port: int, target: tuple[str, int]) -> None:
    """Until either side closes; nothing is left of the request, as clients wait for its answer."""
    number = struct.pack("<H", port)
    connection.sendall(frame(BINARY, DATA + number) + frame(BINARY, ERRORS + number))
    try:
        inner = socket.create_connection(target)
    except OSError as error:
        told = f"error forwarding port {port} to pod: dial tcp: {str(error.strerror).lower()}"
        connection.sendall(frame(BINARY, ERRORS + told.encode()) + frame(CLOSE, b""))
        return
    with inner:
        for source in _readable(connection, inner):
            goes_on = _give(connection, inner) if source is inner else _take(connection, inner)
            if not goes_on:
                return


def _readable(connection: socket.socket, inner: socket.socket) -> Iterator[socket.socket]:
    while True:
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            yield connection
        else:
            yield from select.select([connection, inner], [], [])[0]


def _give(connection: socket.socket, inner: socket.socket) -> bool:
    data = inner.recv(CHUNK)
    connection.sendall(frame(BINARY, DATA + data) if data else frame(CLOSE, b""))
    return bool(data)


def _take(connection: socket.socket, inner: socket.socket) -> bool:
    code, payload = read_frame(connection)
    if code == PING:
        connection.sendall(frame(PONG, payload))
    elif code == CLOSE:
        return False
    elif payload[:1] == DATA:
        inner.sendall(payload[1:])
    return True
