# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argo CD's API over a real connection: paths and headers as its routes need them, errors by code and not by text."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pytest
from scripted_server import HANG_UP, SEKRET, Answer, ScriptedServer

from ansible_collections.fleetops.argocd.plugins.module_utils._clients.argocd import (
    ArgocdClient,
    Credentials,
    ListedAccount,
    is_broken_policy,
    normalize_url,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._clients.http import HttpClient, new_session
from ansible_collections.fleetops.argocd.plugins.module_utils._core.accounts import Account
from ansible_collections.fleetops.argocd.plugins.module_utils._core.checks import Check
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    Absent,
    ApiError,
    Conflict,
    Denied,
    InvalidInput,
    Refused,
    SinkError,
    Unauthenticated,
    UnexpectedReply,
    Unreachable,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.signing import sign_token
from ansible_collections.fleetops.argocd.plugins.module_utils._core.tokens import ListedToken

OURS = "a.SEKRET-OURS.b"
SESSION = "a.SEKRET-SESSION.b"
TOKEN = Credentials(token=OURS)
PASSWORD = Credentials(username="admin", password="SEKRET-PASSWORD")


@dataclass
class Lab:
    server: ScriptedServer
    remembered: list[str] = field(default_factory=list)

    def client(self, credentials: Credentials = TOKEN, *, root: str = "") -> ArgocdClient:
        http = HttpClient(
            name="Argo CD", base_url=self.server.url + root, session=new_session(), sleep=lambda _seconds: None
        )
        return ArgocdClient(http, credentials, remember=self.remembered.append)

    def sent(self) -> list[tuple[str, str]]:
        return [(request.method, request.target) for request in self.server.requests]


@pytest.fixture
def lab(server: ScriptedServer) -> Lab:
    return Lab(server)


def problem(status: int, code: int, message: str = "no") -> Answer:
    return Answer(status, {"error": message, "code": code, "message": message})


# --- the address ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("argocd.example.com", "https://argocd.example.com"),
        (" argocd.example.com:8443/ ", "https://argocd.example.com:8443"),
        ("http://x", "http://x"),
        ("https://x/root/path/", "https://x/root/path"),
        ("x/root", "https://x/root"),
    ],
)
def test_an_address_is_taken_with_or_without_scheme_and_keeps_its_root_path(given: str, url: str) -> None:
    assert normalize_url(given) == url


@pytest.mark.parametrize(
    "given", ["", "https://", "https:///", "ftp://x", "https://me:SEKRET@x", "x?token=SEKRET", "x#SEKRET", "SEKRET@x"]
)
def test_an_address_that_holds_more_or_nothing_is_refused_without_quoting_it(given: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        normalize_url(given)
    assert str(caught.value).startswith("cannot use argocd_url: ")
    assert "SEKRET" not in str(caught.value)


GONE = Account(name="octopus", exists=False, enabled=True, capabilities=())
STOPPED = Account(name="octopus", exists=True, enabled=False, capabilities=("apiKey", "login"))
FOR_LOGIN = Account(name="octopus", exists=True, enabled=True, capabilities=("login",))
ITS_TOKEN = sign_token(b"key", account="octopus", token_id="a", issued_at=datetime.now(timezone.utc), expires_in=None)
FOR_TOKENS = Account(name="octopus", exists=True, enabled=True, capabilities=("apiKey",))


@pytest.mark.parametrize(
    ("credentials", "ending", "lasting"),
    [
        (Credentials(username="octopus", password="x"), [GONE, STOPPED, FOR_TOKENS], [FOR_LOGIN]),
        (Credentials(token=ITS_TOKEN), [GONE, STOPPED, FOR_LOGIN], [FOR_TOKENS]),
        (Credentials(username="admin", password="x"), [], [GONE, STOPPED, FOR_TOKENS]),
        (Credentials(token="of-another-issuer"), [], [GONE, STOPPED, FOR_LOGIN]),
    ],
    ids=["its-password", "its-token", "another", "unknown"],
)
def test_which_login_ends_with_an_account(
    lab: Lab, credentials: Credentials, ending: list[Account], lasting: list[Account]
) -> None:
    client = lab.client(credentials)
    assert [client.lives_on(account) for account in ending] == [False] * len(ending)
    assert [client.lives_on(account) for account in lasting] == [True] * len(lasting)


# --- logging in ----------------------------------------------------------------------------------------------------


def test_a_login_is_made_once_when_first_needed_and_its_token_masked(lab: Lab) -> None:
    lab.server.script(Answer(200, {"token": SESSION}))
    client = lab.client(PASSWORD)
    assert lab.sent() == []
    client.account("a")
    client.account("b")
    assert lab.sent() == [("POST", "/api/v1/session"), ("GET", "/api/v1/account/a"), ("GET", "/api/v1/account/b")]
    login, first, second = lab.server.requests
    assert json.loads(login.body) == {"username": "admin", "password": "SEKRET-PASSWORD"}
    assert login.values("Content-Type") == ["application/json"]
    assert (login.values("Authorization"), lab.remembered) == ([], [SESSION])
    assert first.values("Authorization") == second.values("Authorization") == [f"Bearer {SESSION}"]


@pytest.mark.parametrize(
    "answer",
    [Answer(401, "<html>", "text/html"), Answer(401, {"kind": "Status", "code": 401, "message": "Unauthorized"})],
    ids=["proxy", "kubernetes"],
)
def test_a_login_refused_by_another_server_is_no_wrong_password(lab: Lab, answer: Answer) -> None:
    lab.server.script(answer)
    with pytest.raises(UnexpectedReply) as caught:
        lab.client(PASSWORD).account("a")
    assert str(caught.value) == f"cannot log in as admin: Argo CD answers HTTP 401{NOT_AS_ARGO_CD}"
    assert lab.sent() == [("POST", "/api/v1/session")]


@pytest.mark.parametrize(("status", "code"), [(500, 2), (500, 13), (503, 14)])
def test_a_login_that_argo_cd_itself_cannot_answer_says_where_to_look_by_status_and_not_by_text(
    lab: Lab, status: int, code: int
) -> None:
    lab.server.script(problem(status, code, "words of the server"))
    with pytest.raises(UnexpectedReply) as caught:
        lab.client(PASSWORD).account("a")
    assert str(caught.value) == (
        f"cannot log in as admin: words of the server (HTTP {status}); see the log of argocd-server; a value of any "
        "account in argocd-cm or argocd-secret that it cannot read, such as a passwordMtime that is not a time, is "
        "enough: correct it there"
    )
    assert (caught.value.status, caught.value.code) == (status, code)


def test_no_other_answer_than_5xx_to_a_login_and_no_other_call_says_so(lab: Lab) -> None:
    lab.server.script(
        problem(400, 3), Answer(200, {"token": SESSION}), problem(500, 13), Answer(502, "<html>", "text/html")
    )
    client = lab.client(PASSWORD)
    for said in ("cannot log in as admin: no (HTTP 400)", "cannot read account a: no (HTTP 500)"):
        with pytest.raises(UnexpectedReply) as caught:
            client.account("a")
        assert str(caught.value) == said
    with pytest.raises(UnexpectedReply) as caught:
        lab.client(PASSWORD).account("a")
    assert str(caught.value) == f"cannot log in as admin: Argo CD answers HTTP 502{NOT_AS_ARGO_CD}"


def test_a_refused_login_is_never_tried_again_by_whatever_call(lab: Lab) -> None:
    lab.server.script(problem(401, 16, "Invalid username or password"))
    client = lab.client(PASSWORD)
    for call in (client.account, client.project_uid, client.may_update, client.account):
        with pytest.raises(Unauthenticated) as caught:
            call("a")
        assert str(caught.value) == (
            "cannot log in as admin: Argo CD refuses (HTTP 401); check name and password, that the account is enabled "
            "and may log in; after 5 failures it refuses for 5 minutes. It was not tried again"
        )
    assert lab.sent() == [("POST", "/api/v1/session")]


def test_a_refused_login_hinders_no_call_that_needs_none(lab: Lab) -> None:
    lab.server.script(problem(401, 16, "Invalid username or password"), Answer(200, {"Version": "v3.5.3"}))
    client = lab.client(PASSWORD)
    with pytest.raises(Unauthenticated):
        client.account("a")
    assert (client.version(), client.account("a", token=OURS).name) == ("v3.5.3", "a")


def test_a_refusal_that_is_forgotten_allows_one_more_login(lab: Lab) -> None:
    lab.server.script(problem(401, 16, "Account admin is disabled"), Answer(200, {"token": SESSION}))
    client = lab.client(PASSWORD)
    with pytest.raises(Unauthenticated):
        client.account("a")
    client.forget_refusal()
    client.account("a")
    assert [method for method, _target in lab.sent()] == ["POST", "POST", "GET"]


@pytest.mark.parametrize("answer", [Answer(503), Answer(429), HANG_UP])
def test_a_login_that_got_no_answer_is_not_tried_again_either(lab: Lab, answer: Answer) -> None:
    lab.server.script(answer)
    with pytest.raises((UnexpectedReply, Unreachable)):
        lab.client(PASSWORD).account("a")
    assert len(lab.sent()) == 1


@pytest.mark.parametrize(
    "credentials", [Credentials(), Credentials(username="admin"), Credentials(password="SEKRET"), Credentials(token="")]
)
def test_without_credentials_nothing_is_sent(lab: Lab, credentials: Credentials) -> None:
    client = lab.client(credentials)
    with pytest.raises(InvalidInput) as caught:
        client.account("a")
    assert str(caught.value) == (
        "cannot log in to Argo CD: no credentials; set argocd_auth_token, or argocd_username and argocd_password"
    )
    assert (client.has_credentials, lab.sent()) == (False, [])


def test_a_given_token_needs_no_login_and_survives_closing(lab: Lab) -> None:
    client = lab.client()
    client.account("a")
    client.close()
    assert lab.sent() == [("GET", "/api/v1/account/a")]


@pytest.mark.parametrize("answer", [Answer(303, headers=(("Location", "/"),)), Answer(500), HANG_UP])
def test_closing_ends_our_own_session_once_whatever_the_server_says(lab: Lab, answer: Answer) -> None:
    lab.server.script(Answer(200, {"token": SESSION}), Answer(), *[answer] * 3)
    client = lab.client(PASSWORD, root="/root")
    client.account("a")
    client.close()
    logouts = [request for request in lab.server.requests if request.target == "/root/auth/logout"]
    assert logouts[0].values("Cookie") == [f"argocd.token={SESSION}"]
    assert logouts[0].values("Authorization") == []
    client.close()
    assert len(lab.server.requests) == 2 + len(logouts)


def test_closing_hides_no_other_error(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a run that has failed: what it raised is what counts, whatever stands in the way of logging out."""
    asked: list[str] = []

    def refuse(_http: HttpClient, _method: str, path: str, **_options: Any) -> Any:
        asked.append(path)
        raise Refused("cannot reach Argo CD")

    lab.server.script(Answer(200, {"token": SESSION}), Answer())
    client = lab.client(PASSWORD)
    client.account("a")
    monkeypatch.setattr(HttpClient, "send", refuse)
    client.close()
    assert asked == ["/auth/logout"]


def test_credentials_show_no_secret() -> None:
    assert "SEKRET" not in repr(PASSWORD) + repr(TOKEN)


# --- the calls as they go over the wire ----------------------------------------------------------------------------

NOT_AS_ARGO_CD = ", and not as Argo CD does; check host and root path in argocd_url, and whether a proxy is in between"
CALLS: dict[str, tuple[Callable[[ArgocdClient], Any], str, str, Any]] = {
    "userinfo": (lambda c: c.accepts(SEKRET, account="a"), "GET", "/api/v1/session/userinfo", None),
    "account": (lambda c: c.account("a"), "GET", "/api/v1/account/a", None),
    "accounts": (lambda c: c.accounts(), "GET", "/api/v1/account", None),
    "project": (lambda c: c.project_uid("a/b"), "GET", "/api/v1/projects/a%2Fb", None),
    "url": (lambda c: c.configured_url(), "GET", "/api/v1/settings", None),
    "mint-for-ever": (
        lambda c: c.create_token("a", token_id="i", expires_in=None),
        "POST",
        "/api/v1/account/a/token",
        {"id": "i"},
    ),
    "mint-expiring": (
        lambda c: c.create_token("a", token_id="i", expires_in=3600),
        "POST",
        "/api/v1/account/a/token",
        {"id": "i", "expiresIn": 3600},
    ),
    "revoke": (lambda c: c.delete_token("a", "a-1.b"), "DELETE", "/api/v1/account/a/token/a-1.b", None),
}


@pytest.mark.parametrize(("call", "method", "target", "body"), CALLS.values(), ids=CALLS)
def test_a_call_is_the_route_it_should_be(
    lab: Lab, call: Callable[[ArgocdClient], Any], method: str, target: str, body: Any
) -> None:
    lab.server.script(Answer(200, {"token": SESSION, "metadata": {"uid": "u"}}))
    call(lab.client(root="/root"))
    (request,) = lab.server.requests
    assert (request.method, request.target) == (method, f"/root{target}")
    assert (json.loads(request.body) if request.body else None) == body
    # Argo CD answers 415 to any method but GET with another content type, DELETE without a body included.
    assert request.values("Content-Type") == ([] if method == "GET" else ["application/json"])


@pytest.mark.parametrize(
    ("check", "path"),
    [
        (Check("get", "clusters"), "clusters/get/%2A"),
        (Check("get", "logs", "*/*"), "logs/get/%2A%2F%2A"),
        (Check("sync", "applications", "p/a b"), "applications/sync/p%2Fa%20b"),
        (Check("get", "clusters", "https://x/y"), "clusters/get/https%3A%2F%2Fx%2Fy"),
        (Check("get", "applications", "p/../x//%2A?q#f"), "applications/get/p%2F..%2Fx%2F%2F%252A%3Fq%23f"),
        (Check("get", "applications", "ä"), "applications/get/%C3%A4"),
    ],
)
def test_a_question_is_one_encoded_segment_so_that_no_other_question_is_asked(
    lab: Lab, check: Check, path: str
) -> None:
    lab.server.script(Answer(200, {"value": "yes"}))
    assert lab.client().can_i(check, token=SEKRET) is True
    (request,) = lab.server.requests
    assert request.target == f"/api/v1/account/can-i/{path}"
    assert request.values("Authorization") == [f"Bearer {SEKRET}"]


@pytest.mark.parametrize(("value", "allowed"), [("yes", True), ("no", False)])
def test_yes_is_yes_and_no_is_no(lab: Lab, value: str, allowed: bool) -> None:  # noqa: FBT001 # an expectation
    lab.server.script(Answer(200, {"value": value}))
    assert lab.client().can_i(Check("get", "clusters")) is allowed


@pytest.mark.parametrize("body", [{}, {"value": "Yes"}, {"value": True}, {"value": ""}])
def test_any_other_answer_is_neither(lab: Lab, body: dict[str, Any]) -> None:
    lab.server.script(Answer(200, body))
    with pytest.raises(UnexpectedReply) as caught:
        lab.client().can_i(Check("get", "clusters"))
    assert str(caught.value) == "cannot ask can-i get clusters *: the answer is neither yes nor no"


YES, NO = Answer(200, {"value": "yes"}), Answer(200, {"value": "no"})
OCTOPUS = Answer(200, {"loggedIn": True, "username": "octopus"})
SOMEBODY = Answer(200, {"loggedIn": True, "username": "somebody"})


@pytest.mark.parametrize(
    ("answers", "allowed"),
    [
        ([YES], True),
        ([NO, OCTOPUS], True),
        ([NO, SOMEBODY], False),
        # Of a server before 2.14, and of one with a broken policy.
        ([problem(400, 3)], True),
        ([problem(500, 13)], True),
    ],
    ids=["allowed", "for itself", "not allowed", "no such question", "broken policy"],
)
def test_a_login_may_mint_unless_the_server_clearly_says_no(lab: Lab, answers: list[Answer], allowed: bool) -> None:  # noqa: FBT001 # an expectation
    lab.server.script(*answers)
    assert lab.client().may_update("octopus") is allowed
    asked = [("GET", "/api/v1/account/can-i/accounts/update/octopus"), ("GET", "/api/v1/session/userinfo")]
    assert lab.sent() == asked[: len(answers)]


def test_whoever_logs_in_as_the_account_is_not_asked_about(lab: Lab) -> None:
    assert lab.client(PASSWORD).may_update("admin")
    assert lab.sent() == []


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        ({"loggedIn": True, "username": "octopus", "iss": "argocd"}, True),
        ({"loggedIn": True, "username": "octopus-eu"}, False),
        ({"username": "octopus"}, False),
        ({"iss": "sso"}, False),
        ({}, False),
    ],
)
def test_only_userinfo_of_the_same_name_proves_a_token(
    lab: Lab,
    body: dict[str, Any],
    accepted: bool,  # noqa: FBT001 # an expectation of the table
) -> None:
    lab.server.script(Answer(200, body))
    assert lab.client().accepts(SEKRET, account="octopus") is accepted
    assert lab.server.requests[0].values("Authorization") == [f"Bearer {SEKRET}"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (problem(401, 16, "invalid session: token is expired"), "invalid session: token is expired"),
        (problem(403, 7, "permission denied"), ""),
        (Answer(200, {"name": "octopus"}), ""),
        (Answer(401, "<html>log in here</html>"), ""),
    ],
    ids=["refused", "anonymous-and-denied", "anonymous-and-allowed", "another-server"],
)
def test_why_a_token_is_refused_is_told_in_argo_cds_words_only(lab: Lab, answer: Answer, words: str) -> None:
    lab.server.script(answer)
    assert lab.client().why_refused(SEKRET, account="octopus") == words
    assert lab.server.requests[0].values("Authorization") == [f"Bearer {SEKRET}"]


def test_an_account_mints_for_itself_with_its_own_token(lab: Lab) -> None:
    lab.server.script(Answer(200, {"token": SESSION}))
    assert lab.client(PASSWORD).create_token("a", token_id="i", expires_in=None, token=SEKRET) == SESSION
    assert lab.server.requests[0].values("Authorization") == [f"Bearer {SEKRET}"]


def test_what_argo_cd_omits_is_read_as_it_means(lab: Lab) -> None:
    tokens = [{"id": "i", "issuedAt": 1_700_000_000, "expiresAt": 1_700_003_600}, {"id": "j"}]
    lab.server.script(
        Answer(200, {"name": "a", "enabled": True, "capabilities": ["apiKey"], "tokens": tokens}),
        Answer(200, {"name": "a"}),
        Answer(200, {"items": [{"name": "b", "enabled": True}]}),
        Answer(200, {}),
    )
    client = lab.client()
    issued = datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)
    expires = datetime(2023, 11, 14, 23, 13, 20, tzinfo=timezone.utc)
    listed = (ListedToken("i", issued, expires), ListedToken("j", None, None))
    assert client.account("a") == ListedAccount("a", enabled=True, capabilities=("apiKey",), tokens=listed)
    assert client.account("a") == ListedAccount("a", enabled=False, capabilities=(), tokens=())
    assert client.accounts() == [ListedAccount("b", enabled=True, capabilities=(), tokens=())]
    assert client.accounts() == []


def test_a_minted_token_is_masked_and_one_that_is_missing_an_error(lab: Lab) -> None:
    lab.server.script(Answer(200, {"token": SESSION}), Answer(200, {}))
    client = lab.client()
    assert client.create_token("a", token_id="i", expires_in=None) == SESSION
    assert lab.remembered == [SESSION]
    with pytest.raises(UnexpectedReply) as caught:
        client.create_token("a", token_id="i", expires_in=None)
    assert (
        str(caught.value)
        == "cannot mint a token for account a: the answer has no token; is argocd_url the address of an Argo CD?"
    )


def test_revoking_tells_whether_the_token_was_there(lab: Lab) -> None:
    lab.server.script(Answer(200, {}), problem(404, 5, "token with id 'i' does not exist"))
    client = lab.client()
    assert client.delete_token("a", "i") is True
    assert client.delete_token("a", "i") is False


# --- errors --------------------------------------------------------------------------------------------------------

KINDS: list[tuple[int, int, type[ApiError]]] = [
    (401, 16, Unauthenticated),
    (403, 7, Denied),
    (404, 5, Absent),
    (409, 10, Conflict),
    (400, 3, UnexpectedReply),
    (408, 1, UnexpectedReply),
    (500, 2, UnexpectedReply),
    (500, 13, UnexpectedReply),
]


@pytest.mark.parametrize(("status", "code", "kind"), KINDS)
def test_an_error_is_told_by_status_and_code_with_the_servers_words(
    lab: Lab, status: int, code: int, kind: type[ApiError]
) -> None:
    lab.server.script(problem(status, code, "in its own words"))
    with pytest.raises(ApiError) as caught:
        lab.client().create_token("a", token_id="i", expires_in=None)
    assert caught.type is kind
    hint = "; argocd_auth_token is refused: has it expired, was it revoked, or is it of another Argo CD?"
    told = f"cannot mint a token for account a: in its own words (HTTP {status})"
    assert str(caught.value) == (told + hint if status == 401 else told)
    assert (caught.value.status, caught.value.code) == (status, code)


NOT_ARGO_CD = {
    "router": Answer(404, "Not Found\n", "text/plain"),
    "gateway": Answer(502, f"<html>{SEKRET}", "text/html"),
    "gate": Answer(415, "Invalid content type\n", "text/plain"),
    "json-of-a-proxy": Answer(403, {"message": SEKRET}),
    "code-that-is-a-word": Answer(403, {"code": "forbidden", "message": SEKRET}),
    "code-that-is-nothing": Answer(403, {"code": None, "message": SEKRET}),
    "json-list": Answer(500, f'["{SEKRET}"]'),
}


@pytest.mark.parametrize("answer", NOT_ARGO_CD.values(), ids=NOT_ARGO_CD)
def test_an_error_that_is_not_argo_cds_is_told_without_its_content(lab: Lab, answer: Answer) -> None:
    lab.server.script(answer)
    with pytest.raises(UnexpectedReply) as caught:
        lab.client().create_token("a", token_id="i", expires_in=None)
    message = f"cannot mint a token for account a: Argo CD answers HTTP {answer.status}{NOT_AS_ARGO_CD}"
    assert str(caught.value) == message
    assert (caught.value.status, caught.value.code) == (answer.status, None)


READS: list[Callable[[ArgocdClient], Any]] = [call for call, *_rest in CALLS.values()]


@pytest.mark.parametrize("text", ["[]", "null", "7", '"x"', "", "<html>SEKRET</html>"])
@pytest.mark.parametrize("call", READS, ids=CALLS)
def test_a_200_that_is_no_object_is_an_error_of_ours(lab: Lab, call: Callable[[ArgocdClient], Any], text: str) -> None:
    lab.server.script(Answer(200, text, "text/html"))
    with pytest.raises(UnexpectedReply) as caught:
        call(lab.client())
    assert "SEKRET" not in str(caught.value)


def test_only_an_internal_error_means_a_broken_policy(lab: Lab) -> None:
    lab.server.script(*[problem(status, code) for status, code, _kind in KINDS])
    client, found = lab.client(), []
    for status, code, _kind in KINDS:
        with pytest.raises(ApiError) as caught:
            client.can_i(Check("get", "projects", "x"))
        found += [(status, code)] if is_broken_policy(caught.value) else []
    assert found == [(500, 13)]
    assert not is_broken_policy(SinkError("x"))
