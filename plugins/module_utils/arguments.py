# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option groups: each with its spec, its environment fallbacks and what can be validated offline."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import env_fallback
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_dict, check_type_list
from ansible.module_utils.parsing.convert_bool import boolean

from ._core.accounts import check_variable
from ._core.address import check_address
from ._core.errors import InvalidInput, quoted
from ._core.hidden import ADDRESSES, FILES_WITH_KEYS, is_content, secrets_of
from ._core.service import LABEL, parse_service
from ._core.target import names_cluster
from ._core.token_text import FORMATS

__all__ = (
    "ACCOUNT",
    "CAN_I",
    "RBAC_POLICY",
    "SECRET_VARIABLES",
    "TOKEN",
    "ModuleSpec",
    "as_mapping",
    "environment_in_effect",
    "implicit_target",
    "is_true",
    "require_shapes",
    "secrets_inside",
    "sink_connection",
    "sink_items",
    "validate_offline",
    "values_prefix",
)

Spec = dict[str, dict[str, Any]]


def _env(*names: str) -> tuple[Any, list[str]]:
    return env_fallback, list(names)


def _verified_unless_skipped(variable: str, skip: str) -> Any:
    """Return what `variable` says, else the opposite of `skip`. One that is no switch leaves certificates verified."""
    if variable in os.environ:
        return os.environ[variable]
    try:
        return not boolean(os.environ.get(skip))
    except TypeError:
        return True


# The names, aliases and variables of kubernetes.core (its args_common.py), so that one set of module_defaults and
# one AWX credential serve both.
KUBERNETES: Spec = {
    # Not no_log: that would mask every scalar of a dictionary, `v1` and the names too. See secrets_inside.
    "kubeconfig": {"type": "raw", "fallback": _env("K8S_AUTH_KUBECONFIG")},
    "context": {"type": "str", "fallback": _env("K8S_AUTH_CONTEXT")},
    "host": {"type": "str", "fallback": _env("K8S_AUTH_HOST")},
    "api_key": {"type": "str", "no_log": True, "fallback": _env("K8S_AUTH_API_KEY")},
    "username": {"type": "str", "fallback": _env("K8S_AUTH_USERNAME")},
    "password": {"type": "str", "no_log": True, "fallback": _env("K8S_AUTH_PASSWORD")},
    "validate_certs": {"type": "bool", "aliases": ["verify_ssl"], "fallback": _env("K8S_AUTH_VERIFY_SSL")},
    "ca_cert": {"type": "path", "aliases": ["ssl_ca_cert"], "fallback": _env("K8S_AUTH_SSL_CA_CERT")},
    "client_cert": {"type": "path", "aliases": ["cert_file"], "fallback": _env("K8S_AUTH_CERT_FILE")},
    "client_key": {"type": "path", "no_log": False, "aliases": ["key_file"], "fallback": _env("K8S_AUTH_KEY_FILE")},
    "proxy": {"type": "str", "fallback": _env("K8S_AUTH_PROXY")},
    "no_proxy": {"type": "str", "fallback": _env("K8S_AUTH_NO_PROXY")},
    "proxy_headers": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "proxy_basic_auth": {
                "type": "str",
                "no_log": True,
                "fallback": _env("K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH"),
            },
            "basic_auth": {"type": "str", "no_log": True, "fallback": _env("K8S_AUTH_PROXY_HEADERS_BASIC_AUTH")},
            "user_agent": {"type": "str", "fallback": _env("K8S_AUTH_PROXY_HEADERS_USER_AGENT")},
        },
    },
    "persist_config": {"type": "bool", "fallback": _env("K8S_AUTH_PERSIST_CONFIG")},
    "impersonate_user": {"type": "str", "fallback": _env("K8S_AUTH_IMPERSONATE_USER")},
    "impersonate_groups": {"type": "list", "elements": "str", "fallback": _env("K8S_AUTH_IMPERSONATE_GROUPS")},
}

# The variables of the argocd CLI and of the Terraform provider.
ARGOCD: Spec = {
    "argocd_url": {"type": "str", "fallback": _env("ARGOCD_SERVER")},
    "argocd_auth_token": {"type": "str", "no_log": True, "fallback": _env("ARGOCD_AUTH_TOKEN")},
    "argocd_username": {"type": "str", "fallback": _env("ARGOCD_AUTH_USERNAME")},
    "argocd_password": {"type": "str", "no_log": True, "fallback": _env("ARGOCD_AUTH_PASSWORD")},
    "argocd_ca_cert": {"type": "path"},
    "argocd_client_cert": {"type": "path"},
    "argocd_client_key": {"type": "path", "no_log": False},
    "argocd_validate_certs": {"type": "bool", "default": True},
    "argocd_headers": {"type": "dict", "no_log": True},
    "argocd_timeout": {"type": "int", "default": 30},
    "argocd_namespace": {"type": "str", "default": "argocd"},
    "argocd_in_cluster": {"type": "bool", "default": False},
    "argocd_transport": {
        "type": "str",
        "choices": ["direct", "kubernetes_proxy", "port_forward"],
        "default": "direct",
    },
    "argocd_service": {"type": "str"},
}

# The names and variables of community.hashi_vault; only for the connection of a sink.
VAULT: Spec = {
    "url": {"type": "str", "fallback": _env("ANSIBLE_HASHI_VAULT_ADDR", "VAULT_ADDR")},
    "auth_method": {
        "type": "str",
        "choices": ["token", "approle"],
        "default": "token",
        "fallback": _env("ANSIBLE_HASHI_VAULT_AUTH_METHOD"),
    },
    "token": {"type": "str", "no_log": True, "fallback": _env("ANSIBLE_HASHI_VAULT_TOKEN", "VAULT_TOKEN")},
    "role_id": {"type": "str", "fallback": _env("ANSIBLE_HASHI_VAULT_ROLE_ID")},
    "secret_id": {"type": "str", "no_log": True, "fallback": _env("ANSIBLE_HASHI_VAULT_SECRET_ID")},
    "mount_point": {"type": "str", "default": "approle", "fallback": _env("ANSIBLE_HASHI_VAULT_MOUNT_POINT")},
    "namespace": {"type": "str", "fallback": _env("ANSIBLE_HASHI_VAULT_NAMESPACE", "VAULT_NAMESPACE")},
    "ca_cert": {"type": "path", "aliases": ["cacert"], "fallback": _env("ANSIBLE_HASHI_VAULT_CA_CERT", "VAULT_CACERT")},
    "validate_certs": {
        "type": "bool",
        "default": True,
        "fallback": (_verified_unless_skipped, ["ANSIBLE_HASHI_VAULT_VALIDATE_CERTS", "VAULT_SKIP_VERIFY"]),
    },
}


def _secret_variables(spec: Spec) -> set[str]:
    found: set[str] = set()
    for rules in spec.values():
        found |= set(rules["fallback"][1]) if rules.get("no_log") and "fallback" in rules else set()
        found |= _secret_variables(rules.get("options") or {})
    return found


# Variables of the environment that options take a secret from.
SECRET_VARIABLES = frozenset().union(*map(_secret_variables, (KUBERNETES, ARGOCD, VAULT)))

_SINK_TYPES = ["ansible_vault", "kubernetes_secret", "hashicorp_vault", "fact"]
SINK: Spec = {
    "type": {"type": "str", "choices": _SINK_TYPES, "default": "ansible_vault"},
    "file": {"type": "path"},
    "variable": {"type": "str"},
    "vault_id": {"type": "str"},
    "namespace": {"type": "str"},
    "name": {"type": "str"},
    "key": {"type": "str", "default": "token", "no_log": False},
    "format": {"type": "str", "choices": list(FORMATS), "default": "raw"},
    "secret_type": {"type": "str", "no_log": False},
    "labels": {"type": "dict"},
    "engine_mount_point": {"type": "str", "default": "secret"},
    "path": {"type": "str"},
    # The options of another server, see sink_connection. Not no_log for the reason that kubeconfig is not.
    "connection": {"type": "dict", "no_log": False},
}
# A place for a password: as it is, and no output.
PASSWORD_SINK: Spec = {
    **{name: rules for name, rules in SINK.items() if name != "format"},
    "type": {"type": "str", "choices": _SINK_TYPES[:-1], "default": "ansible_vault"},
    "key": {"type": "str", "default": "password", "no_log": False},
}
# Which of them a type takes; the first ones it cannot do without.
_OF_SINK: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ansible_vault": ((), ("file", "variable", "vault_id")),
    "kubernetes_secret": (("namespace", "name"), ("key", "format", "secret_type", "labels", "connection")),
    "fact": ((), ("variable",)),
    "hashicorp_vault": (("path",), ("engine_mount_point", "key", "format", "connection")),
}

CONFIG_STORE: Spec = {
    "type": {"type": "str", "choices": ["configmaps", "helm_values", "argocd_resource"], "default": "configmaps"},
    "file": {"type": "path"},
    "prefix": {"type": "str"},
    "name": {"type": "str"},
}
# As above, for where the keys of the ConfigMaps are kept.
_OF_CONFIG_STORE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "configmaps": ((), ()),
    "helm_values": (("file",), ("prefix",)),
    "argocd_resource": ((), ("name",)),
}

CHECK: Spec = {
    "action": {"type": "str", "required": True},
    "resource": {"type": "str", "required": True},
    "object": {"type": "str", "default": "*"},
    "allowed": {"type": "bool", "default": True},
}

_WAIT: Spec = {"wait_timeout": {"type": "int", "default": 30}}
_OWNER: Spec = {"force_owner": {"type": "bool", "default": False}}
_CONFIG: Spec = {
    "config_store": {"type": "dict", "options": CONFIG_STORE, "apply_defaults": True},
    "settle_time": {"type": "str", "default": "0"},
}
_STATE: Spec = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}
_CHECKS: dict[str, Any] = {"type": "list", "elements": "dict", "options": CHECK}


@dataclass(frozen=True)
class ModuleSpec:
    """All that Ansible validates for one module."""

    name: str
    options: Spec
    mutually_exclusive: list[list[str]] = field(default_factory=list)

    @property
    def argument_spec(self) -> Spec:
        """The module's own options and the two groups every module takes."""
        return {**KUBERNETES, **ARGOCD, **self.options}


ACCOUNT = ModuleSpec(
    name="argocd_account",
    options={
        "name": {"type": "str", "required": True},
        "capabilities": {"type": "list", "elements": "str"},
        "enabled": {"type": "bool"},
        "account_password": {"type": "str", "no_log": True},
        "account_password_hash": {"type": "str", "no_log": True},
        "account_password_store": {
            "type": "list",
            "elements": "dict",
            "options": PASSWORD_SINK,
            "default": [],
            "no_log": False,
        },
        "account_password_rotate": {"type": "bool", "default": False, "no_log": False},
        "account_password_mtime": {"type": "str", "no_log": False},
        "known_tokens": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "end_tokens": {"type": "bool", "default": False},
        "reenable": {"type": "bool", "default": False},
        "override_admin_enabled": {"type": "bool", "default": False},
        "recover": {"type": "bool", "default": False},
        "overwrite": {"type": "bool", "default": False},
        "wait": {"type": "bool", "default": True},
        **_WAIT,
        **_CONFIG,
        **_OWNER,
        **_STATE,
    },
    mutually_exclusive=[["account_password", "account_password_hash"]],
)

RBAC_POLICY = ModuleSpec(
    name="argocd_rbac_policy",
    options={
        "subject": {"type": "str", "required": True},
        "policies": {"type": "list", "elements": "str", "default": []},
        "roles": {"type": "list", "elements": "str", "default": []},
        "exclusive": {"type": "bool", "default": True},
        "location": {"type": "str", "choices": ["auto", "overlay", "policy.csv"], "default": "auto"},
        "overlay": {"type": "str"},
        "default_role": {"type": "str"},
        "match_mode": {"type": "str", "choices": ["glob", "regex"]},
        "max_permissions": {"type": "list", "elements": "str"},
        "scopes": {"type": "list", "elements": "str"},
        **_WAIT,
        **_CONFIG,
        **_OWNER,
        **_STATE,
    },
)

TOKEN = ModuleSpec(
    name="argocd_token",
    options={
        "account": {"type": "str", "required": True},
        "token_name": {"type": "str", "no_log": False},
        "method": {"type": "str", "choices": ["api", "kubernetes"], "default": "api"},
        "expires_in": {"type": "str"},
        "renew_before": {"type": "str"},
        "renew_after": {"type": "str"},
        "renew_spread": {"type": "str"},
        "rotate": {"type": "bool", "default": False},
        "revoke_after": {"type": "str", "default": "7d"},
        "revoke_unknown": {"type": "list", "elements": "str", "default": []},
        "checks": {**_CHECKS, "default": []},
        "store": {"type": "list", "elements": "dict", "options": SINK, "default": []},
        "instance_uid": {"type": "str"},
        "recover": {"type": "bool", "default": False},
        "overwrite": {"type": "bool", "default": False},
        "return_token": {"type": "bool", "default": False, "no_log": False},
        "planned": {"type": "bool", "default": False},
        **_WAIT,
        **_OWNER,
        **_STATE,
    },
)

CAN_I = ModuleSpec(
    name="argocd_can_i",
    options={
        "checks": {**_CHECKS, "required": True},
        "token": {"type": "str", "no_log": True},
        "token_from": {"type": "dict", "options": SINK, "no_log": False},
        "password_from": {"type": "dict", "options": PASSWORD_SINK, "no_log": False},
        "account": {"type": "str"},
        "source": {"type": "str", "choices": ["server", "policy"], "default": "server"},
        "policy": {"type": "dict"},
        "groups": {"type": "list", "elements": "str", "default": []},
        "argocd_version": {"type": "str"},
        "fail_on_mismatch": {"type": "bool", "default": True},
        **_WAIT,
    },
    mutually_exclusive=[["token", "token_from", "password_from"]],
)


_NO_CLUSTER = "no option names the cluster (kubeconfig, context, host or argocd_in_cluster)"


def implicit_target(spec: ModuleSpec, args: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """Return which server the task's own arguments leave to the environment or to a current context, None for none.

    For one host that is convenient; for several, all would reach the same one.
    """
    args = {**args, "argocd_in_cluster": is_true(args.get("argocd_in_cluster"))}
    if _needs_cluster(spec, args) and not names_cluster(args):
        return _NO_CLUSTER
    asks_server = spec in (TOKEN, CAN_I) and not _judges(spec, args)
    if asks_server and _direct(args) and not args.get("argocd_url"):
        return "argocd_url is not set"
    return _left_to_environment(spec, args, environment)


def _needs_cluster(spec: ModuleSpec, args: Mapping[str, Any]) -> bool:
    if spec in (ACCOUNT, RBAC_POLICY) or not _direct(args):
        return True
    if spec is TOKEN and (args.get("method") == "kubernetes" or not args.get("instance_uid")):
        return True
    if _judges(spec, args) and args.get("policy") is None:
        return True
    return any(item.get("type") == "kubernetes_secret" and not item.get("connection") for item in sink_items(args))


def _direct(args: Mapping[str, Any]) -> bool:
    return bool(args.get("argocd_transport", "direct") == "direct")


def _judges(spec: ModuleSpec, args: Mapping[str, Any]) -> bool:
    return spec is CAN_I and args.get("source") == "policy"


def _left_to_environment(spec: ModuleSpec, args: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """Return which variable decides for all hosts, though the task would run without it."""
    server, host = _variable("argocd_url", args, environment), _variable("host", args, environment)
    told = _judges(spec, args) and args.get("argocd_version")
    if server and _direct(args) and not told:
        return f"argocd_url is left to {server} of the environment (unset that where none is needed)"
    # These two take a cluster where one is named, wherever that is.
    takes_any = spec is TOKEN or _judges(spec, args)
    if host and (_needs_cluster(spec, args) or takes_any):
        return f"host is left to {host} of the environment, which beats a kubeconfig (unset that if each host has one)"
    elsewhere = _variable("kubeconfig", args, environment) or _variable("context", args, environment)
    if elsewhere and takes_any and not names_cluster(args):
        return f"{_NO_CLUSTER}, and {elsewhere} of the environment does (unset that where none is needed)"
    return None


def _variable(option: str, args: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """Return the variable that the option is taken from; empty where it is the task's own, or names nothing.

    As Ansible does it (set_fallbacks in ansible/module_utils/common/parameters.py): what a task says counts, though it
    be empty, and so does an empty variable, which then is a value that names no server.
    """
    name: str = {**KUBERNETES, **ARGOCD}[option]["fallback"][1][0]
    return name if option not in args and environment.get(name) else ""


def sink_items(args: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the sinks of a task, validated or not; what is none, also as a text, is left to validation."""
    items = [item for option in ("store", "account_password_store") for item in _as_list(args.get(option))]
    items += [args.get("token_from"), args.get("password_from")]
    return [item for item in map(as_mapping, items) if item is not None]


def _as_list(value: Any) -> list[Any]:
    found: list[Any] = check_type_list(value) if isinstance(value, (list, str)) else [value]
    return found


def as_mapping(value: Any) -> Mapping[str, Any] | None:
    """Return the dictionary that validation makes of an option; None for what is none."""
    try:
        found: Mapping[str, Any] = check_type_dict(value)
    except (TypeError, ValueError):
        return None
    # ansible-core 2.16 also evaluates a text as Python, which may be anything.
    return found if isinstance(found, Mapping) else None


def require_shapes(args: Mapping[str, Any], argument_spec: Spec) -> None:
    """Raise InvalidInput where a dictionary is given for something else, or something else for a dictionary.

    Ansible's own errors quote such a value, with whatever is in it, and may stop before it knows what else is secret
    (_list_no_log_values and _validate_argument_values of ansible/module_utils/common/parameters.py).
    """
    for option, value in args.items():
        rules = argument_spec.get(option)
        if value is None or rules is None:
            continue
        many = rules["type"] == "list"
        kind = rules.get("elements", "raw") if many else rules["type"]
        for item in _as_list(value) if many else [value]:
            if kind == "dict":
                _require_dictionary(option, item, rules.get("options") or {})
            elif kind != "raw" and isinstance(item, (Mapping, list)):
                wanted = "list" if many and item is value else f"plain value ({kind})"
                raise InvalidInput(f"cannot use {option}: it has a {_kind(item)} where a {wanted} belongs")


def _require_dictionary(option: str, item: Any, options: Spec) -> None:
    found = as_mapping(item)
    if found is None:
        names = f" ({', '.join(options)})" if options else ""
        raise InvalidInput(
            f"cannot use {option}: it has a {_kind(item)} where a dictionary belongs; give its options there{names}"
        )
    if options and isinstance(item, str) and not found.keys() <= options.keys():
        # Not which: where a password has a comma, Ansible takes what follows for an option.
        raise InvalidInput(f"cannot use {option}: its text has options that it does not know; give it as a dictionary")
    require_shapes(found, options)


def _kind(value: Any) -> str:
    name = type(value).__name__
    return {"dict": "dictionary", "str": "text", "int": "number", "float": "number"}.get(name, name)


def is_true(value: Any) -> bool:
    """Return the switch that validation makes of an option; what is none is left to it."""
    try:
        return bool(boolean(value, strict=False))
    except TypeError:
        return False


def values_prefix(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of a values file above `configs`."""
    return tuple(part for part in (options["prefix"] or "").split(".") if part)


def sink_connection(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the validated `connection` of a sink; None where it has none and the task's own is meant.

    Raises InvalidInput.
    """
    if options["type"] == "hashicorp_vault":
        return _vault_connection(options["connection"] or {})
    if options["connection"] is None:
        return None
    # Nothing of the environment counts: a token must not end up in a cluster that nobody named.
    params = _validated(options["connection"], _without_fallbacks(KUBERNETES), options["type"])
    logs_in = any(params.get(name) for name in ("kubeconfig", "context", "api_key", "password", "client_cert"))
    if not (names_cluster(params) and logs_in):
        raise InvalidInput(
            f"cannot use connection of sink {options['type']}: it names no cluster to log in to; set kubeconfig or "
            "context, or host with api_key or client_cert"
        )
    _check_files(params)
    _check_header(params["api_key"], "api_key of the sink's connection")
    return params


def _vault_connection(connection: Mapping[str, Any]) -> dict[str, Any]:
    params = _validated(connection, VAULT, "hashicorp_vault")
    needed = ("url", "role_id" if params["auth_method"] == "approle" else "token")
    missing = [name for name in needed if not params[name]]
    if missing:
        raise InvalidInput(
            f"cannot use connection of sink hashicorp_vault: it lacks {' and '.join(missing)} (or "
            f"{' and '.join(VAULT[name]['fallback'][1][-1] for name in missing)})"
        )
    check_address(params["url"], option="url of the sink's connection")
    _check_files(params)
    _check_header(params["token"], "token of the sink's connection")
    return params


def _validated(connection: Mapping[str, Any], spec: Spec, kind: str) -> dict[str, Any]:
    checked = ArgumentSpecValidator(spec).validate(connection)
    if checked.error_messages:
        raise InvalidInput(f"cannot use connection of sink {kind}: {'; '.join(checked.error_messages)}")
    params: dict[str, Any] = checked.validated_parameters
    return params


def _without_fallbacks(spec: Spec) -> Spec:
    return {
        name: {
            key: _without_fallbacks(value) if key == "options" else value
            for key, value in rules.items()
            if key != "fallback"
        }
        for name, rules in spec.items()
    }


def _check_sink(options: Mapping[str, Any]) -> None:
    spec = SINK if "format" in options else PASSWORD_SINK
    _check_taken(options, spec, _OF_SINK[options["type"]], f"sink {options['type']}")
    _check_labels(options["labels"] or {})
    if options["type"] == "fact" and options["variable"]:
        check_variable(options["variable"])
    sink_connection(options)


def _check_taken(
    options: Mapping[str, Any], spec: Spec, taken: tuple[tuple[str, ...], tuple[str, ...]], what: str
) -> None:
    """Raise InvalidInput where an option is missing that this type needs, or given that it does not take."""
    missing = [name for name in taken[0] if not options[name]]
    if missing:
        raise InvalidInput(f"cannot use {what}: it needs {' and '.join(missing)}")
    given = [name for name, rules in spec.items() if options[name] != rules.get("default")]
    foreign = [name for name in given if name not in ("type", *taken[0], *taken[1])]
    if foreign:
        raise InvalidInput(f"cannot use {what}: it takes no {', '.join(foreign)}; leave that out, or set its type")


def _check_config_store(options: Mapping[str, Any]) -> None:
    what = f"config_store {options['type']}"
    _check_taken(options, CONFIG_STORE, _OF_CONFIG_STORE[options["type"]], what)
    if options["prefix"] and not _PREFIX.fullmatch(options["prefix"]):
        raise InvalidInput(
            f"cannot use {what}: prefix {quoted(options['prefix'])} is no path of keys; write them with dots between, "
            "such as argo-cd"
        )


def _check_facts(params: Mapping[str, Any]) -> None:
    """A fact holds nothing after the play, so no decision can rest on it."""
    places = sink_items({"store": (params.get("store") or [])[:-1]})
    if any(item["type"] == "fact" for item in places) or [item["type"] for item in sink_items(params)] == ["fact"]:
        raise InvalidInput("cannot use sink fact here: it is an output, only as the last item of store, after a place")


def _check_labels(labels: Mapping[str, Any]) -> None:
    wrong = [name for name, value in labels.items() if not isinstance(value, str)]
    if wrong:
        raise InvalidInput(f"cannot use label {wrong[0]} of a sink: its value is no text; put it in quotes")


def environment_in_effect(spec: ModuleSpec, params: Mapping[str, Any]) -> list[str]:
    """Return the environment variables that options took their value from: names, never values."""
    candidates = [
        (variable, params.get(option))
        for option, rules in spec.argument_spec.items()
        for variable in rules.get("fallback", (None, []))[1]
    ]
    names = {name for name, value in candidates if name in os.environ and _came_from(os.environ[name], value)}
    for item in sink_items(params):
        if item.get("type") == "hashicorp_vault":
            names |= _vault_environment(item.get("connection") or {})
    return sorted(names)


def _vault_environment(connection: Mapping[str, Any]) -> set[str]:
    left_out = [
        rules["fallback"][1] for option, rules in VAULT.items() if "fallback" in rules and option not in connection
    ]
    return {name for variables in left_out for name in [name for name in variables if name in os.environ][:1]}


def _came_from(text: str, value: Any) -> bool:
    """A converted value (a switch, a list) cannot be compared with its text; it is taken as coming from there."""
    return value == text if isinstance(value, str) else value is not None


def secrets_inside(params: Mapping[str, Any]) -> set[str]:
    """Return the secrets inside of options, validated or not: those that `no_log` does not know."""
    found = secrets_of({option: params.get(option) for option in (*ADDRESSES, *FILES_WITH_KEYS)})
    found |= {str(value) for value in (as_mapping(params.get("argocd_headers")) or {}).values()}
    for item in sink_items(params):
        found |= _secrets_of_connection(item.get("connection"))
    return found - {""}


def _secrets_of_connection(given: Any) -> set[str]:
    """What is none will be refused, and may hold a secret anywhere."""
    connection = as_mapping(given)
    if connection is None:
        return {given} if isinstance(given, str) else set()
    return secrets_of({**connection, "proxy_headers": as_mapping(connection.get("proxy_headers"))})


def validate_offline(params: Mapping[str, Any]) -> None:
    """Raise InvalidInput for what the specs cannot say of the shared groups. No network."""
    if params["argocd_auth_token"] and params["argocd_password"]:
        raise InvalidInput(
            "cannot log in to Argo CD two ways: argocd_auth_token and argocd_password are both in effect (an "
            "option, or ARGOCD_AUTH_TOKEN and ARGOCD_AUTH_PASSWORD of the environment); leave one out"
        )
    if not LABEL.fullmatch(params["argocd_namespace"]):
        raise InvalidInput(
            f"cannot use argocd_namespace {quoted(params['argocd_namespace'])}: the name of a namespace is 1 to 63 "
            "small letters, digits and dashes; correct it"
        )
    _check_files(params)
    _check_transport(params)
    for option in ("argocd_auth_token", "api_key"):
        _check_header(params[option], option)
    for name, value in (params["argocd_headers"] or {}).items():
        if not _HEADER_NAME.fullmatch(name):
            # Not quoted: of a text Ansible makes names of what may be a secret.
            raise InvalidInput(
                "cannot use argocd_headers: one of its keys is no name of a header; give {name: value}, each on a line"
            )
        _check_header(str(value), f"argocd_headers ({name})")
    for item in sink_items(params):
        _check_sink(item)
    _check_facts(params)
    if params.get("config_store"):
        _check_config_store(params["config_store"])
    for option, least in (("wait_timeout", 0), ("argocd_timeout", 1)):
        if not least <= params[option] <= _LONGEST:
            raise InvalidInput(f"cannot use {option} {params[option]}: it is in seconds, {least} to {_LONGEST}")


# The final dot as people write it in front of another key.
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*\.?")
# RFC 9110, 5.1 and 5.6.2.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_IS_KUBERNETES_OWN = re.compile(r"(?i)authorization$|impersonate-")
# A day. A socket takes no more than some hundred years.
_LONGEST = 86_400
_FILES = ("ca_cert", "client_cert", "client_key", "argocd_ca_cert", "argocd_client_cert", "argocd_client_key")


def _check_files(params: Mapping[str, Any]) -> None:
    if params.get("argocd_client_key") and not params["argocd_client_cert"]:
        raise InvalidInput("cannot use argocd_client_key without argocd_client_cert: set both")
    for option in (*_FILES, "kubeconfig"):
        if isinstance(params.get(option), str) and is_content(params[option]):
            remedy = "give its path, or a dictionary (from_yaml)" if option == "kubeconfig" else "give its path"
            raise InvalidInput(f"cannot use {option}: it is what stands in such a file, not the file's name; {remedy}")
    for option in _FILES:
        if params.get(option) and not os.access(params[option], os.R_OK):
            raise InvalidInput(f"cannot use {option} {params[option]}: no such file, or not readable; correct the path")


def _check_transport(params: Mapping[str, Any]) -> None:
    if params["argocd_service"]:
        parse_service(params["argocd_service"])
    taken = [name for name in params["argocd_headers"] or {} if _IS_KUBERNETES_OWN.match(str(name))]
    if params["argocd_transport"] == "kubernetes_proxy" and taken:
        raise InvalidInput(
            f"cannot send {taken[0]} of argocd_headers through the service proxy: the Kubernetes API takes it itself; "
            "leave it out, or use another argocd_transport"
        )


def _check_header(value: str | None, option: str) -> None:
    """Raise InvalidInput, without the value, where it cannot be sent in a header (http.client quotes it then)."""
    if value and not (value.isascii() and value.isprintable()):
        raise InvalidInput(
            f"cannot use {option}: it has a line end or another character that no header can hold; was it copied whole?"
        )
