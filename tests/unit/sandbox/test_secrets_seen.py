# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of `--secrets`: what a search for leaks is not told of it does not look for."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from argocd_sandbox.http import Request, Response
from argocd_sandbox.secrets_seen import SecretsSeen
from lab import Lab

Seen = Callable[..., list[str]]


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    """`seen(request, response)` notes both; answers the lines of the file so far."""
    file = tmp_path / "secrets"
    notes = SecretsSeen(file)

    def note(request: Request, response: Response | None = None) -> list[str]:
        notes.note(request, response)
        return file.read_text().splitlines()

    return note


def sent(body: Any = None, *, authorization: str = "") -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", "/api/v1/session", "", {"authorization": authorization}, raw)


@pytest.fixture
def token() -> str:
    return Lab().admin()


def test_a_token_that_was_issued(seen: Seen, token: str) -> None:
    assert seen(sent(), Response(200, json.dumps({"token": token}).encode())) == [token]


def test_a_token_that_was_sent(seen: Seen, token: str) -> None:
    assert seen(sent(authorization=f"Bearer {token}")) == [token]
    assert seen(sent({"stringData": {"token": Lab().admin()}}))[1:] != []


@pytest.mark.parametrize("name", ["password", "newPassword", "currentPassword"])
def test_a_password_that_was_sent(seen: Seen, name: str) -> None:
    assert seen(sent({"username": "octopus", name: "correct-horse"})) == ["correct-horse"]


def test_a_signing_key_that_was_read(seen: Seen) -> None:
    encoded = base64.b64encode(b"a-key").decode()
    answer = {"kind": "Secret", "data": {"other": "eA==", "server.secretkey": encoded}}
    assert seen(sent(), Response(200, json.dumps(answer).encode())) == ["a-key"]


def test_each_is_there_once(seen: Seen, token: str) -> None:
    request = sent({"password": "correct-horse"}, authorization=f"Bearer {token}")
    assert seen(request, Response(200, token.encode())) == seen(request) == [token, "correct-horse"]


@pytest.mark.parametrize(
    "body",
    [
        {"username": "octopus", "name": "eyJhbGciOiJIUzI1NiJ9"},
        {"password": None},
        {"password": "a line\nof two"},
        ["password"],
        b"password=correct-horse",
        b"",
    ],
)
def test_what_is_none_is_not_there(seen: Seen, body: Any) -> None:
    assert seen(sent(body, authorization="Bearer opaque")) == []
