# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kubernetes API of one cluster, over its object store."""

from __future__ import annotations

import copy
import hmac
import json
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote

from ..clock import Clock
from ..http import Request, Response, json_response
from ..ledger import KUBERNETES, Ledger
from ..managed_fields import record_update
from ..store import Key, Object, ObjectStore
from . import objects, selectors, status

KINDS = {"configmaps": "ConfigMap", "secrets": "Secret", "services": "Service"}
MERGE_PATCHES = ("application/merge-patch+json", "application/strategic-merge-patch+json")
VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.1",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "go1.24.6",
    "compiler": "gc",
    "platform": "linux/amd64",
}


class Target(NamedTuple):
    """What a path names; `name` is '' for a collection."""

    plural: str
    kind: str
    namespace: str
    name: str

    @property
    def key(self) -> Key:
        return Key(self.kind, self.namespace, self.name)


def parse_target(path: str) -> Target:
    """The object or collection of a path below /api/v1; raises the 404 Status."""
    parts = [unquote(part) for part in path.split("/")[1:]]
    if parts[:2] != ["api", "v1"] or parts[2:3] != ["namespaces"] or len(parts) > 6:
        raise status.no_route()
    rest = parts[3:]
    if len(rest) <= 1:
        return Target("namespaces", "Namespace", "", "".join(rest))
    if rest[1] not in KINDS:
        raise status.no_route()
    return Target(rest[1], KINDS[rest[1]], rest[0], "".join(rest[2:]))


class KubernetesApi:
    """Authenticates, routes, and keeps the rules of writes: conflicts, ownership, dry runs, the ledger."""

    def __init__(self, store: ObjectStore, ledger: Ledger, clock: Clock, token: str) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._token = token

    def handle(self, request: Request) -> Response:
        try:
            self._authenticate(request)
            return self._route(request)
        except status.StatusError as error:
            return error.response()

    def _authenticate(self, request: Request) -> None:
        # The scheme in any case: apiserver's bearertoken.go, and the kubernetes package says `bearer` in a pod.
        scheme, _space, token = request.header("authorization").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), self._token.encode()):
            raise status.unauthorized()

    def _route(self, request: Request) -> Response:
        if request.path in ("/version", "/version/"):
            return json_response(200, VERSION)
        target = parse_target(request.path)
        verbs: dict[str, Callable[[Request, Target], Response]] = (
            {"GET": self._get, "PUT": self._update, "PATCH": self._patch, "DELETE": self._delete}
            if target.name
            else {"GET": self._list, "POST": self._create}
        )
        if request.method not in verbs:
            raise status.method_not_allowed()
        return verbs[request.method](request, target)

    # reads

    def _existing(self, target: Target) -> Object:
        item = self._store.get(target.key)
        if item is None:
            raise status.not_found(target.plural, target.name)
        return item

    def _get(self, request: Request, target: Target) -> Response:
        return _answer(request, 200, self._existing(target))

    def _list(self, request: Request, target: Target) -> Response:
        labels, fields = request.parameter("labelSelector"), request.parameter("fieldSelector")
        items = [
            item for item in self._store.items(target.kind, target.namespace) if selectors.matches(item, labels, fields)
        ]
        metadata = {"resourceVersion": self._store.revision}
        if _wants_metadata(request):
            partial = [_metadata_only(item) for item in items]
            kind = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            return json_response(200, {**kind, "metadata": metadata, "items": partial})
        bare = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in items]
        kind = {"kind": f"{target.kind}List", "apiVersion": "v1"}
        return json_response(200, {**kind, "metadata": metadata, "items": bare})

    # writes

    def _create(self, request: Request, target: Target) -> Response:
        item = _decode(request, target.kind)
        metadata = item["metadata"]
        name = metadata.get("name", "")
        if not name:
            text = "Required value: name or generateName is required"
            raise status.invalid(target.kind, "", "metadata.name", text, "FieldValueRequired")
        target = target._replace(name=name)
        self._check_namespace(target, metadata)
        if self._store.get(target.key) is not None:
            raise status.already_exists(target.plural, name)
        for field in ("resourceVersion", "managedFields", "selfLink"):
            metadata.pop(field, None)
        metadata.update(uid=str(uuid.uuid4()), creationTimestamp=self._clock.rfc3339())
        return _answer(request, 201, self._commit(request, target, None, item))

    def _check_namespace(self, target: Target, metadata: Object) -> None:
        if not target.namespace:
            return
        if metadata.setdefault("namespace", target.namespace) != target.namespace:
            text = "the namespace of the provided object does not match the namespace sent on the request"
            raise status.bad_request(text)
        if self._store.get(Key("Namespace", "", target.namespace)) is None:
            raise status.not_found("namespaces", target.namespace)

    def _patch(self, request: Request, target: Target) -> Response:
        if request.header("content-type").split(";")[0].strip().lower() not in MERGE_PATCHES:
            raise status.unsupported_patch()
        before = self._existing(target)
        after = objects.merge(before, _decode_json(request))
        after = objects.pruned({**after, "kind": before["kind"], "apiVersion": before["apiVersion"]})
        if (problem := objects.decoding_error(after)) is not None:
            # The real API server quotes the whole patched object here, Secret data included.
            raise status.invalid("", "", "patch", f"Invalid value: {json.dumps(json.dumps(after))}: {problem}")
        return _answer(request, 200, self._replace(request, target, before, after))

    def _update(self, request: Request, target: Target) -> Response:
        before = self._existing(target)
        after = _decode(request, target.kind)
        after["metadata"].setdefault("uid", before["metadata"]["uid"])
        return _answer(request, 200, self._replace(request, target, before, after))

    def _replace(self, request: Request, target: Target, before: Object, after: Object) -> Object:
        metadata, current = after["metadata"], before["metadata"]
        if metadata.get("name", target.name) != target.name:
            text = f"the name of the object ({metadata['name']}) does not match the name on the URL ({target.name})"
            raise status.bad_request(text)
        if metadata.get("resourceVersion") not in (None, "", current["resourceVersion"]):
            raise status.conflict(target.plural, target.name)
        kept = {field: current[field] for field in objects.SERVER_FIELDS if field in current and field != "uid"}
        identity = {field: current[field] for field in ("name", "namespace") if field in current}
        after["metadata"] = {**metadata, **identity, **kept}
        objects.validate_update(before, objects.normalised(after))
        return self._commit(request, target, before, after)

    def _commit(self, request: Request, target: Target, before: Object | None, after: Object) -> Object:
        """Validate, record ownership and store; a change of nothing and a dry run store nothing."""
        after = objects.normalised(after)
        objects.validate(after)
        changes = objects.changed_fields(before, after)
        if before is not None and not changes:
            return before
        manager = request.parameter("fieldManager") or request.header("user-agent").split("/")[0] or "unknown"
        after["metadata"]["managedFields"] = record_update(before, after, manager, self._clock.rfc3339())
        if _is_dry_run(request):
            return after
        stored = self._store.put(after)
        self._note(request, target, changes)
        return stored

    def _delete(self, request: Request, target: Target) -> Response:
        item = self._existing(target)
        options = _decode_json(request) if request.body else {}
        self._check_preconditions(target, item, options.get("preconditions") or {})
        if not _is_dry_run(request):
            if target.kind == "Namespace":
                for inside in list(self._store.items(None, target.name)):
                    self._store.delete(Key(inside["kind"], target.name, inside["metadata"]["name"]))
            self._store.delete(target.key)
            self._note(request, target, [])
        details = {"name": target.name, "kind": target.plural, "uid": item["metadata"]["uid"]}
        success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return json_response(200, success)

    def _check_preconditions(self, target: Target, item: Object, wanted: dict[str, str]) -> None:
        for field, label in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            actual = item["metadata"][field]
            if wanted.get(field, actual) != actual:
                cause = (
                    f"Precondition failed: {label} in precondition: {wanted[field]}, {label} in object meta: {actual}"
                )
                raise status.conflict(target.plural, target.name, cause)

    def _note(self, request: Request, target: Target, changes: list[str]) -> None:
        place = "/".join(filter(None, (target.namespace, target.name)))
        what = " ".join(filter(None, (target.plural, place, ",".join(changes))))
        self._ledger.write(KUBERNETES, method=request.method, path=request.path, what=what)


def _decode_json(request: Request) -> Any:
    try:
        value = json.loads(request.body)
    except ValueError as error:
        raise status.bad_request("the object provided is unrecognized (must be of type JSON)") from error
    if not isinstance(value, dict):
        raise status.bad_request("the object provided is unrecognized (must be an object)")
    return value


def _decode(request: Request, kind: str) -> Object:
    item: Object = _decode_json(request)
    if item.get("kind", kind) != kind or item.get("apiVersion", "v1") != "v1":
        given = f"{item.get('apiVersion')}, Kind={item.get('kind')}"
        raise status.bad_request(f"the object provided ({given}) is not a v1, Kind={kind}")
    item = objects.pruned({"metadata": {}, **item, "kind": kind, "apiVersion": "v1"})
    if (problem := objects.decoding_error(item)) is not None:
        raise status.bad_request(f'{kind} in version "v1" cannot be handled as a {kind}: {problem}')
    return item


def _is_dry_run(request: Request) -> bool:
    return request.parameter("dryRun") == "All"


def _wants_metadata(request: Request) -> bool:
    preferred = request.header("accept").split(",")[0].replace(" ", "").split(";")
    return any(part.startswith("as=PartialObjectMetadata") for part in preferred)


def _metadata_only(item: Object) -> Object:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": copy.deepcopy(item["metadata"]),
    }


def _answer(request: Request, code: int, item: Object) -> Response:
    return json_response(code, _metadata_only(item) if _wants_metadata(request) else item)
