# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kubernetes side: reads, merge patches, conflicts, ownership, dry runs, Status objects."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest
from argocd_sandbox.kubernetes.objects import merge
from hypothesis import given
from hypothesis import strategies as st
from lab import CONFIG_MAPS, SECRETS, Lab, Reply

CM = f"{CONFIG_MAPS}/argocd-cm"
PROJECTS = "/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects"
SECRET = f"{SECRETS}/argocd-secret"
METADATA_ONLY = {"accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}


@pytest.fixture
def lab() -> Lab:
    return Lab()


def patch(lab: Lab, path: str, body: Any, query: str = "", **options: Any) -> Reply:
    return lab.kubernetes("PATCH", f"{path}?{query}", body, **options)


def status_of(reply: Reply) -> tuple[int, str, str]:
    """Code, reason and message of a failure, whose fixed parts are checked on the way."""
    body = reply.json
    fixed = {name: body[name] for name in ("kind", "apiVersion", "metadata", "status")}
    assert fixed == {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    assert body["code"] == reply.status
    return reply.status, body.get("reason", ""), body["message"]


# reading


def test_a_wrong_token_is_nobody(lab: Lab) -> None:
    for path in (CM, "/version", "/nope"):
        reply = lab.kubernetes("GET", path, headers={"authorization": "Bearer wrong"})
        assert status_of(reply) == (401, "Unauthorized", "Unauthorized")
        assert "details" not in reply.json


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic x", "x"])
def test_a_request_without_a_token_is_anonymous(lab: Lab, authorization: str) -> None:
    reply = lab.kubernetes("GET", CM, headers={"authorization": authorization})
    asked = 'User "system:anonymous" cannot get resource "configmaps" in API group "" in the namespace "argocd"'
    assert status_of(reply) == (403, "Forbidden", f'configmaps "argocd-cm" is forbidden: {asked}')
    assert reply.json["details"] == {"name": "argocd-cm", "kind": "configmaps"}
    assert lab.kubernetes("GET", "/version", headers={"authorization": authorization}).status == 200


IN_ARGOCD = 'in API group "" in the namespace "argocd"'
IN_CLUSTER = 'in API group "" at the cluster scope'


@pytest.mark.parametrize(
    ("method", "path", "what", "asked", "details"),
    [
        ("GET", CONFIG_MAPS, "configmaps is ", f'list resource "configmaps" {IN_ARGOCD}', {"kind": "configmaps"}),
        ("GET", f"{CONFIG_MAPS}/", "configmaps is ", f'list resource "configmaps" {IN_ARGOCD}', {"kind": "configmaps"}),
        ("POST", CONFIG_MAPS, "configmaps is ", f'create resource "configmaps" {IN_ARGOCD}', {"kind": "configmaps"}),
        (
            "DELETE",
            CONFIG_MAPS,
            "configmaps is ",
            f'deletecollection resource "configmaps" {IN_ARGOCD}',
            {"kind": "configmaps"},
        ),
        (
            "PATCH",
            f"{CONFIG_MAPS}/x",
            'configmaps "x" is ',
            f'patch resource "configmaps" {IN_ARGOCD}',
            {"name": "x", "kind": "configmaps"},
        ),
        (
            "GET",
            f"{CONFIG_MAPS}/x/y",
            'configmaps "x" is ',
            f'get resource "configmaps/y" {IN_ARGOCD}',
            {"name": "x", "kind": "configmaps"},
        ),
        (
            "GET",
            "/api/v1/namespaces",
            "namespaces is ",
            f'list resource "namespaces" {IN_CLUSTER}',
            {"kind": "namespaces"},
        ),
        (
            "GET",
            "/api/v1/namespaces/x",
            'namespaces "x" is ',
            'get resource "namespaces" in API group "" in the namespace "x"',
            {"name": "x", "kind": "namespaces"},
        ),
        (
            "GET",
            "/apis/nope/v1/x",
            "x.nope is ",
            'list resource "x" in API group "nope" at the cluster scope',
            {"group": "nope", "kind": "x"},
        ),
        ("GET", "/nope", "", 'get path "/nope"', {}),
        ("POST", "/nope", "", 'post path "/nope"', {}),
        ("GET", "/api", "", 'get path "/api"', {}),
        ("GET", "/", "", 'get path "/"', {}),
    ],
)
def test_what_is_forbidden_is_named(
    lab: Lab, method: str, path: str, what: str, asked: str, details: dict[str, str]
) -> None:
    reply = lab.kubernetes(method, path, headers={"authorization": ""})
    assert status_of(reply) == (403, "Forbidden", f'{what}forbidden: User "system:anonymous" cannot {asked}')
    assert reply.json["details"] == details


def test_the_scheme_is_taken_in_any_case(lab: Lab) -> None:
    for scheme in ("Bearer", "bearer"):
        headers = {"authorization": f"{scheme} {lab.cluster.kubernetes_token}"}
        assert lab.kubernetes("GET", CM, headers=headers).status == 200


def test_a_fresh_installation(lab: Lab) -> None:
    cm = lab.kubernetes("GET", CM).json
    assert "data" not in cm
    assert cm["metadata"]["labels"]["app.kubernetes.io/part-of"] == "argocd"
    keys = set(lab.kubernetes("GET", SECRET).json["data"])
    assert keys == {"admin.password", "admin.passwordMtime", "server.secretkey", "tls.crt", "tls.key"}
    selector = "app.kubernetes.io/part-of%3Dargocd,app.kubernetes.io/component%3Dserver"
    services = lab.kubernetes("GET", f"/api/v1/namespaces/argocd/services?labelSelector={selector}").json["items"]
    assert [(port["name"], port["port"]) for port in services[0]["spec"]["ports"]] == [("http", 80), ("https", 443)]
    namespaces = lab.kubernetes("GET", "/api/v1/namespaces").json
    assert (namespaces["kind"], [item["metadata"]["name"] for item in namespaces["items"]]) == (
        "NamespaceList",
        ["argocd", "default"],
    )
    assert lab.kubernetes("GET", "/version").json["major"] == "1"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["argocd-cm", "argocd-rbac-cm"]),
        ("labelSelector=app.kubernetes.io/name%3Dargocd-cm", ["argocd-cm"]),
        ("labelSelector=app.kubernetes.io/name%3D%3Dargocd-cm", ["argocd-cm"]),
        ("labelSelector=app.kubernetes.io/name%21%3Dargocd-cm", ["argocd-rbac-cm"]),
        ("labelSelector=app.kubernetes.io/name", ["argocd-cm", "argocd-rbac-cm"]),
        ("labelSelector=%21app.kubernetes.io/name", []),
        ("fieldSelector=metadata.name%3Dargocd-rbac-cm", ["argocd-rbac-cm"]),
    ],
)
def test_lists_and_selectors(lab: Lab, query: str, names: list[str]) -> None:
    reply = lab.kubernetes("GET", f"{CONFIG_MAPS}?{query}").json
    assert reply["kind"] == "ConfigMapList"
    assert [item["metadata"]["name"] for item in reply["items"]] == names
    assert all("kind" not in item for item in reply["items"])


def test_unknown_selectors_are_refused(lab: Lab) -> None:
    message = "the sandbox does not imitate the operator 'in'"
    assert status_of(lab.kubernetes("GET", f"{CONFIG_MAPS}?labelSelector=a+in+(b)")) == (400, "BadRequest", message)


OPERATORS = "in, notin, =, ==, !=, gt, lt"


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("a===b", "unable to parse requirement: found '=', expected: identifier"),
        ("a=(", "unable to parse requirement: found '(', expected: identifier"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("!!a", "unable to parse requirement: found '!', expected: identifier"),
        ("a!", f"unable to parse requirement: found '!', expected: {OPERATORS}"),
        ("a b", f"unable to parse requirement: found 'b', expected: {OPERATORS}"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a=b)", "found ')', expected: ',' or 'end of string'"),
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a=b,,c=d", "found ',', expected: identifier after ','"),
    ],
)
def test_label_selectors_that_are_none(lab: Lab, selector: str, message: str) -> None:
    for namespace in ("argocd", "empty"):
        path = f"/api/v1/namespaces/{namespace}/configmaps?labelSelector={quote(selector)}"
        assert status_of(lab.kubernetes("GET", path)) == (400, "BadRequest", message)


@pytest.mark.parametrize(
    ("path", "selector", "message"),
    [
        (
            CONFIG_MAPS,
            "data.x=1",
            '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        (SECRETS, "data.x=1", "field label not supported: data.x"),
        (CONFIG_MAPS, "metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
    ],
)
def test_field_selectors_that_are_none(lab: Lab, path: str, selector: str, message: str) -> None:
    reply = lab.kubernetes("GET", f"{path}?fieldSelector={quote(selector)}")
    assert status_of(reply) == (400, "BadRequest", message)


def test_metadata_only(lab: Lab) -> None:
    one = lab.kubernetes("GET", SECRET, headers=METADATA_ONLY).json
    assert sorted(one) == ["apiVersion", "kind", "metadata"]
    assert (one["kind"], one["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    many = {"accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"}
    found = lab.kubernetes("GET", SECRETS, headers=many).json
    assert found["kind"] == "PartialObjectMetadataList"
    assert [sorted(item) for item in found["items"]] == [["apiVersion", "kind", "metadata"]]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{CONFIG_MAPS}/x", (404, "NotFound", 'configmaps "x" not found')),
        ("GET", "/api/v1/namespaces/x", (404, "NotFound", 'namespaces "x" not found')),
        ("GET", "/api/v1/nodes", (404, "NotFound", "the server could not find the requested resource")),
        (
            "GET",
            "/api/v1/namespaces/argocd/nodes",
            (404, "NotFound", "the server could not find the requested resource"),
        ),
        ("GET", f"{PROJECTS}/x", (404, "NotFound", 'appprojects.argoproj.io "x" not found')),
        (
            "DELETE",
            f"{PROJECTS}/default",
            (405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
        ),
        ("POST", CM, (405, "MethodNotAllowed", "the server does not allow this method on the requested resource")),
        (
            "DELETE",
            CONFIG_MAPS,
            (405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
        ),
    ],
)
def test_what_is_not_there(lab: Lab, method: str, path: str, status: tuple[int, str, str]) -> None:
    assert status_of(lab.kubernetes(method, path, {})) == status


def test_custom_resources_are_listed_with_what_they_are(lab: Lab) -> None:
    answer = lab.kubernetes("GET", PROJECTS).json
    assert (answer["apiVersion"], answer["kind"]) == ("argoproj.io/v1alpha1", "AppProjectList")
    assert [(item["kind"], item["metadata"]["name"]) for item in answer["items"]] == [("AppProject", "default")]


def test_the_resource_of_the_operator_is_read_and_patched_by_version(lab: Lab) -> None:
    path = "/apis/argoproj.io/v1beta1/namespaces/argocd/argocds/main"
    shape = {"apiVersion": "argoproj.io/v1beta1", "kind": "ArgoCD", "spec": {"ha": {"enabled": True}}}
    lab.cluster.plant({**shape, "metadata": {"name": "main", "namespace": "argocd"}})
    version = lab.kubernetes("GET", path).json["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "spec": {"extraConfig": {"accounts.x": "login"}}}
    assert lab.kubernetes("PATCH", path, patch).status == 200
    assert lab.kubernetes("PATCH", path, patch).status == 409
    found = lab.kubernetes("GET", path).json
    assert (found["kind"], found["apiVersion"]) == ("ArgoCD", "argoproj.io/v1beta1")
    assert found["spec"] == {"ha": {"enabled": True}, "extraConfig": {"accounts.x": "login"}}
    assert status_of(lab.kubernetes("DELETE", path))[0] == 405
    assert lab.kubernetes("GET", path.replace("v1beta1", "v1alpha1")).status == 404


def test_the_default_project_is_the_same_object_for_both_apis(lab: Lab) -> None:
    shown = lab.argocd("GET", "/api/v1/projects/default", token=lab.admin()).json
    assert shown["metadata"]["uid"] == lab.kubernetes("GET", f"{PROJECTS}/default").json["metadata"]["uid"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/apis/nope/v1/x"), ("GET", "/nope"), ("POST", "/nope")])
def test_paths_outside_of_the_api_are_not_found_in_plain_text(lab: Lab, method: str, path: str) -> None:
    reply = lab.kubernetes(method, path)
    assert (reply.status, reply.text, reply.content_type) == (
        404,
        "404 page not found\n",
        "text/plain; charset=utf-8",
    )


# patching


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON_VALUES, JSON_VALUES)
def test_merging_twice_is_merging_once(target: Any, change: Any) -> None:
    once = merge(target, change)
    assert merge(once, change) == once


@pytest.mark.parametrize(
    ("target", "change", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_examples_of_rfc_7396(target: Any, change: Any, result: Any) -> None:
    assert merge(target, change) == result


@pytest.mark.parametrize("kind", ["merge-patch", "strategic-merge-patch"])
def test_a_patch_sets_and_removes_single_keys(lab: Lab, kind: str) -> None:
    content_type = f"application/{kind}+json"
    patch(lab, CM, {"data": {"a": "1", "b": "2"}}, content_type=content_type)
    reply = patch(lab, CM, {"data": {"a": None, "c": "3"}}, content_type=content_type)
    assert reply.json["data"] == {"b": "2", "c": "3"}
    assert lab.data("argocd-cm") == {"b": "2", "c": "3"}


@pytest.mark.parametrize(
    "content_type", ["application/json-patch+json", "application/apply-patch+yaml", "application/json", ""]
)
def test_other_patch_types_are_refused(lab: Lab, content_type: str) -> None:
    reply = patch(lab, CM, {}, "dryRun=x", content_type=content_type)
    assert status_of(reply) == (415, "UnsupportedMediaType", "415: Unsupported Media Type")
    assert reply.json["details"] == {}


NO_MAP = "into Go value of type map[string]interface {}"
END = "unexpected end of JSON input"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", END),
        (b"", END),
        (b'{"data":{"a":"b"', END),
        (b"oops", "invalid character 'o' looking for beginning of value"),
        (b'{"a":}', "invalid character '}' looking for beginning of value"),
        (b"{} x", "invalid character 'x' after top-level value"),
        (b"NaN", "invalid character 'N' looking for beginning of value"),
        (b"[]", f"json: cannot unmarshal array {NO_MAP}"),
        (b'"x"', f"json: cannot unmarshal string {NO_MAP}"),
        (b"5", f"json: cannot unmarshal number {NO_MAP}"),
    ],
)
def test_patches_that_cannot_be_decoded(lab: Lab, body: bytes, problem: str) -> None:
    merge_patch = status_of(patch(lab, CM, body))
    assert merge_patch == (400, "BadRequest", f"error decoding patch: {problem}")
    strategic = patch(lab, CM, body, content_type="application/strategic-merge-patch+json")
    assert status_of(strategic) == (400, "BadRequest", problem)


def test_null_is_no_merge_patch_but_a_strategic_one(lab: Lab) -> None:
    assert status_of(patch(lab, CM, b"null")) == (400, "BadRequest", "Invalid JSON Patch")
    assert patch(lab, CM, b"null", content_type="application/strategic-merge-patch+json").status == 200


NO_DRY_RUN = 'supported values: "All"'
TOO_LONG = "Too long: may not be more than 128 bytes"


@pytest.mark.parametrize(
    ("query", "problem", "causes"),
    [
        (
            "dryRun=x",
            f'dryRun: Unsupported value: ["x"]: {NO_DRY_RUN}',
            [("FieldValueNotSupported", f'Unsupported value: ["x"]: {NO_DRY_RUN}', "dryRun")],
        ),
        (
            "dryRun=",
            f'dryRun: Unsupported value: [""]: {NO_DRY_RUN}',
            [("FieldValueNotSupported", f'Unsupported value: [""]: {NO_DRY_RUN}', "dryRun")],
        ),
        (
            "dryRun=All&dryRun=x",
            f'dryRun: Unsupported value: ["All","x"]: {NO_DRY_RUN}',
            [("FieldValueNotSupported", f'Unsupported value: ["All","x"]: {NO_DRY_RUN}', "dryRun")],
        ),
        (
            f"fieldManager={'x' * 129}",
            f"fieldManager: {TOO_LONG}",
            [("FieldValueTooLong", TOO_LONG, "fieldManager")],
        ),
        (
            f"fieldManager={'%C3%A9' * 65}",
            f"fieldManager: {TOO_LONG}",
            [("FieldValueTooLong", TOO_LONG, "fieldManager")],
        ),
        (
            f"dryRun=x&fieldManager={'x' * 129}",
            f'[fieldManager: {TOO_LONG}, dryRun: Unsupported value: ["x"]: {NO_DRY_RUN}]',
            [
                ("FieldValueTooLong", TOO_LONG, "fieldManager"),
                ("FieldValueNotSupported", f'Unsupported value: ["x"]: {NO_DRY_RUN}', "dryRun"),
            ],
        ),
    ],
)
@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("PATCH", CM, "PatchOptions"),
        ("PATCH", f"{CONFIG_MAPS}/nope", "PatchOptions"),
        ("PUT", CM, "UpdateOptions"),
        ("POST", CONFIG_MAPS, "CreateOptions"),
    ],
)
def test_options_that_are_none_store_nothing(
    lab: Lab, method: str, path: str, kind: str, query: str, problem: str, causes: list[tuple[str, str, str]]
) -> None:
    before = list(lab.cluster.store.items())
    reply = lab.kubernetes(method, f"{path}?{query}", {"metadata": {"name": "new"}, "data": {"dry": "run"}})
    assert status_of(reply) == (422, "Invalid", f'{kind}.meta.k8s.io "" is invalid: {problem}')
    named = [{"reason": reason, "message": message, "field": field} for reason, message, field in causes]
    assert reply.json["details"] == {"group": "meta.k8s.io", "kind": kind, "causes": named}
    assert list(lab.cluster.store.items()) == before
    assert lab.cluster.ledger.report()["total"] == 0


def test_a_deletion_knows_only_dry_runs_of_all(lab: Lab) -> None:
    reply = lab.kubernetes("DELETE", f"{CM}?dryRun=x&fieldManager={'x' * 129}")
    message = f'DeleteOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["x"]: {NO_DRY_RUN}'
    assert status_of(reply) == (422, "Invalid", message)
    assert lab.kubernetes("GET", CM).status == 200


def test_a_field_manager_of_128_bytes_is_none_too_long(lab: Lab) -> None:
    assert patch(lab, CM, {"data": {"a": "1"}}, f"fieldManager={'x' * 128}").status == 200


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ("abc", 'parsing "abc": invalid syntax'),
        ("-1", 'parsing "-1": invalid syntax'),
        ("9" * 23, f'parsing "{"9" * 23}": value out of range'),
    ],
)
def test_a_resource_version_that_is_no_number(lab: Lab, version: str, problem: str) -> None:
    body = {"metadata": {"name": "argocd-cm", "resourceVersion": version}, "data": {"x": "y"}}
    for method in ("PATCH", "PUT"):
        reply = lab.kubernetes(method, CM, body)
        assert status_of(reply) == (500, "", f"strconv.ParseUint: {problem}")
        assert reply.json.keys().isdisjoint({"reason", "details"})
    assert lab.data("argocd-cm") == {}


def test_resource_version_0_is_none(lab: Lab) -> None:
    for version in ("0", "00"):
        assert patch(lab, CM, {"metadata": {"resourceVersion": version}, "data": {"x": version}}).status == 200


def version_of(lab: Lab, path: str = CM) -> str:
    version: str = lab.kubernetes("GET", path).json["metadata"]["resourceVersion"]
    return version


def test_a_stale_resource_version_conflicts_even_where_nothing_would_change(lab: Lab) -> None:
    stale = version_of(lab)
    patch(lab, CM, {"data": {"a": "1"}})
    for data in ({"a": "1"}, {"a": "2"}):
        reply = patch(lab, CM, {"metadata": {"resourceVersion": stale}, "data": data})
        cause = "the object has been modified; please apply your changes to the latest version and try again"
        message = f'Operation cannot be fulfilled on configmaps "argocd-cm": {cause}'
        assert status_of(reply) == (409, "Conflict", message)
        assert reply.json["details"] == {"name": "argocd-cm", "kind": "configmaps"}
    assert patch(lab, CM, {"metadata": {"resourceVersion": version_of(lab)}, "data": {"a": "2"}}).status == 200


def test_a_patch_of_nothing_is_no_write(lab: Lab) -> None:
    patch(lab, CM, {"data": {"a": "1"}})
    before, writes = version_of(lab), lab.cluster.ledger.report()
    bodies: list[Any] = [{}, {"data": {"a": "1", "gone": None}}, {"metadata": {"labels": {}}}]
    for body in bodies:
        assert patch(lab, CM, body, "fieldManager=other").status == 200
    assert (version_of(lab), lab.cluster.ledger.report()) == (before, writes)


def test_versions_only_grow_and_identity_stays(lab: Lab) -> None:
    before = lab.kubernetes("GET", CM).json["metadata"]
    body = {"metadata": {"creationTimestamp": "2000-01-01T00:00:00Z", "managedFields": []}, "data": {"a": "1"}}
    after = patch(lab, CM, body).json["metadata"]
    assert int(after["resourceVersion"]) > int(before["resourceVersion"])
    assert {name: after[name] for name in ("uid", "creationTimestamp")} == {
        name: before[name] for name in ("uid", "creationTimestamp")
    }


def test_string_data_is_merged_into_data(lab: Lab) -> None:
    before = lab.data("argocd-secret", "Secret")
    reply = patch(lab, SECRET, {"stringData": {"new": "välue"}}).json
    assert "stringData" not in reply
    assert base64.b64decode(reply["data"]["new"]).decode() == "välue"
    assert lab.data("argocd-secret", "Secret") == {**before, "new": "välue"}


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        (
            CM,
            {"data": {"a b": "1"}},
            422,
            'ConfigMap "argocd-cm" is invalid: data[a b]: Invalid value: "a b": a valid config',
        ),
        (CM, {"data": {"a": 1}}, 422, "cannot unmarshal number into Go struct field ConfigMap.data of type string"),
        (CM, {"data": {"a": True}}, 422, "cannot unmarshal bool into Go struct field ConfigMap.data of type string"),
        (
            CM,
            {"data": "x"},
            422,
            "cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string",
        ),
        (
            CM,
            {"metadata": None},
            400,
            "the name of the object (argocd-cm based on URL) was undeterminable: name must be provided",
        ),
        (
            CM,
            {"metadata": "x"},
            422,
            (
                r'patch: Invalid value: "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":\"x\"}": '
                "json: cannot unmarshal string into Go struct field ConfigMap.metadata of type v1.ObjectMeta"
            ),
        ),
        (
            CM,
            {"metadata": {"labels": {"a": 1}}},
            422,
            "cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            CM,
            {"metadata": {"ownerReferences": [{"uid": 1}]}},
            422,
            "number into Go struct field OwnerReference.metadata.ownerReferences.uid of type types.UID",
        ),
        (CM, {"metadata": {"ownerReferences": "x"}}, 422, "of type []v1.OwnerReference"),
        (CM, {"metadata": {"ownerReferences": ["x"]}}, 422, "of type v1.OwnerReference"),
        (
            CM,
            {"data": {"z": "<", "a": 1}},
            422,
            (
                r'"{\"apiVersion\":\"v1\",\"data\":{\"a\":1,\"z\":\"\\u003c\"},\"kind\":\"ConfigMap\",'
                r"\"metadata\":{\"name\":\"argocd-cm\",\"namespace\":\"argocd\",\"uid\":"
            ),
        ),
        (CM, {"metadata": {"uid": "x"}}, 422, 'metadata.uid: Invalid value: "x": field is immutable'),
        (
            CM,
            {"metadata": {"name": "x"}},
            400,
            "the name of the object (x) does not match the name on the URL (argocd-cm)",
        ),
        (SECRET, {"data": {"a": "%"}}, 422, "illegal base64 data"),
        (SECRET, {"type": "other"}, 422, 'type: Invalid value: "other": field is immutable'),
    ],
)
def test_invalid_patches(lab: Lab, path: str, body: Any, status: int, text: str) -> None:
    before = version_of(lab, path)
    code, reason, message = status_of(patch(lab, path, body))
    assert (code, reason) == (status, "Invalid" if status == 422 else "BadRequest")
    assert text in message
    assert version_of(lab, path) == before


def test_a_changed_uid_is_told_by_two_validations(lab: Lab) -> None:
    reply = patch(lab, CM, {"metadata": {"uid": "other"}})
    text = 'Invalid value: "other": field is immutable'
    assert status_of(reply) == (422, "Invalid", f'ConfigMap "argocd-cm" is invalid: metadata.uid: {text}')
    cause = {"reason": "FieldValueInvalid", "message": text, "field": "metadata.uid"}
    assert reply.json["details"] == {"name": "argocd-cm", "kind": "ConfigMap", "causes": [cause, cause]}


def test_an_immutable_config_map_keeps_its_data(lab: Lab) -> None:
    patch(lab, CM, {"immutable": True, "data": {"a": "1"}})
    assert status_of(patch(lab, CM, {"data": {"a": "2"}}))[:2] == (422, "Invalid")
    assert patch(lab, CM, {"metadata": {"labels": {"x": "y"}}}).status == 200


FIELDS = ["metadata", "name", "labels", "data", "stringData", "kind", "type", "uid", "namespace", "resourceVersion"]
WISHES = st.dictionaries(
    st.sampled_from(FIELDS),
    JSON_VALUES | st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES | st.just("argocd-cm"), max_size=4),
    max_size=4,
)


@given(
    WISHES, st.sampled_from([("PATCH", CM), ("PATCH", SECRET), ("PUT", CM), ("POST", CONFIG_MAPS), ("DELETE", SECRET)])
)
def test_no_body_can_crash_it(wish: Any, call: tuple[str, str]) -> None:
    reply = SHARED.kubernetes(*call, wish, headers={"user-agent": "test/1"})
    assert reply.status in (200, 201, 400, 404, 409, 422, 500)
    assert reply.json["kind"] in ("ConfigMap", "Secret", "Status")


SHARED = Lab()


# ownership


def owners(lab: Lab, path: str = CM) -> dict[str, Any]:
    entries = lab.kubernetes("GET", path).json["metadata"]["managedFields"]
    assert {entry["operation"] for entry in entries} == {"Update"}
    return {entry["manager"]: entry["fieldsV1"] for entry in entries}


def test_fields_belong_to_the_manager_that_changed_them_last(lab: Lab) -> None:
    patch(lab, CM, {"data": {"a": "1", "b": "1"}}, "fieldManager=one")
    patch(lab, CM, {"data": {"a": "1", "b": "2", "c": "2"}}, "fieldManager=two")
    found = owners(lab)
    assert found["one"] == {"f:data": {".": {}, "f:a": {}}}
    assert found["two"] == {"f:data": {"f:b": {}, "f:c": {}}}
    patch(lab, CM, {"data": {"a": None}}, "fieldManager=two")
    assert owners(lab)["one"] == {"f:data": {}}


def test_without_a_field_manager_the_user_agent_tells(lab: Lab) -> None:
    patch(lab, CM, {"data": {"a": "1"}}, headers={"user-agent": "kubectl/v1.34 (linux)"})
    assert owners(lab)["kubectl"] == {"f:data": {".": {}, "f:a": {}}}


def test_argo_cd_owns_what_it_respelled(lab: Lab) -> None:
    patch(lab, CM, {"data": {"accounts.bob": "apiKey, login"}}, "fieldManager=fleetops.argocd")
    lab.create_token("bob")
    assert owners(lab)["argocd-server"] == {"f:data": {"f:accounts.bob": {}}}
    assert owners(lab, SECRET)["argocd-server"] == {"f:data": {"f:accounts.bob.tokens": {}}}


# creating, replacing, deleting


def new(name: str = "mine", **content: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **content}


def test_create_and_delete(lab: Lab) -> None:
    created = lab.kubernetes("POST", SECRETS, new(stringData={"a": "b"}))
    assert created.status == 201
    assert (created.json["type"], created.json["metadata"]["namespace"]) == ("Opaque", "argocd")
    assert created.json["metadata"].keys() >= {"uid", "resourceVersion", "creationTimestamp", "managedFields"}
    again = lab.kubernetes("POST", SECRETS, new())
    assert status_of(again) == (409, "AlreadyExists", 'secrets "mine" already exists')
    gone = lab.kubernetes("DELETE", f"{SECRETS}/mine").json
    assert (gone["status"], gone["details"]["uid"]) == ("Success", created.json["metadata"]["uid"])
    assert lab.kubernetes("GET", f"{SECRETS}/mine").status == 404


UNRECOGNIZED = (
    "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: "
)


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        (CONFIG_MAPS, new("Bad_Name"), 422, 'ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value'),
        (CONFIG_MAPS, {}, 422, "name or generateName is required"),
        (CONFIG_MAPS, new(data={"a": 1}), 400, 'ConfigMap in version "v1" cannot be handled as a ConfigMap'),
        (CONFIG_MAPS, new(kind="Secret"), 400, "converting (v1.Secret) to (core.ConfigMap): unknown conversion"),
        ("/api/v1/namespaces/x/configmaps", new(), 404, 'namespaces "x" not found'),
        (CONFIG_MAPS, {"metadata": {"name": "a", "namespace": "b"}}, 400, "does not match the namespace"),
        (CONFIG_MAPS, b"null", 422, "name or generateName is required"),
        (CONFIG_MAPS, {"metadata": None}, 422, "name or generateName is required"),
        (CONFIG_MAPS, b"", 400, f"{UNRECOGNIZED}{END} (<empty>)"),
        (CONFIG_MAPS, b"{", 400, f"{UNRECOGNIZED}{END} ({{)"),
        (CONFIG_MAPS, b'{"a": ' + b"1" * 30, 400, f'{UNRECOGNIZED}{END} ({{"a": {"1" * 24} ...)'),
        (
            CONFIG_MAPS,
            b"oops",
            400,
            f"{UNRECOGNIZED}invalid character 'o' looking for beginning of value (6f6f7073)",
        ),
        (
            CONFIG_MAPS,
            [],
            400,
            (
                f"{UNRECOGNIZED}json: cannot unmarshal array into Go value of type struct {{ "
                r'APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" } (5b5d)'
            ),
        ),
    ],
)
def test_refused_creations(lab: Lab, path: str, body: Any, status: int, text: str) -> None:
    code, _reason, message = status_of(lab.kubernetes("POST", path, body))
    assert code == status
    assert text in message


def test_a_replacement_needs_the_current_version_if_it_names_one(lab: Lab) -> None:
    item = lab.kubernetes("GET", CM).json
    assert lab.kubernetes("PUT", CM, {**item, "data": {"a": "1"}}).json["data"] == {"a": "1"}
    assert lab.kubernetes("PUT", CM, {**item, "data": {"a": "2"}}).status == 409
    del item["metadata"]["resourceVersion"]
    assert lab.kubernetes("PUT", CM, item).status == 200
    assert lab.data("argocd-cm") == {}


def test_preconditions_of_a_deletion(lab: Lab) -> None:
    uid, version = (lab.kubernetes("GET", CM).json["metadata"][name] for name in ("uid", "resourceVersion"))
    for condition, cause in (
        (
            {"uid": "x"},
            (
                f"the UID in the precondition (x) does not match the UID in record ({uid}). "
                "The object might have been deleted and then recreated"
            ),
        ),
        (
            {"resourceVersion": "1"},
            (
                "the ResourceVersion in the precondition (1) does not match the ResourceVersion in record "
                f"({version}). The object might have been modified"
            ),
        ),
    ):
        reply = lab.kubernetes("DELETE", CM, {"preconditions": condition})
        message = f'Operation cannot be fulfilled on ConfigMap "argocd-cm": {cause}'
        assert status_of(reply) == (409, "Conflict", message)
    reply = lab.kubernetes("DELETE", f"{CONFIG_MAPS}/nope", b"{")
    assert status_of(reply) == (400, "BadRequest", f"couldn't get version/kind; json parse error: {END}")
    assert lab.kubernetes("DELETE", CM, {"preconditions": {"uid": uid}}).status == 200


def test_a_namespace_takes_its_content_along(lab: Lab) -> None:
    assert lab.kubernetes("POST", "/api/v1/namespaces", new("team")).status == 201
    assert lab.kubernetes("POST", "/api/v1/namespaces/team/configmaps", new()).status == 201
    assert lab.kubernetes("DELETE", "/api/v1/namespaces/team").status == 200
    assert lab.kubernetes("GET", "/api/v1/namespaces/team/configmaps/mine").status == 404


def test_a_dry_run_answers_and_validates_but_stores_nothing(lab: Lab) -> None:
    before = [dict(item) for item in lab.cluster.store.items()]
    assert patch(lab, CM, {"data": {"a": "1"}}, "dryRun=All").json["data"] == {"a": "1"}
    assert patch(lab, CM, {"data": {"a b": "1"}}, "dryRun=All").status == 422
    assert lab.kubernetes("POST", f"{CONFIG_MAPS}?dryRun=All", new()).status == 201
    assert lab.kubernetes("DELETE", f"{CM}?dryRun=All").status == 200
    assert list(lab.cluster.store.items()) == before
    assert lab.cluster.ledger.report()["total"] == 0
