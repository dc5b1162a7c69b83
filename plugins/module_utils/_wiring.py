# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wires a flow to the real world: clients, clock, randomness, sinks. Module and action plugin both run this."""

from __future__ import annotations

import getpass
import secrets
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values

from ._clients.argocd import ArgocdClient, Credentials
from ._clients.http import HAS_REQUESTS
from ._clients.kubeconfig import HAS_KUBERNETES, Access, load_access, remove_temporary_files
from ._clients.kubernetes import KubernetesClient, connect
from ._clients.transports import open_transport
from ._core.errors import FleetopsError, InvalidInput
from ._flows.ports import Outcome, Ports
from ._opening import open_config_store, open_hashicorp_vault, open_kubernetes_secret
from .arguments import ModuleSpec, environment_in_effect, secrets_inside, validate_offline

if TYPE_CHECKING:
    from ._sinks.port import Sink
    from ._stores.configmaps import ConfigMapStore
    from ._stores.port import Source

__all__ = ("Flow", "Surroundings", "carry_out", "mask", "run_module")

Flow = Callable[[Mapping[str, Any], Ports], Outcome]
OpenSink = Callable[[Mapping[str, Any], str], "Sink"]
OpenValues = Callable[[Mapping[str, Any]], "Source"]
Claim = Callable[[str, str], None]


@dataclass(frozen=True)
class Surroundings:
    """What differs between the two shells: the files of the controller, and what the rest of the play has claimed."""

    open_sink: OpenSink
    open_values: OpenValues
    claim: Claim


class _Module(AnsibleModule):
    """An AnsibleModule that keeps to itself what is secret inside of dictionaries, such as a kubeconfig.

    It tells and logs no invocation: an option that is misspelt may be a password, and nobody knows.
    """

    def _load_params(self) -> None:
        super()._load_params()
        self.no_log_values.update(secrets_inside(self.params))

    def _log_invocation(self) -> None:
        return

    def _return_formatted(self, kwargs: dict[str, Any]) -> None:
        super()._return_formatted({**kwargs, "invocation": {}})


def run_module(spec: ModuleSpec, flow: Flow) -> None:
    """Run the flow as an ordinary module."""
    module = _Module(
        argument_spec=spec.argument_spec, mutually_exclusive=spec.mutually_exclusive, supports_check_mode=True
    )
    # Once more: validation adds what the environment and aliases give.
    module.no_log_values.update(secrets_inside(module.params))
    diff = module._diff  # noqa: SLF001 # it has no public twin
    alone = Surroundings(open_sink=_open_sink, open_values=_open_values, claim=lambda _target, _about: None)
    result, met = carry_out(spec, flow, module.params, alone, check_mode=module.check_mode, diff=diff)
    module.no_log_values.update(met)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


def _open_sink(options: Mapping[str, Any], _account: str) -> Sink:
    raise _elsewhere(f"sink {options['type']}")


def _open_values(options: Mapping[str, Any]) -> Source:
    raise _elsewhere(f"config_store {options['type']}")


def _elsewhere(what: str) -> InvalidInput:
    return InvalidInput(
        f"cannot use {what} here: it lives on the controller, and this runs as an ordinary module; call the module by "
        "its full name fleetops.argocd.<name>, so that its action plugin runs"
    )


def missing_library() -> str | None:
    """Return what to install, None where all is there."""
    missing = [name for name, there in (("requests", HAS_REQUESTS), ("kubernetes", HAS_KUBERNETES)) if not there]
    if not missing:
        return None
    names = " ".join(missing)
    return f"cannot start: {sys.executable} lacks the Python package(s) {names}; install them: pip install {names}"


def carry_out(
    spec: ModuleSpec, flow: Flow, params: Mapping[str, Any], around: Surroundings, *, check_mode: bool, diff: bool
) -> tuple[dict[str, Any], set[str]]:
    """Run the flow; return Ansible's result and the secrets met on the way, to be masked by the caller.

    An error becomes a failed result outside of any `except`: ansible-core prints what an exception was raised from.
    """
    met: set[str] = set()
    failure: FleetopsError
    with ExitStack() as stack:
        try:
            _require_libraries()
            validate_offline(params)
            ports = _ports(params, around, check_mode=check_mode, remember=met.add, stack=stack)
            result = {
                "from_environment": environment_in_effect(spec, params),
                **_result(flow(params, ports), diff=diff),
            }
            return result, met - {""}
        except FleetopsError as exc:
            failure = exc
    failed = {"failed": True, "msg": str(failure), "error": type(failure).__name__}
    return {**failed, "from_environment": environment_in_effect(spec, params)}, met - {""}


# Of the servers, and no secrets: the role hands them from one task to another.
_HANDED_ON = ("instance_uid", "policy", "id", "issued_at", "superseded", "revoked")


def mask(result: dict[str, Any], hidden: set[str]) -> dict[str, Any]:
    """Return the result with every secret masked, but for a token that was asked for.

    What later tasks go on from stays whole, too: a short value that is hidden, of a header perhaps, may occur in it.
    """
    whole = {name: result.pop(name) for name in ("token", *_HANDED_ON) if result.get(name)}
    masked: dict[str, Any] = remove_values(result, hidden)
    return {**masked, **whole}


def _require_libraries() -> None:
    missing = missing_library()
    if missing:
        raise InvalidInput(missing)


def _result(outcome: Outcome, *, diff: bool) -> dict[str, Any]:
    result = {"changed": outcome.changed, **outcome.values}
    if outcome.warnings:
        result["warnings"] = list(outcome.warnings)
    if diff and outcome.before is not None:
        result["diff"] = {"before": outcome.before, "after": outcome.after}
    return result


def _ports(
    params: Mapping[str, Any],
    around: Surroundings,
    *,
    check_mode: bool,
    remember: Callable[[str], None],
    stack: ExitStack,
) -> Ports:
    # The first, so that it comes last: whatever is closed may still need the files.
    stack.callback(remove_temporary_files)
    known: list[tuple[Mapping[str, Any], Access]] = []

    def access(options: Mapping[str, Any]) -> Access:
        # Once for the same options: an exec plugin may take its time, or ask somebody.
        found = next((item for given, item in known if given is options), None)
        if found is None:
            found = load_access(options)
            known.append((options, found))
        return found

    def kubernetes(options: Mapping[str, Any]) -> KubernetesClient:
        return connect(access(options), namespace=options["argocd_namespace"], sleep=time.sleep)

    def argocd(options: Mapping[str, Any]) -> ArgocdClient:
        client = _argocd(options, lambda: access(options), remember)
        stack.callback(client.close)
        return client

    def sink(options: Mapping[str, Any], account: str) -> Sink:
        if options["type"] == "kubernetes_secret":
            return open_kubernetes_secret(options, params, kubernetes)
        if options["type"] == "hashicorp_vault":
            return open_hashicorp_vault(options, params, remember=remember, sleep=time.sleep, stack=stack)
        return around.open_sink(options, account)

    def config_store(options: Mapping[str, Any], client: KubernetesClient) -> ConfigMapStore:
        return open_config_store(options["config_store"], client, around.open_values)

    return Ports(
        check_mode=check_mode,
        kubernetes=kubernetes,
        argocd=argocd,
        sink=sink,
        config_store=config_store,
        clock=lambda: datetime.now(timezone.utc),
        sleep=time.sleep,
        random_hex=lambda: secrets.token_hex(4),
        random_below=secrets.randbelow,
        remember=remember,
        claim=around.claim,
        actor=_actor(),
    )


def _actor() -> str:
    """Who runs this, for the record."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container's user without a passwd entry.
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def _argocd(params: Mapping[str, Any], access: Callable[[], Access], remember: Callable[[str], None]) -> ArgocdClient:
    credentials = Credentials(
        token=params["argocd_auth_token"], username=params["argocd_username"], password=params["argocd_password"]
    )
    place = "argocd_url" if params["argocd_transport"] == "direct" else "argocd_service and argocd_url"
    transport = open_transport(params, access=access, sleep=time.sleep)
    return ArgocdClient(transport, credentials, remember=remember, place=place)
