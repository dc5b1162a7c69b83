# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same questions to a real argocd-server: policies written to its ConfigMap, can-i asked with minted tokens."""

from __future__ import annotations

import json
import sys
import time
from typing import Any
from urllib.parse import quote

import requests

from .scenarios import ACCOUNTS, PROJECTS, Question, Scenario

VISIBLE_SECONDS = 30
NAMESPACE = "argocd"
# Asks whether a policy is in force; nothing else speaks of it.
PROBE = "probe"
MARKER_KEY = "policy.zz-marker.csv"


class RealServer:
    """One Argo CD with our accounts and projects."""

    def __init__(self, cluster: dict[str, Any]) -> None:
        self._kubernetes = _session(cluster["ca_file"], cluster["kubernetes_token"])
        self._kubernetes_url = cluster["kubernetes_url"]
        self._argocd = _session(cluster["ca_file"], None)
        self._argocd_url = cluster["argocd_url"]
        self._resource_version = ""
        self._number = 0
        self._tokens = {"admin": self._login(cluster["admin_password"])}
        self._make_accounts()

    def _login(self, password: str) -> str:
        body = {"username": "admin", "password": password}
        answer = self._argocd.post(f"{self._argocd_url}/api/v1/session", json=body, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["token"])

    def _make_accounts(self) -> None:
        names = [*(name for name in ACCOUNTS if name != "admin"), PROBE]
        self._patch("/api/v1", "configmaps/argocd-cm", {"data": {f"accounts.{name}": "apiKey" for name in names}})
        for name in names:
            self._tokens[name] = self._minted(name)
        for project in PROJECTS:
            metadata = {"name": project, "namespace": NAMESPACE}
            body = {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "AppProject",
                "metadata": metadata,
                "spec": {"roles": []},
            }
            path = f"{self._kubernetes_url}/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/appprojects"
            self._kubernetes.post(path, json=body, timeout=30).raise_for_status()

    def _minted(self, name: str) -> str:
        url = f"{self._argocd_url}/api/v1/account/{name}/token"
        headers = {"Authorization": f"Bearer {self._tokens['admin']}"}
        deadline = time.monotonic() + VISIBLE_SECONDS
        while True:
            answer = self._argocd.post(url, json={}, headers=headers, timeout=30)
            if answer.status_code != 404 or time.monotonic() > deadline:
                answer.raise_for_status()
                return str(answer.json()["token"])

    def _patch(self, prefix: str, path: str, body: Any) -> None:
        url = f"{self._kubernetes_url}{prefix}/namespaces/{NAMESPACE}/{path}"
        headers = {"Content-Type": "application/merge-patch+json"}
        self._kubernetes.patch(url, data=json.dumps(body), headers=headers, timeout=30).raise_for_status()

    def answers(self, scenario: Scenario) -> list[bool]:
        """Put the policy in force and ask; one answer for each question."""
        self._number += 1
        for project, roles in scenario.projects.items():
            own = [{"name": role.name, "policies": list(role.policies), "groups": list(role.groups)} for role in roles]
            marker = {"name": PROBE, "groups": [PROBE], "policies": [self._allow(f"proj:{project}:{PROBE}", project)]}
            self._patch("/apis/argoproj.io/v1alpha1", f"appprojects/{project}", {"spec": {"roles": [*own, marker]}})
        self._write({**scenario.data, MARKER_KEY: self._marker(scenario)})
        for where in (None, *PROJECTS):
            self._wait_for(self._marked(where))
        return [self._can_i(question) for question in scenario.questions]

    def _write(self, data: dict[str, str]) -> None:
        """All keys, so that none of the policy before stays."""
        url = f"{self._kubernetes_url}/api/v1/namespaces/{NAMESPACE}/configmaps/argocd-rbac-cm"
        stored = self._kubernetes.get(url, timeout=30).json()
        self._kubernetes.put(url, json={**stored, "data": data}, timeout=30).raise_for_status()

    def _marked(self, project: str | None) -> Question:
        """The question that only this policy (or this state of the project) answers with yes."""
        if project is None:
            return Question(PROBE, "extensions", "invoke", f"{PROBE}-{self._number}-end")
        return Question(PROBE, "applications", "override", f"{project}/{PROBE}-{self._number}-end")

    def _allow(self, subject: str, project: str | None, effect: str = "allow") -> str:
        question = self._marked(project)
        return f"p, {subject}, {question.resource}, {question.action}, {question.object}, {effect}"

    def _marker(self, scenario: Scenario) -> str:
        """What everybody may do must not answer in its place; a deny wins only among the lines of one subject."""
        everybody = ["", *filter(None, [scenario.data.get("policy.default")])]
        denies = [self._allow(who, project, "deny") for who in everybody for project in (None, *PROJECTS)]
        return "\n".join([self._allow(PROBE, None), *denies])

    def _wait_for(self, question: Question) -> None:
        deadline = time.monotonic() + VISIBLE_SECONDS
        while not self._can_i(question):
            if time.monotonic() > deadline:
                sys.exit(f"policy {self._number} was written and is not in force after {VISIBLE_SECONDS} s")

    def _can_i(self, question: Question) -> bool:
        path = "/".join(quote(part, safe="") for part in (question.resource, question.action, question.object))
        headers = {"Authorization": f"Bearer {self._tokens[question.account]}"}
        answer = self._argocd.get(f"{self._argocd_url}/api/v1/account/can-i/{path}", headers=headers, timeout=30)
        answer.raise_for_status()
        return bool(answer.json()["value"] == "yes")


def _session(ca_file: str, token: str | None) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_file
    if token:
        session.headers["Authorization"] = f"Bearer {token}"
    return session
