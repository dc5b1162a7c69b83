# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one HTTP stack over a real server: what is sent again, what is refused, and what an error may say."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from scripted_server import HANG_UP, SEKRET, Answer, ScriptedServer

from ansible_collections.fleetops.argocd.plugins.module_utils._clients.http import HttpClient, Reply, new_session
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import UnexpectedReply, Unreachable

BEARER = {"Authorization": f"Bearer {SEKRET}"}
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Client(HttpClient):
    """Keeps how long it slept, and sends with a token in a header and a body."""

    def __init__(self, base_url: str, **session: Any) -> None:
        self.slept: list[float] = []
        new = new_session(**session)
        super().__init__(name="the server", base_url=base_url, session=new, sleep=self.slept.append, timeout=10)

    def try_it(self, method: str = "GET", **changes: Any) -> Reply:
        body = None if method == "GET" else {"password": SEKRET}
        return self.send(method, "/x", **{"about": "cannot read x", "auth": BEARER, "body": body, **changes})


def failure(client: Client, method: str = "GET", **changes: Any) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        client.try_it(method, **changes)
    assert "SEKRET" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


# --- sending again -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_read_is_sent_again_while_the_server_is_busy(server: ScriptedServer, status: int) -> None:
    server.script(Answer(status), Answer(status), Answer(200, {"a": 1}))
    client = Client(server.url)
    assert client.try_it().json(about="x") == {"a": 1}
    assert (len(server.requests), client.slept) == (3, [0.4, 0.8])


def test_a_read_is_given_up_with_the_last_answer(server: ScriptedServer) -> None:
    server.script(*[Answer(503)] * 4)
    assert Client(server.url).try_it().status == 503
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409, 500, 501])
def test_an_answer_that_says_something_is_taken_at_once(server: ScriptedServer, status: int) -> None:
    server.script(Answer(status))
    assert Client(server.url).try_it().status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_write_is_never_sent_again(server: ScriptedServer, method: str, status: int) -> None:
    server.script(Answer(status))
    assert Client(server.url).try_it(method).status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", WRITES)
def test_a_write_whose_answer_was_lost_may_have_happened(server: ScriptedServer, method: str) -> None:
    server.script(HANG_UP)
    error = failure(Client(server.url), method)
    assert (str(error), error.sent) == (
        "cannot read x: the server closed the connection before it answered; does it speak https?",
        True,
    )
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", WRITES)
def test_the_same_behind_a_proxy(server: ScriptedServer, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server.script(HANG_UP)
    monkeypatch.setenv("HTTP_PROXY", server.url)
    assert failure(Client("http://behind.example"), method).sent is True
    assert [request.target for request in server.requests] == ["http://behind.example/x"]


@pytest.mark.parametrize(("answer", "sent"), [(Answer(407), False), (Answer(502), False), (HANG_UP, True)])
def test_a_proxy_that_refuses_the_tunnel_has_sent_nothing(
    server: ScriptedServer,
    answer: Answer,
    sent: bool,  # noqa: FBT001 # a case of the table
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.script(answer)
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    error = failure(Client("https://behind.example"), "POST")
    assert (error.sent, "cannot be reached through the proxy" in str(error)) == (sent, not sent)


def test_a_read_whose_answer_was_lost_is_sent_again(server: ScriptedServer) -> None:
    server.script(HANG_UP, HANG_UP)
    assert Client(server.url).try_it().status == 200
    assert len(server.requests) == 3


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken and that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_refused_connection_is_said_and_nothing_was_sent(closed_port: int) -> None:
    client = Client(f"http://127.0.0.1:{closed_port}")
    error = failure(client, "POST")
    assert (str(error), error.sent, error.status) == (
        "cannot read x: the server cannot be reached (Connection refused); check the address and the way there",
        False,
        None,
    )
    assert client.slept == []
    failure(client)
    assert client.slept == [0.4, 0.8]


def test_a_server_that_does_not_answer_in_time_may_have_worked_on_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        session = new_session()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = HttpClient(name="the server", base_url=url, session=session, sleep=lambda _s: None, timeout=0.05)
        with pytest.raises(Unreachable) as caught:
            client.send("POST", "/x", about="cannot write x")
    assert str(caught.value).startswith("cannot write x: the server did not answer in time; ")
    assert caught.value.sent


@pytest.mark.parametrize("url", ["http://", "http://:80", "ftp://x", "http://a b", "https://[::1"])
def test_an_address_that_is_none_is_an_error_of_ours(url: str) -> None:
    assert failure(Client(url), "POST").sent is False


# --- what is not followed, what is not JSON ------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", *WRITES])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_the_token_goes_nowhere_else(
    server: ScriptedServer, method: str, status: int
) -> None:
    server.script(Answer(status, headers=(("Location", f"{server.url}/elsewhere?{SEKRET}"),)))
    with pytest.raises(UnexpectedReply) as caught:
        Client(server.url).try_it(method)
    assert str(caught.value) == (
        f"cannot read x: the server redirects (HTTP {status}); give the address it redirects to: check http or https, "
        "the host and the root path"
    )
    assert caught.value.status == status
    assert [request.target for request in server.requests] == ["/x"]


def test_a_page_instead_of_json_is_said_by_its_kind_and_not_quoted(server: ScriptedServer) -> None:
    server.script(Answer(200, f"<html>{SEKRET}", "text/html"))
    reply = Client(server.url).try_it()
    with pytest.raises(UnexpectedReply) as caught:
        reply.json(about="cannot read x")
    assert str(caught.value) == (
        "cannot read x: the answer (HTTP 200, text/html) is not JSON; is this the right address, and is a proxy or a "
        "login page in between?"
    )
    assert (reply.json_or_none(), caught.value.__context__) == (None, None)
    assert "SEKRET" not in repr(reply)


# --- TLS -----------------------------------------------------------------------------------------------------------


def test_a_certificate_signed_by_the_given_ca_is_trusted(tls_server: ScriptedServer, ca_file: str) -> None:
    assert Client(tls_server.url, verify=ca_file).try_it().status == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_certificate_of_another_ca_is_refused_before_anything_is_sent(
    tls_server: ScriptedServer, other_ca_file: str, method: str
) -> None:
    for verify in (True, other_ca_file):
        error = failure(Client(tls_server.url, verify=verify), method)
        assert "has a certificate that is not trusted (" in str(error)
        assert str(error).endswith("); set the CA option to the CA file that signed it")
        assert error.sent is False
    assert tls_server.requests == []


def test_a_certificate_of_another_host_is_refused_unless_that_name_is_given(
    tls_server: ScriptedServer, ca_file: str
) -> None:
    url = tls_server.url.replace("127.0.0.1", "localhost")
    error = failure(Client(url, verify=ca_file))
    assert "has a certificate that is not trusted (" in str(error)
    assert Client(url, verify=ca_file, server_name="127.0.0.1").try_it().status == 200


def test_verification_can_be_switched_off(tls_server: ScriptedServer) -> None:
    with pytest.warns(match="Unverified HTTPS request"):
        assert Client(tls_server.url, verify=False).try_it().status == 200


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_ca_bundle_of_the_environment_does_not_beat_the_option(
    tls_server: ScriptedServer, ca_file: str, other_ca_file: str, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, other_ca_file)
    assert Client(tls_server.url, verify=ca_file).try_it().status == 200


def test_https_to_a_plain_server_is_said(server: ScriptedServer, ca_file: str) -> None:
    error = failure(Client(server.url.replace("http:", "https:"), verify=ca_file), "POST")
    assert str(error).startswith("cannot read x: the server does not speak TLS as expected (")
    assert str(error).endswith("); is it plain http?")
    assert error.sent is False


def test_plain_http_to_a_tls_server_is_an_error_of_ours(tls_server: ScriptedServer) -> None:
    failure(Client(tls_server.url.replace("https:", "http:")))
    assert tls_server.requests == []


def test_a_ca_file_that_is_not_there_is_said(tls_server: ScriptedServer, tmp_path: Path) -> None:
    error = failure(Client(tls_server.url, verify=str(tmp_path / "missing.pem")))
    assert "cannot be asked: no such file; check the CA option or the client certificate" in str(error)
    assert error.sent is False


# --- headers -------------------------------------------------------------------------------------------------------


def test_netrc_does_not_replace_the_token(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    Client(server.url).try_it()
    Client(server.url).try_it(auth=None)
    assert [request.values("Authorization") for request in server.requests] == [[f"Bearer {SEKRET}"], []]


def test_a_list_becomes_one_header_line_per_item(server: ScriptedServer) -> None:
    Client(server.url).try_it(auth={"Impersonate-Group": ["a", "b,c"], "Authorization": "x"})
    assert server.requests[0].values("Impersonate-Group") == ["a", "b,c"]


@pytest.mark.parametrize("value", [f"Bearer {SEKRET}\n", f"Bearer {SEKRET}\r\nX: y", f"Bearer {SEKRET}\u2026"])
def test_a_token_no_header_can_hold_is_an_error_without_it(server: ScriptedServer, value: str) -> None:
    error = failure(Client(server.url), auth={"Authorization": value})
    assert str(error) == (
        "cannot read x: the server cannot be asked: a token, password or header has a line end or another character no "
        "header can hold"
    )
    assert (error.sent, server.requests) == (False, [])


def test_the_body_is_json_and_parameters_go_into_the_address(server: ScriptedServer) -> None:
    Client(server.url + "/root/").try_it("POST", body={"ä": 1}, params={"fieldManager": "a b"})
    (request,) = server.requests
    assert (request.target, request.body) == ("/root/x?fieldManager=a+b", '{"\\u00e4": 1}')


def test_the_servers_clock_is_known_after_an_answer(server: ScriptedServer) -> None:
    client = Client(server.url)
    assert client.server_time is None
    client.try_it()
    assert client.server_time is not None
    assert client.server_time.tzinfo is not None


@pytest.mark.parametrize(
    ("headers", "moment"),
    [
        ({"Date": "Sat, 31 Jan 2026 12:00:00 GMT"}, datetime(2026, 1, 31, 12, tzinfo=timezone.utc)),
        ({"Date": "Sat, 31 Jan 2026 12:00:00 -0000"}, datetime(2026, 1, 31, 12, tzinfo=timezone.utc)),
        (
            {"Date": "Sat, 31 Jan 2026 12:00:00 GMT, Sat, 31 Jan 2026 12:00:01 GMT"},
            datetime(2026, 1, 31, 12, tzinfo=timezone.utc),
        ),
        ({"Date": "yesterday"}, None),
        ({}, None),
    ],
)
def test_a_date_header_is_read_where_it_is_one(headers: dict[str, str], moment: datetime | None) -> None:
    assert Reply(200, "", headers).date == moment
