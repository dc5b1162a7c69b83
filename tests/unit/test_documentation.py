# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is documented is what is accepted: modules, their fragments, the role, the action group."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fleetops.argocd.plugins.module_utils import arguments

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = "ansible_collections.fleetops.argocd.plugins"
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
SPECS = {spec.name: spec for spec in vars(arguments).values() if isinstance(spec, arguments.ModuleSpec)}

# plugins/module_utils/args_common.py of kubernetes.core: its names, aliases and environment variables.
OF_KUBERNETES_CORE = {
    "kubeconfig": ("K8S_AUTH_KUBECONFIG", []),
    "context": ("K8S_AUTH_CONTEXT", []),
    "host": ("K8S_AUTH_HOST", []),
    "api_key": ("K8S_AUTH_API_KEY", []),
    "username": ("K8S_AUTH_USERNAME", []),
    "password": ("K8S_AUTH_PASSWORD", []),
    "validate_certs": ("K8S_AUTH_VERIFY_SSL", ["verify_ssl"]),
    "ca_cert": ("K8S_AUTH_SSL_CA_CERT", ["ssl_ca_cert"]),
    "client_cert": ("K8S_AUTH_CERT_FILE", ["cert_file"]),
    "client_key": ("K8S_AUTH_KEY_FILE", ["key_file"]),
    "proxy": ("K8S_AUTH_PROXY", []),
    "no_proxy": ("K8S_AUTH_NO_PROXY", []),
    "proxy_headers": (None, []),
    "persist_config": ("K8S_AUTH_PERSIST_CONFIG", []),
    "impersonate_user": ("K8S_AUTH_IMPERSONATE_USER", []),
    "impersonate_groups": ("K8S_AUTH_IMPERSONATE_GROUPS", []),
}
OF_PROXY_HEADERS = {
    "proxy_basic_auth": "K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH",
    "basic_auth": "K8S_AUTH_PROXY_HEADERS_BASIC_AUTH",
    "user_agent": "K8S_AUTH_PROXY_HEADERS_USER_AGENT",
}


def module_documentation(name: str) -> dict[str, Any]:
    shape: dict[str, Any] = yaml.safe_load(importlib.import_module(f"{PLUGINS}.modules.{name}").DOCUMENTATION)
    return shape


def documented(name: str) -> dict[str, Any]:
    """The options of the module's documentation with those of its fragments."""
    shape = module_documentation(name)
    options: dict[str, Any] = {}
    for fragment in shape["extends_documentation_fragment"]:
        name, _dot, part = fragment.removeprefix("fleetops.argocd.").partition(".")
        source = importlib.import_module(f"{PLUGINS}.doc_fragments.{name}").ModuleDocFragment
        options.update(yaml.safe_load(getattr(source, part.upper() or "DOCUMENTATION")).get("options") or {})
    return {**options, **(shape.get("options") or {})}


def comparable(options: dict[str, Any], nested: str) -> dict[str, Any]:
    """What documentation and spec both say of options; `nested` is their word for the options inside."""
    return {
        name: {
            "type": option.get("type", "str"),
            "default": option.get("default"),
            "choices": option.get("choices"),
            "required": option.get("required", False),
            "aliases": option.get("aliases", []),
            "elements": option.get("elements"),
            "nested": comparable(option.get(nested) or {}, nested),
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize("name", MODULES)
def test_every_option_is_documented_as_it_is_accepted(name: str) -> None:
    assert comparable(documented(name), "suboptions") == comparable(SPECS[name].argument_spec, "options")


@pytest.mark.parametrize("name", MODULES)
def test_every_variable_of_the_environment_is_documented_with_its_option(name: str) -> None:
    docs = documented(name)
    for option, rules in SPECS[name].argument_spec.items():
        for variable in rules.get("fallback", (None, []))[1]:
            assert f"E({variable})" in str(docs[option]["description"]), option


@pytest.mark.parametrize("name", MODULES)
def test_every_option_says_something(name: str) -> None:
    options = documented(name)
    assert [option for option, rules in options.items() if not rules.get("description")] == []


def test_there_is_a_spec_for_every_module_and_no_other() -> None:
    assert sorted(SPECS) == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_module_and_action_plugin_run_the_same_flow_with_the_same_spec(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[Any, Any]] = []
    module = importlib.import_module(f"{PLUGINS}.modules.{name}")
    monkeypatch.setattr(module, "run_module", lambda spec, flow: ran.append((spec, flow)))
    module.main()
    action = importlib.import_module(f"{PLUGINS}.action.{name}").ActionModule
    assert ran == [(action.SPEC, action.FLOW)]
    assert action.SPEC is SPECS[name]


def test_every_module_is_in_the_action_group_and_has_an_action_plugin() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert sorted(runtime["action_groups"]["argocd"]) == MODULES
    assert sorted(path.stem for path in (ROOT / "plugins" / "action").glob("*.py")) == MODULES


# --- kubernetes.core -----------------------------------------------------------------------------------------------


def test_the_options_of_kubernetes_core_keep_their_names_aliases_and_variables() -> None:
    ours = {
        name: (next(iter(option.get("fallback", (None, []))[1]), None), option.get("aliases", []))
        for name, option in arguments.KUBERNETES.items()
    }
    assert ours == OF_KUBERNETES_CORE
    inside = arguments.KUBERNETES["proxy_headers"]["options"]
    assert {name: option["fallback"][1][0] for name, option in inside.items()} == OF_PROXY_HEADERS


@pytest.mark.parametrize("name", MODULES)
def test_no_option_of_ours_carries_a_name_of_kubernetes_core(name: str) -> None:
    taken = {*OF_KUBERNETES_CORE, *(alias for _variable, aliases in OF_KUBERNETES_CORE.values() for alias in aliases)}
    ours = {**arguments.ARGOCD, **SPECS[name].options}
    names = {*ours, *(alias for option in ours.values() for alias in option.get("aliases", []))}
    assert names & taken == set()


# --- secrets -------------------------------------------------------------------------------------------------------

SECRET_OPTIONS = {"api_key", "password", "argocd_auth_token", "argocd_password", "argocd_headers"}
MORE_SECRETS = {"argocd_account": {"account_password", "account_password_hash"}, "argocd_can_i": {"token"}}


@pytest.mark.parametrize("name", MODULES)
def test_exactly_the_secrets_are_kept_out_of_logs(name: str) -> None:
    hidden = {option for option, rules in SPECS[name].argument_spec.items() if rules.get("no_log")}
    assert hidden == SECRET_OPTIONS | MORE_SECRETS.get(name, set())


# --- the role ------------------------------------------------------------------------------------------------------

ROLE = ROOT / "roles" / "argocd_user"
ROLE_OPTIONS: dict[str, Any] = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"][
    "main"
]["options"]
ROLE_DEFAULTS: dict[str, Any] = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())


def is_computed(value: Any) -> bool:
    return isinstance(value, str) and "{{" in value


def test_every_variable_of_the_role_has_a_default_and_a_specification() -> None:
    assert list(ROLE_DEFAULTS) == list(ROLE_OPTIONS)


@pytest.mark.parametrize("name", ROLE_DEFAULTS)
def test_a_default_of_the_role_is_specified_as_it_is(name: str) -> None:
    default, option = ROLE_DEFAULTS[name], ROLE_OPTIONS[name]
    assert option.get("default") == (None if is_computed(default) else default)
    assert option.get("required", False) is False
    assert option.get("description")


def of_modules(options: dict[str, Any]) -> dict[str, Any]:
    return comparable(options, "options")


def test_stores_and_checks_of_the_role_are_those_of_the_modules() -> None:
    assert of_modules(ROLE_OPTIONS["argocd_user_store"]["options"]) == of_modules(arguments.SINK)
    assert of_modules(ROLE_OPTIONS["argocd_user_config_store"]["options"]) == of_modules(arguments.CONFIG_STORE)
    stored = ROLE_OPTIONS["argocd_user_password_store"]["options"]
    assert of_modules(stored) == of_modules(arguments.PASSWORD_SINK)
    assert of_modules(ROLE_OPTIONS["argocd_user_checks"]["options"]) == of_modules(arguments.CHECK)


# What the role hands on, as it is or `omit` where it is empty -> the options of modules that take it.
HANDED_ON = {
    "argocd_user_state": ("argocd_account.state", "argocd_rbac_policy.state", "argocd_token.state"),
    "argocd_user_name": (
        "argocd_account.name",
        "argocd_can_i.account",
        "argocd_rbac_policy.subject",
        "argocd_token.account",
    ),
    "argocd_user_capabilities": ("argocd_account.capabilities",),
    "argocd_user_enabled": ("argocd_account.enabled",),
    "argocd_user_policies": ("argocd_rbac_policy.policies",),
    "argocd_user_policy_exclusive": ("argocd_rbac_policy.exclusive",),
    "argocd_user_policy_location": ("argocd_rbac_policy.location",),
    "argocd_user_roles": ("argocd_rbac_policy.roles",),
    "argocd_user_max_permissions": ("argocd_rbac_policy.max_permissions",),
    "argocd_user_checks": ("argocd_can_i.checks", "argocd_token.checks"),
    "argocd_user_token_name": ("argocd_token.token_name",),
    "argocd_user_method": ("argocd_token.method",),
    "argocd_user_expires_in": ("argocd_token.expires_in",),
    "argocd_user_renew_before": ("argocd_token.renew_before",),
    "argocd_user_renew_after": ("argocd_token.renew_after",),
    "argocd_user_renew_spread": ("argocd_token.renew_spread",),
    "argocd_user_rotate": ("argocd_token.rotate",),
    "argocd_user_revoke_after": ("argocd_token.revoke_after",),
    "argocd_user_revoke_unknown": ("argocd_token.revoke_unknown",),
    "argocd_user_store": ("argocd_can_i.token_from", "argocd_token.store"),
    "argocd_user_config_store": ("argocd_account.config_store", "argocd_rbac_policy.config_store"),
    "argocd_user_settle_time": ("argocd_account.settle_time", "argocd_rbac_policy.settle_time"),
    "argocd_user_password": ("argocd_account.account_password",),
    "argocd_user_password_hash": ("argocd_account.account_password_hash",),
    "argocd_user_password_store": ("argocd_account.account_password_store",),
    "argocd_user_password_rotate": ("argocd_account.account_password_rotate",),
    "argocd_user_end_tokens": ("argocd_account.end_tokens",),
    "argocd_user_recover": ("argocd_account.recover", "argocd_token.recover"),
    "argocd_user_overwrite": ("argocd_account.overwrite", "argocd_token.overwrite"),
    "argocd_user_reenable": ("argocd_account.reenable",),
    "argocd_user_override_admin_enabled": ("argocd_account.override_admin_enabled",),
    "argocd_user_force_owner": (
        "argocd_account.force_owner",
        "argocd_rbac_policy.force_owner",
        "argocd_token.force_owner",
    ),
}
# Read by the role itself, and the options of every module at once.
NOT_HANDED_ON = {"argocd_user_profile", "argocd_user_connection"}
# A module leaves this as it is unless told; the role always tells it.
ALWAYS_TOLD = {"argocd_user_enabled": True}
A_VARIABLE = re.compile(r"\{\{ (argocd_user_\w+)( \|.*)? \}\}")
OMITTED = "default(omit, true)"


def tasks_of(shapes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in shapes:
        yield task
        yield from tasks_of(task.get("block", []))


def given_to_modules() -> Iterator[tuple[str, str, str]]:
    """(variable, module.option, template) of every option that a task of the role sets from a variable's value."""
    for path in sorted((ROLE / "tasks").glob("*.yml")):
        for task in tasks_of(yaml.safe_load(path.read_text())):
            for module in MODULES:
                for option, value in task.get(f"fleetops.argocd.{module}", {}).items():
                    # A value that is written out.
                    template = f"{{{{ argocd_user_{option} }}}}" if option == "state" else str(value)
                    found = A_VARIABLE.fullmatch(template)
                    if found and found[1] in ROLE_OPTIONS:
                        yield found[1], f"{module}.{option}", template


def test_the_table_has_all_that_the_role_hands_on() -> None:
    handed_on: dict[str, set[str]] = {}
    for variable, option, _template in given_to_modules():
        handed_on.setdefault(variable, set()).add(option)
    assert handed_on == {variable: set(options) for variable, options in HANDED_ON.items()}
    assert HANDED_ON.keys() | NOT_HANDED_ON == ROLE_OPTIONS.keys()


def of_module(name: str) -> dict[str, Any]:
    module, _dot, option = name.partition(".")
    shape: dict[str, Any] = SPECS[module].argument_spec[option]
    return shape


# What has options inside is compared with them above.
PLAIN = {variable: HANDED_ON[variable] for variable in HANDED_ON if "options" not in ROLE_OPTIONS[variable]}


@pytest.mark.parametrize(("variable", "option"), [(name, option) for name in PLAIN for option in PLAIN[name]])
def test_what_the_role_hands_on_is_of_the_same_type_with_the_same_choices(variable: str, option: str) -> None:
    role, module = ROLE_OPTIONS[variable], of_module(option)
    assert role["type"] == module.get("type", "str")
    assert role.get("choices") == module.get("choices")
    assert role.get("elements") == module.get("elements")
    assert bool(role.get("no_log")) == bool(module.get("no_log"))


TOLD = sorted({item for item in given_to_modules() if item[0] in PLAIN and not is_computed(ROLE_DEFAULTS[item[0]])})


@pytest.mark.parametrize(("variable", "option", "template"), TOLD)
def test_a_default_of_the_role_is_that_of_the_module(variable: str, option: str, template: str) -> None:
    default = ROLE_DEFAULTS[variable]
    told = None if OMITTED in template and not default else default
    assert told == ALWAYS_TOLD.get(variable, of_module(option).get("default"))


def test_the_readme_has_every_variable_of_the_role_in_its_table_and_no_other() -> None:
    table = (ROOT / "README.md").read_text().partition("\n| Group | Variables |")[2].partition("\n\n")[0]
    _head, _line, *rows = table.splitlines()
    named = {name for row in rows for name in re.findall(r"`(argocd_user_\w+)`", " ".join(row.split(" | ")[:2]))}
    assert named == ROLE_OPTIONS.keys()


PROFILES = sorted((ROLE / "files" / "profiles").glob("*.yml"))


def test_every_profile_can_be_chosen_and_no_other() -> None:
    assert sorted(ROLE_OPTIONS["argocd_user_profile"]["choices"]) == ["", *(path.stem for path in PROFILES)]


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_what_a_profile_asks_for_is_accepted_and_its_page_named(path: Path) -> None:
    checks = importlib.import_module(f"{PLUGINS}.module_utils._core.checks")
    policy = importlib.import_module(f"{PLUGINS}.module_utils._core.policy")
    profile = yaml.safe_load(path.read_text())
    assert "https://" in path.read_text()
    assert checks.parse_checks(profile["checks"])
    assert len(policy.parse_policies(profile.get("policies", []), "x")) == len(profile.get("policies", []))
    assert len(policy.parse_roles(profile.get("roles", []), "x")) == len(profile.get("roles", []))


def test_the_profiles_of_codefresh_give_its_chart_the_same_values() -> None:
    """The targets sink_kubernetes_secret and password_store compare those of one profile, word for word."""
    profiles = {path.stem: yaml.safe_load(path.read_text()) for path in PROFILES if path.stem.startswith("codefresh")}
    assert profiles.keys() == {"codefresh", "codefresh_admin", "codefresh_password"}
    for key in ("helm_values", "password_helm_values"):
        given = {profile[key] for profile in profiles.values() if key in profile}
        assert given == {profiles["codefresh"][key]}


def test_the_readme_shows_the_role_that_is_to_be_applied() -> None:
    """And every ready Role is named in it."""
    page = (ROOT / "README.md").read_text()
    shown = yaml.safe_load(page.partition("### Rights in Kubernetes")[2].split("```")[1].removeprefix("yaml"))
    ready = {file.name: yaml.safe_load(file.read_text()) for file in (ROOT / "docs" / "rights").glob("*.yml")}
    assert shown == ready["account-and-policy.yml"]
    assert [name for name in ready if f"docs/rights/{name}" not in page] == []
