# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks/files/awx defines fits the collection, and the rules that AWX has for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from awx_jobs.credentials import DefinitionLoader
from jinja2.defaults import DEFAULT_NAMESPACE

from ansible_collections.fleetops.argocd.plugins.module_utils import arguments

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
