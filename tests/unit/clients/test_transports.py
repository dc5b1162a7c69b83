# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to Argo CD that lead through the Kubernetes API, on a cluster of the sandbox and on scripted answers."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from scripted_server import SEKRET, Answer, ScriptedServer

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

from argocd_sandbox.argocd.release import Release
from argocd_sandbox.cli import tls_context
from argocd_sandbox.cluster import Behaviour, Cluster
from argocd_sandbox.installation import pod
from argocd_sandbox.server import SandboxServer

from ansible_collections.fleetops.argocd.plugins.module_utils._clients.argocd import ArgocdClient, Credentials
from ansible_collections.fleetops.argocd.plugins.module_utils._clients.kubeconfig import load_access
from ansible_collections.fleetops.argocd.plugins.module_utils._clients.transports import open_transport
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    ApiError,
    Refused,
    Unauthenticated,
    UnexpectedReply,
    Unreachable,
)

INSIDE = ["kubernetes_proxy", "port_forward"]
SELECTED = {"app.kubernetes.io/part-of": "argocd", "app.kubernetes.io/component": "server"}
OPTIONS = {
    **dict.fromkeys(("argocd_url", "argocd_client_cert", "argocd_client_key", "argocd_headers", "argocd_service")),
    "argocd_validate_certs": True,
    "argocd_ca_cert": None,
    "argocd_timeout": 5,
    "argocd_namespace": "argocd",
}


@pytest.fixture
def cluster(authority: trustme.CA) -> Iterator[tuple[Cluster, dict[str, Any]]]:
    """A cluster, and the options that reach its Kubernetes API."""
    cluster = Cluster("c1", Behaviour(0.0, 0.0, Release.parse("3.5.0")))
    server = SandboxServer(0, tls_context(authority), {"c1": cluster}, None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield cluster, {"host": f"https://127.0.0.1:{server.port}/c1/k8s", "api_key": cluster.kubernetes_token}
    server.shutdown()
    thread.join()
    server.server_close()


def client(credentials: Credentials, **params: Any) -> ArgocdClient:
    given = {**OPTIONS, **params}
    transport = open_transport(given, access=lambda: load_access(given), sleep=lambda _seconds: None)
    return ArgocdClient(transport, credentials, remember=lambda _secret: None, place="argocd_service")


def reach(cluster: tuple[Cluster, dict[str, Any]], ca_file: str, transport: str, **params: Any) -> ArgocdClient:
    one, access = cluster
    given = {**access, "ca_cert": ca_file, "argocd_ca_cert": ca_file, "argocd_transport": transport, **params}
    return client(Credentials(username="admin", password=one.admin_password), **given)


def carriers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("port-forward")]


@pytest.mark.parametrize("transport", INSIDE)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"argocd_service": "argocd-server"},
        {"argocd_service": "https:argocd-server:443"},
        {"argocd_url": "https://localhost/c1/argocd", "argocd_headers": {"X-Tenant": "fleet"}},
    ],
    ids=["found", "named", "numbered", "root-path"],
)
def test_argo_cd_is_reached_and_nothing_stays_open(
    cluster: tuple[Cluster, dict[str, Any]], ca_file: str, transport: str, options: dict[str, Any]
) -> None:
    argocd = reach(cluster, ca_file, transport, **options)
    assert [account.name for account in argocd.accounts()] == ["admin"]
    assert argocd.server_time is not None
    argocd.reconnect()
    assert carriers() == []
    assert [account.name for account in argocd.accounts()] == ["admin"]
    argocd.close()
    assert carriers() == []


@pytest.mark.parametrize("transport", INSIDE)
def test_a_wrong_password_is_argo_cds_own_word(
    cluster: tuple[Cluster, dict[str, Any]], ca_file: str, transport: str
) -> None:
    given = {**cluster[1], "ca_cert": ca_file, "argocd_ca_cert": ca_file, "argocd_transport": transport}
    argocd = client(Credentials(username="admin", password="SEKRET"), **given)  # a planted one
    with pytest.raises(Unauthenticated) as caught:
        argocd.accounts()
    argocd.close()
    assert "SEKRET" not in str(caught.value)


@pytest.mark.parametrize("transport", INSIDE)
def test_what_is_absent_on_the_way_is_no_absent_account(
    cluster: tuple[Cluster, dict[str, Any]], ca_file: str, transport: str
) -> None:
    argocd = reach(cluster, ca_file, transport, argocd_service="nothing")
    with pytest.raises(Unreachable, match='"nothing" not found'):
        argocd.account("admin")
    argocd.close()


@pytest.mark.parametrize("transport", INSIDE)
def test_two_services_of_the_labels_are_not_guessed_between(
    cluster: tuple[Cluster, dict[str, Any]], ca_file: str, transport: str
) -> None:
    ports = [{"name": "https", "port": 443, "targetPort": 9}]
    metadata = {"name": "another", "namespace": "argocd", "labels": SELECTED}
    cluster[0].plant({"kind": "Service", "metadata": metadata, "spec": {"ports": ports}})
    argocd = reach(cluster, ca_file, transport)
    with pytest.raises(Refused, match="another, argocd-server"):
        argocd.accounts()
    argocd.close()


def test_a_port_that_nobody_listens_at_is_told_in_the_nodes_words(
    cluster: tuple[Cluster, dict[str, Any]], ca_file: str
) -> None:
    service = {"name": "closed", "namespace": "argocd"}
    spec = {
        "ports": [{"name": "https", "port": 443, "targetPort": 9}],
        "selector": {"app.kubernetes.io/name": "argocd-server"},
    }
    cluster[0].plant({"kind": "Service", "metadata": service, "spec": spec})
    argocd = reach(cluster, ca_file, "port_forward", argocd_service="closed")
    with pytest.raises(Unreachable, match=r"error forwarding port 9 to pod.*refused"):
        argocd.accounts()
    argocd.close()
    assert carriers() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"argocd_url": "https://argocd.example.com"}, "not valid for"),
        ({"argocd_url": "https://[2001:db8::1]:8443"}, "not valid for"),
        ({"argocd_ca_cert": None}, "set argocd_ca_cert"),
        ({"argocd_service": "http:argocd-server:http"}, "does it speak https"),
    ],
)
def test_inside_of_a_forwarded_port_tls_is_verified(
    cluster: tuple[Cluster, dict[str, Any]], ca_file: str, options: dict[str, Any], words: str
) -> None:
    argocd = reach(cluster, ca_file, "port_forward", **options)
    with pytest.raises(Unreachable, match=words):
        argocd.accounts()
    argocd.close()
    assert carriers() == []


def test_a_forwarded_port_that_never_answers_is_given_up(
    cluster: tuple[Cluster, dict[str, Any]], ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwarded, over = [], threading.Event()

    def hang(_connection: socket.socket, port: int, _target: tuple[str, int]) -> None:
        forwarded.append(port)
        # An end, so that whoever waits for ever fails here.
        over.wait(20)

    monkeypatch.setattr("argocd_sandbox.server.carry", hang)
    argocd = reach(cluster, ca_file, "port_forward", argocd_timeout=1)
    with pytest.raises(Unreachable, match="Argo CD in pod argocd-server-0 did not answer in time"):
        argocd.version()
    assert len(forwarded) == 3
    over.set()
    argocd.close()
    assert carriers() == []


def test_a_way_that_is_lost_is_an_answer_that_did_not_come(
    cluster: tuple[Cluster, dict[str, Any]], ca_file: str
) -> None:
    argocd = reach(cluster, ca_file, "port_forward")
    argocd.accounts()
    cluster[0].plant({**pod(), "status": {"conditions": []}})
    argocd.reconnect()
    with pytest.raises(Unreachable, match="none of its 1 pods is ready") as caught:
        argocd.delete_token("admin", "x")
    assert not caught.value.sent
    argocd.close()
    argocd = reach(cluster, ca_file, "port_forward")
    with pytest.raises(Refused, match="none of its 1 pods is ready"):
        argocd.accounts()
    argocd.close()


# --- scripted answers ----------------------------------------------------------------------------------------------


def proxied(server: ScriptedServer, **options: Any) -> ArgocdClient:
    access = {"host": server.url, "api_key": "of-kubernetes", "argocd_transport": "kubernetes_proxy"}
    return client(Credentials(token=SEKRET), **{**access, "argocd_service": "argocd-server", **options})


def test_kubernetes_gets_its_token_and_argo_cd_its_cookie(server: ScriptedServer) -> None:
    proxied(server, argocd_url="https://x/root", argocd_headers={"X-Tenant": "fleet"}).accounts()
    (request,) = server.requests
    place = "/api/v1/namespaces/argocd/services/https:argocd-server:https/proxy"
    assert (request.method, request.target) == ("GET", f"{place}/root/api/v1/account")
    names = ("Authorization", "Cookie", "X-Tenant")
    assert [request.values(name) for name in names] == [["Bearer of-kubernetes"], [f"argocd.token={SEKRET}"], ["fleet"]]


STATUS = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}


@pytest.mark.parametrize(
    ("status", "message", "words", "sent"),
    [
        (401, "Unauthorized", "check the credentials of the kubeconfig", False),
        (
            403,
            "services is forbidden",
            "the verb create on services/proxy, resource name https:",
            False,
        ),
        (404, 'services "x" not found', "check argocd_service", False),
        (500, "boom", "boom", True),
        (503, "no endpoints available", "is a pod of argocd-server ready", True),
    ],
)
def test_what_kubernetes_says_is_not_taken_for_argo_cds_answer(
    server: ScriptedServer, status: int, message: str, words: str, *, sent: bool
) -> None:
    server.script(Answer(status, {**STATUS, "message": message, "code": status}))
    with pytest.raises(Unreachable) as caught:
        proxied(server).create_token("octopus", token_id="x", expires_in=None)  # an id
    assert (caught.value.sent, caught.value.status) == (sent, None)
    assert words in str(caught.value)
    assert message in str(caught.value)
    assert SEKRET not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(403, {"error": "no", "code": 7, "message": "no"}), ApiError),
        (Answer(502, "<html>", "text/html"), UnexpectedReply),
        (Answer(307, "", headers=(("Location", "https://x/"),)), UnexpectedReply),
    ],
)
def test_argo_cds_own_errors_and_those_of_others_keep_their_kind(
    server: ScriptedServer, answer: Answer, kind: type[ApiError]
) -> None:
    server.script(*[answer] * 3)
    with pytest.raises(kind) as caught:
        proxied(server).accounts()
    assert not isinstance(caught.value, Unreachable)
    assert SEKRET not in str(caught.value)


POD = {"metadata": {"name": "p"}, "spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
SERVICE = {
    "metadata": {"uid": "u", "resourceVersion": "1"},
    "spec": {"ports": [{"name": "https", "port": 443}], "selector": {"app": "x", "part": "y"}},
}


def forwarded(server: ScriptedServer, *answers: Answer) -> str:
    """The error of a port-forward, for which the server has these answers."""
    pods = {"metadata": {"resourceVersion": "1"}, "items": [POD]}
    server.script(Answer(200, SERVICE), Answer(200, pods), *answers)
    user = {"impersonate_user": "robot", "impersonate_groups": ["a", "b"]}
    with pytest.raises(Unreachable) as caught:
        proxied(server, argocd_transport="port_forward", argocd_url="https://x", **user).accounts()
    assert SEKRET not in str(caught.value)
    assert "of-kubernetes" not in str(caught.value)
    return str(caught.value)


def test_the_websocket_logs_in_as_every_other_request(server: ScriptedServer) -> None:
    refusal = Answer(403, {**STATUS, "message": 'pods "p" is forbidden', "code": 403})
    told = forwarded(server, refusal, refusal, refusal)
    _service, pods, *upgrades = server.requests
    assert pods.target == "/api/v1/namespaces/argocd/pods?labelSelector=app%3Dx%2Cpart%3Dy"
    assert {request.target for request in upgrades} == {"/api/v1/namespaces/argocd/pods/p/portforward?ports=443"}
    names = ("Authorization", "Impersonate-User", "Impersonate-Group", "Sec-WebSocket-Protocol")
    expected = [["Bearer of-kubernetes"], ["robot"], ["a", "b"], ["v4.channel.k8s.io"]]
    assert [upgrades[0].values(name) for name in names] == expected
    assert told.startswith("cannot forward port 443 of Argo CD in pod p: the Kubernetes API at ")
    assert told.endswith(
        "(HTTP 403); grant its user the verbs get and create on pods/portforward, as the Roles in docs/rights do"
    )


def test_an_api_server_that_forwards_nothing_is_told(server: ScriptedServer) -> None:
    hang_up = Answer(status=None)
    assert "does not forward ports (" in forwarded(server, hang_up, hang_up, hang_up)


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_of_the_websocket_is_not_followed(server: ScriptedServer, status: int) -> None:
    """It would take the login to whatever host it names, and to one that speaks no TLS."""
    with ScriptedServer() as elsewhere:
        location = ("Location", f"ws{elsewhere.url.removeprefix('http')}/")
        redirect = Answer(status, "", headers=(location, ("Content-Length", "0")))
        told = forwarded(server, redirect, redirect, redirect)
        assert elsewhere.requests == []
    expected = f"the Kubernetes API at {server.url} redirects (HTTP {status}); give the address it redirects to: "
    assert expected + "check http or https, the host and the root path" in told
