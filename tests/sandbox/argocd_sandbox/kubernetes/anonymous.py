# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request without credentials is told: it is one of the user system:anonymous, who may do next to nothing.

Source: apiserver pkg/endpoints/request/requestinfo.go, pkg/endpoints/handlers/responsewriters/errors.go.
"""

from __future__ import annotations

from urllib.parse import unquote

from ..http import Request
from .status import StatusError

# What ClusterRole system:public-info-viewer gives to everybody, as far as there is such a path here.
PUBLIC_PATHS = ("/version", "/version/")
VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
VERBS_OF_COLLECTIONS = {"get": "list", "delete": "deletecollection"}


def forbidden(request: Request) -> StatusError:
    """The 403, which names what was asked for whether it exists or not."""
    parts = [unquote(part) for part in request.path.strip("/").split("/")]
    is_core = parts[0] == "api"
    rest = parts[2 if is_core else 3 :]
    if parts[0] not in ("api", "apis") or not rest:
        asked = f'cannot {request.method.lower()} path "{request.path}"'
        return StatusError(403, "Forbidden", f'forbidden: User "system:anonymous" {asked}', {})
    return _forbidden_resource(request.method, "" if is_core else parts[1], rest)


def _forbidden_resource(method: str, group: str, rest: list[str]) -> StatusError:
    namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 1 else ""
    resource, name, *below = [*(rest[2:] if namespace and len(rest) > 2 else rest), ""]
    verb = VERBS.get(method, "")
    verb = verb if name else VERBS_OF_COLLECTIONS.get(verb, verb)
    place = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    whole = "/".join([resource, *filter(None, below[:1])])
    asked = f'cannot {verb} resource "{whole}" in API group "{group}" {place}'
    qualified = ".".join(filter(None, (resource, group))) + (f' "{name}"' if name else "")
    details = {key: value for key, value in (("name", name), ("group", group), ("kind", resource)) if value}
    return StatusError(403, "Forbidden", f'{qualified} is forbidden: User "system:anonymous" {asked}', details)
