# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kubernetes API, raw JSON: `kubernetes` loads what is hard (kubeconfig, exec plugins, in-cluster), requests sends.

Sending through `kubernetes` itself is avoided on purpose: its raw-call API differs between releases 24 and 37, and
its typed models cost 0.3 s per process.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .._core.errors import (
    Absent,
    ApiError,
    Conflict,
    Denied,
    InvalidInput,
    Unauthenticated,
    UnexpectedReply,
)
from .._core.plan import SetKeys
from .http import HttpClient, Reply, TlsOptions, check_address, new_session

try:
    from kubernetes import config as kubernetes_config
    from kubernetes.client.configuration import Configuration
    from kubernetes.config import kube_config
    from requests.utils import should_bypass_proxies
    from urllib3.util import make_headers
    from yaml import MarkedYAMLError, YAMLError

    HAS_KUBERNETES = True
except ImportError:
    # The shells say what to install (arguments.missing_library).
    HAS_KUBERNETES = False

__all__ = ("HAS_KUBERNETES", "KubernetesClient", "connect", "remove_temporary_files")

FIELD_MANAGER = "fleetops.argocd"
_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"
_ERRORS: dict[int, type[ApiError]] = {401: Unauthenticated, 403: Denied, 404: Absent, 409: Conflict}
_NOUNS = {"configmaps": "ConfigMap", "secrets": "Secret"}


class KubernetesClient:
    """ConfigMaps and Secrets of one namespace."""

    def __init__(
        self, http: HttpClient, auth: Mapping[str, str | list[str]], *, namespace: str, anonymous: bool = False
    ) -> None:
        self._http = http
        self._auth = auth
        # `kubernetes` goes on without credentials where an exec plugin fails, and only logs it.
        self._anonymous = anonymous
        self.namespace = namespace

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return the object as the API server answers it. Raises Absent, Denied and the rest of the family."""
        about = f"cannot read {_NOUNS[kind]} {name} in namespace {self.namespace}"
        reply = self._http.send("GET", self._path(kind, name), about=about, auth=self._auth)
        return self._checked(reply, about, kind)

    def patch(self, step: SetKeys, *, resource_version: str) -> dict[str, Any]:
        """Set the keys by a JSON merge patch (RFC 7396), if the object is still at `resource_version`.

        Returns the metadata only: the answer to a PATCH of a Secret would carry the whole Secret. Raises Conflict.
        """
        about = f"cannot write {_NOUNS[step.kind]} {step.name} in namespace {self.namespace}"
        encode = _encode if step.kind == "secrets" else str
        data = {key: None if value is None else encode(value) for key, value in step.values.items()}
        reply = self._http.send(
            "PATCH",
            self._path(step.kind, step.name),
            about=about,
            body={"metadata": {"resourceVersion": resource_version}, "data": data},
            headers={
                "Content-Type": "application/merge-patch+json",
                "Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            },
            params={"fieldManager": FIELD_MANAGER},
            auth=self._auth,
        )
        return self._checked(reply, about, step.kind)

    @property
    def server_time(self) -> datetime | None:
        """The API server's clock at its latest answer."""
        return self._http.server_time

    def _path(self, kind: str, name: str) -> str:
        return f"/api/v1/namespaces/{quote(self.namespace, safe='')}/{kind}/{quote(name, safe='')}"

    def _checked(self, reply: Reply, about: str, kind: str) -> dict[str, Any]:
        if reply.status == 200:
            shape = reply.json(about=about)
            metadata = shape.get("metadata") if isinstance(shape, dict) else None
            if isinstance(metadata, dict) and {"uid", "resourceVersion"} <= metadata.keys():
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
        hint = _HINTS.get(reply.status, "").format(kind=kind)
        if reply.status in (401, 403) and self._anonymous:
            hint = "; no credentials were found: has the kubeconfig's user any, and does its exec plugin run?"
        # The API server may quote a whole object in its message: for a Secret only the reason is passed on.
        told = shape.get("reason", "refused") if kind == "secrets" else shape.get("message", "")
        raise error(f"{about}: {told} (HTTP {reply.status}){hint}", status=reply.status)


_HINTS = {
    401: "; check the credentials of the kubeconfig",
    403: "; this user needs get and patch on {kind} there",
    404: "; check namespace (argocd_namespace) and cluster",
}


def _encode(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def decode_data(secret: Mapping[str, Any]) -> dict[str, str]:
    """Return a Secret's `data` as text; bytes that are no UTF-8 are replaced (they are no key of ours)."""
    data = secret.get("data") or {}
    return {key: base64.b64decode(value or "").decode(errors="replace") for key, value in data.items()}


def remove_temporary_files() -> None:
    """Remove the files `kubernetes` made of a kubeconfig's inline keys.

    It leaves that to atexit, which never runs in a worker that Ansible forked.
    """
    kube_config._cleanup_temp_files()  # noqa: SLF001 # pylint: disable=protected-access # it has no public twin


def connect(params: Mapping[str, Any], *, sleep: Callable[[float], None]) -> KubernetesClient:
    """Return a client from the options of `arguments.KUBERNETES`; raises InvalidInput naming the option."""
    configuration = _load(params)
    _override(configuration, params)
    cert = (configuration.cert_file, configuration.key_file) if configuration.cert_file else None
    session = new_session(
        verify=(configuration.ssl_ca_cert or True) if configuration.verify_ssl else False,
        cert=cert,
        server_name=getattr(configuration, "tls_server_name", None),
        proxy_headers=make_headers(**(params.get("proxy_headers") or {})),
    )
    # As in kubernetes.core, the usual proxy variables of the environment do not count here.
    session.trust_env = False
    proxy, host = configuration.proxy, configuration.host
    if proxy and not should_bypass_proxies(host, no_proxy=getattr(configuration, "no_proxy", None)):
        session.proxies = {"http": proxy, "https": proxy}
    http = HttpClient(
        name=f"the Kubernetes API at {host}",
        base_url=host,
        session=session,
        sleep=sleep,
        options=TlsOptions("ca_cert", "client_cert with client_key (or those of the kubeconfig)"),
    )
    headers = _headers(configuration, params)
    anonymous = not cert and "authorization" not in headers
    return KubernetesClient(http, headers, namespace=params["argocd_namespace"], anonymous=anonymous)


def _load(params: Mapping[str, Any]) -> Any:
    """Load in the order kubernetes.core uses: complete options, kubeconfig or context, in-cluster, ~/.kube/config."""
    configuration = Configuration()
    # It takes these from the environment by itself.
    configuration.proxy = configuration.no_proxy = None
    host = params.get("host")
    if params.get("argocd_in_cluster") and not host:
        return _in_cluster(configuration)
    complete = params.get("api_key") or (params.get("username") and params.get("password")) or params.get("client_cert")
    if host and complete:
        return configuration
    cause = ""
    try:
        if not params.get("kubeconfig") and not params.get("context") and _IN_CLUSTER in os.environ:
            return _in_cluster(configuration)
        _load_kubeconfig(configuration, params)
        return configuration
    except (kubernetes_config.ConfigException, YAMLError, OSError, ValueError, TypeError, AttributeError) as exc:
        cause = _kubeconfig_cause(exc)
    kubeconfig = params.get("kubeconfig")
    name = f" {kubeconfig}" if isinstance(kubeconfig, str) else ""
    raise InvalidInput(f"cannot load the kubeconfig{name}: {cause}; check kubeconfig and context (or host and api_key)")


def _kubeconfig_cause(exc: Exception) -> str:
    """Return the cause without a word of the file: YAML quotes the line it cannot read."""
    if isinstance(exc, kubernetes_config.ConfigException):
        return _first_line(exc)
    if isinstance(exc, MarkedYAMLError) and exc.problem_mark:
        return f"it is not YAML (line {exc.problem_mark.line + 1})"
    if isinstance(exc, OSError):
        return exc.strerror or "it cannot be read"
    return "it does not have the form of a kubeconfig"


def _first_line(exc: BaseException) -> str:
    """ConfigException names files and entries, not their contents; an exec plugin's output follows on later lines."""
    return str(exc).splitlines()[0] if str(exc) else type(exc).__name__


def _in_cluster(configuration: Any) -> Any:
    cause = ""
    try:
        kubernetes_config.load_incluster_config(client_configuration=configuration)
        return configuration
    except (kubernetes_config.ConfigException, OSError) as exc:
        cause = _first_line(exc)
    raise InvalidInput(f"cannot use the cluster this runs in: {cause}; does it run in a pod with a service account?")


def _load_kubeconfig(configuration: Any, params: Mapping[str, Any]) -> None:
    kubeconfig = params.get("kubeconfig")
    if kubeconfig and not isinstance(kubeconfig, (str, Mapping)):
        raise InvalidInput("cannot use kubeconfig: give a path or a dictionary")
    options = {"context": params.get("context"), "client_configuration": configuration}
    if isinstance(kubeconfig, Mapping):
        kubernetes_config.load_kube_config_from_dict(dict(kubeconfig), persist_config=False, **options)
        return
    path = str(Path(kubeconfig).expanduser()) if kubeconfig else None
    kubernetes_config.load_kube_config(path, persist_config=bool(params.get("persist_config")), **options)


# Our option -> attribute of kubernetes' Configuration.
_OVERRIDES = {
    "host": "host",
    "username": "username",
    "password": "password",
    "validate_certs": "verify_ssl",
    "ca_cert": "ssl_ca_cert",
    "client_cert": "cert_file",
    "client_key": "key_file",
    "proxy": "proxy",
    "no_proxy": "no_proxy",
}


def _override(configuration: Any, params: Mapping[str, Any]) -> None:
    for option, attribute in _OVERRIDES.items():
        if params.get(option) is not None:
            setattr(configuration, attribute, params[option])
    configuration.host = check_address(configuration.host, option="host (or the server of the kubeconfig)")


def _headers(configuration: Any, params: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Return the headers that authenticate.

    The key inside `api_key` differs between releases; auth_settings() does not.
    """
    headers: dict[str, str | list[str]] = {
        entry["key"]: entry["value"]
        for entry in configuration.auth_settings().values()
        if entry.get("in") == "header" and entry.get("value")
    }
    if params.get("username") and params.get("password"):
        basic = base64.b64encode(f"{params['username']}:{params['password']}".encode()).decode()
        headers["authorization"] = f"Basic {basic}"
    if params.get("api_key"):
        headers["authorization"] = f"Bearer {params['api_key']}"
    if params.get("impersonate_user"):
        headers["Impersonate-User"] = params["impersonate_user"]
    if params.get("impersonate_groups"):
        headers["Impersonate-Group"] = list(params["impersonate_groups"])
    return headers
