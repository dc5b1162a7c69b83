# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Kubernetes API is and how to log in; `kubernetes` loads what is hard: kubeconfig, exec plugin, in-cluster."""

from __future__ import annotations

import base64
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from .._core.address import check_address, check_proxy
from .._core.errors import InvalidInput
from .http import HttpClient, TlsOptions, new_session

try:
    import yaml
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

__all__ = ("HAS_KUBERNETES", "Access", "load_access", "remove_temporary_files")

_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"
_OF_THE_HOME = "~/.kube/config"
Headers = Mapping[str, "str | list[str]"]


@dataclass(frozen=True)
class Access:
    """The address of a Kubernetes API and what opens it.

    `headers` authenticate; `verify` is a CA file or a switch; `cert` are the files of a certificate and its key, or
    the one that holds both; `server_name` is checked in the certificate instead of the host.
    """

    host: str
    headers: Headers = field(repr=False)
    verify: bool | str
    cert: tuple[str, str] | str | None
    server_name: str | None
    proxy: str | None = field(repr=False)
    proxy_headers: Mapping[str, str] = field(repr=False)

    @property
    def anonymous(self) -> bool:
        """Whether there are no credentials: `kubernetes` goes on without them where an exec plugin fails."""
        return not self.cert and "authorization" not in self.headers

    def http(self, *, name: str, path: str = "", sleep: Callable[[float], None], timeout: float = 30) -> HttpClient:
        """Return a client for what is below the path; its requests still need `headers`."""
        session = new_session(
            verify=self.verify, cert=self.cert, server_name=self.server_name, proxy_headers=self.proxy_headers
        )
        # As in kubernetes.core, the usual proxy variables of the environment do not count here.
        session.trust_env = False
        if self.proxy:
            session.proxies = {"http": self.proxy, "https": self.proxy}
        return HttpClient(
            name=name,
            base_url=f"{self.host}{path}",
            session=session,
            sleep=sleep,
            timeout=timeout,
            options=TlsOptions("ca_cert", "client_cert with client_key (or those of the kubeconfig)"),
        )


def remove_temporary_files() -> None:
    """Remove the files made of a kubeconfig's inline keys.

    `kubernetes` leaves that to atexit, which never runs in a worker that Ansible forked.
    """
    kube_config._cleanup_temp_files()  # noqa: SLF001 # pylint: disable=protected-access # it has no public twin
    while _in_memory:
        os.close(_in_memory.pop())


# File descriptors of what is a file for those who open it by its path, and for nobody else.
_in_memory: list[int] = []


def _file_in_memory(content: bytes | str, *_place: Any, **_options: Any) -> str:
    """Stand in for `_create_temp_file_with_content` of `kubernetes`: a run that is killed leaves no key on the disk."""
    handle = os.memfd_create("kubeconfig")
    _in_memory.append(handle)
    with os.fdopen(os.dup(handle), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return f"/proc/self/fd/{handle}"


@contextmanager
def _keys_in_memory() -> Iterator[None]:
    """Let `kubernetes` keep inline keys in memory where the system can (Linux), else in files as ever."""
    theirs = kube_config._create_temp_file_with_content  # noqa: SLF001 # pylint: disable=protected-access # as above
    if hasattr(os, "memfd_create"):
        kube_config._create_temp_file_with_content = _file_in_memory  # noqa: SLF001 # pylint: disable=protected-access
    try:
        yield
    finally:
        kube_config._create_temp_file_with_content = theirs  # noqa: SLF001 # pylint: disable=protected-access


@contextmanager
def _read_by_libyaml() -> Iterator[None]:
    """Let `kubernetes` read by libyaml where PyYAML has it: a fleet's file takes a quarter of the time."""
    theirs = kube_config.yaml
    quick = functools.partial(yaml.load, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    kube_config.yaml = SimpleNamespace(safe_load=quick, safe_dump=theirs.safe_dump)
    try:
        yield
    finally:
        kube_config.yaml = theirs


def load_access(params: Mapping[str, Any]) -> Access:
    """Return what the options of `arguments.KUBERNETES` say; raises InvalidInput naming the option."""
    configuration = Configuration()
    # It takes these from the environment by itself.
    configuration.proxy = configuration.no_proxy = None
    beyond = _load(configuration, params)
    _override(configuration, params)
    proxy, host, cert = configuration.proxy or beyond.proxy, configuration.host, configuration.cert_file
    if proxy and should_bypass_proxies(host, no_proxy=getattr(configuration, "no_proxy", None)):
        proxy = None
    return Access(
        host=host,
        headers={**beyond.impersonation, **_headers(configuration, params)},
        verify=(configuration.ssl_ca_cert or True) if configuration.verify_ssl else False,
        cert=(cert, configuration.key_file) if cert and configuration.key_file else cert,
        server_name=beyond.server_name,
        proxy=check_proxy(proxy) if proxy else None,
        proxy_headers=make_headers(**(params.get("proxy_headers") or {})),
    )


@dataclass(frozen=True)
class _Beyond:
    """What a kubeconfig may say and `kubernetes` does not load in every release: impersonation in none, the proxy
    before 37, the server's name before 25."""

    proxy: str | None = None
    server_name: str | None = None
    impersonation: Headers = field(default_factory=dict)


def _load(configuration: Any, params: Mapping[str, Any]) -> _Beyond:
    """Load in the order kubernetes.core uses: complete options, kubeconfig or context, in-cluster, ~/.kube/config."""
    host = params.get("host")
    if params.get("argocd_in_cluster") and not host:
        return _in_cluster(configuration)
    complete = params.get("api_key") or (params.get("username") and params.get("password")) or params.get("client_cert")
    if host and complete:
        return _Beyond()
    cause = ""
    try:
        if not params.get("kubeconfig") and not params.get("context") and _IN_CLUSTER in os.environ:
            return _in_cluster(configuration)
        return _load_kubeconfig(configuration, params)
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


def _in_cluster(configuration: Any) -> _Beyond:
    cause = ""
    try:
        kubernetes_config.load_incluster_config(client_configuration=configuration)
        return _Beyond()
    except (kubernetes_config.ConfigException, OSError) as exc:
        cause = _first_line(exc)
    raise InvalidInput(f"cannot use the cluster this runs in: {cause}; does it run in a pod with a service account?")


def _load_kubeconfig(configuration: Any, params: Mapping[str, Any]) -> _Beyond:
    """As `load_kube_config` does, which hides what it read."""
    kubeconfig = params.get("kubeconfig")
    if kubeconfig and not isinstance(kubeconfig, (str, Mapping)):
        raise InvalidInput("cannot use kubeconfig: give a path or a dictionary")
    options = {"active_context": params.get("context"), "config_base_path": None}
    if isinstance(kubeconfig, Mapping):
        config = kube_config.ConfigNode("kube-config", dict(kubeconfig))
    else:
        # The library's own default was read when it was imported: before the task's `environment` was set.
        path = str(kubeconfig or os.environ.get("KUBECONFIG") or _OF_THE_HOME)
        with _read_by_libyaml():
            files = kube_config.KubeConfigMerger(path)
        if files.config is None:
            raise kubernetes_config.ConfigException("there is no such file, or nothing in it")
        config = files.config
        options.update({"config_persister": files.save_changes} if params.get("persist_config") else {})
    loader = kube_config.KubeConfigLoader(config_dict=config, **options)
    with _keys_in_memory():
        loader.load_and_set(configuration)
    # Asked for the headers, it would load the kubeconfig once more, over what the options override.
    configuration.refresh_api_key_hook = None
    return _beyond(config, loader.current_context["context"])


def _beyond(config: Any, context: Mapping[str, Any]) -> _Beyond:
    def entry(part: str) -> Mapping[str, Any]:
        """It was loaded just now, so it has its form; a context may do without a user."""
        known = context.get(part) and config.safe_get(f"{part}s")
        named = config[f"{part}s"].get_with_name(context[part], safe=True) if known else None
        return (named and named.value.get(part)) or {}

    cluster, user = entry("cluster"), entry("user")
    extra = user.get("as-user-extra") or {}
    headers = {
        "Impersonate-User": user.get("as"),
        "Impersonate-Uid": user.get("as-uid"),
        "Impersonate-Group": user.get("as-groups"),
        **{f"Impersonate-Extra-{quote(key, safe='')}": value for key, value in extra.items()},
    }
    return _Beyond(
        proxy=cluster.get("proxy-url"),
        server_name=cluster.get("tls-server-name"),
        impersonation={name: value for name, value in headers.items() if value},
    )


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
