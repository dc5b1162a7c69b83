# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three real Argo CDs in namespaces of one cluster, two argocd-servers each: the playbooks as a user starts them.

Needs the built servers and a copy of the collection: `make fleet-real`.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from argocd_testbed.started import started

NAMES = {"c1": "argocd", "c1-second": "second", "c1-third": "third"}
# The page of Octopus Deploy: https://octopus.com/docs/argo-cd/instances/argo-user
PAGE = {
    "clusters/get/*": "yes",
    "applications/get/*": "yes",
    "logs/get/*/*": "yes",
    "applications/delete/*": "no",
}


class Reader(yaml.SafeLoader):
    """Of a variables file; what is vaulted stays so."""


Reader.add_constructor("!vault", lambda _loader, node: node.value)


@dataclass(frozen=True)
class Fleet:
    """The clusters as the info file describes them, and the directory of the inventory."""

    clusters: dict[str, Any]
    directory: Path

    def play(self, playbook: str, **variables: Any) -> None:
        given = {"argocd_user_profile": "octopus", **variables}
        command = ["ansible-playbook", "-i", "hosts.json", "-e", json.dumps(given), f"fleetops.argocd.{playbook}"]
        environment = {**os.environ, "ANSIBLE_VAULT_PASSWORD_FILE": str(self.directory / "vault-password")}
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    def token(self, name: str) -> str:
        password = VaultSecret((self.directory / "vault-password").read_bytes())
        text = (self.directory / "host_vars" / name / "argocd.yml").read_text()
        sealed = yaml.load(text, Reader)["argocd_octopus_token"]  # noqa: S506 # it is a safe one
        return VaultLib([("default", password)]).decrypt(sealed).decode()

    def tokens(self) -> dict[str, str]:
        return {name: self.token(name) for name in self.clusters}

    def replicas(self, name: str) -> list[str]:
        return list(self.clusters[name]["direct"]["argocd_urls"])

    def ask(self, name: str, url: str, token: str, path: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        with requests.Session() as session:
            session.trust_env = False
            ca_file = self.clusters[name]["ca_file"]
            return session.get(f"{url}/api/v1/{path}", headers=headers, verify=ca_file, timeout=30)

    def accepted(self, name: str, token: str) -> list[bool]:
        """By each argocd-server of that Argo CD."""
        return [self.ask(name, url, token, "session/userinfo").json() != {} for url in self.replicas(name)]

    def control(self, name: str, method: str, call: str) -> Any:
        cluster = self.clusters[name]
        url = f"{cluster['control_url']}/{call}"
        return requests.request(method, url, verify=cluster["ca_file"], timeout=120).json()

    def writes(self) -> dict[str, Any]:
        return {name: self.control(name, "GET", "writes") for name in self.clusters}


def host(cluster: dict[str, Any]) -> dict[str, Any]:
    return {
        "argocd_user_connection": {
            "kubeconfig": cluster["kubeconfig"],
            "argocd_namespace": cluster["namespace"],
            "argocd_url": cluster["argocd_url"],
            "argocd_ca_cert": cluster["ca_file"],
            "argocd_username": "admin",
            "argocd_password": cluster["admin_password"],
        }
    }


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Provisioned once."""
    directory = tmp_path_factory.mktemp("fleet")
    with started(directory, ["c1", "c1/second", "c1/third"], replicas=2) as info:
        one = Fleet(info["clusters"], directory)
        hosts = {name: host(cluster) for name, cluster in one.clusters.items()}
        (directory / "hosts.json").write_text(json.dumps({"argocd": {"hosts": hosts}}))
        (directory / "vault-password").write_text(secrets.token_hex(16))
        one.play("provision")
        yield one


def test_each_argo_cd_is_two_servers_in_its_own_namespace(fleet: Fleet) -> None:
    assert {name: cluster["namespace"] for name, cluster in fleet.clusters.items()} == NAMES
    assert len({cluster["direct"]["kubernetes_url"] for cluster in fleet.clusters.values()}) == 1
    urls = [url for name in NAMES for url in fleet.replicas(name)]
    assert len(set(urls)) == 6


def test_every_server_answers_the_vendors_questions_as_the_page_says(fleet: Fleet) -> None:
    for name, token in fleet.tokens().items():
        for url in fleet.replicas(name):
            said = {path: fleet.ask(name, url, token, f"account/can-i/{path}").json()["value"] for path in PAGE}
            assert (name, url, said) == (name, url, PAGE)


def test_a_second_run_writes_nothing_and_logs_nobody_in_by_the_audit_log(fleet: Fleet) -> None:
    before = fleet.writes()
    assert all(counted["total"] > 0 and counted["logins"] > 0 for counted in before.values())
    fleet.play("provision")
    assert fleet.writes() == before


def test_no_argo_cd_takes_the_token_of_another(fleet: Fleet) -> None:
    tokens = fleet.tokens()
    taken = {(name, owner): fleet.accepted(name, tokens[owner]) for name in NAMES for owner in NAMES}
    assert taken == {(name, owner): [name == owner] * 2 for name in NAMES for owner in NAMES}


def test_a_rotated_token_is_refused_by_both_servers_and_its_successor_taken(fleet: Fleet) -> None:
    old = fleet.tokens()
    fleet.play("rotate", argocd_user_revoke_after="0s")
    new = fleet.tokens()
    assert {name: fleet.accepted(name, token) for name, token in old.items()} == {name: [False] * 2 for name in NAMES}
    assert {name: fleet.accepted(name, token) for name, token in new.items()} == {name: [True] * 2 for name in NAMES}


def test_a_reset_is_of_one_argo_cd_only(fleet: Fleet) -> None:
    tokens, before = fleet.tokens(), fleet.writes()
    fleet.control("c1-second", "POST", "reset")
    after = fleet.writes()
    assert after["c1-second"]["total"] == 0
    assert {name: after[name] for name in ("c1", "c1-third")} == {name: before[name] for name in ("c1", "c1-third")}
    took = {name: fleet.accepted(name, token) for name, token in tokens.items()}
    assert took == {"c1": [True] * 2, "c1-second": [False] * 2, "c1-third": [True] * 2}
