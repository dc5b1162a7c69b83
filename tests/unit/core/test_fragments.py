# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys as YAML for other places: as the vendors' pages write them, and read back as what they are."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.fragments import (
    HELM_PATHS,
    as_yaml,
    in_resource,
    resource_keys,
    scalar_lines,
)


def test_the_values_are_those_of_the_page_of_codefresh() -> None:
    """https://codefresh.io/docs/gitops/gitops-runtimes/runtime-argocd-admin-api-token, Update Helm values.yaml."""
    assert as_yaml(HELM_PATHS["argocd-cm"], {"accounts.admin": "apiKey,login"}) == (
        "configs:\n  cm:\n    accounts.admin: apiKey,login\n"
    )


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("apiKey", ["apiKey"]),
        ("apiKey,login", ["apiKey,login"]),
        ("true", ['"true"']),
        ("No", ['"No"']),
        ("", ['""']),
        ("1.5", ['"1.5"']),
        ("apiKey, login", ['"apiKey, login"']),
        ("role:admin", ['"role:admin"']),
        ("a\nb\n", ["|", "a", "b"]),
        ("a\n\n  b", ["|-", "a", "", "  b"]),
        ("a\n\n", ["|+", "a", ""]),
        ("a\n  \n", ['"a\\n  \\n"']),
        (" a\n", ['" a\\n"']),
        ("\n", ['"\\n"']),
        ("# a\n", ["|", "# a"]),
        ("a\tb\n", ["|", "a\tb"]),
        ("a\x00\n", ['"a\\u0000\\n"']),
    ],
)
def test_a_text_is_written_as_people_write_it(text: str, lines: list[str]) -> None:
    assert scalar_lines(text) == lines


@pytest.mark.parametrize(
    ("text", "header", "lines"),
    [
        ("a", "|", ["|-", "a"]),
        ("a\n", "|2-", ["|", "a"]),
        ("a\n", "|+", ["|+", "a"]),
        ("a", "|+", ["|-", "a"]),
        ("a\n", ">-", ["|", "a"]),
        (" a", "|", ['" a"']),
        ("", "|", ['""']),
    ],
)
def test_a_block_stays_one_and_goes_on_keeping_its_line_ends(text: str, header: str, lines: list[str]) -> None:
    assert scalar_lines(text, header) == lines


@pytest.mark.parametrize(("text", "line"), [("a\n\n", '"a\\n\\n"'), ("a\nb\n", "|"), ("a\nb", "|-")])
def test_a_block_before_a_blank_line_does_not_keep_it(text: str, line: str) -> None:
    assert scalar_lines(text, blank_below=True)[0] == line


@given(st.dictionaries(st.sampled_from(["policy.csv", "scopes", "accounts.a"]), st.text(max_size=40), min_size=1))
def test_a_fragment_reads_back_as_what_it_says(keys: dict[str, str]) -> None:
    assert yaml.safe_load(as_yaml(("configs", "cm"), keys)) == {"configs": {"cm": keys}}


def test_the_resource_of_the_operator_has_names_of_its_own_and_no_overlays() -> None:
    assert in_resource("argocd-cm", "accounts.octopus")
    assert in_resource("argocd-rbac-cm", "policy.csv")
    assert not in_resource("argocd-rbac-cm", "policy.octopus.csv")
    assert not in_resource("argocd-secret", "policy.csv")
    assert resource_keys("argocd-cm", {"accounts.x": None}) == {"accounts.x": None}
    assert resource_keys("argocd-rbac-cm", {"policy.csv": None, "policy.matchMode": "glob"}) == {
        "policy": "",
        "policyMatcherMode": "glob",
    }
