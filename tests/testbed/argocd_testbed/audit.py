# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kube-apiserver's audit log says: who wrote, who asked. Pure.

Source: kubernetes.io/docs/tasks/debug/debug-cluster/audit (events of audit.k8s.io/v1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

Event = dict[str, Any]
METHODS = {"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE", "deletecollection": "DELETE"}
# Asked with POST or passed on to somebody else: nothing is stored.
QUESTION_GROUPS = ("authorization.k8s.io", "authentication.k8s.io")
QUESTION_SUBRESOURCES = ("token", "proxy", "portforward", "exec", "attach")


def policy(uncounted: Iterable[str]) -> dict[str, Any]:
    """The server's audit policy: every request's metadata, never a body; nothing of these users."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "None", "users": list(uncounted)}, {"level": "Metadata"}],
    }


def completed(log: str) -> Iterator[Event]:
    """The finished requests of a log, oldest first; a line still being written is left for the next time."""
    for line in log.splitlines(keepends=True):
        if line.endswith("\n"):
            event = json.loads(line)
            if event["stage"] in ("ResponseComplete", "Panic"):
                yield event


def user(event: Event) -> str:
    return str(event["user"]["username"])


def namespace(event: Event) -> str:
    return str(event.get("objectRef", {}).get("namespace", ""))


def status(event: Event) -> int:
    return int(event.get("responseStatus", {}).get("code", 0))


def stored_something(event: Event) -> bool:
    """Accepted writes of objects; one that changed nothing counts too, the log cannot tell."""
    target = event.get("objectRef", {})
    asked = parse_qs(event["requestURI"].partition("?")[2])
    return (
        event["verb"] in METHODS
        and 200 <= status(event) < 300
        and "dryRun" not in asked
        and target.get("apiGroup") not in QUESTION_GROUPS
        and target.get("subresource") not in QUESTION_SUBRESOURCES
    )


def described_write(event: Event) -> dict[str, str]:
    target = event.get("objectRef", {})
    path = event["requestURI"].partition("?")[0]
    what = f"{target.get('resource')}/{target.get('name')}"
    return {"method": METHODS[event["verb"]], "path": path, "what": what}


def described_request(event: Event) -> dict[str, Any]:
    path, _mark, query = event["requestURI"].partition("?")
    return {"method": METHODS.get(event["verb"], "GET"), "path": path, "query": query, "status": status(event)}
