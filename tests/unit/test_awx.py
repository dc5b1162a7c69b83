# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks/files/awx defines fits the collection, and the rules that AWX has for it; so does its page."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from awx_jobs.credentials import DefinitionLoader
from jinja2 import Environment
from jinja2.defaults import DEFAULT_NAMESPACE

from ansible_collections.fleetops.argocd.plugins.module_utils import arguments
from ansible_collections.fleetops.argocd.plugins.module_utils._core.checks import parse_checks
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy import parse_policies
from ansible_collections.fleetops.argocd.plugins.module_utils._core.tokens import parse_duration, parse_token_id

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "playbooks" / "files" / "awx"
ROLE = ROOT / "roles" / "argocd_user" / "meta" / "argument_specs.yml"
PROFILES = sorted(ROLE.parents[1].joinpath("files", "profiles").glob("*.yml"))
ROLE_OPTIONS = yaml.safe_load(ROLE.read_text())["argument_specs"]["main"]["options"]
PAGE = (ROOT / "docs" / "from-laptop-to-awx.md").read_text()


def defined(name: str) -> dict[str, Any]:
    shape: dict[str, Any] = yaml.load((FILES / f"{name}.yml").read_text(), Loader=DefinitionLoader)  # noqa: S506 # a SafeLoader
    return shape


TYPES = defined("credential_types")["argocd_awx_credential_types"]
CREDENTIALS = defined("credentials")["argocd_awx_credentials"]
QUESTIONS = defined("survey")["argocd_awx_questions"]
TEMPLATES = defined("job_templates")["argocd_awx_job_templates"]
WORKFLOW = defined("workflow")["argocd_awx_workflow"]


# --- credential types ----------------------------------------------------------------------------------------------


def fallbacks(shape: Any) -> set[str]:
    """Every variable of the environment that an option takes its value from."""
    if isinstance(shape, dict):
        own = set(shape["fallback"][1]) if "fallback" in shape else set()
        return own.union(*(fallbacks(item) for item in shape.values()))
    return set()


# requests reads the last one for Argo CD, see target transports (system_authorities.yml).
READ_BY_MODULES = fallbacks(arguments.KUBERNETES) | fallbacks(arguments.ARGOCD) | fallbacks(arguments.VAULT)
READ = READ_BY_MODULES | {"REQUESTS_CA_BUNDLE"}


def by_name(item: dict[str, Any]) -> str:
    return str(item["name"])


@pytest.mark.parametrize("kind", TYPES, ids=by_name)
def test_what_a_credential_injects_is_read(kind: dict[str, Any]) -> None:
    injectors = kind["injectors"]
    assert sorted(injectors.get("env", {}).keys() - READ) == []
    assert sorted(injectors.get("extra_vars", {}).keys() - ROLE_OPTIONS.keys()) == []
    # AWX ignores those, and knows two kinds of custom types.
    assert [name for name in injectors.get("env", {}) if name.startswith("ANSIBLE_")] == []
    assert kind["kind"] in ("cloud", "net")


@pytest.mark.parametrize("kind", TYPES, ids=by_name)
def test_every_field_of_a_credential_is_injected_and_no_other(kind: dict[str, Any]) -> None:
    text = " ".join(str(template) for part in kind["injectors"].values() for template in part.values())
    files = {label.partition(".")[2] for label in kind["injectors"].get("file", {})}
    assert set(re.findall(r"\{\{ (\w+) \}\}", text)) == {field["id"] for field in kind["inputs"]["fields"]}
    assert set(re.findall(r"tower\.filename\.(\w+)", text)) == files
    assert set(kind["inputs"].get("required", [])) <= {field["id"] for field in kind["inputs"]["fields"]}
    # A field that is left empty would be Jinja's own of that name.
    assert DEFAULT_NAMESPACE.keys() & {"tower", *(field["id"] for field in kind["inputs"]["fields"])} == set()


def test_what_is_secret_is_kept_so() -> None:
    secret = {field["id"] for kind in TYPES for field in kind["inputs"]["fields"] if field.get("secret")}
    plain = {field["id"] for kind in TYPES for field in kind["inputs"]["fields"] if not field.get("secret")}
    assert secret == {"password", "auth_token", "kubeconfig", "token"}
    assert secret & plain == set()


# --- surveys -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_a_question_is_for_a_variable_of_the_role_and_as_awx_wants_it(question: dict[str, Any]) -> None:
    assert {"type", "question_name", "variable", "required"} <= question.keys()
    assert question["variable"] in ROLE_OPTIONS
    # One that is left out is answered all the same, with '' or null, and hides what inventory and credentials say.
    assert question["required"] is True
    # One that is there already decides where nobody looked.
    assert question["default"] == ""


def test_every_profile_can_be_chosen() -> None:
    assert set(defined("settings")["argocd_awx_profiles"]) == set(ROLE_OPTIONS["argocd_user_profile"]["choices"]) - {""}


def test_no_given_password_is_for_a_profile_that_makes_its_own() -> None:
    profiles = {path.stem: yaml.safe_load(path.read_text()) for path in PROFILES}
    assert "reject('eq', 'codefresh_password')" in QUESTIONS["profile_without_password"]["choices"]
    assert [name for name, profile in profiles.items() if "password_store" in profile] == ["codefresh_password"]


# --- templates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", TEMPLATES, ids=by_name)
def test_a_template_names_what_there_is(template: dict[str, Any]) -> None:
    named = re.findall(r"'([^']+)'", template["credentials"]) if template["credentials"] else []
    assert (ROOT / "playbooks" / template["playbook"]).is_file()
    assert set(named) <= {item["name"] for item in CREDENTIALS}
    assert template.get("variables", {}).keys() <= ROLE_OPTIONS.keys()
    assert set(template["questions"]) <= QUESTIONS.keys()


def test_credentials_are_of_types_there_are() -> None:
    assert {item["credential_type"] for item in CREDENTIALS} <= {item["name"] for item in TYPES}


def test_the_workflow_is_of_templates_there_are_with_the_last_node_first() -> None:
    known: set[str] = set()
    for node in WORKFLOW["nodes"]:
        assert set(node.get("always_nodes", [])) <= known
        known.add(node["identifier"])
    assert {node["unified_job_template"] for node in WORKFLOW["nodes"]} <= {item["name"] for item in TEMPLATES}


def test_the_page_has_every_template_with_its_credentials_and_every_type() -> None:
    rows = {row.split("|")[1].strip(): row for row in PAGE.splitlines() if row.startswith("| ")}
    for template in TEMPLATES:
        row = rows[f"`{template['name']}`"]
        named = re.findall(r"'([^']+)'", template["credentials"]) if template["credentials"] else []
        assert [name for name in named if f"`{name}`" not in row] == []
    assert [kind["name"] for kind in TYPES if f"`{kind['name']}`" not in PAGE] == []
    assert [name for name in defined("settings") if f"`{name}`" not in PAGE] == []


# --- the blocks of the page ----------------------------------------------------------------------------------------

FENCE = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(language, textwrap.dedent(text)) for language, text in FENCE.findall(PAGE)]
# Their elements are `raw` only because Ansible would quote what is none.
READABLE = {
    name: {**shape, "elements": "dict"} if "options" in shape else shape for name, shape in ROLE_OPTIONS.items()
}
READABLE["argocd_user_config_store"] = ROLE_OPTIONS["argocd_user_config_store"]
# How a command of the page begins that nothing is said about here, and why.
LEFT_OUT = {
    "podman push ": "needs a registry",
    "ansible-galaxy collection install awx.awx": "needs the network; target awx_definitions has a stand-in",
}


def accepted(options: dict[str, Any], given: Any) -> None:
    """By Ansible's own rules for an argument spec: names, types, choices, and what is inside of lists."""
    assert ArgumentSpecValidator(options).validate(given).error_messages == []


def variables_of_the_role(text: str) -> None:
    given = yaml.safe_load(text)
    accepted(READABLE, given)
    parse_policies(given.get("argocd_user_policies", []), given.get("argocd_user_name", "x"))
    parse_checks(given.get("argocd_user_checks", []))
    for name in given.keys() & {"argocd_user_expires_in", "argocd_user_renew_before"}:
        parse_duration(given[name], option=name)


def connection_of_a_place(text: str) -> None:
    """Of a Secret in another cluster; by a variable of the environment that a credential injects."""
    connection = yaml.safe_load(text)["connection"]
    assert connection.keys() <= arguments.KUBERNETES.keys()
    Environment(autoescape=True).parse(text)
    injected = {name for kind in TYPES for name in kind["injectors"].get("env", {})}
    named = re.findall(r"'ansible.builtin.env', '(\w+)'", text)
    assert named
    assert set(named) <= injected


def settings(text: str) -> None:
    assert yaml.safe_load(text).keys() <= defined("settings").keys()


def keys_in(text: str) -> list[str]:
    return re.findall(r"'(\w+)':", text)


def statistics(text: str) -> None:
    """The keys are those that the role tells of every host."""
    (item,) = yaml.safe_load(text)
    role = (ROOT / "roles" / "argocd_user" / "tasks" / "tell.yml").read_text()
    assert list(item) == keys_in(role.partition("_argocd_user_reference: >-")[2].partition("| combine")[0])
    assert parse_token_id(item["id"]) == item["token_name"]
    accepted(READABLE, {"argocd_user_store": item["stored_in"]})


def summary(text: str) -> None:
    playbook = (ROOT / "playbooks" / "summary.yml").read_text()
    assert list(json.loads(text)) == keys_in(playbook.partition("_summary: >-")[2].partition("tasks:")[0])


def build_of_an_image(line: str) -> None:
    command = re.fullmatch(r"ansible-builder build -f (\S+) -t (\S+)", line)
    assert command
    assert yaml.safe_load((ROOT / command[1]).read_text())["version"] == 3
    # It is the image that the variables name, and that is pushed.
    assert f"argocd_awx_image: {command[2]}\n" in PAGE
    assert f"podman push {command[2]}\n" in PAGE


def environment_of_awx(line: str) -> None:
    said = (ROOT / "playbooks" / "awx.yml").read_text()
    names = re.findall(r"(\w+)=\S+", line)
    assert names
    assert [name for name in names if name not in said] == []


def run_of_a_playbook(line: str) -> None:
    command = re.fullmatch(r"ansible-playbook fleetops\.argocd\.(\w+) -e @(\S+)", line)
    assert command
    assert (ROOT / "playbooks" / f"{command[1]}.yml").is_file()
    assert any(text.startswith(f"# {command[2]}\n") for _language, text in BLOCKS)


# How a block, or a line of one with commands, begins -> what is said about it.
RULES: dict[str, Callable[[str], None]] = {
    "# group_vars/argocd.yml of the inventory\nargocd_user_": variables_of_the_role,
    "connection:": connection_of_a_place,
    "# awx.yml\n": settings,
    "- host: ": statistics,
    '{"clusters": ': summary,
    "ansible-builder build ": build_of_an_image,
    "export CONTROLLER_HOST=": environment_of_awx,
    "ansible-playbook fleetops.argocd.": run_of_a_playbook,
}
PARTS = [part for language, text in BLOCKS for part in (text.splitlines() if language == "bash" else [text])]


def rules_of(part: str) -> list[str]:
    return [start for start in (*RULES, *LEFT_OUT) if part.startswith(start)]


def test_each_block_of_the_page_has_a_rule_and_each_rule_a_block() -> None:
    assert [part for part in PARTS if len(rules_of(part)) != 1] == []
    assert {start for part in PARTS for start in rules_of(part)} == {*RULES, *LEFT_OUT}
    assert PAGE.count("```") == 2 * len(BLOCKS)


@pytest.mark.parametrize("part", [part for part in PARTS if set(rules_of(part)) & RULES.keys()])
def test_what_a_block_of_the_page_says_is_so(part: str) -> None:
    (start,) = rules_of(part)
    RULES[start](part)


# --- what the page names -------------------------------------------------------------------------------------------

IN_CODE = " ".join(re.findall(r"`([^`\n]+)`", FENCE.sub("", PAGE)))
TOLD_BY_JOBS = {"argocd_user_tokens_", "argocd_user_tokens", "argocd_user_summary"}
# Of kubectl and of AWX's own.
OF_OTHERS = {"KUBECONFIG", "K8S_AUTH_"}


def test_the_page_names_only_what_there_is() -> None:
    playbooks = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    assert set(re.findall(r"argocd_user_\w+", PAGE)) - TOLD_BY_JOBS <= ROLE_OPTIONS.keys()
    assert set(re.findall(r"argocd_awx_\w+", PAGE)) <= defined("settings").keys()
    assert set(re.findall(r"fleetops\.argocd\.(\w+)", PAGE)) <= playbooks
    assert set(re.findall(r"\b[A-Z0-9]+_?[A-Z_]{5,}", IN_CODE)) <= READ | OF_OTHERS
    options = {*arguments.KUBERNETES, *arguments.ARGOCD, *arguments.CONFIG_STORE["type"]["choices"]}
    assert set(re.findall(r"(?<!\w)argocd_(?!user_|awx_)\w+", IN_CODE)) <= options


def test_the_page_names_only_templates_credentials_and_types_there_are() -> None:
    named = set(re.findall(r"`(Argo CD [^`]+)`", PAGE))
    known = {item["name"] for item in (*TEMPLATES, *CREDENTIALS, *TYPES, WORKFLOW)}
    assert named <= known


def test_the_page_links_to_files_there_are() -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", PAGE)]
    assert [link for link in links if link and not (ROOT / "docs" / link).exists()] == []
    rights = set(re.findall(r"`([\w-]+\.yml)`", PAGE))
    assert {name for name in rights if not (ROOT / "docs" / "rights" / name).is_file()} == set()
