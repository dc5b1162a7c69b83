# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens the sinks and stores that live on servers, from validated options. The controller's are in plugin_utils."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from ._clients.vault import connect_vault
from ._core.errors import ApiError, InvalidInput
from ._core.token_text import TokenFormat
from ._sinks.hashicorp_vault import HashicorpVaultSink, VaultPlace
from ._sinks.kubernetes_secret import KubernetesSecretSink, SecretPlace
from ._stores.argocd_resource import ArgocdResource
from ._stores.configmaps import ConfigMapStore
from ._stores.upstream import UpstreamStore
from .arguments import sink_connection

if TYPE_CHECKING:
    from ._clients.kubernetes import KubernetesClient
    from ._clients.vault import VaultClient
    from ._stores.port import Source

__all__ = ("open_config_store", "open_hashicorp_vault", "open_kubernetes_secret")

Connect = Callable[[Mapping[str, Any]], "KubernetesClient"]


def open_config_store(
    options: Mapping[str, Any], client: KubernetesClient, open_values: Callable[[Mapping[str, Any]], Source]
) -> ConfigMapStore:
    """Return the store of account and policy keys that `config_store` asks for."""
    if options["type"] == "configmaps":
        return ConfigMapStore(client)
    of_operator = options["type"] == "argocd_resource"
    return UpstreamStore(client, ArgocdResource(client, options["name"]) if of_operator else open_values(options))


def open_kubernetes_secret(
    options: Mapping[str, Any], params: Mapping[str, Any], connect: Connect
) -> KubernetesSecretSink:
    """Return the sink, in the cluster of its own `connection`, else in that of the task."""
    client = connect({**(sink_connection(options) or params), "argocd_namespace": options["namespace"]})
    place = SecretPlace(
        host=client.host,
        name=options["name"],
        key=options["key"],
        secret_type=options["secret_type"],
        labels=options["labels"] or {},
        argocd_namespace=params["argocd_namespace"],
    )
    return KubernetesSecretSink(client, place, _format(options, params))


def open_hashicorp_vault(
    options: Mapping[str, Any],
    params: Mapping[str, Any],
    *,
    remember: Callable[[str], None],
    sleep: Callable[[float], None],
    stack: ExitStack,
) -> HashicorpVaultSink:
    """Return the sink; it logs in when it is first used, and `stack` ends that login."""
    login = sink_connection(options) or {}

    def connect() -> VaultClient:
        client = connect_vault(login, remember=remember)
        stack.callback(client.close)
        if login["auth_method"] == "approle":
            remember(client.login(login["mount_point"], login["role_id"], login["secret_id"]))
            stack.callback(_log_out, client)
        return client

    place = VaultPlace(options["engine_mount_point"], options["path"], options["key"])
    where = f"{login['url']} (namespace {login['namespace']})" if login["namespace"] else login["url"]
    return HashicorpVaultSink(connect, place, _format(options, params), where=where, sleep=sleep)


def _log_out(client: VaultClient) -> None:
    # The work is done; a login that cannot be ended ends by itself.
    with suppress(ApiError):
        client.logout()


def _format(options: Mapping[str, Any], params: Mapping[str, Any]) -> TokenFormat:
    # A place for a password has none: it is stored as it is.
    name = options.get("format", "raw")
    if name == "env" and not params["argocd_url"]:
        raise InvalidInput("cannot write an env file for a sink: it names the server; set argocd_url")
    return TokenFormat(name, params["argocd_url"] or "")
