# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a flow in the controller's own process, or hands the task to the ordinary module.

In-process costs a small part of a module's CPU: the strategy imports the action plugin, and with it every
library, once in the parent; each task then runs in a forked worker that has them already.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.release import __version__ as core_version

from ansible_collections.fleetops.argocd.plugins.module_utils._core.accounts import default_variable
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    FleetopsError,
    InvalidInput,
    SinkError,
    StoreError,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.account import account_target
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.token import token_target
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.port import Sink
from ansible_collections.fleetops.argocd.plugins.module_utils._stores.port import Source
from ansible_collections.fleetops.argocd.plugins.module_utils._wiring import Flow, Surroundings, carry_out, mask
from ansible_collections.fleetops.argocd.plugins.module_utils.arguments import (
    ACCOUNT,
    ARGOCD,
    KUBERNETES,
    RBAC_POLICY,
    SECRET_VARIABLES,
    TOKEN,
    ModuleSpec,
    as_mapping,
    implicit_target,
    is_true,
    require_shapes,
    secrets_inside,
    sink_items,
    values_prefix,
)
from ansible_collections.fleetops.argocd.plugins.plugin_utils.claims import Claims
from ansible_collections.fleetops.argocd.plugins.plugin_utils.helm_values import HelmValuesFile
from ansible_collections.fleetops.argocd.plugins.plugin_utils.unique_keys import require_unique_keys
from ansible_collections.fleetops.argocd.plugins.plugin_utils.vault_file import (
    VaultFileSink,
    default_path,
)

__all__ = ("FlowAction",)

# Set to true, tasks run as ordinary modules wherever they can.
FORCE_MODULE = "argocd_force_module"
# Set by the role: `-e ansible_connection=ssh` beats the connection that the role sets, and none is needed here.
FROM_CONTROLLER = "argocd_from_controller"
# A module's answer is printed as it comes: by the connection ssh at -vvv, by every connection with ANSIBLE_DEBUG, and
# async leaves it in a file. So what hands a token to the play never runs as one.
_CONTROLLER_SINKS = ("ansible_vault", "fact")
_CONTROLLER_STORE = "helm_values"
# The first patch releases whose task_executor.py keeps the mark that hides a result; 2.18 and later all do.
_HIDING_SINCE = {(2, 16): 13, (2, 17): 6}
_DISCOVERED = ("auto", "auto_legacy", "auto_silent", "auto_legacy_silent")


class Untold(dict[str, Any]):
    """The arguments of a module, of which only the names are ever printed.

    With ANSIBLE_DEBUG, ActionBase._execute_module (ansible/plugins/action/__init__.py) prints them, secrets and all.
    """

    def __repr__(self) -> str:
        return f"<{', '.join(map(str, self))}>"


class FlowAction(ActionBase):
    """An action plugin is a subclass with its SPEC and FLOW."""

    SPEC: ModuleSpec
    FLOW: Flow

    _requires_connection = False
    _supports_async = True
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Choose the path, say so at -vvv, and run."""
        variables = task_vars or {}
        super().run(tmp, variables)
        try:
            return self._run(variables)
        except FleetopsError as exc:
            # A result, not an exception: `failed_when` and `ignore_errors` see it, and no traceback hangs on it.
            return {"failed": True, "msg": str(exc), "error": type(exc).__name__}

    def _run(self, variables: dict[str, Any]) -> dict[str, Any]:
        args = plain(dict(self._task.args))
        on_controller = _on_controller(args)
        obstacle = self._obstacle(variables)
        if on_controller:
            obstacle = self._prepare_controller(on_controller)
        reason = obstacle or (f"{on_controller} lives on the controller" if on_controller else "the task is local")
        path = "as a module" if obstacle else "in-process"
        self._display.vvv(f"{self.SPEC.name} runs {path}: {reason}", host=variables.get("inventory_hostname"))
        require_unique_keys(args, self.SPEC.argument_spec)
        require_shapes(args, self.SPEC.argument_spec)
        self._require_target(args, variables, here=not obstacle or self._shares_environment())
        self._require_hidden(args)
        if obstacle:
            self._require_quiet_environment(obstacle)
            return self._as_module(args, variables)
        with _environment_variables(self._environment()):
            return self._in_process(args, variables)

    def _obstacle(self, variables: Mapping[str, Any]) -> str:
        """Return why the task must run as a module; empty where it may run in-process."""
        if is_true(self._template(variables.get(FORCE_MODULE))):
            return f"{FORCE_MODULE} is set"
        if self._task.async_val:
            return "the task is async"
        if is_true(self._template(variables.get(FROM_CONTROLLER))):
            return ""
        return self._elsewhere(variables)

    def _elsewhere(self, variables: Mapping[str, Any]) -> str:
        """Return why the task is for another place, user or interpreter than this process."""
        if self._connection.transport != "local":
            return f"the connection is {self._connection.transport}, not local"
        if self._connection.become is not None:
            return "the task becomes another user"
        return self._other_interpreter(variables)

    def _shares_environment(self) -> bool:
        """Whether a module gets the environment of this process: becoming another user leaves it behind."""
        return bool(self._connection.transport == "local" and self._connection.become is None)

    def _require_target(self, args: Mapping[str, Any], variables: Mapping[str, Any], *, here: bool) -> None:
        """A play over several hosts never guesses: each host names its own server.

        A module that runs elsewhere does not get the environment of this process.
        """
        hosts = _play_hosts(variables)
        if len(hosts) < 2:
            return
        environment = {**(os.environ if here else {}), **self._environment()}
        missing = implicit_target(self.SPEC, args, environment)
        if missing:
            raise InvalidInput(
                f"cannot run {self.SPEC.name} for {len(hosts)} hosts: {missing}, so all of them would reach the same "
                "server; set it for each host (module_defaults, or the role's argocd_user_connection)"
            )

    def _require_hidden(self, args: Mapping[str, Any]) -> None:
        """A token is returned only where its result is hidden: by this ansible-core, or by the task itself."""
        returned = is_true(args.get("return_token")) or any(item.get("type") == "fact" for item in sink_items(args))
        if returned and not self._task.no_log and not _hides_results(core_version):
            raise InvalidInput(
                f"cannot return a token for account {args.get('account')}: ansible-core {core_version} would show it; "
                "set no_log to true on the task, or use ansible-core 2.16.13, 2.17.6, 2.18 or newer"
            )

    def _require_quiet_environment(self, obstacle: str) -> None:
        """Of a module Ansible puts the environment into a command line, for every user of the machine to read."""
        told = sorted(SECRET_VARIABLES & self._environment().keys())
        if told:
            raise InvalidInput(
                f"cannot run {self.SPEC.name} as a module with {', '.join(told)} in the environment of the task, which "
                f"would be in the arguments of a process; set the option instead, or run it in-process ({obstacle})"
            )

    def _other_interpreter(self, variables: Mapping[str, Any]) -> str:
        if self._task.delegate_to:
            variables = (variables.get("ansible_delegated_vars") or {}).get(self._task.delegate_to) or variables
        interpreter = self._template(variables.get("ansible_python_interpreter") or "")
        if not interpreter or interpreter in _DISCOVERED or _same_path(interpreter, sys.executable):
            return ""
        return f"the interpreter is {interpreter}"

    def _prepare_controller(self, place: str) -> str:
        """Where a place lives here the flow runs here; what cannot be honoured then is refused."""
        if self._task.async_val:
            raise InvalidInput(
                f"cannot run {self.SPEC.name} with async: its {place} lives on the controller; leave async out"
            )
        return ""

    def _environment(self) -> dict[str, str]:
        items = [self._template(item) or {} for item in self._task.environment or []]
        return {str(key): str(value) for item in items for key, value in item.items()}

    def _template(self, value: Any) -> Any:
        return plain(self._templar.template(value))

    def _as_module(self, args: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Run the ordinary module. It cannot see the other hosts' claims: they are made and checked around it."""
        claims, managed = self._claims(variables), _managed(self.SPEC, args)
        # Elsewhere the same path may be another file, and the same address another server.
        if managed and self._connection.transport == "local":
            claims.claim(self._named_target(args, managed), about=managed, how="has the same connection")
        claims.require_sole()
        result: dict[str, Any] = self._execute_module(
            module_name=f"fleetops.argocd.{self.SPEC.name}",
            module_args=Untold(self._task.args),
            task_vars=variables,
            wrap_async=self._task.async_val,
        )
        reached = _reached_target(self.SPEC, args, result)
        if reached:
            claims.claim(reached, about=managed)
        return result

    def _named_target(self, args: Mapping[str, Any], managed: str) -> str:
        """Return what the task names, before anybody knows which installation that is: the same for the same arguments.

        The same name leads elsewhere in another environment (KUBECONFIG), or for a user with another home.
        """
        options = {name: args.get(name, rules.get("default")) for name, rules in {**KUBERNETES, **ARGOCD}.items()}
        options["argocd_in_cluster"] = is_true(options["argocd_in_cluster"])
        # Each host may have written its own to the same place.
        content = _content(options["kubeconfig"])
        surroundings = [self._environment(), self.get_become_option("become_user"), content]
        return json.dumps([self.SPEC.name, managed, options, *surroundings], sort_keys=True)

    def _in_process(self, args: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        validator = ArgumentSpecValidator(self.SPEC.argument_spec, mutually_exclusive=self.SPEC.mutually_exclusive)
        checked = validator.validate(args)
        hidden = secrets_inside(args) | checked._no_log_values  # noqa: SLF001 # pylint: disable=protected-access # it has no public twin
        if checked.error_messages:
            text = "; ".join(checked.error_messages)
            return mask({"failed": True, "msg": f"cannot run {self.SPEC.name}: {text}"}, hidden)
        params = checked.validated_parameters
        hidden |= secrets_inside(params)

        result, met = carry_out(
            self.SPEC,
            type(self).FLOW,
            params,
            self._surroundings(variables),
            check_mode=bool(self._task.check_mode),
            diff=bool(self._task.diff),
        )
        return _censored(mask(result, hidden | met))

    def _claims(self, variables: Mapping[str, Any]) -> Claims:
        return Claims(
            directory=constants.DEFAULT_LOCAL_TMP,
            play=[str(variables.get("ansible_play_name")), *_play_hosts(variables)],
            host=str(variables.get("inventory_hostname")),
        )

    def _surroundings(self, variables: Mapping[str, Any]) -> Surroundings:
        claims = self._claims(variables)

        def open_sink(options: Mapping[str, Any], account: str) -> Sink:
            return self._open_sink(options, account, variables)

        def open_values(options: Mapping[str, Any]) -> Source:
            return self._open_values(options, variables)

        def claim(target: str, about: str) -> None:
            claims.claim(target, about=about)

        return Surroundings(open_sink=open_sink, open_values=open_values, claim=claim)

    def _open_values(self, options: Mapping[str, Any], variables: Mapping[str, Any]) -> Source:
        _require_lasting(variables, "edit Helm values", "keep account and policy elsewhere (config_store)")
        return HelmValuesFile(
            path=_file(options["file"], variables, "values file", StoreError), prefix=values_prefix(options)
        )

    def _open_sink(self, options: Mapping[str, Any], account: str, variables: Mapping[str, Any]) -> Sink:
        _require_lasting(
            variables,
            "store a token in a vault file",
            "name another place in store: kubernetes_secret or hashicorp_vault",
        )
        variable = options["variable"] or default_variable(account)
        return VaultFileSink(
            path=_file(options["file"], variables, "vault file", SinkError),
            variable=variable,
            record_variable=f"{variable}_record",
            vault_id=options["vault_id"],
            # The one accessor that ansible-core 2.16 to 2.21 have in common.
            secrets=list(self._loader._vault.secrets or []),  # noqa: SLF001 # pylint: disable=protected-access
        )


@contextmanager
def _environment_variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Set them for one task: the items of a loop share their worker, each with an environment of its own."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables.keys() - before.keys():
            del os.environ[name]
        os.environ.update({name: before[name] for name in variables.keys() & before.keys()})


def _hides_results(version: str) -> bool:
    """Say whether that ansible-core heeds `_ansible_no_log` of an action's result."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:3]]
    return numbers[2] >= _HIDING_SINCE.get((numbers[0], numbers[1]), 0)


def _same_path(one: str, other: str) -> bool:
    """Compare without following links: a venv's python is a link to the one it was made from."""
    return os.path.normpath(one) == os.path.normpath(other)


def _content(kubeconfig: Any) -> str:
    """Return what tells one content of the file from another; empty where it cannot be read, or is no file."""
    try:
        raw = Path(kubeconfig).expanduser().read_bytes() if isinstance(kubeconfig, str) else b""
    except (OSError, RuntimeError):
        return ""
    return hashlib.sha256(raw).hexdigest()


def _managed(spec: ModuleSpec, args: Mapping[str, Any]) -> str:
    """Return what the task manages, which no two hosts of a play may; empty where it only reads."""
    if spec is ACCOUNT:
        return f"account {args.get('name')}"
    if spec is RBAC_POLICY:
        return f"the policy of {args.get('subject')}"
    if spec is TOKEN:
        return f"token {args.get('token_name') or args.get('account')} of account {args.get('account')}"
    return ""


def _reached_target(spec: ModuleSpec, args: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """Return what in-process the flow itself claims; empty where the module does not tell the installation."""
    uid = result.get("instance_uid")
    if uid and spec is ACCOUNT:
        return account_target(uid, args["name"])
    if uid and spec is TOKEN:
        return token_target(uid, args["account"], args.get("token_name") or args["account"])
    return ""


def _play_hosts(variables: Mapping[str, Any]) -> list[str]:
    return [str(host) for host in variables.get("ansible_play_hosts_all") or []]


def _require_lasting(variables: Mapping[str, Any], what: str, remedy: str) -> None:
    if "awx_job_id" in variables or "tower_job_id" in variables:
        raise InvalidInput(
            f"cannot {what}: this is an AWX job, whose copy of the project is thrown away after it; {remedy}"
        )


def _file(file: str | None, variables: Mapping[str, Any], noun: str, error: type[FleetopsError]) -> str:
    """Return the file's path; a relative one starts at the inventory, as the default does."""
    inventory_dir = _inventory_dir(variables)
    if not file:
        return default_path(inventory_dir, str(variables["inventory_hostname"]))
    if Path(file).is_absolute():
        return file
    if file.startswith("~"):
        raise error(f"cannot find {noun} {file}: there is no such home; give an absolute path")
    if inventory_dir is None:
        raise error(f"cannot find {noun} {file}: the inventory has no directory to start at; give an absolute path")
    return str(Path(inventory_dir, file))


def _inventory_dir(variables: Mapping[str, Any]) -> str | None:
    """Return where Ansible looks for host_vars; None where there is no such directory.

    That is beside a source of the inventory (ansible/vars/plugins.py, get_vars_from_inventory_sources). `inventory_dir`
    is where the host's own file is, perhaps in a directory below a source that is one.
    """
    directory = variables.get("inventory_dir")
    # A list of hosts (`-i host,`) has none; ansible-core 2.19 and later say so by the text `None`.
    if not directory or not Path(str(directory)).is_absolute():
        return None
    inventory_dir = Path(str(directory))
    sources = [Path(str(source)) for source in variables.get("ansible_inventory_sources") or []]
    beside = [source if source.is_dir() else source.parent for source in sources if source.exists()]
    above = [place for place in beside if inventory_dir.is_relative_to(place)]
    return str(max(above, key=lambda place: len(place.parts), default=inventory_dir))


def _censored(result: dict[str, Any]) -> dict[str, Any]:
    """Hide a result that holds a token from every callback; what is registered stays whole."""
    return {**result, "_ansible_no_log": True} if result.get("token") else result


def _on_controller(args: Mapping[str, Any]) -> str:
    """Return the first of the task's places that lives on the controller; empty where none does."""
    config_store = as_mapping(args.get("config_store"))
    if config_store and config_store.get("type") == _CONTROLLER_STORE:
        return f"config_store {_CONTROLLER_STORE}"
    for item in sink_items(args):
        kind = str(item.get("type") or _CONTROLLER_SINKS[0])
        if kind in _CONTROLLER_SINKS:
            return f"sink {kind}"
    return "returned token" if is_true(args.get("return_token")) else ""


def plain(value: Any) -> Any:
    """Return the value in Python's own types.

    Templates give tagged types (2.19 and later) or unsafe text (before); an inline `!vault` is no str on 2.16, and
    decrypts as it is turned into one. Keys become text, as in the JSON that an ordinary module gets.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Mapping):
        return {_plain_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not hasattr(value, "vault"):
        return [plain(item) for item in value]
    return str(value)


def _plain_key(key: Any) -> str:
    """YAML reads `on` and `1` as something else than text."""
    return str.__str__(key) if isinstance(key, str) else json.dumps(plain(key))
