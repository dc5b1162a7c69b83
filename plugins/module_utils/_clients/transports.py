# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to Argo CD: straight to its address, through the service proxy, through a forwarded port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from .._core.errors import InvalidInput
from .._core.service import parse_service
from .argocd import normalize_url
from .http import HttpClient, Sender, TlsOptions, new_session
from .inside import Inside
from .kubeconfig import Access
from .service_proxy import ServiceProxy

if TYPE_CHECKING:
    import requests

__all__ = ("open_transport",)

_TLS = TlsOptions("argocd_ca_cert", "argocd_client_cert with argocd_client_key")


def open_transport(
    params: Mapping[str, Any], *, access: Callable[[], Access], sleep: Callable[[float], None]
) -> Sender:
    """Return the way that `argocd_transport` says; raises InvalidInput naming the option. Asks no server yet."""
    transport = params["argocd_transport"]
    if transport == "direct":
        return _direct(params, sleep)
    url = urlsplit(normalize_url(params["argocd_url"])) if params["argocd_url"] else None
    inside = Inside(
        access=access,
        namespace=params["argocd_namespace"],
        service=parse_service(params["argocd_service"]) if params["argocd_service"] else None,
        root=url.path if url else "",
        timeout=params["argocd_timeout"],
        sleep=sleep,
    )
    if transport == "kubernetes_proxy":
        return ServiceProxy(inside, _headers(params))
    return _port_forward(inside, params, host=_host(url) if url else None)


def _host(url: SplitResult) -> str | None:
    """Return the host as a URL has it: `hostname` drops the brackets of an IPv6 address."""
    return f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname


def _port_forward(inside: Inside, params: Mapping[str, Any], *, host: str | None) -> Sender:
    # Here, because the other ways need no websocket.
    from .port_forward import PortForward
    from .tunnel import HAS_WEBSOCKET

    if not HAS_WEBSOCKET:
        raise InvalidInput("cannot forward a port: the Python package websocket-client is missing; install it with pip")
    return PortForward(inside, _session(params), host=host, options=_TLS)


def _direct(params: Mapping[str, Any], sleep: Callable[[float], None]) -> HttpClient:
    if not params["argocd_url"]:
        raise InvalidInput("cannot reach Argo CD: set argocd_url (or ARGOCD_SERVER), or another argocd_transport")
    url = normalize_url(params["argocd_url"])
    return HttpClient(
        name=f"Argo CD at {url}",
        base_url=url,
        session=_session(params),
        sleep=sleep,
        timeout=params["argocd_timeout"],
        options=_TLS,
    )


def _session(params: Mapping[str, Any]) -> requests.Session:
    cert = params["argocd_client_cert"]
    session = new_session(
        verify=(params["argocd_ca_cert"] or True) if params["argocd_validate_certs"] else False,
        cert=(cert, params["argocd_client_key"]) if cert and params["argocd_client_key"] else cert,
    )
    session.headers.update(_headers(params))
    return session


def _headers(params: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in (params["argocd_headers"] or {}).items()}
