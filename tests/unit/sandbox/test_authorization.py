# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user of the kubeconfig may do what the Roles of docs/rights say, and no more."""

from __future__ import annotations

import pytest
from lab import Lab

CM = "/api/v1/namespaces/argocd/configmaps/argocd-cm"
ELSE = "/api/v1/namespaces/default/configmaps/x"
SECRETS = "/api/v1/namespaces/argocd/secrets"
SECRET = "/api/v1/namespaces/argocd/secrets/argocd-secret"


@pytest.fixture
def lab() -> Lab:
    return Lab()


def ask(lab: Lab, method: str, path: str) -> tuple[int, str]:
    headers = {"authorization": f"Bearer {lab.cluster.provisioner_token}"}
    reply = lab.kubernetes(method, path, {} if method != "GET" else None, headers=headers)
    return reply.status, str(reply.json.get("message", ""))


@pytest.mark.parametrize(("method", "path"), [("GET", CM), ("PATCH", CM), ("GET", SECRET), ("GET", "/version")])
def test_what_a_role_allows(lab: Lab, method: str, path: str) -> None:
    assert ask(lab, method, path)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "what", "asked"),
    [
        ("PUT", CM, 'configmaps "argocd-cm"', 'update resource "configmaps" in API group "" in the namespace "argocd"'),
        ("GET", SECRETS, "secrets", 'list resource "secrets" in API group "" in the namespace "argocd"'),
        ("GET", ELSE, 'configmaps "x"', 'get resource "configmaps" in API group "" in the namespace "default"'),
    ],
)
def test_what_no_role_allows(lab: Lab, method: str, path: str, what: str, asked: str) -> None:
    assert ask(lab, method, path) == (403, f'{what} is forbidden: User "provisioner" cannot {asked}')


def test_a_role_can_be_changed_under_way(lab: Lab) -> None:
    metadata = {"name": "fleetops-account-and-policy", "namespace": "argocd"}
    lab.cluster.plant({"kind": "Role", "metadata": metadata, "rules": []})
    assert ask(lab, "GET", CM)[0] == 403
