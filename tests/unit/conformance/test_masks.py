# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mask hides, and above all what it does not."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from argocd_conformance.masks import ORDERS, SHAPES, VALUES, Masker
from argocd_conformance.server import signed
from hypothesis import given
from hypothesis import strategies as st

ONE, OTHER = "0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"
TOLD = ("error", "message", "reason", "status", "code", "kind", "apiVersion")


def masked(value: Any) -> Any:
    return Masker().body(json.dumps(value))


def test_every_mask_says_why() -> None:
    assert all(mask.name and len(mask.reason) > 10 for mask in (*SHAPES, *VALUES, *ORDERS))


@pytest.mark.parametrize("key", TOLD)
@pytest.mark.parametrize("place", ["", "list/", "items/*/", "details/", "details/causes/*/"])
def test_no_mask_hides_what_an_answer_tells(place: str, key: str) -> None:
    assert not any(mask.path.fullmatch(f"{place}{key}") for mask in VALUES)


@given(st.dictionaries(st.sampled_from(TOLD), st.text(st.characters(categories=["L", "P", "Zs"]), min_size=1)))
def test_messages_without_moments_and_identities_stay(answer: dict[str, str]) -> None:
    assert masked(answer) == answer


@given(st.recursive(st.booleans(), lambda below: st.dictionaries(st.text(), below)))
def test_key_sets_stay(value: Any) -> None:
    assert masked(value) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sub: alice, iat: 2026-01-02T03:04:05Z", "sub: alice, iat: <time>"),
        (f"uid {ONE} is not {OTHER}", "uid <uid 1> is not <uid 2>"),
        ("the version in record (1013).", "the version in record (<resource version 1>)."),
        ('{\\"resourceVersion\\":\\"7\\"}', '{\\"resourceVersion\\":\\"<resource version 1>\\"}'),
        ("argocd.token=; Path=/c1/argocd", "argocd.token=; Path=/"),
        ('<a href="/c1/argocd/api/v1/account">', '<a href="/api/v1/account">'),
        ("http://127.0.0.1:8443/c1/argocd", "http://<address>"),
        ("Key: /registry/configmaps/argocd/x", "Key: <prefix in etcd>/configmaps/argocd/x"),
        ("10.96.0.80 and port 443", "10.96.0.80 and port 443"),
    ],
)
def test_pieces_of_text(text: str, shown: str) -> None:
    assert Masker().text(text) == shown


def test_what_was_equal_stays_equal() -> None:
    masker = Masker()
    assert masker.text(f"{ONE} {OTHER}") == "<uid 1> <uid 2>"
    assert masker.text(f"{OTHER} {ONE}") == "<uid 2> <uid 1>"


def test_versions_of_objects_are_numbered_and_that_of_a_list_is_not() -> None:
    objects = [{"metadata": {"resourceVersion": version}} for version in ("7", "8", "7")]
    shown = masked({"items": objects, "metadata": {"resourceVersion": "9"}})
    numbers = [item["metadata"]["resourceVersion"] for item in shown["items"]]
    assert numbers == ["<resource version 1>", "<resource version 2>", "<resource version 1>"]
    assert shown["metadata"] == {"resourceVersion": "<revision>"}


def test_a_token_is_compared_by_its_claims() -> None:
    claims = {"iss": "argocd", "sub": "bob:apiKey", "iat": 1000, "nbf": 1000, "exp": 4601, "jti": "ci"}
    shown = Masker().text(f"argocd.token={signed(claims, 'key', 'HS256')}; Secure")
    wanted = {"exp": "<3600 s>", "iat": "<time>", "iss": "argocd", "jti": "ci", "nbf": "<time>", "sub": "bob:apiKey"}
    assert shown == f'argocd.token=<token {{"alg": "HS256", "typ": "JWT"}} {json.dumps(wanted)}>; Secure'


@pytest.mark.parametrize("text", ["eyJ.e30.x", "eyJhbGciOiJIUzI1NiJ9.%%%.x", "a.b.c"])
def test_what_only_looks_like_a_token_stays(text: str) -> None:
    assert Masker().text(text) == text


def test_lifetimes_are_compared_and_moments_are_not() -> None:
    tokens = [{"id": "b", "issuedAt": 100, "expiresAt": 3699}, {"id": "a", "issuedAt": 90}]
    wanted = [{"id": "a", "issuedAt": "<time>"}, {"expiresAt": "<3600 s>", "id": "b", "issuedAt": "<time>"}]
    assert masked({"tokens": tokens}) == {"tokens": {"newest first": True, "members": wanted}}
    assert masked({"tokens": tokens[::-1]})["tokens"]["newest first"] is False


def test_tokens_in_the_secret_are_compared_too() -> None:
    stored = [{"id": "ci", "iat": 100, "exp": 160}]
    data = {"accounts.bob.tokens": base64.b64encode(json.dumps(stored).encode()).decode(), "server.secretkey": "abc"}
    assert masked({"data": data})["data"] == {
        "accounts.bob.tokens": [{"exp": "<60 s>", "iat": "<time>", "id": "ci"}],
        "server.secretkey": "<secret of the server's making>",
    }
