# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kubernetes API, raw JSON over requests.

Sending through the `kubernetes` package is avoided on purpose: its raw-call API differs between releases 24 and 37, and
its typed models cost 0.3 s per process.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from .._core.errors import (
    Absent,
    ApiError,
    Conflict,
    Denied,
    Unauthenticated,
    UnexpectedReply,
)
from .._core.ownership import FIELD_MANAGER
from .._core.plan import SetKeys
from .http import HttpClient, Reply
from .kubeconfig import Access

__all__ = ("KubernetesClient", "connect", "decode_data")

_ERRORS: dict[int, type[ApiError]] = {401: Unauthenticated, 403: Denied, 404: Absent, 409: Conflict}
_NOUNS = {
    "configmaps": "ConfigMap",
    "secrets": "Secret",
    "services": "Service",
    "pods": "Pod",
    "appprojects": "AppProject",
    "applications": "Application",
    "argocds": "ArgoCD",
}
# Where a kind is not of Kubernetes' own group.
_GROUPS = {
    "appprojects": "/apis/argoproj.io/v1alpha1",
    "applications": "/apis/argoproj.io/v1alpha1",
    # The operator's; it has converted v1alpha1 to this since 0.8.
    "argocds": "/apis/argoproj.io/v1beta1",
}


class KubernetesClient:
    """ConfigMaps, Secrets and the operator's resource of one namespace; its other custom resources only for reading."""

    def __init__(
        self, http: HttpClient, auth: Mapping[str, str | list[str]], *, namespace: str, anonymous: bool = False
    ) -> None:
        self._http = http
        self._auth = auth
        self._anonymous = anonymous
        self.namespace = namespace

    def in_namespace(self, namespace: str) -> KubernetesClient:
        """Return a client of the same login for the objects of that namespace."""
        return KubernetesClient(self._http, self._auth, namespace=namespace, anonymous=self._anonymous)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return the object as the API server answers it. Raises Absent, Denied and the rest of the family."""
        about = f"cannot read {_NOUNS[kind]} {name} in namespace {self.namespace}"
        reply = self._http.send("GET", self._path(kind, name), about=about, auth=self._auth)
        return self._checked(reply, about, "get", kind, name)

    def list_all(self, kind: str, *, selector: str = "") -> list[dict[str, Any]]:
        """Return the objects of the namespace, those with the labels if a selector is given; raises as `get`."""
        about = f"cannot list {_NOUNS[kind]}s in namespace {self.namespace}"
        params = {"labelSelector": selector} if selector else None
        reply = self._http.send("GET", self._path(kind), about=about, auth=self._auth, params=params)
        return list(self._checked(reply, about, "list", kind).get("items") or ())

    def patch(self, step: SetKeys, *, resource_version: str, dry_run: bool = False) -> dict[str, Any]:
        """Set the keys by a JSON merge patch (RFC 7396), if the object is still at `resource_version`."""
        encode = encode_text if step.kind == "secrets" else str
        data = {key: None if value is None else encode(value) for key, value in step.values.items()}
        body = {"metadata": {"resourceVersion": resource_version}, "data": data}
        return self.merge(step.kind, step.name, body, dry_run=dry_run)

    def merge(self, kind: str, name: str, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Send a JSON merge patch (RFC 7396).

        Returns the metadata only: the answer to a PATCH of a Secret would carry the whole Secret. Raises Conflict.
        With `dry_run` the API server checks rights and admission as ever, and stores nothing.
        """
        about = f"cannot write {_NOUNS[kind]} {name} in namespace {self.namespace}"
        reply = self._write("PATCH", self._path(kind, name), body, about=about, dry_run=dry_run)
        return self._checked(reply, about, "patch", kind, name)

    def create(self, kind: str, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Create the object; as merge. Raises Conflict where it exists, Absent where its namespace does not."""
        name = body["metadata"]["name"]
        about = f"cannot create {_NOUNS[kind]} {name} in namespace {self.namespace}"
        reply = self._write("POST", self._path(kind), body, about=about, dry_run=dry_run)
        return self._checked(reply, about, "create", kind, name)

    def _write(self, method: str, path: str, body: Mapping[str, Any], *, about: str, dry_run: bool) -> Reply:
        return self._http.send(
            method,
            path,
            about=about,
            body=body,
            headers={
                "Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json",
                "Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            },
            params={"fieldManager": FIELD_MANAGER, **({"dryRun": "All"} if dry_run else {})},
            auth=self._auth,
        )

    @property
    def host(self) -> str:
        """The address of the API server."""
        return self._http.base_url

    @property
    def server_time(self) -> datetime | None:
        """The API server's clock at its latest answer."""
        return self._http.server_time

    def _path(self, kind: str, name: str | None = None) -> str:
        root = _GROUPS.get(kind, "/api/v1")
        collection = f"{root}/namespaces/{quote(self.namespace, safe='')}/{kind}"
        return collection if name is None else f"{collection}/{quote(name, safe='')}"

    def _checked(self, reply: Reply, about: str, verb: str, kind: str, name: str = "") -> dict[str, Any]:
        if reply.status in (200, 201):
            shape = reply.json(about=about)
            metadata = shape.get("metadata") if isinstance(shape, dict) else None
            # What a dry run would create has no version, and a list has no uid.
            needed = {"create": {"uid"}, "list": {"resourceVersion"}}.get(verb, {"uid", "resourceVersion"})
            if isinstance(metadata, dict) and needed <= metadata.keys():
                return dict(shape)
            raise UnexpectedReply(
                f"{about}: the answer is not a Kubernetes object; is this the address of a Kubernetes API?", status=200
            )
        shape = reply.json_or_none()
        if not isinstance(shape, Mapping) or shape.get("kind") != "Status":
            raise UnexpectedReply(
                f"{about}: {self._http.name} answers HTTP {reply.status} without a Kubernetes Status; is this the "
                "address of a Kubernetes API?",
                status=reply.status,
            )
        error = _ERRORS.get(reply.status, UnexpectedReply)
        place = f"{kind}/{name}" if name else kind
        hint = _HINTS.get(reply.status, "").format(verb=verb, place=place)
        if reply.status in (401, 403) and self._anonymous:
            hint = "; no credentials were found: has the kubeconfig's user any, and does its exec plugin run?"
        # The API server may quote a whole object in its message: for a Secret only the reason is passed on.
        told = _reason(shape) if kind == "secrets" else shape.get("message", "")
        raise error(f"{about}: {told} (HTTP {reply.status}){hint}", status=reply.status)


def _reason(status: Mapping[str, Any]) -> str:
    """Return the reason of a Status and the names of the fields it is about: no values."""
    causes = (status.get("details") or {}).get("causes") or []
    fields = ", ".join(dict.fromkeys(str(cause["field"]) for cause in causes if cause.get("field")))
    reason = str(status.get("reason") or "refused")
    return f"{reason} ({fields})" if fields else reason


_HINTS = {
    401: "; check the credentials of the kubeconfig",
    403: "; grant its user the verb {verb} on {place} there, as the Roles in docs/rights do, or check namespace "
    "(argocd_namespace)",
    404: "; check namespace (argocd_namespace) and cluster",
}


def encode_text(value: str) -> str:
    """Return the text as a Secret's `data` holds it."""
    return base64.b64encode(value.encode()).decode()


def decode_data(secret: Mapping[str, Any]) -> dict[str, str]:
    """Return a Secret's `data` as text; bytes that are no UTF-8 become surrogates, which encode back to the same."""
    data = secret.get("data") or {}
    return {key: base64.b64decode(value or "").decode(errors="surrogateescape") for key, value in data.items()}


def connect(access: Access, *, namespace: str, sleep: Callable[[float], None]) -> KubernetesClient:
    """Return a client for the objects of one namespace."""
    http = access.http(name=f"the Kubernetes API at {access.host}", sleep=sleep)
    return KubernetesClient(http, access.headers, namespace=namespace, anonymous=access.anonymous)
