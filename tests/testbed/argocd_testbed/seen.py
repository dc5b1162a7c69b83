# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the requests that came through a door wrote, where no audit log tells. Pure.

A request is {"method", "path", "query", "status"}, `path` from the name of the cluster on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

Request = dict[str, Any]
# Asked with POST, or passed on to somebody else: nothing is stored.
NO_OBJECT = re.compile(r"/apis/(authorization|authentication)\.k8s\.io/|/(token|portforward|exec|attach)$|/proxy(/|$)")
# By whatever way Argo CD is reached: directly, or through the API server.
ARGOCD_WRITE = re.compile(r"/api/v1/account/(password|[^/]+/token(/[^/]+)?)$")
LOGIN = re.compile(r"/api/v1/session$")


def accepted(request: Request) -> bool:
    return request["status"] is not None and 200 <= request["status"] < 300


def stored_object(request: Request) -> bool:
    """Whether it is a write of a Kubernetes object; one that changed nothing counts too."""
    return (
        "/k8s/" in request["path"]
        and request["method"] != "GET"
        and "dryRun" not in parse_qs(request["query"])
        and NO_OBJECT.search(request["path"]) is None
    )


def changed_account(request: Request) -> bool:
    return request["method"] != "GET" and ARGOCD_WRITE.search(request["path"]) is not None


def logged_in(request: Request) -> bool:
    return request["method"] == "POST" and LOGIN.search(request["path"]) is not None


def writes(requests: Iterable[Request]) -> dict[str, Any]:
    """The counters of the sandbox's control API."""
    done = [request for request in requests if accepted(request)]
    objects = [request for request in done if stored_object(request)]
    accounts = [request for request in done if changed_account(request)]
    return {
        "kubernetes": len(objects),
        "argocd": len(accounts),
        "total": len(objects) + len(accounts),
        "logins": sum(map(logged_in, done)),
        "log": [{"method": one["method"], "path": one["path"]} for one in (*objects, *accounts)],
    }
