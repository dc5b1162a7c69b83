# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A token of ours is one that another implementation of JWT takes, and the list it is put into stays as it was."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.fleetops.argocd.plugins.module_utils._core.signing import sign_token
from ansible_collections.fleetops.argocd.plugins.module_utils._core.token_list import (
    add_token,
    listed_tokens,
    remove_tokens,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.tokens import ListedToken, decode_token

NOW = datetime(2026, 1, 31, 12, 0, 0, 999_999, tzinfo=timezone.utc)
SECONDS = 1_769_860_800
KEY = "accounts.octopus.tokens"


def sign(
    key: bytes = b"k" * 44, *, account: str = "octopus", token_id: str = "a", expires_in: int | None = None
) -> str:
    return sign_token(key, account=account, token_id=token_id, issued_at=NOW, expires_in=expires_in)


def test_the_claims_are_those_of_argo_cd_in_its_order() -> None:
    header, claims, _signature = (
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in sign(expires_in=60).split(".")
    )
    assert header == b'{"alg":"HS256","typ":"JWT"}'
    assert claims == (
        b'{"iss":"argocd","sub":"octopus:apiKey","exp":%d,"nbf":%d,"iat":%d,"jti":"a"}'
        % (SECONDS + 60, SECONDS, SECONDS)
    )
    assert "exp" not in json.loads(base64.urlsafe_b64decode(sign().split(".")[1] + "=="))


@given(st.binary(min_size=32, max_size=80), st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True), st.text(max_size=20))
def test_another_implementation_takes_the_signature(key: bytes, account: str, token_id: str) -> None:
    options: Any = {"verify_nbf": False, "verify_iat": False}
    token = sign(key, account=account, token_id=token_id)
    claims = jwt.decode(token, key, algorithms=["HS256"], options=options)
    assert (claims["sub"], claims["jti"]) == (f"{account}:apiKey", token_id)
    assert decode_token(token).account == account


def test_the_key_is_taken_as_it_is_although_it_looks_like_base64() -> None:
    key = base64.b64encode(b"x" * 32)
    options: Any = {"verify_nbf": False, "verify_iat": False}
    assert jwt.decode(sign(key), key, algorithms=["HS256"], options=options)["iss"] == "argocd"


# --- the list ------------------------------------------------------------------------------------------------------


def add(text: str | None, token_id: str = "a", expires_in: int | None = None) -> str:
    secret = {} if text is None else {KEY: text}
    return add_token(secret, KEY, token_id, issued_at=NOW, expires_in=expires_in)


@pytest.mark.parametrize("text", [None, "", "null", "[]"])
def test_the_first_token_of_an_account(text: str | None) -> None:
    assert add(text) == f'[{{"id":"a","iat":{SECONDS}}}]'


def test_the_others_stay_as_they_are() -> None:
    others = [{"id": "by-hand", "iat": 1, "exp": 2, "later": {"x": ["ä"]}}, {"id": "b"}]
    text = add(json.dumps(others), expires_in=60)
    assert json.loads(text) == [*others, {"id": "a", "iat": SECONDS, "exp": SECONDS + 60}]
    assert json.loads(remove_tokens({KEY: text}, KEY, ["a"]) or "") == others


def test_an_id_is_never_used_again() -> None:
    with pytest.raises(Refused, match=r"cannot add token a to accounts\.octopus\.tokens of argocd-secret: it is there"):
        add('[{"id":"a","iat":1}]')


def test_an_empty_list_is_no_key() -> None:
    assert remove_tokens({KEY: '[{"id":"a","iat":1}]'}, KEY, ["a"]) is None


def test_what_the_list_says() -> None:
    secret = {KEY: '[{"id":"a","iat":1,"exp":2},{"id":"b","iat":1},{"id":"c"}]'}
    one, two = (datetime.fromtimestamp(seconds, tz=timezone.utc) for seconds in (1, 2))
    assert listed_tokens(secret, KEY) == (
        ListedToken("a", one, two),
        ListedToken("b", one, None),
        ListedToken("c", None, None),
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "iat", "exp"]), inner),
    max_leaves=6,
)


@given(st.text(max_size=10) | JSON.map(json.dumps))
def test_a_list_that_cannot_be_read_is_never_written(text: str) -> None:
    try:
        before = listed_tokens({KEY: text}, KEY)
    except InvalidInput:
        with pytest.raises(InvalidInput):
            add(text, "a new one")
        return
    assert len(listed_tokens({KEY: add(text, "a new one")}, KEY)) == len(before) + 1
