# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to a port of a pod, as `kubectl port-forward` makes one: a websocket on one side, a socket on the other.

The websocket is the one `kubernetes` works with (websocket-client, which each of its releases requires). Its own
port-forward is not used: before release 31 or so it neither notices nor survives that the other side closes, it sends
no impersonation, and it keeps an error of the pod to itself.
"""

from __future__ import annotations

import base64
import json
import select
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from .._core.errors import Unreachable
from .http import redirects
from .kubeconfig import Access

try:
    import websocket
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    HAS_WEBSOCKET = True
except ImportError:
    # Who opens a tunnel says what to install.
    HAS_WEBSOCKET = False

__all__ = ("HAS_WEBSOCKET", "Tunnel")

# kubelet pkg/kubelet/server/portforward/websocket.go: two channels for each port, data and errors, each of which begins
# with a frame that only repeats the port's number.
_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERRORS = 0, 1
_CHUNK = 65536
# No host: an empty list would make websocket-client take the environment's, or its own.
_NOWHERE, _EVERYWHERE = ["none.invalid"], ["*"]
_CLOSING_SECONDS = 5


class Tunnel:
    """Open until either side closes `socket` or the websocket; `told` is what the node said was wrong, if anything."""

    def __init__(self, access: Access, path: str, *, about: str, port: int, timeout: float | None) -> None:
        """Raises Unreachable; `path` is the pod's."""
        self.told = ""
        self._websocket = _connect(access, f"{path}/portforward?ports={port}", about=about, timeout=timeout)
        self.socket, self._ours = socket.socketpair()
        # As of each connection that urllib3 makes itself: for TLS it waits no longer than the socket does.
        self.socket.settimeout(timeout)
        self._begun: set[int] = set()
        self._thread = threading.Thread(target=self._carry, name=f"port-forward {path} {port}", daemon=True)
        self._thread.start()

    def wait_closed(self) -> None:
        """Wait for the end, which comes when `socket` is closed."""
        self._thread.join(_CLOSING_SECONDS)

    def _carry(self) -> None:
        try:
            while self._carry_some():
                pass
        except (OSError, websocket.WebSocketException):
            # Whoever reads from the socket finds it closed, and says so.
            pass
        finally:
            self._ours.close()
            self._websocket.shutdown()

    def _carry_some(self) -> bool:
        """Carry what is there, waiting for it; False at the end."""
        inner = self._websocket.sock
        waiting = [inner] if _pending(inner) else select.select([inner, self._ours], [], [])[0]
        if self._ours in waiting:
            data = self._ours.recv(_CHUNK)
            if not data:
                self._websocket.send_close()
                return False
            self._websocket.send_binary(bytes([_DATA]) + data)
        return inner not in waiting or self._take_frame()

    def _take_frame(self) -> bool:
        code, frame = self._websocket.recv_data_frame(control_frame=True)
        if code == websocket.ABNF.OPCODE_CLOSE:
            return False
        if code != websocket.ABNF.OPCODE_BINARY or not frame.data:
            return True
        channel, data = frame.data[0], frame.data[1:]
        if channel not in self._begun:
            self._begun.add(channel)
            return True
        if channel == _ERRORS:
            self.told += data.decode(errors="replace")
            return False
        self._ours.sendall(data)
        return True


def _pending(inner: socket.socket) -> bool:
    """Whether TLS has decrypted more than was read: select() does not see that."""
    return isinstance(inner, ssl.SSLSocket) and inner.pending() > 0


def _connect(access: Access, path: str, *, about: str, timeout: float | None) -> Any:
    connection: Any = websocket.WebSocket(sslopt=_tls(access))
    url = f"ws{access.host.removeprefix('http')}{path}"
    status: int | None = None
    cause = ""
    try:
        connection.connect(
            url,
            header=list(_lines(access.headers)),
            subprotocols=[_PROTOCOL],
            timeout=timeout,
            # A followed redirect takes the credentials to another place. Releases before 0.54 follow none.
            redirect_limit=0,
            **_proxy(access),
        )
    except websocket.WebSocketBadStatusException as exc:
        status = exc.status_code
        cause = f"refuses{_reason(exc)} (HTTP {status}){_HINTS.get(status, '')}"
    except (OSError, websocket.WebSocketException) as exc:
        # No more of it: a proxy's address holds credentials.
        cause = f"does not forward ports ({getattr(exc, 'strerror', None) or type(exc).__name__})"
    # A redirect is no error to websocket-client before 1.9.1, and one without a status since.
    status = status or connection.getstatus()
    if status and 300 <= status < 400:
        cause = redirects(status)
    if not cause:
        connection.settimeout(None)
        return connection
    connection.shutdown()
    raise Unreachable(f"{about}: the Kubernetes API at {access.host} {cause}", sent=False)


_HINTS = {
    401: "; check the credentials of the kubeconfig",
    403: "; grant its user the verbs get and create on pods/portforward, as the Roles in docs/rights do",
}


def _reason(exc: Any) -> str:
    """Return what the Kubernetes Status says, as far as this release of websocket-client keeps it."""
    try:
        shape = json.loads(getattr(exc, "resp_body", None) or b"")
    except ValueError:
        return ""
    return f": {shape.get('message', '')}" if isinstance(shape, Mapping) else ""


def _lines(headers: Mapping[str, str | list[str]]) -> Iterator[str]:
    for name, value in headers.items():
        for item in [value] if isinstance(value, str) else value:
            yield f"{name}: {item}"


def _tls(access: Access) -> dict[str, Any]:
    cert, key = access.cert if isinstance(access.cert, tuple) else (access.cert, None)
    files = {"certfile": cert, "keyfile": key, "server_hostname": access.server_name}
    given = {name: value for name, value in files.items() if value}
    if not access.verify:
        return {**given, "cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    authority = access.verify if isinstance(access.verify, str) else DEFAULT_CA_BUNDLE_PATH
    return {**given, "cert_reqs": ssl.CERT_REQUIRED, "ca_certs": authority}


def _proxy(access: Access) -> dict[str, Any]:
    if not access.proxy:
        return {"http_no_proxy": _EVERYWHERE}
    proxy = urlsplit(access.proxy)
    user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}" if proxy.username else _proxy_user(access)
    return {
        "http_proxy_host": proxy.hostname,
        "http_proxy_port": proxy.port or 80,
        "http_proxy_auth": tuple(user.split(":", 1)) if user else None,
        "http_no_proxy": _NOWHERE,
        "proxy_type": "http",
    }


def _proxy_user(access: Access) -> str:
    """Return `<user>:<password>` of the header that urllib3 would send; websocket-client makes its own of it."""
    return base64.b64decode(access.proxy_headers.get("proxy-authorization", "").removeprefix("Basic ")).decode()
