# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argo CD through a forwarded port of one of its pods. TLS is spoken inside of it, end to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .._core.errors import Unreachable
from .._core.service import choose_pod, pod_port
from .http import HttpClient, Reply, TlsOptions
from .inside import Door, Inside
from .tunnel import Tunnel

try:
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
except ImportError:
    # The shells say what to install (missing_library); nothing here runs without it.
    pass

if TYPE_CHECKING:
    import socket

    import requests

__all__ = ("PortForward",)

Dial = Callable[[], "socket.socket"]


class PortForward(Door):
    """Sends like an HttpClient. `session` is for Argo CD itself; `host` is the name its certificate is checked for."""

    def __init__(self, inside: Inside, session: requests.Session, *, host: str | None, options: TlsOptions) -> None:
        super().__init__(inside)
        self._session = session
        self._host = host
        self._options = options
        self._tunnels: list[Tunnel] = []
        self._turn = 0

    def _open(self) -> HttpClient:
        service, namespace = self._inside.find_service(), self._inside.namespace
        kubernetes = self._inside.kubernetes()
        described = kubernetes.get("services", service.name)
        labels = described["spec"].get("selector") or {}
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        pod = choose_pod(kubernetes.list_all("pods", selector=selector), service=service.name, turn=self._turn)
        name, port = str(pod["metadata"]["name"]), pod_port(described, service, pod)
        self.name = f"Argo CD in pod {name}"
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(name, safe='')}"
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _adapter(lambda: self._dial(path, port)))
        # Nothing on the way inside asks for the proxies of the environment.
        self._session.trust_env = False
        return HttpClient(
            name=self.name,
            base_url=f"{service.scheme}://{self._host or f'{service.name}.{namespace}.svc'}{self._inside.root}",
            session=self._session,
            sleep=self._inside.sleep,
            timeout=self._inside.timeout,
            options=self._options,
        )

    def _dial(self, path: str, port: int) -> socket.socket:
        about = f"cannot forward port {port} of {self.name}"
        tunnel = Tunnel(self._inside.access(), path, about=about, port=port, timeout=self._inside.timeout)
        self._tunnels.append(tunnel)
        return tunnel.socket

    def send(
        self,
        method: str,
        path: str,
        *,
        about: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        auth: Mapping[str, str | list[str]] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send as HttpClient does; what the node says of a broken connection is added to the error."""
        http = self._opened()
        failure: Unreachable
        try:
            return http.send(method, path, about=about, body=body, headers=headers, auth=auth, params=params)
        except Unreachable as exc:
            failure = exc
        told = next((tunnel.told for tunnel in reversed(self._tunnels) if tunnel.told), "")
        raise Unreachable(f"{failure}{f' ({told.strip()})' if told else ''}", sent=failure.sent)

    def reconnect(self) -> None:
        """Go to the next pod."""
        self.close()
        self._http = None
        self._turn += 1

    def close(self) -> None:
        """Close the connections, and wait for the threads that carried them."""
        super().close()
        for tunnel in self._tunnels:
            tunnel.socket.close()
            tunnel.wait_closed()
        self._tunnels.clear()


def _adapter(dial: Dial) -> HTTPAdapter:
    """Return an adapter whose connections are dialled so; everything above them is urllib3's own."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return dial()

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return dial()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    adapter = HTTPAdapter()
    adapter.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
    return adapter
