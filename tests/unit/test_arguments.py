# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of sinks take from the environment, and what is refused of them before anything is asked."""

from __future__ import annotations

import os
from typing import Any

import hvac
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fleetops.argocd.plugins.module_utils._clients.vault import connect_vault
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.fleetops.argocd.plugins.module_utils.arguments import (
    CAN_I,
    TOKEN,
    ModuleSpec,
    environment_in_effect,
    sink_connection,
    validate_offline,
)

SEKRET = "SEKRET-of-vault"
OURS = "ANSIBLE_HASHI_VAULT_"
VALIDATE, SKIP = f"{OURS}VALIDATE_CERTS", "VAULT_SKIP_VERIFY"
URL = "https://vault.example.com"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith((OURS, "VAULT_", "K8S_AUTH_", "ARGOCD_"))]:
        monkeypatch.delenv(name)


def connection(**given: Any) -> dict[str, Any]:
    found = sink_connection({"type": "hashicorp_vault", "connection": given or None})
    assert found is not None
    return found


def environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in {"VAULT_ADDR": URL, "VAULT_TOKEN": SEKRET, **values}.items():
        monkeypatch.setenv(name, value)


def validated(spec: ModuleSpec, **args: Any) -> dict[str, Any]:
    checked = ArgumentSpecValidator(spec.argument_spec).validate(args)
    assert checked.error_messages == []
    return dict(checked.validated_parameters)


# --- Vault's environment -------------------------------------------------------------------------------------------

# Of each option: the variables, the first that is set counts, and what is there without any.
VARIABLES: dict[str, tuple[list[str], Any]] = {
    "url": ([f"{OURS}ADDR", "VAULT_ADDR"], None),
    "token": ([f"{OURS}TOKEN", "VAULT_TOKEN"], None),
    "namespace": ([f"{OURS}NAMESPACE", "VAULT_NAMESPACE"], None),
    "mount_point": ([f"{OURS}MOUNT_POINT"], "approle"),
    "role_id": ([f"{OURS}ROLE_ID"], None),
    "secret_id": ([f"{OURS}SECRET_ID"], None),
}
GIVEN = {"url": URL, "token": SEKRET}


@pytest.mark.parametrize("option", VARIABLES)
def test_each_option_takes_the_first_of_its_variables_unless_it_is_given(
    monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    names, default = VARIABLES[option]
    others = {name: value for name, value in GIVEN.items() if name != option}
    if option not in GIVEN:
        assert connection(**others)[option] == default
    for name in reversed(names):
        monkeypatch.setenv(name, f"https://of-{name.lower().replace('_', '-')}")
        assert connection(**others)[option] == f"https://of-{name.lower().replace('_', '-')}"
    assert connection(**others, **{option: "https://given"})[option] == "https://given"


CERTIFICATES: dict[str, tuple[dict[str, str], bool]] = {
    "nothing": ({}, True),
    "validated": ({VALIDATE: "true"}, True),
    "not-validated": ({VALIDATE: "no"}, False),
    "skipped": ({SKIP: "true"}, False),
    "skipped-as-the-shell-has-it": ({SKIP: "1"}, False),
    "not-skipped": ({SKIP: "false"}, True),
    "ours-counts-before-vaults": ({VALIDATE: "true", SKIP: "true"}, True),
    "ours-counts-before-vaults-also-where-it-does-not-validate": ({VALIDATE: "false", SKIP: "false"}, False),
    "empty": ({SKIP: ""}, True),
    "no-switch": ({SKIP: "perhaps"}, True),
}


@pytest.mark.parametrize(("values", "verified"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_certificates_are_verified_unless_the_environment_says_not_to(
    monkeypatch: pytest.MonkeyPatch,
    values: dict[str, str],
    verified: bool,  # noqa: FBT001 # a column of the table
) -> None:
    environment(monkeypatch, **values)
    assert connection()["validate_certs"] is verified
    assert connection(validate_certs=not verified)["validate_certs"] is not verified


def test_a_switch_of_ours_that_is_none_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, **{VALIDATE: "perhaps", SKIP: "true"})
    with pytest.raises(InvalidInput, match=r"cannot use connection of sink hashicorp_vault: .*validate_certs"):
        connection()


def test_a_client_is_made_of_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, VAULT_NAMESPACE="team", VAULT_SKIP_VERIFY="true")
    made: dict[str, Any] = {}
    monkeypatch.setattr(hvac, "Client", lambda **options: made.update(options))
    met: list[str] = []
    connect_vault(connection(), remember=met.append)
    expected = {"url": URL, "token": SEKRET, "namespace": "team", "verify": False}
    assert {name: made[name] for name in expected} == expected
    assert SEKRET in met


def test_the_variables_that_count_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, **{f"{OURS}TOKEN": SEKRET, f"{OURS}MOUNT_POINT": "ci", SKIP: "true"})
    place = {"type": "hashicorp_vault", "path": "a"}
    named = environment_in_effect(TOKEN, validated(TOKEN, account="octopus", store=[place]))
    assert named == [f"{OURS}MOUNT_POINT", f"{OURS}TOKEN", "VAULT_ADDR", SKIP]
    given = {**place, "connection": {"validate_certs": True, "mount_point": "ci", "token": SEKRET}}
    assert environment_in_effect(TOKEN, validated(TOKEN, account="octopus", store=[given])) == ["VAULT_ADDR"]


# --- a namespace ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "argocd/x", "argo_cd", "Argocd", "-argocd", "argocd-", "argocd.eu", "a" * 64])
def test_what_is_no_name_of_a_namespace_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"cannot use argocd_namespace .*1 to 63 small letters.*correct it"):
        validate_offline(validated(TOKEN, account="octopus", store=[PLACE], argocd_namespace=name))


@pytest.mark.parametrize("name", ["argocd", "a", "argo-cd-2", "a" * 63])
def test_any_other_name_is_left_to_the_cluster(name: str) -> None:
    validate_offline(validated(TOKEN, account="octopus", store=[PLACE], argocd_namespace=name))


# --- a fact is an output -------------------------------------------------------------------------------------------

PLACE, FACT = {"type": "ansible_vault"}, {"type": "fact"}
REFUSED = "cannot use sink fact here: it is an output, only as the last item of store, after a place"
NO_OUTPUTS: dict[str, list[dict[str, Any]]] = {
    "alone": [FACT],
    "first": [FACT, PLACE],
    "in-the-middle": [PLACE, FACT, PLACE],
    "twice": [PLACE, FACT, FACT],
}


@pytest.mark.parametrize("store", NO_OUTPUTS.values(), ids=NO_OUTPUTS)
def test_a_fact_anywhere_but_last_is_refused(store: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidInput) as caught:
        validate_offline(validated(TOKEN, account="octopus", store=store))
    assert str(caught.value) == REFUSED


def test_a_token_is_read_from_no_fact() -> None:
    with pytest.raises(InvalidInput) as caught:
        validate_offline(validated(CAN_I, checks=[{"action": "get", "resource": "clusters"}], token_from=FACT))
    assert str(caught.value) == REFUSED


@pytest.mark.parametrize("store", [[], [PLACE], [PLACE, FACT], [PLACE, PLACE, FACT]])
def test_a_fact_after_a_place_is_an_output(store: list[dict[str, Any]]) -> None:
    validate_offline(validated(TOKEN, account="octopus", store=store))
