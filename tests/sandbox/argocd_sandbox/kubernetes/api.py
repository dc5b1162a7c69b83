# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kubernetes API of one cluster, over its object store."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import unquote

from ..clock import Clock
from ..go import encode
from ..http import Request, Response, json_response, text_response
from ..ledger import KUBERNETES, Ledger
from ..managed_fields import record_update
from ..store import Key, Object, ObjectStore
from . import decoding, objects, selectors, status, subresources
from .authorization import ANONYMOUS, PUBLIC_PATHS, allowed, forbidden

Handler = Callable[[Request], Response]
ADMINISTRATORS = "system:masters"
# What acting for another user needs since Kubernetes 1.35 or so (constrained impersonation), before each verb.
IMPERSONATE = "impersonate-on:user-info:"
KINDS = {"configmaps": "ConfigMap", "secrets": "Secret", "services": "Service", "pods": "Pod"}
# Custom resources are planted; one can be patched, too. None is validated.
CUSTOM_GROUP = "argoproj.io"
CUSTOM_VERSIONS = {"appprojects": "v1alpha1", "applications": "v1alpha1", "argocds": "v1beta1"}
CUSTOM_KINDS = {"appprojects": "AppProject", "applications": "Application", "argocds": "ArgoCD"}
CUSTOM_WRITES = (("ArgoCD", "PATCH"),)
# Source: apiserver pkg/registry/rest/delete.go.
PRECONDITIONS = (
    ("uid", "UID", "deleted and then recreated"),
    ("resourceVersion", "ResourceVersion", "modified"),
)
VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.1",
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
    """The object or collection of a path below /api/v1, or a custom resource; raises the 404 Status."""
    parts = [unquote(part) for part in path.removesuffix("/").split("/")[1:]]
    if any("/" in part for part in parts):
        raise status.no_route()
    if parts[:2] == ["apis", CUSTOM_GROUP]:
        return _parse_custom(parts[2:])
    if parts[:2] != ["api", "v1"] or parts[2:3] != ["namespaces"] or len(parts) > 6:
        raise status.no_route()
    rest = parts[3:]
    if rest[:1] == [""] and rest[1:]:
        raise status.bad_request("Namespace parameter required.")
    if len(rest) <= 1:
        return Target("namespaces", "Namespace", "", "".join(rest))
    if rest[1] not in KINDS:
        raise status.no_route()
    return Target(rest[1], KINDS[rest[1]], rest[0], "".join(rest[2:]))


def _is_custom(path: str) -> bool:
    """The custom resources have a handler of their own, which says 404 as a web server does."""
    parts = path.split("/")[1:]
    return parts[:2] == ["apis", CUSTOM_GROUP] and parts[2:3] == [CUSTOM_VERSIONS.get("".join(parts[5:6]))]


def _parse_custom(parts: list[str]) -> Target:
    if len(parts) not in (4, 5) or parts[1] != "namespaces":
        raise status.no_route()
    return Target(parts[3], CUSTOM_KINDS[parts[3]], parts[2], "".join(parts[4:]))


class KubernetesApi:
    """Authenticates, routes, and keeps the rules of writes: conflicts, ownership, dry runs, the ledger.

    `users` are the names behind tokens; an empty one stands for a member of system:masters, who may do everything.
    `argocd` is what the service proxy leads to.
    """

    def __init__(
        self, store: ObjectStore, ledger: Ledger, clock: Clock, users: Mapping[str, str], argocd: Handler
    ) -> None:
        self._store = store
        self._argocd = argocd
        self._ledger = ledger
        self._clock = clock
        self._users = users

    def handle(self, request: Request) -> Response:
        try:
            self._authenticate(request)
            return self._route(request)
        except status.StatusError as error:
            return error.response()

    def _authenticate(self, request: Request) -> None:
        user = self._user(request)
        other = request.header("impersonate-user")
        if other:
            if user:
                raise forbidden(request, user, on_behalf=IMPERSONATE)
            user = "" if ADMINISTRATORS in request.header("impersonate-group").split(", ") else other
        if user and not allowed(self._store, user, request):
            raise forbidden(request, user)

    def _user(self, request: Request) -> str:
        """'' is a member of system:masters, as whoever has a certificate of the authority is."""
        # The scheme in any case: apiserver's bearertoken.go, and the kubernetes package says `bearer` in a pod.
        scheme, _space, token = request.header("authorization").strip().partition(" ")
        if scheme.lower() != "bearer" or not token:
            return "" if request.user else ANONYMOUS
        if token not in self._users:
            raise status.unauthorized()
        return self._users[token]

    def _route(self, request: Request) -> Response:
        if request.path in PUBLIC_PATHS:
            if request.method != "GET":
                raise status.method_not_allowed()
            return json_response(200, VERSION)
        if not request.path.startswith("/api/") and not _is_custom(request.path):
            return text_response(404, "404 page not found")
        inside = subresources.find(request, self._store, self._argocd)
        if inside is not None:
            return inside
        target = parse_target(request.path)
        verbs: dict[str, Callable[[Request, Target], Response]] = (
            {"GET": self._get, "PUT": self._update, "PATCH": self._patch, "DELETE": self._delete}
            if target.name
            else {"GET": self._list, "POST": self._create}
        )
        is_read_only = target.plural in CUSTOM_KINDS and (target.kind, request.method) not in CUSTOM_WRITES
        if request.method not in verbs or (is_read_only and request.method != "GET"):
            raise status.method_not_allowed()
        # go-restful looks at the media type before anybody reads the options.
        if request.method == "PATCH":
            decoding.patch_type(request)
        if request.method != "GET":
            decoding.check_options(request)
        return verbs[request.method](request, target)

    # reads

    def _existing(self, target: Target) -> Object:
        item = self._store.get(target.key)
        if item is None:
            group = CUSTOM_GROUP if target.plural in CUSTOM_KINDS else ""
            raise status.not_found(target.plural, target.name, group)
        return item

    def _get(self, request: Request, target: Target) -> Response:
        return _answer(request, 200, self._existing(target))

    def _list(self, request: Request, target: Target) -> Response:
        labels = selectors.parse_labels(request.parameter("labelSelector"))
        fields = selectors.parse_fields(request.parameter("fieldSelector"), target.kind)
        items = [
            item for item in self._store.items(target.kind, target.namespace) if selectors.matches(item, labels, fields)
        ]
        metadata = {"resourceVersion": self._store.revision}
        if _wants_metadata(request):
            partial = [_metadata_only(item) for item in items]
            kind = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            # Go's nil slice: apiserver pkg/endpoints/handlers/response.go.
            return json_response(200, {**kind, "metadata": metadata, "items": partial or None})
        if target.plural in CUSTOM_KINDS:
            kind = {"kind": f"{target.kind}List", "apiVersion": f"{CUSTOM_GROUP}/{CUSTOM_VERSIONS[target.plural]}"}
            return json_response(200, {**kind, "metadata": metadata, "items": items})
        bare = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in items]
        kind = {"kind": f"{target.kind}List", "apiVersion": "v1"}
        return json_response(200, {**kind, "metadata": metadata, "items": bare})

    # writes

    def _create(self, request: Request, target: Target) -> Response:
        item, unknown = decoding.decode_object(request, target.kind)
        metadata = item["metadata"]
        name = metadata.get("name", "")
        if not name:
            text = "Required value: name or generateName is required"
            raise status.invalid(target.kind, "", "metadata.name", text, "FieldValueRequired")
        target = target._replace(name=name)
        self._check_namespace(target, metadata)
        if self._store.get(target.key) is not None:
            raise status.already_exists(target.plural, name)
        if objects.version_of(metadata):
            raise status.internal("resourceVersion should not be set on objects to be created")
        for field in ("resourceVersion", "managedFields", "selfLink"):
            metadata.pop(field, None)
        metadata.update(uid=str(uuid.uuid4()), creationTimestamp=self._clock.rfc3339())
        return _answer(request, 201, self._commit(request, target, None, item), unknown)

    def _check_namespace(self, target: Target, metadata: Object) -> None:
        if not target.namespace:
            return
        _check_same_namespace(target, metadata)
        if self._store.get(Key("Namespace", "", target.namespace)) is None:
            raise status.not_found("namespaces", target.namespace)

    def _patch(self, request: Request, target: Target) -> Response:
        before = self._existing(target)
        patch = decoding.decode_patch(request.body, decoding.patch_type(request))
        merged = objects.merge(before, patch)
        if target.plural in CUSTOM_KINDS:
            return _answer(request, 200, self._replace(request, target, before, merged))
        unknown = sorted(objects.unknown_fields(merged, target.kind))
        problem = objects.problem(merged, target.kind) or decoding.strict_problem(request, unknown)
        if problem is not None:
            # The real API server quotes the whole patched object here, Secret data included.
            quoted = encode(objects.go_text(merged, patch))
            raise status.invalid("", "", "patch", f"Invalid value: {quoted}: {problem}")
        after = objects.typed(merged, target.kind)
        return _answer(request, 200, self._replace(request, target, before, after), unknown)

    def _update(self, request: Request, target: Target) -> Response:
        before = self._existing(target)
        after, unknown = decoding.decode_object(request, target.kind)
        known, given = before["metadata"]["uid"], after["metadata"].setdefault("uid", before["metadata"]["uid"])
        if given != known:
            place = f"/registry/{target.plural}/{target.namespace}/{target.name}"
            cause = f"Precondition failed: UID in precondition: {given}, UID in object meta: {known}"
            text = (
                f"StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: {cause}"
            )
            raise status.conflict(target.plural, target.name, text)
        return _answer(request, 200, self._replace(request, target, before, after), unknown)

    def _replace(self, request: Request, target: Target, before: Object, after: Object) -> Object:
        metadata, current = after["metadata"], before["metadata"]
        if not metadata.get("name"):
            text = f"the name of the object ({target.name} based on URL) was undeterminable: name must be provided"
            raise status.bad_request(text)
        if metadata["name"] != target.name:
            text = f"the name of the object ({metadata['name']}) does not match the name on the URL ({target.name})"
            raise status.bad_request(text)
        if target.namespace:
            _check_same_namespace(target, metadata)
        # 0 is like none: registry/generic/registry/store.go.
        if objects.version_of(metadata) not in (0, objects.version_of(current)):
            raise status.conflict(target.plural, target.name)
        if metadata.get("managedFields") == []:
            # How a client asks to have the object followed no longer.
            del current["managedFields"]
        kept = {field: current[field] for field in objects.SERVER_FIELDS if field in current and field != "uid"}
        identity = {field: current[field] for field in ("name", "namespace") if field in current}
        after["metadata"] = {**metadata, **identity, **kept}
        objects.validate_update(before, objects.normalised(after))
        return self._commit(request, target, before, after)

    def _commit(self, request: Request, target: Target, before: Object | None, after: Object) -> Object:
        """Validate, record ownership and store; a change of nothing and a dry run store nothing."""
        after = objects.normalised(after)
        objects.validate(after, is_update=before is not None)
        changes = objects.changed_fields(before, after)
        if before is not None and not changes:
            return before
        manager = request.parameter("fieldManager") or request.header("user-agent").split("/")[0] or "unknown"
        after["metadata"]["managedFields"] = record_update(before, after, manager, self._clock.rfc3339())
        after = objects.normalised(after)
        if _is_dry_run(request):
            return after
        stored = self._store.put(after)
        self._note(request, target, changes)
        return stored

    def _delete(self, request: Request, target: Target) -> Response:
        options = decoding.decode_delete_options(request.body)
        item = self._existing(target)
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
        for field, label, guess in PRECONDITIONS:
            actual = item["metadata"][field]
            if wanted.get(field, actual) != actual:
                cause = (
                    f"the {label} in the precondition ({wanted[field]}) does not match the {label} in record ({actual})"
                )
                raise status.conflict(target.kind, target.name, f"{cause}. The object might have been {guess}")

    def _note(self, request: Request, target: Target, changes: list[str]) -> None:
        place = "/".join(filter(None, (target.namespace, target.name)))
        what = " ".join(filter(None, (target.plural, place, ",".join(changes))))
        self._ledger.write(KUBERNETES, method=request.method, path=request.path, what=what)


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


def _answer(request: Request, code: int, item: Object, unknown: Sequence[str] = ()) -> Response:
    answer = json_response(code, _metadata_only(item) if _wants_metadata(request) else item)
    return replace(answer, headers=decoding.warnings(request, unknown))


def _check_same_namespace(target: Target, metadata: Object) -> None:
    if metadata.setdefault("namespace", target.namespace) != target.namespace:
        text = "the namespace of the provided object does not match the namespace sent on the request"
        raise status.bad_request(text)
