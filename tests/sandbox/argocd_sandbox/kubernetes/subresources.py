# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two ways into the cluster: `services/proxy` and `pods/portforward`.

Source: kubernetes pkg/registry/core/service/storage/storage.go (ResourceLocation), pkg/registry/core/pod/rest/
subresources.go; apimachinery pkg/util/net/port_split.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import quote, unquote

from ..http import Request, Response, redirect
from ..port_forward import answer_headers
from ..store import Key, ObjectStore
from . import status

PROXY = re.compile(r"/api/v1/namespaces/([^/]+)/services/([^/]+)/proxy(/.*)?")
SCHEMES = ("", "http", "https")
FORWARD = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/portforward")


def find(request: Request, store: ObjectStore, argocd: Callable[[Request], Response]) -> Response | None:
    """The answer of a subresource; None where the path is of something else."""
    if (match := PROXY.fullmatch(request.path)) is not None:
        return _proxy(request, store, argocd, *match.groups(default=""))
    if (match := FORWARD.fullmatch(request.path)) is not None:
        return _forward(request, store, *match.groups())
    return None


def _proxy(
    request: Request,
    store: ObjectStore,
    argocd: Callable[[Request], Response],
    namespace: str,
    segment: str,
    path: str,
) -> Response:
    scheme, name, port = _split(unquote(segment))
    if scheme not in SCHEMES:
        raise status.bad_request(f'invalid service request "{unquote(segment)}"')
    service = store.get(Key("Service", namespace, name))
    if service is None:
        raise status.not_found("services", name)
    if port.isdigit():
        port = next((item["name"] for item in service["spec"]["ports"] if str(item["port"]) == port), "")
        if not port:
            raise status.unavailable(
                f'no service port {segment.rsplit(":", maxsplit=1)[-1]} found for service "{name}"'
            )
    if port not in [item["name"] for item in service["spec"]["ports"]]:
        raise status.unavailable(f'no endpoints available for service "{unquote(segment)}"')
    if not path:
        return Response(301, b"", "", (("Location", f"{request.path}/"),))
    # Decoded on the way in and encoded as Go does on the way out, so an escaped slash becomes a real one.
    path = quote(unquote(path), safe="/$&+,:;=@~")
    if scheme != "https":
        # Argo CD's own redirect, whose Location the API server leads back to itself.
        host = f"https://{request.header('host')}"
        return redirect(request.method, 307, f"{host}{request.path}", link=f"{host}{path}")
    return argocd(replace(request, path=path, headers=_passed_on(request.headers or {})))


def _split(segment: str) -> tuple[str, str, str]:
    parts = segment.split(":")
    if len(parts) == 3:
        return parts[0], parts[1], parts[2]
    return "http", parts[0], "".join(parts[1:])


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """Whoever authenticates first takes the header away: apiserver pkg/endpoints/filters/authentication.go."""
    return {name: value for name, value in headers.items() if name != "authorization"}


def _forward(request: Request, store: ObjectStore, namespace: str, name: str) -> Response:
    if store.get(Key("Pod", namespace, name)) is None:
        raise status.not_found("pods", name)
    answer = answer_headers(request.headers or {})
    if answer is None:
        raise status.bad_request("Upgrade request required")
    return Response(101, b"", "", tuple(answer.items()))
