# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argo CD through the service proxy of a kube-apiserver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .._core.errors import Unreachable
from .http import HttpClient, Reply
from .inside import Door, Inside

__all__ = ("ServiceProxy",)

# apiserver pkg/endpoints/request/requestinfo.go: what the method is called in a Role.
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "DELETE": "delete"}
_BEARER = "Bearer "


class ServiceProxy(Door):
    """Sends like an HttpClient. What Kubernetes itself answers is never taken for Argo CD's answer."""

    def __init__(self, inside: Inside, headers: Mapping[str, str]) -> None:
        super().__init__(inside)
        self._headers = headers

    def _open(self) -> HttpClient:
        access, namespace = self._inside.access(), self._inside.namespace
        self._service = self._inside.find_service()
        self._auth = access.headers
        place = f"/api/v1/namespaces/{quote(namespace, safe='')}/services/{self._service}/proxy"
        self.name = f"Argo CD behind services/{self._service} of the Kubernetes API at {access.host}"
        return access.http(
            name=self.name, path=place + self._inside.root, sleep=self._inside.sleep, timeout=self._inside.timeout
        )

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
        """Send as HttpClient does. Raises Unreachable for what Kubernetes answers in Argo CD's place."""
        reply = self._opened().send(
            method,
            path,
            about=about,
            body=body,
            headers={**self._headers, **(headers or {})},
            auth={**self._auth, **_as_cookie(auth or {})},
            params=params,
        )
        shape = reply.json_or_none()
        if isinstance(shape, Mapping) and shape.get("kind") == "Status":
            self._refuse(reply.status, str(shape.get("message", "")), _VERBS.get(method, method), about)
        return reply

    def _refuse(self, status: int, told: str, verb: str, about: str) -> None:
        rights = f"the verb {verb} on services/proxy, resource name {self._service}"
        hint = _HINTS.get(status, "").format(rights=rights)
        # A kube-apiserver also says 503 for a connection that broke in the middle.
        raise Unreachable(f"{about}: {self.name}: Kubernetes says {told!r} (HTTP {status}){hint}", sent=status >= 500)


_HINTS = {
    401: "; check the credentials of the kubeconfig",
    403: "; grant its user {rights}, as the Roles in docs/rights do",
    404: "; check argocd_service and argocd_namespace",
    503: "; is a pod of argocd-server ready, and does it speak what argocd_service says (https unless it says http)?",
}


def _as_cookie(auth: Mapping[str, str | list[str]]) -> dict[str, str | list[str]]:
    """A kube-apiserver takes `Authorization` for itself and passes it on to nobody (kubernetes issue 38775)."""
    bearer = auth.get("Authorization")
    if not isinstance(bearer, str):
        return dict(auth)
    return {"Cookie": f"argocd.token={bearer.removeprefix(_BEARER)}"}
