# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One key of a Secret: only that is ours, two writers never mix, and what is not ours is refused before minting."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from argocd_sandbox.http import Response
from sink_fakes import Api

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput, Refused, Unreachable
from ansible_collections.fleetops.argocd.plugins.module_utils._core.token_text import TokenFormat
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.kubernetes_secret import (
    KubernetesSecretSink,
    SecretPlace,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.port import Entry, SinkConflict, SinkError

TOKEN, NEXT = "SEKRET.one.c2ln", "SEKRET.two.c2ln"
RECORD, NEXT_RECORD = {"format": 1, "by": "one"}, {"format": 1, "by": "two"}
ANNOTATION = "record.fleetops.argocd/token"
LABEL = "key token of Secret argocd/mine at https://k8s"


@pytest.fixture
def api() -> Api:
    return Api()


def sink(
    api: Api, *, form: str = "raw", server: str = "https://argocd", namespace: str = "argocd", **place: Any
) -> KubernetesSecretSink:
    where = SecretPlace(**{"host": "https://k8s", "name": "mine", "key": "token", **place})
    return KubernetesSecretSink(api.client(namespace), where, TokenFormat(form, server))


def stored(api: Api) -> dict[str, Any]:
    item = api.secret("argocd", "mine")
    assert item is not None
    metadata = item["metadata"]
    data = {key: base64.b64decode(value).decode() for key, value in item.get("data", {}).items()}
    annotations = metadata.get("annotations", {})
    return {"data": data, "annotations": annotations, "labels": metadata.get("labels", {}), "type": item["type"]}


def said(error: BaseException) -> str:
    text = str(error)
    assert "SEKRET" not in text
    return text


# --- reading and writing -------------------------------------------------------------------------------------------


def test_where_nothing_is_nothing_is_read_and_nothing_made(api: Api) -> None:
    made = sink(api)
    made.prepare()
    assert made.read() == Entry()
    assert (api.secret("argocd", "mine"), api.writes) == (None, 0)


def test_a_token_and_its_record_are_stored_and_read_back(api: Api) -> None:
    made = sink(api, labels={"team": "ci"})
    announced = Entry(record=RECORD)
    made.write(announced, expected=Entry())
    made.write(Entry(TOKEN, NEXT_RECORD), expected=announced)
    entry = made.read()
    assert (entry.token, entry.record, entry.stale) == (TOKEN, NEXT_RECORD, None)
    assert stored(api) == {
        "data": {"token": TOKEN},
        "annotations": {ANNOTATION: json.dumps(NEXT_RECORD, sort_keys=True)},
        "labels": {"team": "ci"},
        "type": "Opaque",
    }
    assert api.writes == 2
    assert made.location == {
        "type": "kubernetes_secret",
        "host": "https://k8s",
        "namespace": "argocd",
        "name": "mine",
        "key": "token",
        "format": "raw",
    }


def test_what_is_stored_already_is_not_written_again(api: Api) -> None:
    made = sink(api)
    made.write(Entry(TOKEN, RECORD), expected=Entry())
    made.write(Entry(TOKEN, RECORD), expected=Entry(TOKEN, RECORD))
    assert api.writes == 1


def test_a_new_secret_gets_the_type_asked_for(api: Api) -> None:
    sink(api, secret_type="example.com/token").write(Entry(TOKEN, RECORD), expected=Entry())
    assert stored(api)["type"] == "example.com/token"


def test_everything_else_in_the_secret_stays_as_it_is(api: Api) -> None:
    metadata = {"annotations": {"a": "b"}, "labels": {"l": "m", "team": "x"}}
    api.plant("argocd", "mine", data={"other": "kept", "token": ""}, type="Opaque", metadata=metadata)
    made = sink(api, labels={"team": "ci"})
    made.write(Entry(TOKEN, RECORD), expected=Entry())
    assert stored(api) == {
        "data": {"other": "kept", "token": TOKEN},
        "annotations": {"a": "b", ANNOTATION: json.dumps(RECORD, sort_keys=True)},
        "labels": {"l": "m", "team": "ci"},
        "type": "Opaque",
    }
    made.write(Entry(), expected=Entry(TOKEN, RECORD))
    after = stored(api)
    assert (after["data"], after["annotations"]) == ({"other": "kept"}, {"a": "b"})


def test_several_tokens_live_in_one_secret(api: Api) -> None:
    one, two = sink(api), sink(api, key="second")
    one.write(Entry(TOKEN, RECORD), expected=Entry())
    two.write(Entry(NEXT, NEXT_RECORD), expected=Entry())
    assert one.read().holds_same(Entry(TOKEN, RECORD))
    assert two.read().holds_same(Entry(NEXT, NEXT_RECORD))


def test_no_answer_to_a_write_carries_the_secret(api: Api) -> None:
    accepts: list[str] = []
    kept = api.cluster.kubernetes

    def listen(request: Any) -> Any:
        if request.method != "GET":
            accepts.append(request.header("accept"))
        return kept(request)

    api.cluster.kubernetes = listen  # type: ignore[method-assign] # a wire tap
    made = sink(api)
    made.prepare()
    made.write(Entry(TOKEN, RECORD), expected=Entry())
    made.write(Entry(NEXT, RECORD), expected=Entry(TOKEN, RECORD))
    made.prepare()
    assert len(accepts) == 4
    assert all("as=PartialObjectMetadata" in accept for accept in accepts)


# --- formats -------------------------------------------------------------------------------------------------------

TEXTS = {
    "raw": TOKEN,
    "cookie": f"argocd.token={TOKEN}",
    "env": f"ARGOCD_SERVER=argocd\nARGOCD_AUTH_TOKEN={TOKEN}\n",
}


@pytest.mark.parametrize("form", TEXTS)
def test_a_format_is_written_and_parsed_back(api: Api, form: str) -> None:
    made = sink(api, form=form)
    made.write(Entry(TOKEN, RECORD), expected=Entry())
    assert stored(api)["data"]["token"] == TEXTS[form]
    assert (made.read().token, made.read().stale) == (TOKEN, None)


@pytest.mark.parametrize("before", TEXTS)
@pytest.mark.parametrize("after", TEXTS)
def test_a_value_in_another_format_is_the_same_token_to_be_written_anew(api: Api, before: str, after: str) -> None:
    api.plant("argocd", "mine", data={"token": TEXTS[before]})
    made = sink(api, form=after)
    entry = made.read()
    assert entry.token == TOKEN
    assert entry.stale == (None if before == after else f"stored in another form than {after}")
    made.write(Entry(TOKEN, None), expected=entry)
    assert stored(api)["data"]["token"] == TEXTS[after]


def test_an_env_file_that_names_another_server_is_written_anew(api: Api) -> None:
    api.plant("argocd", "mine", data={"token": TEXTS["env"]})
    assert sink(api, form="env", server="https://another").read().stale == "stored in another form than env"


def test_labels_that_are_missing_are_a_reason_to_write(api: Api) -> None:
    api.plant("argocd", "mine", data={"token": TOKEN}, metadata={"labels": {"team": "x"}})
    made = sink(api, labels={"team": "ci", "more": "y"})
    assert made.read().stale == "its Secret lacks label team, more"
    made.write(Entry(TOKEN), expected=Entry(TOKEN))
    assert made.read().stale is None


# --- two writers ---------------------------------------------------------------------------------------------------


def test_a_token_that_changed_since_it_was_read_is_a_conflict(api: Api) -> None:
    made = sink(api)
    made.write(Entry(TOKEN, RECORD), expected=Entry())
    for expected in (Entry(), Entry(NEXT, RECORD), Entry(TOKEN, NEXT_RECORD)):
        with pytest.raises(SinkConflict) as caught:
            made.write(Entry(NEXT, NEXT_RECORD), expected=expected)
        assert said(caught.value) == (
            f"cannot write {LABEL}: its value or record changed after it was read; run again to use what is there now"
        )
    assert made.read().holds_same(Entry(TOKEN, RECORD))


def other_writer(api: Api, token: str | None) -> Callable[[], None]:
    """Somebody writes between our read and our write: another key, or ours."""
    data = {"other": "x"} if token is None else {"token": token}
    return lambda: api.plant("argocd", "mine", data=data)


@pytest.mark.parametrize("there", ["there", ""])
def test_another_key_written_in_between_is_kept_and_ours_stored(api: Api, there: str) -> None:
    if there:
        api.plant("argocd", "mine", data={})
    api.before = [other_writer(api, None)]
    sink(api).write(Entry(TOKEN, RECORD), expected=Entry())
    assert stored(api)["data"] == {"other": "x", "token": TOKEN}


@pytest.mark.parametrize("there", ["there", ""])
def test_our_key_written_in_between_is_a_conflict(api: Api, there: str) -> None:
    if there:
        api.plant("argocd", "mine", data={})
    api.before = [other_writer(api, NEXT)]
    with pytest.raises(SinkConflict):
        sink(api).write(Entry(TOKEN, RECORD), expected=Entry())
    assert stored(api)["data"] == {"token": NEXT}


def test_a_secret_deleted_in_between_is_a_conflict_where_it_held_ours_and_else_made_anew(api: Api) -> None:
    made = sink(api)
    api.plant("argocd", "mine", data={"other": "x"})
    api.before = [lambda: api.delete("argocd", "mine")]
    made.write(Entry(TOKEN, RECORD), expected=Entry())
    assert stored(api)["data"] == {"token": TOKEN}
    api.before = [lambda: api.delete("argocd", "mine")]
    with pytest.raises(SinkConflict):
        made.write(Entry(NEXT, RECORD), expected=Entry(TOKEN, RECORD))


def test_a_secret_that_is_written_all_the_time_is_given_up(api: Api) -> None:
    def write() -> None:
        api.plant("argocd", "mine", data={"other": str(len(api.sent))})

    api.before = [write] * 5
    with pytest.raises(SinkConflict, match="others wrote to the Secret 5 times in a row"):
        sink(api).write(Entry(TOKEN, RECORD), expected=Entry())


@pytest.mark.parametrize("there", ["there", ""])
def test_a_secret_written_or_made_while_it_is_tried_is_tried_again(api: Api, there: str) -> None:
    if there:
        api.plant("argocd", "mine", data={})
    api.rehearsed = [other_writer(api, None)]
    sink(api).prepare()
    assert (stored(api)["data"], api.writes) == ({"other": "x"}, 0)
    api.rehearsed = [lambda: api.plant("argocd", "mine", data={"other": str(len(api.sent))})] * 5
    with pytest.raises(SinkConflict, match="others wrote to the Secret 5 times in a row"):
        sink(api).prepare()


def test_a_lost_answer_is_an_error_and_what_is_stored_is_found_by_reading(api: Api) -> None:
    def lose() -> None:
        raise Unreachable("cannot create Secret mine: the Kubernetes API closed the connection", sent=True)

    api.after = [lose]
    made = sink(api)
    with pytest.raises(SinkError) as caught:
        made.write(Entry(TOKEN, RECORD), expected=Entry())
    assert not isinstance(caught.value, SinkConflict)
    assert (
        said(caught.value) == f"cannot use {LABEL}: cannot create Secret mine: the Kubernetes API closed the connection"
    )
    assert made.read().holds_same(Entry(TOKEN, RECORD))


# --- refused before anything is minted -----------------------------------------------------------------------------

OWNER = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "es", "uid": "u"}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "owner-reference": ({"metadata": {"ownerReferences": [OWNER]}}, "the Secret belongs to ExternalSecret es"),
    "external-secrets": (
        {"metadata": {"labels": {"reconcile.external-secrets.io/managed": "true"}}},
        "the Secret belongs to External Secrets",
    ),
    "external-secrets-before-it-set-labels": (
        {"metadata": {"annotations": {"reconcile.external-secrets.io/data-hash": "x"}}},
        "the Secret belongs to External Secrets",
    ),
    "sealed-secrets": (
        {"metadata": {"annotations": {"sealedsecrets.bitnami.com/managed": "true"}}},
        "the Secret belongs to Sealed Secrets",
    ),
    "argo-cd": (
        {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "app:/Secret:argocd/mine"}}},
        "the Secret belongs to the Argo CD Application app",
    ),
    "immutable": ({"immutable": True}, "it is immutable"),
    "being-deleted": ({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "it is being deleted"),
    "another-type": (
        {"type": "kubernetes.io/tls"},
        "its type is kubernetes.io/tls and cannot change, Opaque is asked",
    ),
}


@pytest.mark.parametrize(("parts", "cause"), REFUSED.values(), ids=REFUSED)
def test_a_secret_of_somebody_else_is_refused(api: Api, parts: dict[str, Any], cause: str) -> None:
    api.plant("argocd", "mine", data={"token": TOKEN}, **parts)
    with pytest.raises(Refused) as caught:
        sink(api, secret_type="Opaque").prepare()
    assert said(caught.value).startswith(f"cannot write {LABEL}: {cause}")
    assert "name another Secret" in str(caught.value)
    assert api.writes == 0


INSTANCE, RENAMED = "app.kubernetes.io/instance", "argocd.argoproj.io/instance"
APPLICATIONS = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"


SECRET_LISTED = {"version": "v1", "kind": "Secret", "namespace": "argocd", "name": "mine"}


def deploy(api: Api, name: str, *, namespace: str = "argocd", label: str = "", deploys: bool = True) -> None:
    """Have an Argo CD with that Application, which deploys the Secret, and the label renamed if one is given."""
    application = {"kind": "Application", "metadata": {"name": name, "namespace": namespace}, "spec": {}}
    listed = [{"kind": "Deployment", "namespace": "argocd", "name": "mine"}, *([SECRET_LISTED] if deploys else [])]
    api.cluster.plant({**application, "status": {"resources": listed}})
    data = {"application.instanceLabelKey": label} if label else {}
    api.cluster.plant({"kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": namespace}, "data": data})


@pytest.mark.parametrize(
    ("labels", "renamed", "namespace"),
    [
        ({INSTANCE: "tools"}, "", "argocd"),
        ({INSTANCE: "chart", RENAMED: "tools"}, RENAMED, "argocd"),
        ({INSTANCE: "tools"}, "", "gitops"),
    ],
    ids=["by-the-label", "by-a-renamed-label", "in-another-namespace"],
)
def test_a_secret_of_an_application_that_is_known_by_its_label_is_refused(
    api: Api, labels: dict[str, str], renamed: str, namespace: str
) -> None:
    deploy(api, "tools", namespace=namespace, label=renamed)
    api.plant("argocd", "mine", data={"token": TOKEN}, metadata={"labels": labels})
    with pytest.raises(Refused) as caught:
        sink(api, argocd_namespace=namespace).prepare()
    assert said(caught.value) == (
        f"cannot write {LABEL}: the Secret belongs to the Argo CD Application tools, which would undo it; name another "
        "Secret"
    )
    assert api.writes == 0


@pytest.mark.parametrize(
    ("metadata", "renamed"),
    [
        ({"labels": {INSTANCE: "chart"}}, ""),
        ({"labels": {INSTANCE: "tools"}}, RENAMED),
        ({"labels": {INSTANCE: "tools"}, "annotations": {"meta.helm.sh/release-name": "tools"}}, ""),
    ],
    ids=["no-application-has-that-name", "argo-cd-reads-another-label", "helm-wrote-it"],
)
def test_a_label_alone_is_no_owner(api: Api, metadata: dict[str, Any], renamed: str) -> None:
    deploy(api, "tools", label=renamed)
    api.plant("argocd", "mine", metadata=metadata)
    sink(api).prepare()


def test_an_application_that_does_not_list_the_secret_is_no_owner(api: Api) -> None:
    """It tracks by its annotation, or deploys to another cluster."""
    deploy(api, "tools", deploys=False)
    api.plant("argocd", "mine", metadata={"labels": {INSTANCE: "tools"}})
    sink(api).prepare()


@pytest.mark.parametrize("status", [403, 404])
def test_an_argo_cd_that_is_not_shown_is_no_owner_but_its_annotation_is_one(api: Api, status: int) -> None:
    deploy(api, "tools")
    kept = api.cluster.kubernetes

    def hide(request: Any) -> Any:
        hidden = request.path.startswith((APPLICATIONS, "/api/v1/namespaces/argocd/configmaps"))
        body = json.dumps({"kind": "Status", "reason": "Hidden", "message": "hidden"}).encode()
        return Response(status, body) if hidden else kept(request)

    api.cluster.kubernetes = hide  # type: ignore[method-assign] # a login with less rights
    api.plant("argocd", "mine", metadata={"labels": {INSTANCE: "tools"}})
    sink(api).prepare()
    tracked = {"argocd.argoproj.io/tracking-id": "tools:/Secret:argocd/mine"}
    api.plant("argocd", "mine", metadata={"labels": {INSTANCE: "tools"}, "annotations": tracked})
    with pytest.raises(Refused, match="the Argo CD Application tools"):
        sink(api).prepare()


def test_a_secret_without_a_label_costs_no_further_request(api: Api) -> None:
    api.plant("argocd", "mine", data={"token": TOKEN})
    sink(api).prepare()
    assert [method for method, _path, _body in api.sent] == ["GET", "PATCH"]


def test_a_missing_namespace_is_found_before_anything_is_minted(api: Api) -> None:
    with pytest.raises(SinkError) as caught:
        sink(api, namespace="elsewhere").prepare()
    assert said(caught.value) == (
        "cannot use key token of Secret elsewhere/mine at https://k8s: there is no namespace elsewhere; create it first"
    )


@pytest.mark.parametrize("key", ["", "a/b", ".hidden", "a" * 64, "ends-", "a b"])
def test_a_key_that_no_annotation_can_name_is_refused(api: Api, key: str) -> None:
    with pytest.raises(InvalidInput, match="as key of a Secret: use 1 to 63 of the characters"):
        sink(api, key=key)


UNREADABLE: dict[str, tuple[dict[str, Any], str]] = {
    "bytes": ({"data": {"token": "/w=="}}, "its value is no text; set another key of the sink"),
    "env-file-of-somebody": (
        {"data": {"token": base64.b64encode(b"MINE=1\nARGOCD_AUTH_TOKEN=x\n").decode()}},
        "its env file has lines that are not ours",
    ),
    "record-no-json": ({"metadata": {"annotations": {ANNOTATION: "{"}}}, "its annotation " + ANNOTATION),
    "record-no-object": ({"metadata": {"annotations": {ANNOTATION: "[1]"}}}, "its annotation " + ANNOTATION),
}


@pytest.mark.parametrize(("parts", "cause"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_an_error_never_empty(api: Api, parts: dict[str, Any], cause: str) -> None:
    metadata = {"name": "mine", "namespace": "argocd", **parts.get("metadata", {})}
    api.cluster.plant({"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": parts.get("data", {})})
    with pytest.raises(SinkError) as caught:
        sink(api).read()
    assert said(caught.value).startswith(f"cannot read {LABEL}: {cause}")


def test_a_login_without_rights_is_an_error_never_empty(api: Api) -> None:
    api.cluster.kubernetes_token = "another"
    made = sink(api)
    api.cluster = Api().cluster
    with pytest.raises(SinkError, match="Unauthorized"):
        made.read()
