# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ways to Argo CD through the Kubernetes API have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from .._core.errors import ApiError, FleetopsError, Unreachable
from .._core.service import SELECTOR, ServicePort, choose_service
from .http import HttpClient
from .kubeconfig import Access
from .kubernetes import KubernetesClient, connect

__all__ = ("Door", "Inside")


@dataclass(frozen=True)
class Inside:
    """An Argo CD inside of a cluster: `service` is None where it is to be found, `root` its root path (`/...` or '').

    `access` is asked when the first request needs it, and then at most once by its owner.
    """

    access: Callable[[], Access]
    namespace: str
    service: ServicePort | None
    root: str
    timeout: float
    sleep: Callable[[float], None]

    def kubernetes(self) -> KubernetesClient:
        """Return a client for the namespace."""
        return connect(self.access(), namespace=self.namespace, sleep=self.sleep)

    def find_service(self) -> ServicePort:
        """Return the Service that was named, else the one that its labels tell; nothing is asked for a named one."""
        if self.service:
            return self.service
        return choose_service(self.kubernetes().list_all("services", selector=SELECTOR), namespace=self.namespace)


class Door(ABC):
    """Opened by the first request: no network before a flow needs it."""

    _http: HttpClient | None = None
    _found = False

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self.name = f"Argo CD in namespace {inside.namespace}"

    @property
    def server_time(self) -> datetime | None:
        """The server's clock at its latest answer."""
        return self._http.server_time if self._http else None

    @abstractmethod
    def _open(self) -> HttpClient:
        """Find the way."""

    def _opened(self) -> HttpClient:
        """Raises Unreachable: a Service that is absent must not be taken for an account that is.

        A way that was never found may be the user's mistake, and is told as such; one that is lost is a server that
        does not answer any more.
        """
        if self._http:
            return self._http
        failure: FleetopsError
        try:
            self._http = self._open()
            self._found = True
            return self._http
        except FleetopsError as exc:
            if not self._found and not isinstance(exc, ApiError):
                raise
            failure = exc
        raise Unreachable(str(failure), sent=False)

    def reconnect(self) -> None:
        """Send the next request on a new connection: another replica may get it."""
        if self._http:
            self._http.reconnect()

    def close(self) -> None:
        """Close every connection."""
        if self._http:
            self._http.close()
