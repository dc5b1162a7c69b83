# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One key of a secret in a KV engine: the other keys stay, two writers never mix, nothing is written for nothing.

The server is a double with OpenBao's answers; the target sink_hashicorp_vault asks a real one the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.fleetops.argocd.plugins.module_utils._clients import vault
from ansible_collections.fleetops.argocd.plugins.module_utils._clients.http import Reply
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    Denied,
    InvalidInput,
    UnexpectedReply,
    Unreachable,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.token_text import TokenFormat
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.hashicorp_vault import (
    HashicorpVaultSink,
    VaultPlace,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.port import Entry, SinkConflict, SinkError

TOKEN, NEXT = "SEKRET.one.c2ln", "SEKRET.two.c2ln"
RECORD, NEXT_RECORD = {"format": 1, "by": "one"}, {"format": 1, "by": "two"}
URL = "https://vault"
LABEL = f"key token of secret/a/b in Vault at {URL}"


class Server:
    """The secret a/b of the engine `secret`. `behind` are versions that the next reads still answer with.

    `late` is how many reads after a write are so. A standby is like that: it forwards writes and reads what it has.
    """

    def __init__(self) -> None:
        self.version = 0
        self.data: dict[str, Any] | None = None
        self.engine: dict[str, Any] = {"type": "kv", "options": {"version": "2"}}
        self.capabilities: list[str] | None = ["create", "read", "update"]
        self.before: list[Callable[[], None]] = []
        self.after: list[Callable[[], None]] = []
        self.instead: dict[str, Reply] = {}
        self.writes = 0
        self.reads = 0
        self.late = 0
        self.behind: list[tuple[int, dict[str, Any] | None]] = []
        self.slept: list[float] = []

    def put(self, data: dict[str, Any] | None) -> None:
        self.behind = [(self.version, self.data)] * self.late
        self.data, self.version = data, self.version + 1

    def send(self, method: str, path: str, *, about: str, body: Any = None) -> Reply:
        """As VaultClient does."""
        assert about.startswith("cannot ")
        if path == "sys/internal/ui/mounts/secret":
            return answer(200, {"data": self.engine})
        if path == "sys/capabilities-self":
            assert body == {"paths": ["secret/data/a/b"]}
            if self.capabilities is None:
                raise Denied(f"{about}: denied", status=403)
            return answer(200, {"data": {"capabilities": self.capabilities}})
        assert path == "secret/data/a/b"
        if method in self.instead:
            return self.instead[method]
        return self._write(body) if method == "post" else self._read()

    def _read(self) -> Reply:
        self.reads += 1
        version, data = self.behind.pop(0) if self.behind else (self.version, self.data)
        if version == 0:
            return answer(404, {"errors": []})
        return answer(404 if data is None else 200, {"data": {"data": data, "metadata": {"version": version}}})

    def _write(self, body: Any) -> Reply:
        if self.before:
            self.before.pop(0)()
        if body["options"]["cas"] != self.version:
            return answer(400, {"errors": ["SEKRET"]})
        self.put(body["data"])
        self.writes += 1
        if self.after:
            self.after.pop(0)()
        return answer(200, {"data": {"version": self.version}})


def answer(status: int, shape: Any) -> Reply:
    return Reply(status, json.dumps(shape), {"Content-Type": "application/json"})


@pytest.fixture
def server() -> Server:
    return Server()


def sink(server: Any, form: str = "raw", **place: str) -> HashicorpVaultSink:
    where = VaultPlace(**{"engine_mount_point": "secret/", "path": "/a/b/", "key": "token", **place})
    form_of = TokenFormat(form, "https://argocd")
    return HashicorpVaultSink(lambda: server, where, form_of, where=URL, sleep=server.slept.append)


def said(error: BaseException) -> str:
    assert "SEKRET" not in str(error)
    return str(error)


# --- reading and writing -------------------------------------------------------------------------------------------


def test_where_nothing_is_nothing_is_read_and_nothing_made(server: Server) -> None:
    made = sink(server)
    made.prepare()
    assert made.read() == Entry(version="0")
    assert server.writes == 0


def test_a_token_and_its_record_are_stored_beside_what_is_there_and_read_back(server: Server) -> None:
    server.put({"other": "kept", "list": [1]})
    made = sink(server)
    announced = Entry(record=RECORD)
    made.write(announced, expected=Entry())
    made.write(Entry(TOKEN, NEXT_RECORD), expected=announced)
    entry = made.read()
    assert (entry.token, entry.record, entry.stale) == (TOKEN, NEXT_RECORD, None)
    assert server.data == {
        "other": "kept",
        "list": [1],
        "token": TOKEN,
        "token_record": json.dumps(NEXT_RECORD, sort_keys=True),
    }
    made.write(Entry(), expected=Entry(TOKEN, NEXT_RECORD))
    assert server.data == {"other": "kept", "list": [1]}


def test_what_is_stored_already_makes_no_version(server: Server) -> None:
    made = sink(server)
    made.write(Entry(TOKEN, RECORD), expected=Entry())
    made.write(Entry(TOKEN, RECORD), expected=Entry(TOKEN, RECORD))
    assert server.version == 1


def test_a_deleted_version_holds_nothing_and_the_next_one_follows_it(server: Server) -> None:
    server.put({"token": TOKEN})
    server.data = None
    made = sink(server)
    assert made.read() == Entry(version="1")
    made.write(Entry(TOKEN, RECORD), expected=Entry())
    assert server.version == 2


def test_a_value_in_another_format_is_the_same_token_to_be_written_anew(server: Server) -> None:
    server.put({"token": f"argocd.token={TOKEN}"})
    made = sink(server, form="env")
    entry = made.read()
    assert (entry.token, entry.stale) == (TOKEN, "stored in another form than env")
    made.write(Entry(TOKEN), expected=entry)
    assert server.data == {"token": f"ARGOCD_SERVER=argocd\nARGOCD_AUTH_TOKEN={TOKEN}\n"}


# --- two writers ---------------------------------------------------------------------------------------------------


def test_a_token_that_changed_since_it_was_read_is_a_conflict(server: Server) -> None:
    server.put({"token": TOKEN})
    with pytest.raises(SinkConflict) as caught:
        sink(server).write(Entry(NEXT, NEXT_RECORD), expected=Entry())
    assert said(caught.value) == (
        f"cannot write {LABEL}: its value or record changed after it was read; run again to use what is there now"
    )


def test_another_key_written_in_between_is_kept_and_ours_stored(server: Server) -> None:
    server.before = [lambda: server.put({"other": "x"})]
    sink(server).write(Entry(TOKEN), expected=Entry())
    assert server.data == {"other": "x", "token": TOKEN}


def test_our_key_written_in_between_is_a_conflict(server: Server) -> None:
    server.before = [lambda: server.put({"token": NEXT})]
    with pytest.raises(SinkConflict):
        sink(server).write(Entry(TOKEN), expected=Entry())
    assert server.data == {"token": NEXT}


def test_a_secret_that_is_written_all_the_time_is_given_up(server: Server) -> None:
    server.before = [lambda: server.put({"other": "x"})] * 5
    with pytest.raises(SinkConflict, match="others wrote to the secret 5 times in a row"):
        sink(server).write(Entry(TOKEN), expected=Entry())


def test_a_write_that_is_refused_though_nobody_else_wrote_is_an_error(server: Server) -> None:
    server.instead["post"] = answer(400, {"errors": ["SEKRET"]})
    with pytest.raises(SinkError) as caught:
        sink(server).write(Entry(TOKEN), expected=Entry())
    assert not isinstance(caught.value, SinkConflict)
    assert said(caught.value) == (
        f"cannot use {LABEL}: Vault refuses the write (HTTP 400); is the value too large, or is url a standby that "
        "lags?"
    )


def test_a_lost_answer_is_an_error_and_what_is_stored_is_found_by_reading(server: Server) -> None:
    def lose() -> None:
        raise Unreachable("cannot use it: Vault closed the connection", sent=True)

    server.after = [lose]
    made = sink(server)
    with pytest.raises(SinkError, match="closed the connection"):
        made.write(Entry(TOKEN, RECORD), expected=Entry())
    assert made.read().holds_same(Entry(TOKEN, RECORD))


# --- a standby that answers reads from what has come to it ----------------------------------------------------------


def test_what_was_written_is_read_again_until_it_is_seen(server: Server) -> None:
    server.late = 3
    made = sink(server)
    made.write(Entry(record=RECORD), expected=Entry())
    made.write(Entry(TOKEN, NEXT_RECORD), expected=Entry(record=RECORD))
    assert made.read().holds_same(Entry(TOKEN, NEXT_RECORD))
    made.write(Entry(), expected=Entry(TOKEN, NEXT_RECORD))
    assert made.read() == Entry(version="3")
    assert (server.writes, server.slept) == (3, [0.05, 0.1, 0.25] * 3)


def test_where_nothing_lags_a_write_reads_once_and_nobody_waits(server: Server) -> None:
    made = sink(server)
    made.write(Entry(TOKEN), expected=Entry())
    made.read()
    assert (server.reads, server.writes, server.slept) == (2, 1, [])


def test_what_is_never_seen_is_an_error_neither_empty_nor_what_was_there_before(server: Server) -> None:
    server.late = 1000
    made = sink(server)
    made.write(Entry(TOKEN), expected=Entry())
    for read in (made.read, made.read, lambda: made.write(Entry(NEXT), expected=Entry(TOKEN))):
        with pytest.raises(SinkError) as caught:
            read()
        assert not isinstance(caught.value, SinkConflict)
        assert said(caught.value) == (
            f"cannot read {LABEL}: Vault still answers with version 0 after 4 s, though version 1 was written or read "
            "before; is url a standby that lags, or was the secret deleted meanwhile? Name the active node in url, or "
            "run again"
        )
    assert server.writes == 1
    server.behind = []
    assert made.read().token == TOKEN


def test_what_one_node_has_shown_another_one_cannot_take_back(server: Server) -> None:
    server.put({"token": TOKEN})
    server.put({"token": NEXT})
    made = sink(server)
    before = made.read()
    server.behind = [(1, {"token": TOKEN})]
    made.write(Entry(TOKEN, RECORD), expected=before)
    assert (server.version, server.slept) == (3, [0.05])


def test_a_version_deleted_after_it_was_written_is_seen_as_deleted(server: Server) -> None:
    made = sink(server)
    made.write(Entry(TOKEN), expected=Entry())
    server.data = None
    assert made.read() == Entry(version="1")
    made.write(Entry(NEXT), expected=Entry())
    assert (server.data, server.slept) == ({"token": NEXT}, [])


def test_a_secret_deleted_with_its_versions_is_an_error_and_the_next_task_takes_it_as_it_is(server: Server) -> None:
    made = sink(server)
    made.write(Entry(TOKEN), expected=Entry())
    server.version = 0
    with pytest.raises(SinkError, match="was the secret deleted meanwhile"):
        made.read()
    assert sink(server).read() == Entry(version="0")


def test_a_write_over_a_version_that_is_no_longer_the_last_waits_for_that_one(server: Server) -> None:
    server.late = 4
    server.put({"other": "x"})
    sink(server).write(Entry(TOKEN), expected=Entry())
    assert server.data == {"other": "x", "token": TOKEN}
    assert server.slept == [0.05, 0.1, 0.25]


def test_a_write_over_our_key_that_has_changed_unseen_is_a_conflict_and_not_the_fault_of_the_value(
    server: Server,
) -> None:
    server.late = 4
    server.put({"token": NEXT})
    made = sink(server)
    seen = made.read()
    with pytest.raises(SinkConflict, match="its value or record changed after it was read"):
        made.write(Entry(TOKEN), expected=seen)
    assert server.data == {"token": NEXT}
    assert made.read().token == NEXT


# --- refused before anything is minted -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "engine", [{}, {"type": "kv", "options": {"version": "1"}}, {"type": "kv", "options": None}, {"type": "transit"}]
)
def test_another_kind_of_engine_is_refused(server: Server, engine: dict[str, Any]) -> None:
    server.engine = engine
    with pytest.raises(SinkError) as caught:
        sink(server).prepare()
    assert said(caught.value) == (f"cannot use {LABEL}: secret is no KV engine of version 2; check engine_mount_point")


def test_a_login_that_may_only_read_is_refused(server: Server) -> None:
    server.capabilities = ["read", "list"]
    with pytest.raises(SinkError) as caught:
        sink(server).prepare()
    assert said(caught.value) == (
        f"cannot use {LABEL}: the login lacks create, update on secret/data/a/b; add that to its policy"
    )


@pytest.mark.parametrize("capabilities", [["root"], None])
def test_root_may_everything_and_who_may_not_ask_is_not_refused(server: Server, capabilities: Any) -> None:
    server.capabilities = capabilities
    sink(server).prepare()


@pytest.mark.parametrize("path", ["", "/", "a//b", "../sys", "a/./b", "a\nb"])
def test_a_path_that_leads_elsewhere_is_refused(server: Server, path: str) -> None:
    with pytest.raises(InvalidInput, match="as path or mount point in Vault"):
        sink(server, path=path)


UNREADABLE: dict[str, tuple[dict[str, Any], str]] = {
    "no-text": ({"token": {"a": "SEKRET"}}, "its value is no text"),
    "env-file-of-somebody": ({"token": "MINE=SEKRET\nARGOCD_AUTH_TOKEN=x\n"}, "its env file has lines that are not"),
    "record-no-json": ({"token_record": "{"}, "key token_record is no JSON object"),
    "record-no-text": ({"token_record": {"a": 1}}, "key token_record is no JSON object"),
}


@pytest.mark.parametrize(("data", "cause"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_an_error_never_empty(server: Server, data: dict[str, Any], cause: str) -> None:
    server.put(data)
    with pytest.raises(SinkError) as caught:
        sink(server).read()
    assert said(caught.value).startswith(f"cannot read {LABEL}: {cause}")


def test_an_engine_that_is_not_there_is_an_error_never_empty(server: Server) -> None:
    server.instead["get"] = answer(404, {"errors": ["no handler for route"]})
    with pytest.raises(SinkError, match="check engine_mount_point and namespace"):
        sink(server).read()


# --- the client ----------------------------------------------------------------------------------------------------


class Adapter:
    """Of hvac: answers with a status, or raises."""

    def __init__(self, outcome: Any) -> None:
        self._outcome = outcome

    def request(self, *_args: Any, **_more: Any) -> Any:
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return type("Answer", (), {"status_code": self._outcome, "text": "SEKRET", "headers": {}})


def client(outcome: Any) -> vault.VaultClient:
    return vault.VaultClient(type("Client", (), {"adapter": Adapter(outcome)}), url=URL)


ANSWERS: list[tuple[Any, type[Exception], str]] = [
    (403, Denied, f"cannot x: Vault at {URL} denies it (HTTP 403); has the token expired"),
    (503, UnexpectedReply, f"cannot x: Vault at {URL} answers HTTP 503; is it sealed?"),
    (500, UnexpectedReply, f"cannot x: Vault at {URL} answers HTTP 500"),
    (ConnectionRefusedError(111, "refused"), Unreachable, f"cannot x: Vault at {URL} "),
    (ValueError("Invalid header value b'SEKRET'"), Unreachable, f"cannot x: Vault at {URL} cannot be asked"),
]


@pytest.mark.parametrize(("outcome", "error", "words"), ANSWERS)
def test_an_error_is_told_by_its_status_and_never_in_the_servers_words(
    outcome: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as caught:
        client(outcome).send("get", "secret/data/x", about="cannot x")
    assert said(caught.value).startswith(words)


def test_a_refused_login_says_what_to_check() -> None:
    with pytest.raises(Denied) as caught:
        client(400).login("approle", "role", "SEKRET-id")
    assert said(caught.value) == (
        f"cannot log in to Vault at {URL} with AppRole approle: refused (HTTP 400); check role_id, secret_id and "
        "mount_point"
    )


def test_without_hvac_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(InvalidInput) as caught:
        vault.connect_vault({}, remember=lambda _secret: None)
    assert "pip install hvac" in str(caught.value)
