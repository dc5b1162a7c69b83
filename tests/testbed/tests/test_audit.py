# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a write. The events have the shape that kube-apiserver 1.36 logs at level Metadata."""

from __future__ import annotations

import json
from typing import Any

import pytest
from argocd_testbed import audit

CONFIG_MAP = "/api/v1/namespaces/argocd/configmaps/argocd-cm"


def event(verb: str, uri: str = CONFIG_MAP, code: int = 200, **target: str) -> dict[str, Any]:
    return {
        "stage": "ResponseComplete",
        "requestURI": uri,
        "verb": verb,
        "user": {"username": "somebody"},
        "objectRef": {"resource": "configmaps", "namespace": "argocd", "name": "argocd-cm", **target},
        "responseStatus": {"code": code},
    }


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        (event("patch", f"{CONFIG_MAP}?fieldManager=fleetops.argocd"), True),
        (event("create", code=201), True),
        (event("deletecollection"), True),
        (event("get"), False),
        (event("watch"), False),
        (event("patch", code=409), False),
        (event("patch", f"{CONFIG_MAP}?dryRun=All"), False),
        (event("create", code=201, apiGroup="authorization.k8s.io", resource="selfsubjectaccessreviews"), False),
        (event("create", code=201, resource="serviceaccounts", subresource="token"), False),
        (event("create", resource="services", subresource="proxy"), False),
        (event("update", resource="namespaces", subresource="finalize"), True),
    ],
)
def test_a_write_is_an_accepted_change_of_an_object(found: dict[str, Any], counts: bool) -> None:  # noqa: FBT001
    assert audit.stored_something(found) is counts


def test_a_request_without_an_object_or_an_answer_stores_nothing() -> None:
    found = {"stage": "Panic", "requestURI": "/version", "verb": "get", "user": {"username": "somebody"}}
    assert not audit.stored_something(found)
    assert audit.described_request(found) == {"method": "GET", "path": "/version", "query": "", "status": 0}


def test_only_finished_requests_of_whole_lines_are_read() -> None:
    started = {**event("watch"), "stage": "ResponseStarted"}
    log = "".join(json.dumps(item) + "\n" for item in (event("get"), started, event("patch")))
    half = json.dumps(event("update"))[:40]
    assert [item["verb"] for item in audit.completed(log + half)] == ["get", "patch"]
    assert list(audit.completed("")) == []


def test_a_write_is_described_without_its_content() -> None:
    assert audit.described_write(event("patch", f"{CONFIG_MAP}?fieldManager=x")) == {
        "method": "PATCH",
        "path": CONFIG_MAP,
        "what": "configmaps/argocd-cm",
    }


def test_the_policy_never_logs_a_body_and_leaves_our_own_user_out() -> None:
    policy = audit.policy(["testbed-control"])
    assert policy["rules"] == [{"level": "None", "users": ["testbed-control"]}, {"level": "Metadata"}]
