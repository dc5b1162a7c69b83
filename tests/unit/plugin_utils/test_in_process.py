# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The in-process runner: which path a task takes and why, plain values in, no secret out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput, Refused, SinkError
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.ports import Outcome, Ports
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.token import token_target
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.port import Entry
from ansible_collections.fleetops.argocd.plugins.module_utils.arguments import (
    ACCOUNT,
    CAN_I,
    RBAC_POLICY,
    TOKEN,
    require_shapes,
    secrets_inside,
)
from ansible_collections.fleetops.argocd.plugins.plugin_utils.in_process import FlowAction, _on_controller, plain

SEKRET = "SEKRET-a-token"
VAULT = {"type": "ansible_vault"}
ARGS = {"account": "octopus", "context": "c", "argocd_url": "https://x"}
Flow = Callable[[Mapping[str, Any], Ports], Outcome]


class Display:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def vvv(self, line: str, host: str | None = None) -> None:
        self.lines.append(f"{host}: {line}")

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_args, **_more: None


def nothing(_params: Mapping[str, Any], _ports: Ports) -> Outcome:
    return Outcome(changed=False, values={})


def action(
    flow: Flow = nothing,
    *,
    args: Mapping[str, Any] | None = None,
    task: Mapping[str, Any] | None = None,
    connection: Mapping[str, Any] | None = None,
    spec: Any = TOKEN,
) -> FlowAction:
    kind = type("Action", (FlowAction,), {"SPEC": spec, "FLOW": staticmethod(flow)})
    of_task = {"async_val": 0, "environment": None, "delegate_to": None, "check_mode": False, "diff": False}
    of_connection = {"transport": "local", "become": None, "_shell": SimpleNamespace(tmpdir=None)}
    made: FlowAction = kind(
        task=SimpleNamespace(
            **{"action": "x", "args": dict(ARGS if args is None else args), "no_log": False, **of_task, **(task or {})}
        ),
        connection=SimpleNamespace(**{**of_connection, **(connection or {})}),
        play_context=SimpleNamespace(check_mode=False),
        loader=SimpleNamespace(_vault=SimpleNamespace(secrets=[])),
        templar=SimpleNamespace(template=lambda value: value),
        shared_loader_obj=None,
    )
    vars(made)["_display"] = Display()
    return made


def said(made: FlowAction) -> list[str]:
    lines: list[str] = vars(made)["_display"].lines
    return lines


@pytest.fixture(autouse=True)
def _own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    for name in [name for name in os.environ if name.startswith(("ARGOCD_", "K8S_AUTH_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def module_runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What would be run as an ordinary module, and the result of which is then given back."""
    runs: list[dict[str, Any]] = []

    def execute(_self: FlowAction, **how: Any) -> dict[str, Any]:
        runs.append(how)
        return {"changed": False, "instance_uid": "uid"}

    monkeypatch.setattr(FlowAction, "_execute_module", execute)
    return runs


def run(made: FlowAction, **variables: Any) -> dict[str, Any]:
    return made.run(task_vars={"inventory_hostname": "h1", "ansible_play_hosts_all": ["h1"], **variables})


# --- which path ----------------------------------------------------------------------------------------------------

OTHER = "/usr/bin/python0"
LOCAL: dict[str, dict[str, Any]] = {
    "nothing-said": {},
    "the-same-interpreter": {"ansible_python_interpreter": sys.executable},
    "the-same-otherwise-spelled": {
        "ansible_python_interpreter": f"{Path(sys.executable).parent}/../bin/./{Path(sys.executable).name}"
    },
    "a-discovered-interpreter": {"ansible_python_interpreter": "auto_silent"},
    "not-forced": {"argocd_force_module": "false"},
}


@pytest.mark.parametrize("variables", LOCAL.values(), ids=LOCAL)
def test_a_local_task_runs_in_this_process(variables: dict[str, Any], module_runs: list[Any]) -> None:
    ran: list[int] = []

    def flow(_params: Mapping[str, Any], _ports: Ports) -> Outcome:
        ran.append(os.getpid())
        return nothing(_params, _ports)

    made = action(flow)
    run(made, **variables)
    assert (ran, module_runs) == ([os.getpid()], [])
    assert said(made) == ["h1: argocd_token runs in-process: the task is local"]


AS_MODULE: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "ssh": ({"connection": {"transport": "ssh"}}, {}, "the connection is ssh, not local"),
    "become": ({"connection": {"become": object()}}, {}, "the task becomes another user"),
    "async": ({"task": {"async_val": 60}}, {}, "the task is async"),
    "interpreter": ({}, {"ansible_python_interpreter": OTHER}, f"the interpreter is {OTHER}"),
    "forced": ({}, {"argocd_force_module": True}, "argocd_force_module is set"),
    "forced-by-a-word": ({}, {"argocd_force_module": "Yes"}, "argocd_force_module is set"),
    "interpreter-of-the-delegate": (
        {"task": {"delegate_to": "d"}},
        {"ansible_delegated_vars": {"d": {"ansible_python_interpreter": OTHER}}},
        f"the interpreter is {OTHER}",
    ),
}


@pytest.mark.parametrize(("how", "variables", "reason"), AS_MODULE.values(), ids=AS_MODULE)
def test_any_other_task_runs_as_a_module_and_says_why(
    how: dict[str, Any], variables: dict[str, Any], reason: str, module_runs: list[dict[str, Any]]
) -> None:
    made = action(**how)
    run(made, **variables)
    assert [how_run["module_name"] for how_run in module_runs] == ["fleetops.argocd.argocd_token"]
    assert said(made) == [f"h1: argocd_token runs as a module: {reason}"]


def test_of_a_modules_arguments_only_the_names_are_printed(module_runs: list[dict[str, Any]]) -> None:
    made = action(args={**ARGS, "argocd_password": SEKRET})
    run(made, argocd_force_module=True)
    sent = module_runs[0]["module_args"]
    assert (sent, json.loads(json.dumps(sent))) == (made._task.args, made._task.args)  # noqa: SLF001
    assert str(sent) == f"{sent}" == "<account, context, argocd_url, argocd_password>"


@pytest.mark.parametrize("name", ["ssh", "become", "interpreter", "interpreter-of-the-delegate"])
def test_for_the_role_a_connection_user_or_interpreter_of_the_command_line_does_not_count(
    name: str, module_runs: list[Any]
) -> None:
    how, variables, _reason = AS_MODULE[name]
    run(action(**how), argocd_from_controller=True, **variables)
    assert module_runs == []


def test_the_interpreter_of_the_host_does_not_count_for_its_delegate(module_runs: list[Any]) -> None:
    delegated = {"d": {"ansible_python_interpreter": sys.executable}}
    run(action(task={"delegate_to": "d"}), ansible_python_interpreter=OTHER, ansible_delegated_vars=delegated)
    assert module_runs == []


@pytest.mark.parametrize("name", [name for name in AS_MODULE if name != "async"])
def test_with_a_sink_on_the_controller_the_task_runs_there_whatever_is_said(name: str, module_runs: list[Any]) -> None:
    how, variables, _reason = AS_MODULE[name]
    made = action(args={**ARGS, "store": [VAULT]}, **how)
    run(made, **variables)
    assert module_runs == []
    assert said(made) == ["h1: argocd_token runs in-process: sink ansible_vault lives on the controller"]


def test_in_this_process_the_tasks_environment_is_set_for_its_flow_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The items of a loop are run by one worker, each with an environment of its own."""
    monkeypatch.setenv("A", "before")
    monkeypatch.delenv("B", raising=False)
    seen: list[tuple[str | None, str | None]] = []

    def flow(params: Mapping[str, Any], _ports: Ports) -> Outcome:
        seen.append((os.environ.get("A"), os.environ.get("B")))
        if len(seen) > 1:
            raise InvalidInput("cannot: planted")
        return nothing(params, _ports)

    for store in ([VAULT], []):
        run(action(flow, args={**ARGS, "store": store}, task={"environment": [{"A": 1, "B": 2}, {}]}))
        assert (os.environ["A"], "B" in os.environ) == ("before", False)
    assert seen == [("1", "2")] * 2


def test_as_a_module_no_secret_is_in_its_environment(module_runs: list[dict[str, Any]]) -> None:
    environment = [{"VAULT_TOKEN": SEKRET, "HTTPS_PROXY": "x"}, {"ARGOCD_AUTH_PASSWORD": SEKRET}]
    result = run(action(task={"environment": environment}), argocd_force_module=True)
    assert result["msg"] == (
        "cannot run argocd_token as a module with ARGOCD_AUTH_PASSWORD, VAULT_TOKEN in the environment of the task, "
        "which would be in the arguments of a process; set the option instead, or run it in-process "
        "(argocd_force_module is set)"
    )
    assert module_runs == []
    run(action(task={"environment": [{"HTTPS_PROXY": "x", "ARGOCD_SERVER": "y"}]}), argocd_force_module=True)
    assert len(module_runs) == 1


def test_there_async_is_refused_before_anything_runs() -> None:
    result = run(action(args={**ARGS, "store": [VAULT]}, task={"async_val": 60}))
    assert (result["failed"], result["error"]) == (True, "InvalidInput")
    assert result["msg"].startswith("cannot run argocd_token with async: its sink ansible_vault lives on")


CONTROLLER_SINKS: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({}, ""),
    "empty": ({"store": [], "token_from": None}, ""),
    "first": ({"store": [VAULT]}, "sink ansible_vault"),
    "type-left-out": ({"store": [{"file": "x"}]}, "sink ansible_vault"),
    "second": ({"store": [{"type": "kubernetes_secret"}, VAULT]}, "sink ansible_vault"),
    "elsewhere": ({"store": [{"type": "kubernetes_secret"}]}, ""),
    "one-not-in-a-list": ({"store": VAULT}, "sink ansible_vault"),
    "no-sink-at-all": ({"store": "x"}, ""),
    "what-a-core-reads-as-python": ({"store": ["{'a', 'b'}"], "return_token": []}, ""),
    "read-from": ({"token_from": {"variable": "x"}}, "sink ansible_vault"),
    "values": ({"config_store": {"type": "helm_values", "file": "x"}}, "config_store helm_values"),
    "values-elsewhere": ({"config_store": {"type": "argocd_resource"}}, ""),
    "an-output": ({"store": [{"type": "kubernetes_secret"}, {"type": "fact"}]}, "sink fact"),
    "returned": ({"return_token": "yes"}, "returned token"),
    "returned-in-short": ({"return_token": "y"}, "returned token"),
    "as-texts": ({"store": ["type=kubernetes_secret namespace=a name=b", '{"type": "fact"}']}, "sink fact"),
    "as-one-text": ({"store": "type=kubernetes_secret namespace=a name=b,type=fact"}, "sink fact"),
    "values-as-a-text": ({"config_store": "type=helm_values file=x"}, "config_store helm_values"),
    "not-returned": ({"return_token": False}, ""),
    "read-from-elsewhere": ({"token_from": {"type": "kubernetes_secret"}}, ""),
}


@pytest.mark.parametrize(("args", "sink"), CONTROLLER_SINKS.values(), ids=CONTROLLER_SINKS)
def test_sinks_on_the_controller_are_found_before_the_options_are_validated(args: dict[str, Any], sink: str) -> None:
    assert _on_controller(args) == sink


# --- several hosts -------------------------------------------------------------------------------------------------


def test_a_play_over_several_hosts_names_each_server() -> None:
    result = run(action(args={"account": "octopus", "argocd_url": "x"}), ansible_play_hosts_all=["h1", "h2"])
    assert result["msg"].startswith("cannot run argocd_token for 2 hosts: no option names the cluster")
    result = run(action(args={"account": "octopus", "context": "x"}), ansible_play_hosts_all=["h1", "h2"])
    assert "argocd_url is not set, so all of them would reach the same server" in result["msg"]
    through = {"account": "octopus", "instance_uid": "u", "argocd_transport": "kubernetes_proxy"}
    result = run(action(args=through), ansible_play_hosts_all=["h1", "h2"])
    assert result["msg"].startswith("cannot run argocd_token for 2 hosts: no option names the cluster")
    assert "failed" not in run(action(args={**through, "context": "x"}), ansible_play_hosts_all=["h1", "h2"])
    for word in ("false", "no", 0):
        assert "failed" in run(action(args={**through, "argocd_in_cluster": word}), ansible_play_hosts_all=["h1", "h2"])
    for named in (
        {"kubeconfig": "f"},
        {"host": "https://k"},
        {"argocd_in_cluster": True},
        {"argocd_in_cluster": "yes"},
    ):
        assert "failed" not in run(action(args={**through, **named}), ansible_play_hosts_all=["h1", "h2"])
    assert "failed" not in run(action(), ansible_play_hosts_all=["h1", "h2"])
    assert "failed" not in run(action(args={"account": "octopus"}), ansible_play_hosts_all=["h1"])


NAMED = {"context": "c"}
IN_ACCOUNT, IN_POLICY = {"name": "octopus", **NAMED}, {"subject": "octopus", **NAMED}
IN_TOKEN = {"account": "octopus", "argocd_url": "https://x", "instance_uid": "u"}
JUDGED = {"account": "octopus", "checks": [], "source": "policy", "policy": {}}
ASKED = {"account": "octopus", "checks": [], "argocd_url": "https://x", "token": "x"}
SERVER, K8S_HOST = {"ARGOCD_SERVER": SEKRET}, {"K8S_AUTH_HOST": SEKRET}
OWN_SERVER = {"argocd_url": "https://x"}
BESIDE = {"K8S_AUTH_KUBECONFIG": SEKRET, "K8S_AUTH_CONTEXT": SEKRET, "ARGOCD_AUTH_USERNAME": "admin"}
# Module, its arguments, the environment, what the message says of it: nothing where the task may run.
TARGETS: dict[str, tuple[Any, dict[str, Any], dict[str, str], str]] = {
    "account-and-server": (
        ACCOUNT,
        IN_ACCOUNT,
        SERVER,
        "argocd_url is left to ARGOCD_SERVER of the environment (unset",
    ),
    "policy-and-server": (RBAC_POLICY, IN_POLICY, SERVER, "argocd_url is left to ARGOCD_SERVER"),
    "judged-and-server": (CAN_I, JUDGED, SERVER, "argocd_url is left to ARGOCD_SERVER"),
    "token-and-server": (TOKEN, {**NAMED, "account": "octopus"}, SERVER, "argocd_url is not set"),
    "account-without": (ACCOUNT, IN_ACCOUNT, {}, ""),
    "policy-without": (RBAC_POLICY, IN_POLICY, {}, ""),
    "judged-without": (CAN_I, JUDGED, {}, ""),
    "server-of-its-own": (ACCOUNT, {**IN_ACCOUNT, **OWN_SERVER}, SERVER, ""),
    "said-to-be-none": (ACCOUNT, {**IN_ACCOUNT, "argocd_url": ""}, SERVER, ""),
    "server-is-empty": (ACCOUNT, IN_ACCOUNT, {"ARGOCD_SERVER": ""}, ""),
    "server-only-for-its-name": (ACCOUNT, {**IN_ACCOUNT, "argocd_transport": "port_forward"}, SERVER, ""),
    "account-and-host": (
        ACCOUNT,
        IN_ACCOUNT,
        K8S_HOST,
        "host is left to K8S_AUTH_HOST of the environment, which beats a",
    ),
    "policy-and-host": (RBAC_POLICY, IN_POLICY, K8S_HOST, "host is left to K8S_AUTH_HOST"),
    "in-cluster-and-host": (
        ACCOUNT,
        {"name": "o", "argocd_in_cluster": "yes"},
        K8S_HOST,
        "host is left to K8S_AUTH_HOST",
    ),
    "token-and-host": (TOKEN, {**IN_TOKEN, **NAMED}, K8S_HOST, "host is left to K8S_AUTH_HOST"),
    "token-takes-any": (TOKEN, IN_TOKEN, K8S_HOST, "host is left to K8S_AUTH_HOST"),
    "judged-takes-any": (CAN_I, JUDGED, K8S_HOST, "host is left to K8S_AUTH_HOST"),
    "asked-through-kubernetes": (
        CAN_I,
        {**ASKED, **NAMED, "argocd_transport": "kubernetes_proxy"},
        K8S_HOST,
        "host is left to K8S_AUTH_HOST",
    ),
    "token-takes-any-file": (
        TOKEN,
        IN_TOKEN,
        BESIDE,
        "no option names the cluster (kubeconfig, context, host or argocd",
    ),
    "judged-takes-any-context": (CAN_I, JUDGED, {"K8S_AUTH_CONTEXT": "x"}, "no option names the cluster"),
    "asked-without-kubernetes": (CAN_I, ASKED, {**K8S_HOST, **BESIDE}, ""),
    "host-of-its-own": (ACCOUNT, {**IN_ACCOUNT, "host": "https://k"}, K8S_HOST, ""),
    "host-is-empty": (ACCOUNT, IN_ACCOUNT, {"K8S_AUTH_HOST": ""}, ""),
    "beside-what-is-named": (ACCOUNT, IN_ACCOUNT, BESIDE, ""),
    "token-beside": (TOKEN, {**IN_TOKEN, **NAMED}, BESIDE, ""),
}


@pytest.mark.parametrize(("spec", "args", "environment", "missing"), TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("of_the_task", [False, True])
def test_a_variable_of_the_environment_decides_for_no_two_hosts(
    spec: Any,
    args: dict[str, Any],
    environment: dict[str, str],
    missing: str,
    *,
    of_the_task: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = {"environment": [environment]} if of_the_task else {}
    for name, value in {} if of_the_task else environment.items():
        monkeypatch.setenv(name, value)
    result = run(action(args=args, task=task, spec=spec), ansible_play_hosts_all=["h1", "h2"])
    assert result.get("msg", "").startswith(f"cannot run {spec.name} for 2 hosts: {missing}" if missing else "")
    assert ("set it for each host" in result.get("msg", "")) == bool(missing) == result.get("failed", False)
    assert "SEKRET" not in str(result)
    assert "failed" not in run(action(args=args, task=task, spec=spec))


def test_the_environment_that_counts_is_the_one_that_the_task_gets(
    module_runs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts: dict[str, Any] = {"ansible_play_hosts_all": ["h1", "h2"]}
    away = {"connection": {"transport": "ssh"}, "args": IN_ACCOUNT, "spec": ACCOUNT}
    monkeypatch.setenv("ARGOCD_SERVER", "x")
    assert "failed" not in run(
        action(args=IN_ACCOUNT, spec=ACCOUNT, task={"environment": [{"ARGOCD_SERVER": ""}]}), **hosts
    )
    assert "failed" not in run(action(**away), **hosts)
    assert len(module_runs) == 1
    assert "ARGOCD_SERVER" in run(action(**away), **hosts, argocd_from_controller=True)["msg"]
    assert "ARGOCD_SERVER" in run(action(**away, task={"environment": [SERVER]}), **hosts)["msg"]
    assert "ARGOCD_SERVER" in run(action(args=IN_ACCOUNT, spec=ACCOUNT), **hosts, argocd_force_module=True)["msg"]
    assert len(module_runs) == 1


def claiming(_params: Mapping[str, Any], ports: Ports) -> Outcome:
    ports.claim("uid token octopus", "token octopus")
    return Outcome(changed=True, values={})


def test_two_hosts_that_reach_one_installation_are_refused() -> None:
    hosts = {"ansible_play_hosts_all": ["h1", "h2"], "ansible_play_name": "p"}
    assert run(action(claiming), **hosts)["changed"]
    assert run(action(claiming), **hosts)["changed"]
    second = run(action(claiming), **{**hosts, "inventory_hostname": "h2"})
    assert (second["failed"], second["error"]) == (True, "Refused")
    assert second["msg"].startswith("cannot manage token octopus for host h2: host h1 of this play reaches the same")
    assert run(action(claiming), **{**hosts, "ansible_play_name": "another", "inventory_hostname": "h2"})["changed"]


TWO = {"ansible_play_hosts_all": ["h1", "h2"], "argocd_force_module": True}
WRITING: dict[str, tuple[Any, dict[str, Any], str]] = {
    "account": (ACCOUNT, IN_ACCOUNT, "account octopus"),
    "policy": (RBAC_POLICY, IN_POLICY, "the policy of octopus"),
    "token": (TOKEN, {**IN_TOKEN, **NAMED}, "token octopus of account octopus"),
    "kubeconfig": (
        ACCOUNT,
        {"name": "octopus", "kubeconfig": {"users": [{"user": {"token": SEKRET}}]}},
        "account octopus",
    ),
}


@pytest.mark.parametrize(("spec", "args", "managed"), WRITING.values(), ids=WRITING)
def test_as_a_module_two_hosts_are_refused_too(
    spec: Any, args: dict[str, Any], managed: str, module_runs: list[Any], tmp_path: Path
) -> None:
    for _again in range(2):
        assert "failed" not in run(action(args=args, spec=spec), **TWO)
    second = run(action(args=args, spec=spec), **TWO, inventory_hostname="h2")
    assert (second["failed"], second["error"], len(module_runs)) == (True, "Refused", 2)
    assert second["msg"].startswith(f"cannot manage {managed} for host h2: host h1 of this play has the same conn")
    # And so is the first one from then on.
    assert run(action(args=args, spec=spec), **TWO)["error"] == "Refused"
    assert len(module_runs) == 2
    left = {path.name + (path.read_text() if path.is_file() else "") for path in tmp_path.rglob("*")}
    assert left
    assert not any("SEKRET" in text or "octopus" in text for text in left)


ACCOUNT_OF = {**IN_ACCOUNT, "argocd_namespace": "argocd", "argocd_in_cluster": False}
DIFFERENT: dict[str, tuple[Any, dict[str, Any], dict[str, Any], bool]] = {
    "spelled-out": (ACCOUNT, IN_ACCOUNT, {"args": ACCOUNT_OF}, False),
    "another-word": (
        ACCOUNT,
        {**ACCOUNT_OF, "argocd_in_cluster": True},
        {"args": {**ACCOUNT_OF, "argocd_in_cluster": "yes"}},
        False,
    ),
    "other-wishes": (ACCOUNT, IN_ACCOUNT, {"args": {**IN_ACCOUNT, "enabled": False}}, False),
    "another-login": (ACCOUNT, IN_ACCOUNT, {"args": {**IN_ACCOUNT, "api_key": "x"}}, True),
    "another-context": (ACCOUNT, IN_ACCOUNT, {"args": {**IN_ACCOUNT, "context": "d"}}, True),
    "another-namespace": (ACCOUNT, IN_ACCOUNT, {"args": {**IN_ACCOUNT, "argocd_namespace": "other"}}, True),
    "another-proxy": (ACCOUNT, IN_ACCOUNT, {"args": {**IN_ACCOUNT, "proxy": "p"}}, True),
    "another-address": (TOKEN, ARGS, {"args": {**ARGS, "argocd_url": "https://y"}}, True),
    "another-environment": (ACCOUNT, IN_ACCOUNT, {"task": {"environment": [{"KUBECONFIG": "x"}]}}, True),
    "another-home": (
        ACCOUNT,
        IN_ACCOUNT,
        {"connection": {"become": SimpleNamespace(get_option=lambda name: f"x of {name}")}},
        True,
    ),
    "another-machine": (ACCOUNT, IN_ACCOUNT, {"connection": {"transport": "ssh"}}, True),
}


@pytest.mark.parametrize(("spec", "args", "second", "ran"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_leads_elsewhere_is_compared_only_when_it_is_known_where(
    spec: Any,
    args: dict[str, Any],
    second: dict[str, Any],
    *,
    ran: bool,
    module_runs: list[Any],
) -> None:
    """The module of these tests reaches the same installation, whatever it is given."""
    assert "failed" not in run(action(args=args, spec=spec), **TWO)
    result = run(action(**{"args": args, "spec": spec, **second}), **TWO, inventory_hostname="h2")
    assert (result["error"], len(module_runs)) == ("Refused", 2 if ran else 1)


def test_over_another_connection_the_same_arguments_are_the_same_only_at_the_same_installation(
    module_runs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def execute(_self: FlowAction, **how: Any) -> dict[str, Any]:
        module_runs.append(how)
        return {"changed": False, "instance_uid": f"uid {len(module_runs)}"}

    monkeypatch.setattr(FlowAction, "_execute_module", execute)
    for host in ("h1", "h2"):
        made = action(args=IN_ACCOUNT, spec=ACCOUNT, connection={"transport": "ssh"})
        assert "failed" not in run(made, **TWO, inventory_hostname=host)


APART: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "accounts": (ACCOUNT, IN_ACCOUNT, {"name": "backstage"}),
    "policies": (RBAC_POLICY, IN_POLICY, {"subject": "backstage"}),
    "accounts-of-a-token": (TOKEN, ARGS, {"account": "backstage"}),
    "tokens": (TOKEN, ARGS, {"token_name": "second"}),
    "nothing-written": (CAN_I, ASKED, {}),
}


@pytest.mark.parametrize(("spec", "args", "other"), APART.values(), ids=APART)
def test_what_two_hosts_have_apart_they_may_have_in_one_installation(
    spec: Any, args: dict[str, Any], other: dict[str, Any], module_runs: list[Any]
) -> None:
    assert "failed" not in run(action(args=args, spec=spec), **TWO)
    assert "failed" not in run(action(args={**args, **other}, spec=spec), **TWO, inventory_hostname="h2")
    assert len(module_runs) == 2


@pytest.mark.parametrize("first_as_module", [True, False])
def test_both_ways_claim_the_same(*, first_as_module: bool, module_runs: list[Any]) -> None:

    def flow(_params: Mapping[str, Any], ports: Ports) -> Outcome:
        ports.claim(token_target("uid", "octopus", "octopus"), "it")
        return Outcome(changed=False, values={})

    ways = [first_as_module, not first_as_module]
    hosts = {**TWO, "ansible_play_name": "p"}
    results = [
        run(action(flow, args=ARGS), **{**hosts, "argocd_force_module": way, "inventory_hostname": host})
        for way, host in zip(ways, ("h1", "h2"), strict=True)
    ]
    assert [result.get("error") for result in results] == [None, "Refused"]
    assert len(module_runs) == 1


# --- results -------------------------------------------------------------------------------------------------------


def returning(**values: Any) -> Flow:
    def flow(_params: Mapping[str, Any], ports: Ports) -> Outcome:
        ports.remember(SEKRET)
        return Outcome(changed=True, values=values, before={"a": SEKRET}, after={"a": "x"}, warnings=(f"w {SEKRET}",))

    return flow


def test_every_secret_met_on_the_way_is_masked_wherever_it_turns_up() -> None:
    result = run(action(returning(nested={"list": [SEKRET, f"<{SEKRET}>"]}), task={"diff": True}))
    assert SEKRET not in repr(result)
    assert (result["changed"], result["diff"]["after"]) == (True, {"a": "x"})
    assert "_ansible_no_log" not in result


def test_without_diff_mode_there_is_no_diff() -> None:
    assert "diff" not in run(action(returning()))


def test_a_returned_token_stays_whole_for_who_registers_it_and_is_hidden_from_the_output() -> None:
    result = run(action(returning(token=SEKRET, other=SEKRET)))
    assert (result["token"], result["_ansible_no_log"]) == (SEKRET, True)
    assert SEKRET not in result["other"]


@pytest.mark.parametrize("option", ["api_key", "argocd_auth_token"])
def test_options_that_are_secrets_are_masked_in_an_error(option: str) -> None:
    def flow(params: Mapping[str, Any], _ports: Ports) -> Outcome:
        raise Refused(f"cannot x: {params[option]}")

    result = run(action(flow, args={**ARGS, option: SEKRET}))
    assert (result["failed"], result["error"]) == (True, "Refused")
    assert result["msg"].startswith("cannot x: ")
    assert SEKRET not in repr(result)


@pytest.mark.parametrize("option", ["argocd_url", "host", "proxy"])
@pytest.mark.parametrize("address", ["https://me:{}@x/y:z@", "me:{}@x", "socks5h://:{}@x:1"])
def test_the_password_of_an_address_is_masked(option: str, address: str) -> None:
    given = address.format(SEKRET)

    def flow(params: Mapping[str, Any], _ports: Ports) -> Outcome:
        return Outcome(changed=False, values={"said": f"to {params[option]}"})

    result = run(action(flow, args={**ARGS, option: given}))
    assert SEKRET not in str(result)


def test_a_short_header_does_not_change_what_later_tasks_go_on_from() -> None:
    handed_on = {
        "instance_uid": "8f1c2a33",
        "policy": {"policy.csv": "p, ci, applications, get, 1/*, allow"},
        "issued_at": "2026-01-31T12:00:00Z",
        "superseded": ["octopus-20260131T120000Z-00000001"],
    }

    def flow(_params: Mapping[str, Any], _ports: Ports) -> Outcome:
        return Outcome(changed=False, values={**handed_on, "said": "tenant 1"})

    result = run(action(flow, args={**ARGS, "argocd_headers": {"X-Scope-OrgID": "1"}}))
    assert {name: result[name] for name in handed_on} == handed_on
    assert "1" not in result["said"]


def test_secrets_inside_a_kubeconfig_are_masked_and_its_names_are_not() -> None:
    def flow(params: Mapping[str, Any], _ports: Ports) -> Outcome:
        return Outcome(changed=False, values={"seen": str(params["kubeconfig"])})

    config = {"users": [{"name": "robot", "user": {"token": SEKRET, "password": "SEKRET-too"}}]}
    result = run(action(flow, args={**ARGS, "kubeconfig": config}))
    assert "SEKRET" not in repr(result)
    assert "robot" in result["seen"]


SINK_IN_VAULT = {"type": "hashicorp_vault", "path": "p"}
NESTED: dict[str, dict[str, Any]] = {
    "variable-of-an-exec-plugin": {
        "kubeconfig": {"users": [{"user": {"exec": {"env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": SEKRET}]}}}]}
    },
    "argument-of-an-exec-plugin": {
        "kubeconfig": {"users": [{"user": {"exec": {"args": ["login", f"--client-secret={SEKRET}"]}}}]}
    },
    "header-as-a-text": {"argocd_headers": f"X-A={SEKRET}"},
    "headers-of-a-proxy-as-a-text": {
        "store": [{**SINK_IN_VAULT, "connection": {"proxy_headers": f"basic_auth=me:{SEKRET}"}}]
    },
    "connection-that-is-none": {"store": [{**SINK_IN_VAULT, "connection": f"token: {SEKRET}"}]},
    "key-by-its-alias": {"store": [{**SINK_IN_VAULT, "connection": {"key_file": f"-----BEGIN\n{SEKRET}"}}]},
    "query-of-an-address": {"argocd_url": f"https://x?token={SEKRET}"},
    "auth-provider": {"kubeconfig": {"users": [{"user": {"auth-provider": {"config": {"access-token": SEKRET}}}}]}},
    "connection-as-a-text": {"store": [{**SINK_IN_VAULT, "connection": f"url=https://v token={SEKRET}"}]},
    "sink-as-a-text": {"store": [json.dumps({**SINK_IN_VAULT, "connection": {"url": f"https://me:{SEKRET}@v"}})]},
    "key-for-its-path": {"client_key": f"-----BEGIN PRIVATE KEY-----\n{SEKRET}"},
    "kubeconfig-for-its-path": {"kubeconfig": f"users:\n- user: {{token: {SEKRET}}}"},
}


@pytest.mark.parametrize("given", NESTED.values(), ids=NESTED)
def test_what_is_secret_deep_inside_is_known_before_and_after_validation(given: dict[str, Any]) -> None:
    checked = ArgumentSpecValidator(TOKEN.argument_spec).validate({**ARGS, **given})
    for params in (given, checked.validated_parameters):
        assert any(SEKRET in secret for secret in secrets_inside(params))


def test_a_secret_that_yaml_reads_as_a_number_is_one() -> None:
    assert secrets_inside({"kubeconfig": {"users": [{"user": {"password": 8765432199}}]}}) == {"8765432199"}


def test_an_empty_secret_masks_nothing() -> None:
    variables = [{"name": "API_TOKEN", "value": None}, {"name": "KEYRING_BACKEND", "value": "file"}]
    assert secrets_inside({"kubeconfig": {"users": [{"user": {"exec": {"env": variables}}}]}}) == set()
    store = [{**SINK_IN_VAULT, "connection": {"url": "https://v", "token": ""}}]
    assert secrets_inside({"store": store, "kubeconfig": {"users": [{"user": {"token": ""}}]}}) == set()
    assert run(action(args={**ARGS, "store": store}))["msg"] == (
        "cannot use connection of sink hashicorp_vault: it lacks token (or VAULT_TOKEN)"
    )


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "content-of-a-kubeconfig": (
        {"kubeconfig": f"a:\n  {SEKRET}"},
        "cannot use kubeconfig: it is what stands in such a file",
    ),
    "kubeconfig-in-base64": ({"kubeconfig": SEKRET.replace("-", "") * 20}, "cannot use kubeconfig: it is what stands"),
    "kubeconfig-in-one-line": ({"kubeconfig": f"token: {SEKRET}"}, "cannot use kubeconfig: it is what stands"),
    "kubeconfig-as-json": ({"kubeconfig": f' {{"users": "{SEKRET}"}}'}, "cannot use kubeconfig: it is what stands"),
    "content-of-a-key": ({"client_key": f"-----BEGIN KEY-----{SEKRET}"}, "cannot use client_key: it is what stands in"),
    "timeout-of-centuries": (
        {"argocd_timeout": 10**10},
        "cannot use argocd_timeout 10000000000: it is in seconds, 1 to",
    ),
    "no-variable": (
        {
            "store": [
                {"type": "kubernetes_secret", "namespace": "a", "name": "b"},
                {"type": "fact", "variable": "my-token"},
            ]
        },
        "cannot use 'my-token' as a variable",
    ),
    "login-in-an-address": (
        {"store": [{**SINK_IN_VAULT, "connection": {"url": f"https://me:{SEKRET}@v", "token": "a-token"}}]},
        "cannot use url of the sink's connection: it must hold no user, password, query or fragment",
    ),
    "address-without-scheme": (
        {"store": [{**SINK_IN_VAULT, "connection": {"url": "vault.example.com", "token": "a-token"}}]},
        "cannot use url of the sink's connection: it has no host, or another scheme",
    ),
}


@pytest.mark.parametrize(("given", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_before_anything_runs_and_without_what_it_gave_away(
    given: dict[str, Any], message: str
) -> None:
    def flow(_params: Mapping[str, Any], _ports: Ports) -> Outcome:
        raise AssertionError

    result = run(action(flow, args={**ARGS, **given}, task={"no_log": True}))
    assert result["msg"].startswith(message)
    assert "SEKRET" not in str(result)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"account": "a", "planed": True}, "cannot run argocd_token: planed. Supported parameters include"),
        ({}, "cannot run argocd_token: missing required arguments: account"),
        ({"account": "a", "wait_timeout": "soon"}, "cannot run argocd_token: argument 'wait_timeout' is of type"),
    ],
    ids=["unknown", "missing", "type"],
)
def test_options_are_validated_as_the_module_would(args: dict[str, Any], message: str) -> None:
    result = run(action(args=args))
    assert result["failed"]
    assert result["msg"].startswith(message)


LOGIN = {"argocd_password": SEKRET}
WRONG_SHAPES: dict[str, tuple[dict[str, Any], str]] = {
    "a-text": ({"store": f"ansible_vault {SEKRET}"}, "store: it has a text where a dictionary belongs; give"),
    "a-list-too-many": (
        {"store": [[{**SINK_IN_VAULT, "connection": {"url": "https://v", "token": SEKRET}}]]},
        "store: it has a list where a dictionary belongs; give its options there (type, file,",
    ),
    "a-number": ({"checks": [5]}, "checks: it has a number where a dictionary belongs"),
    "one-of-two": ({"store": [VAULT, SEKRET]}, "store: it has a text where"),
    "one-dictionary": (
        {"proxy_headers": [SEKRET]},
        "proxy_headers: it has a list where a dictionary belongs; give its options there (proxy",
    ),
    "free-keys": ({"argocd_headers": [LOGIN]}, "argocd_headers: it has a list where a dictionary belongs; give"),
    "inside": ({"store": [{**SINK_IN_VAULT, "connection": [LOGIN]}]}, "connection: it has a list where a dictionary"),
    "indented-too-far": ({"argocd_transport": LOGIN}, "argocd_transport: it has a dictionary where a plain value"),
    "for-a-number": (
        {"argocd_timeout": LOGIN},
        "argocd_timeout: it has a dictionary where a plain value (int)",
    ),
    "for-a-path": ({"argocd_ca_cert": [SEKRET]}, "argocd_ca_cert: it has a list where a plain value (path)"),
    "for-a-choice": ({"store": [{"type": {"connection": LOGIN}}]}, "type: it has a dictionary where a plain value"),
    "for-one-of-a-list": ({"revoke_unknown": ["x", LOGIN]}, "revoke_unknown: it has a dictionary where a plain value"),
    "for-a-list": ({"revoke_unknown": LOGIN}, "revoke_unknown: it has a dictionary where a list belongs"),
    "of-a-text": (
        {"proxy_headers": f"proxy_basic_auth=u:a,{SEKRET}=x"},
        "proxy_headers: its text has options that it does not know",
    ),
    "header-of-a-text": ({"argocd_headers": f"Authorization=Basic a/{SEKRET}=="}, "argocd_headers: one of its keys"),
}


@pytest.mark.parametrize(("given", "message"), WRONG_SHAPES.values(), ids=WRONG_SHAPES)
def test_an_option_of_another_shape_is_named_and_not_told(given: dict[str, Any], message: str) -> None:
    result = run(action(args={**ARGS, **given}))
    assert result["msg"].startswith(f"cannot use {message}")
    assert "SEKRET" not in str(result)


@pytest.mark.parametrize("name", [name for name in WRONG_SHAPES if not name.startswith("header")])
def test_as_a_module_it_is_refused_before(name: str, module_runs: list[dict[str, Any]]) -> None:
    result = run(action(args={**ARGS, **WRONG_SHAPES[name][0]}), argocd_force_module=True)
    assert result["msg"].startswith("cannot use ")
    assert "SEKRET" not in str(result)
    assert module_runs == []


@pytest.mark.parametrize(
    "given",
    [
        *({"store": store} for store in (None, [], VAULT, [VAULT, "type=ansible_vault file=x"], '{"file": "x"}')),
        {"argocd_headers": "X-A=1", "proxy_headers": "basic_auth=a:b", "argocd_timeout": "5", "kubeconfig": LOGIN},
        {"no_such_option": LOGIN},
    ],
)
def test_what_validation_takes_is_left_to_it(given: Any) -> None:
    require_shapes({"account": "a", **given}, TOKEN.argument_spec)


def test_the_flow_gets_defaults_check_mode_and_nothing_else() -> None:
    got: list[tuple[Mapping[str, Any], Ports]] = []

    def flow(params: Mapping[str, Any], ports: Ports) -> Outcome:
        got.append((params, ports))
        return nothing(params, ports)

    run(action(flow, task={"check_mode": True}))
    ((params, ports),) = got
    assert set(params) >= set(TOKEN.argument_spec)
    assert (params["wait_timeout"], params["argocd_namespace"], ports.check_mode) == (30, "argocd", True)
    assert ports.clock().tzinfo is not None
    assert len(ports.random_hex()) == 8
    assert ports.random_hex() != ports.random_hex()


# --- the vault file ------------------------------------------------------------------------------------------------


def opening(options: Mapping[str, Any], found: list[Any]) -> Flow:
    shape = {"type": "ansible_vault", "file": None, "variable": None, "vault_id": None, **options}

    def flow(_params: Mapping[str, Any], ports: Ports) -> Outcome:
        sink = ports.sink(shape, "octo-pus")
        found.append(sink.location)
        return Outcome(changed=False, values={"empty": sink.read() == Entry()})

    return flow


@pytest.mark.parametrize(
    ("file", "place"),
    [
        (None, "{inventory}/host_vars/h1/argocd.yml"),
        ("group_vars/x.yml", "{inventory}/group_vars/x.yml"),
        ("{inventory}/abs.yml", "{inventory}/abs.yml"),
    ],
)
def test_the_vault_file_is_found_beside_the_inventory(tmp_path: Path, file: str | None, place: str) -> None:
    found: list[Any] = []
    options = {"file": file.format(inventory=tmp_path) if file else None}
    result = run(action(opening(options, found)), inventory_dir=str(tmp_path))
    assert result["empty"] is True
    assert found[0]["file"] == place.format(inventory=tmp_path)
    assert found[0]["variable"] == "argocd_octo_pus_token"


@pytest.mark.parametrize(
    ("sources", "beside"),
    [
        (["inventory"], "inventory"),
        (["inventory", "inventory/prod/hosts.yml"], "inventory/prod"),
        (["inventory", "inventory/prod"], "inventory/prod"),
        (["elsewhere", "h1,h2"], "inventory/prod"),
    ],
)
def test_the_default_file_is_where_ansible_looks_for_the_variables_of_a_host(
    tmp_path: Path, sources: list[str], beside: str
) -> None:
    (tmp_path / "inventory" / "prod").mkdir(parents=True)
    (tmp_path / "inventory" / "prod" / "hosts.yml").touch()
    found: list[Any] = []
    given = [str(tmp_path / source) for source in sources]
    nested = str(tmp_path / "inventory" / "prod")
    run(action(opening({}, found)), inventory_dir=nested, ansible_inventory_sources=given)
    assert found[0]["file"] == str(tmp_path / beside / "host_vars" / "h1" / "argocd.yml")


@pytest.mark.parametrize("nothing", [None, "None"])
def test_without_an_inventory_directory_a_relative_file_is_an_error(nothing: str | None) -> None:
    result = run(action(opening({"file": "x.yml"}, [])), inventory_dir=nothing)
    assert (result["error"], result["msg"]) == (
        SinkError.__name__,
        "cannot find vault file x.yml: the inventory has no directory to start at; give an absolute path",
    )


@pytest.mark.parametrize("variable", ["awx_job_id", "tower_job_id"])
def test_in_a_job_of_awx_a_vault_file_would_be_thrown_away(variable: str) -> None:
    result = run(action(opening({}, [])), **{variable: 7})
    assert result["error"] == InvalidInput.__name__
    assert result["msg"].startswith("cannot store a token in a vault file: this is an AWX job")
    assert result["msg"].endswith("name another place in store: kubernetes_secret or hashicorp_vault")


# --- plain values --------------------------------------------------------------------------------------------------


class Tagged(str):
    """As ansible-core's own text types: a str that says something else when it is turned into one."""

    __slots__ = ()

    def __str__(self) -> str:
        return "not this"


class Whole(int):
    pass


class Encrypted(Sequence[Any]):
    """As AnsibleVaultEncryptedUnicode of 2.16: a sequence that decrypts as it is turned into text."""

    vault = object()

    def __getitem__(self, index: Any) -> Any:
        return "cipher"[index]

    def __len__(self) -> int:
        return 6

    def __str__(self) -> str:
        return "decrypted"


VALUES: dict[str, tuple[Any, Any]] = {
    "nothing": (None, None),
    "true-stays-true": (True, True),
    "whole-number": (Whole(7), 7),
    "number": (1.5, 1.5),
    "text": (Tagged("a"), "a"),
    "tuple": (("a", Tagged("b")), ["a", "b"]),
    "keys-yaml-takes-for-other-things": (
        {7: "a", True: "b", None: "c", 1.5: "d"},
        {"7": "a", "true": "b", "null": "c", "1.5": "d"},
    ),
    "mapping": ({Tagged("k"): [Whole(1), {"x": Tagged("y")}]}, {"k": [1, {"x": "y"}]}),
    "encrypted": (Encrypted(), "decrypted"),
    "anything-else": (Path("a"), "a"),
}


@pytest.mark.parametrize(("value", "expected"), VALUES.values(), ids=VALUES)
def test_values_become_pythons_own(value: Any, expected: Any) -> None:
    got = plain(value)
    assert got == expected
    assert types_of(got) <= {type(None), bool, int, float, str, list, dict}


def types_of(value: Any) -> set[type]:
    inside: list[Any] = []
    if isinstance(value, dict):
        inside = [*value.keys(), *value.values()]
    elif isinstance(value, list):
        inside = value
    return {type(value)}.union(*(types_of(item) for item in inside))


# --- a returned token ----------------------------------------------------------------------------------------------

RETURNING = {**ARGS, "return_token": "yes"}


def on_core(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[FlowAction.__module__], "core_version", version)


@pytest.mark.parametrize("version", ["2.16.0", "2.16.12", "2.17.0", "2.17.5"])
def test_no_token_is_returned_where_ansible_core_would_show_it(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on_core(version, monkeypatch)
    ran: list[str] = []

    def flow(_params: Mapping[str, Any], _ports: Ports) -> Outcome:
        ran.append("flow")
        return Outcome(changed=True, values={"token": SEKRET})

    result = action(flow, args=RETURNING).run(task_vars={})
    assert (result["failed"], result["error"], ran) == (True, "InvalidInput", [])
    assert f"ansible-core {version} would show it; set no_log to true" in result["msg"]
    assert action(flow, args=RETURNING, task={"no_log": True}).run(task_vars={})["token"] == SEKRET
    assert not action(args=ARGS).run(task_vars={}).get("failed")


@pytest.mark.parametrize("version", ["2.16.13", "2.16.19", "2.17.6", "2.18.0", "2.19.0b1", "2.21.5", "3.0.0"])
def test_a_returned_token_is_marked_as_hidden(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on_core(version, monkeypatch)

    def flow(_params: Mapping[str, Any], _ports: Ports) -> Outcome:
        return Outcome(changed=True, values={"token": SEKRET})

    result = action(flow, args=RETURNING).run(task_vars={})
    assert (result["token"], result["_ansible_no_log"]) == (SEKRET, True)
