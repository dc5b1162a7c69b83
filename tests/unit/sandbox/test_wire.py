# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argo CD's HTTP conventions: what happens before, and around, the handlers."""

from __future__ import annotations

from typing import Any

import pytest
from argocd_sandbox.go import encode
from lab import Lab


@pytest.mark.parametrize(
    ("method", "content_type", "version", "status"),
    [
        ("DELETE", "application/json", "3.5.0", 200),
        ("DELETE", "APPLICATION/JSON", "3.5.0", 200),
        ("DELETE", "", "3.5.0", 415),
        ("DELETE", "application/json; charset=utf-8", "3.5.0", 415),
        ("HEAD", "", "3.5.0", 415),
        ("DELETE", "", "2.8.0", 200),
        ("DELETE", "", "2.8.8", 415),
        ("DELETE", "", "2.9.0", 200),
        ("DELETE", "", "2.9.4", 415),
    ],
)
def test_content_type_gate(method: str, content_type: str, version: str, status: int) -> None:
    reply = Lab(version).argocd(method, "/api/v1/session", headers={"content-type": content_type})
    assert reply.status == status
    if status == 415 and method != "HEAD":
        assert (reply.text, reply.content_type) == ("Invalid content type\n", "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/api/v1/applications", 404, "Not Found\n"),
        ("GET", "/api/v1/account/bob/token", 405, "Method Not Allowed\n"),
        ("PATCH", "/api/v1/account/bob", 405, "Method Not Allowed\n"),
        ("DELETE", "/api/v1/account/bob/token/a:b", 404, "Not Found\n"),
        ("DELETE", "/api/v1/account/bob/token/a%3Ab", 404, "Not Found\n"),
        ("DELETE", "/api/v1/account/bob/token/a%2Fb", 404, "Not Found\n"),
        ("GET", "/api/v1/account/can-i/clusters/get/https:%2F%2Fx:6443", 404, "Not Found\n"),
        ("GET", "/api/v1/account/can-i/clusters", 404, "Not Found\n"),
        ("GET", "/nowhere", 404, "404 page not found\n"),
    ],
)
def test_router_errors_are_plain_text(method: str, path: str, status: int, text: str) -> None:
    lab = Lab()
    reply = lab.argocd(method, path, token=lab.admin())
    assert (reply.status, reply.text, reply.content_type) == (status, text, "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/api//v1/account", "/c1/argocd/api/v1/account"),
        ("/api/v1/./account", "/c1/argocd/api/v1/account"),
        ("/api/v1/x/../account?a=b", "/c1/argocd/api/v1/account?a=b"),
        ("/api/v1/account//", "/c1/argocd/api/v1/account/"),
        ("/api/v1/account/can-i/clusters/get/https://x", "/c1/argocd/api/v1/account/can-i/clusters/get/https:/x"),
    ],
)
@pytest.mark.parametrize(("version", "status"), [("3.3.0", 301), ("3.4.0", 307)])
def test_unclean_paths_redirect(path: str, location: str, version: str, status: int) -> None:
    reply = Lab(version).argocd("GET", path)
    assert (reply.status, reply.headers["Location"]) == (status, location)
    reply = Lab(version).argocd("POST", path)
    assert (reply.status, reply.text, reply.content_type) == (status, "", "")


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("//account", "/account"),
        ("/./account", "/account"),
        ("//account?x=1&y=%22", "/account?x=1&amp;y=%22"),
        ("//a%22&b", "/a%2522&amp;b"),
        ("/account/can-i/applications/sync/team-a//x", "/account/can-i/applications/sync/team-a/x"),
        ("/account/can-i/clusters/get/https://x:6443", "/account/can-i/clusters/get/https:/x:6443"),
    ],
)
def test_a_redirect_has_a_page(path: str, link: str) -> None:
    reply = Lab("3.5.3").argocd("GET", f"/api/v1{path}")
    text = f'<a href="/c1/argocd/api/v1{link}">Temporary Redirect</a>.\n\n'
    assert (reply.status, reply.text, reply.content_type) == (307, text, "text/html; charset=utf-8")


def test_escaped_slashes_and_stars_reach_the_handler() -> None:
    lab = Lab()
    for item in ("*/*", "%2A%2F%2A", "%2A/%2A"):
        assert lab.can_i(lab.admin(), f"logs/get/{item}") == "yes"


def test_a_trailing_slash_names_the_account_without_a_name() -> None:
    lab = Lab()
    reply = lab.argocd("GET", "/api/v1/account/", token=lab.admin())
    assert reply.error == (404, 5, "account '' does not exist")


def test_a_browser_gets_the_user_interface_for_any_path() -> None:
    reply = Lab().argocd("GET", "/argo-cd/api/v1/account", headers={"accept": "text/html,*/*"})
    assert (reply.status, reply.content_type) == (200, "text/html; charset=utf-8")


def test_health_needs_no_login() -> None:
    assert Lab().argocd("GET", "/healthz?full=true").text == "ok\n"


def test_numbers_are_numbers_and_empty_fields_are_left_out() -> None:
    lab = Lab()
    lab.configure(accounts__bob="apiKey", accounts__eve="", accounts__eve__enabled="false")
    lab.create_token("bob", "ci", 60)
    issued = int(lab.cluster.clock.now())
    bob = lab.argocd("GET", "/api/v1/account/bob", token=lab.admin())
    token = bob.json["tokens"][0]
    assert token == {"id": "ci", "issuedAt": pytest.approx(issued, abs=2), "expiresAt": token["issuedAt"] + 60}
    assert lab.argocd("GET", "/api/v1/account/eve", token=lab.admin()).text == '{"name":"eve"}'


def test_errors_keep_their_key_order_and_success_its_header() -> None:
    lab = Lab()
    reply = lab.argocd("GET", "/api/v1/account")
    assert reply.text == '{"error":"no session information","code":16,"message":"no session information"}'
    assert lab.argocd("GET", "/api/v1/session/userinfo").headers["Grpc-Metadata-Content-Type"] == "application/grpc"


def test_json_is_escaped_as_go_does() -> None:
    assert encode({"a": "<&>\u2028é"}) == '{"a":"\\u003c\\u0026\\u003e\\u2028é"}'


INT64 = "into Go struct field CreateTokenRequest.expiresIn of type int64"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"expiresIn":"3600"}', f"json: cannot unmarshal string {INT64}"),
        (b'{"expiresIn":1.5}', f"json: cannot unmarshal number 1.5 {INT64}"),
        (b'{"expiresIn":1e3}', f"json: cannot unmarshal number 1e3 {INT64}"),
        (b'{"EXPIRESIN":true}', f"json: cannot unmarshal bool {INT64}"),
        (b'{"id":7}', "json: cannot unmarshal number into Go struct field CreateTokenRequest.id of type string"),
        (b"{", "unexpected EOF"),
        (b"oops", "invalid character 'o' looking for beginning of value"),
    ],
)
def test_a_bad_body_is_refused_before_anybody_is_authenticated(body: bytes, message: str) -> None:
    assert Lab().argocd("POST", "/api/v1/account/admin/token", body).error == (400, 3, message)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/api/v1/session", "session.SessionCreateRequest"),
        ("POST", "/api/v1/account/admin/token", "account.CreateTokenRequest"),
        ("PUT", "/api/v1/account/password", "account.UpdatePasswordRequest"),
    ],
)
@pytest.mark.parametrize(("body", "kind"), [(b"[]", "array"), (b'"x"', "string")])
def test_a_body_that_is_no_object_names_the_message(method: str, path: str, name: str, body: bytes, kind: str) -> None:
    message = f"json: cannot unmarshal {kind} into Go value of type {name}"
    assert Lab().argocd(method, path, body).error == (400, 3, message)


@pytest.mark.parametrize("body", [b"", b"{} trailing", b'{"unknown":1,"ID":null}', {"Id": "x", "name": "other"}])
def test_lenient_bodies(body: Any) -> None:
    lab = Lab()
    lab.configure(accounts__bob="apiKey")
    assert lab.argocd("POST", "/api/v1/account/bob/token", body, token=lab.admin()).status == 200
