# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: everything, what the Roles bound to a user allow, or, for system:anonymous, next to nothing.

Source: apiserver pkg/endpoints/request/requestinfo.go, pkg/endpoints/handlers/responsewriters/errors.go; kubernetes
plugin/pkg/auth/authorizer/rbac/rbac.go.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

from ..http import Request
from ..store import Key, Object, ObjectStore
from .status import StatusError

ANONYMOUS = "system:anonymous"
# What ClusterRole system:public-info-viewer gives to everybody, as far as there is such a path here.
PUBLIC_PATHS = ("/version", "/version/")
VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
VERBS_OF_COLLECTIONS = {"get": "list", "delete": "deletecollection"}


class Right(NamedTuple):
    """What a request for a resource needs; `resource` with its subresource, as a rule names it."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str


def needed(request: Request) -> Right | None:
    """None: the path names no resource."""
    parts = [unquote(part) for part in request.path.strip("/").split("/")]
    is_core = parts[0] == "api"
    rest = parts[2 if is_core else 3 :]
    if parts[0] not in ("api", "apis") or not rest:
        return None
    namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 1 else ""
    resource, name, *below = [*(rest[2:] if namespace and len(rest) > 2 else rest), ""]
    verb = VERBS.get(request.method, "")
    verb = verb if name else VERBS_OF_COLLECTIONS.get(verb, verb)
    whole = "/".join([resource, *filter(None, below[:1])])
    return Right(verb, "" if is_core else parts[1], whole, namespace, name)


def is_public(request: Request) -> bool:
    return request.path in PUBLIC_PATHS and request.method == "GET"


def allowed(store: ObjectStore, user: str, request: Request) -> bool:
    """Whether a Role bound to the user in the namespace has a rule for this."""
    if is_public(request):
        return True
    right = needed(request)
    return right is not None and any(_matches(rule, right) for rule in _rules(store, user, right.namespace))


def _rules(store: ObjectStore, user: str, namespace: str) -> list[Object]:
    subject = {"kind": "User", "name": user}
    bound = [
        store.get(Key("Role", namespace, binding["roleRef"]["name"]))
        for binding in store.items("RoleBinding", namespace)
        if any(subject.items() <= given.items() for given in binding["subjects"])
    ]
    return [rule for role in bound if role for rule in role["rules"]]


def _matches(rule: Object, right: Right) -> bool:
    named = rule.get("resourceNames")
    return (
        right.verb in rule["verbs"]
        and right.group in rule["apiGroups"]
        and right.resource in rule["resources"]
        and (not named or right.name in named)
    )


def forbidden(request: Request, user: str = ANONYMOUS, *, on_behalf: str = "") -> StatusError:
    """The 403, which names what was asked for whether it exists or not; `on_behalf` goes before the verb."""
    right = needed(request)
    if right is None:
        asked = f'cannot {request.method.lower()} path "{request.path}"'
        return StatusError(403, "Forbidden", f'forbidden: User "{user}" {asked}', {})
    place = f'in the namespace "{right.namespace}"' if right.namespace else "at the cluster scope"
    asked = f'cannot {on_behalf}{right.verb} resource "{right.resource}" in API group "{right.group}" {place}'
    kind = right.resource.partition("/")[0]
    qualified = ".".join(filter(None, (kind, right.group))) + (f' "{right.name}"' if right.name else "")
    details = {key: value for key, value in (("name", right.name), ("group", right.group), ("kind", kind)) if value}
    return StatusError(403, "Forbidden", f'{qualified} is forbidden: User "{user}" {asked}', details)
