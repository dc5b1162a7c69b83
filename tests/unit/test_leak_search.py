# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for leaks finds a secret in every disguise, and nothing that only looks like one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import leak_search
import pytest

# With something in it that each disguise changes; in base64 it has both characters that the URL-safe alphabet lacks.
SECRET = 'correct "horse"? ~>? ~~> staple'
ALIKE = SECRET.replace("staple", "stable")
HEADER, PAYLOAD = "eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiJvY3RvcHVzIn0"
SIGNATURE, OTHER = "k1Z_0tQe5vYw-3mXa9Rb7cUd", "k1Z_0tQe5vYw-3mXa9Rb7cUe"
JWT = f"{HEADER}.{PAYLOAD}.{SIGNATURE}"
LINES = ["MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg", "q83vEjRWeJq83vEjRWeJq83vEjRWeJq83vEjRWeJoUQDQgAE"]
KEY = "\n".join(["-----BEGIN PRIVATE KEY-----", *LINES, "-----END PRIVATE KEY-----", ""])


def in_base64(text: str, before: int) -> str:
    """As part of something longer, behind so many bytes."""
    return base64.b64encode(b"x" * before + text.encode() + b"behind").decode()


def url_safe(text: str) -> str:
    return text.replace("+", "-").replace("/", "_")


DISGUISES: dict[str, Callable[[str], str]] = {
    "plain": str,
    "URL": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "JSON": json.dumps,
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "base64, offset 0": lambda text: in_base64(text, 0),
    "base64, offset 1": lambda text: in_base64(text, 1),
    "base64, offset 2": lambda text: in_base64(text, 2),
    "URL-safe base64, offset 0": lambda text: url_safe(in_base64(text, 0)),
    "URL-safe base64, offset 1": lambda text: url_safe(in_base64(text, 1)),
    "URL-safe base64, offset 2": lambda text: url_safe(in_base64(text, 2)),
}


def found(text: str, secret: str) -> bool:
    return leak_search.Search({"it": secret}).found_in(f"before {text} behind") == ["it"]


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
@pytest.mark.parametrize("secret", [SECRET, SECRET + "s", SECRET + "ss"], ids=["3n", "3n+1", "3n+2"])
def test_a_secret_is_found_in_each_disguise(disguise: Callable[[str], str], secret: str) -> None:
    assert found(disguise(secret), secret)


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_something_alike_is_not(disguise: Callable[[str], str]) -> None:
    assert not found(disguise(ALIKE), SECRET)


def test_of_a_token_the_signature_counts() -> None:
    assert found(JWT, JWT)
    assert found(SIGNATURE, JWT)
    assert found(in_base64(SIGNATURE, 1), JWT)
    assert not found(f"{HEADER}.{PAYLOAD}.", JWT)
    assert not found(f"{HEADER}.{PAYLOAD}.{OTHER}", JWT)


@pytest.mark.parametrize("line", LINES)
def test_of_a_key_each_line_counts(line: str) -> None:
    assert found(line, KEY)
    assert not found(line.swapcase(), KEY)


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
@pytest.mark.parametrize("more", ["", "s", "ss"], ids=["3n", "3n+1", "3n+2"])
def test_a_file_is_found_without_its_last_line_end_too(disguise: Callable[[str], str], more: str) -> None:
    """As a kubeconfig has a key, put there with the lookup `file`."""
    assert found(disguise(SECRET + more), f"{SECRET}{more}\n")
    assert found(disguise(f"{SECRET}{more}\n"), f"{SECRET}{more}\n")


def test_the_first_line_is_that_of_every_key() -> None:
    assert not found(KEY.splitlines()[0], KEY)


@pytest.mark.parametrize("text", [JWT, f"{HEADER}.{PAYLOAD}", base64.b64encode(JWT.encode()).decode()])
def test_a_token_that_nobody_knows_is_found_where_any_is_looked_for(text: str) -> None:
    assert leak_search.Search({}, tokens=True).found_in(text) == ["a token"]
    assert leak_search.Search({}).found_in(text) == []


@pytest.mark.parametrize("text", [HEADER, f"{HEADER}.octopus", f"eyJ.{PAYLOAD}", f"x{HEADER}.{PAYLOAD}", "ZXlK"])
def test_what_only_begins_like_one_is_none(text: str) -> None:
    assert leak_search.Search({}, tokens=True).found_in(text) == []


def test_each_of_several_is_named_once_in_their_order() -> None:
    search = leak_search.Search({"one": SECRET, "part": SECRET[:12], "other": ALIKE, "again": SECRET}, tokens=True)
    assert search.found_in(f"{JWT} {quote(SECRET)} {SECRET}") == ["one", "part", "again", "a token"]
    assert search.found_in(ALIKE) == ["part", "other"]
