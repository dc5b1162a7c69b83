# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tokens, ids and durations are read."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.fleetops.argocd.plugins.module_utils._core.record import TokenRef
from ansible_collections.fleetops.argocd.plugins.module_utils._core.tokens import (
    NotAToken,
    TokenClaims,
    check_token_name,
    decode_token,
    format_duration,
    make_token_id,
    parse_duration,
    parse_token_id,
)

A = "octopus-20260101T000001Z-00000001"


@pytest.mark.parametrize(
    ("token_id", "name"),
    [
        ("octopus-20260101T000000Z-0123abcd", "octopus"),
        ("octopus-eu-20260101T000000Z-0123abcd", "octopus-eu"),
        ("a-20260101T000000Z-01234567-20260101T000000Z-0123abcd", "a-20260101T000000Z-01234567"),
        ("ci.nightly_1-20260101T000000Z-0123abcd", "ci.nightly_1"),
        ("octopus-20260101T000000Z-0123ABCD", None),
        ("octopus-20260101T000000Z-0123abc", None),
        ("octopus-20260101T000000Z-0123abcde", None),
        ("octopus-20260101T000000-0123abcd", None),
        ("-20260101T000000Z-0123abcd", None),
        ("octopus", None),
        ("3f0f5f3e-7f0c-4c43-b0f8-4e1e4c8f2a11", None),
        ("octopus-20260101T000000Z-0123abcd\n", None),
        ("", None),
    ],
)
def test_an_id_is_read_from_the_right(token_id: str, name: str | None) -> None:
    assert parse_token_id(token_id) == name


NAMES = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
MOMENTS = st.integers(0, 2**33).map(lambda seconds: datetime.fromtimestamp(seconds, tz=timezone.utc))


@given(NAMES, MOMENTS, st.from_regex(r"[0-9a-f]{8}", fullmatch=True))
def test_every_id_we_make_is_read_back_as_its_name(name: str, moment: datetime, suffix: str) -> None:
    assert parse_token_id(make_token_id(check_token_name(name), moment, suffix)) == name


def test_an_id_holds_utc_whatever_the_clock_says() -> None:
    local = datetime(2026, 1, 1, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    assert make_token_id("octopus", local, "0123abcd") == "octopus-20251231T230203Z-0123abcd"


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a b", "ä", "a\n", "x" * 65])
def test_a_token_name_no_route_takes_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_token_name(name)
    assert str(caught.value) == f"cannot use token_name {name!r}: use 1 to 64 of the characters A-Z a-z 0-9 . _ -"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90d", 7_776_000),
        ("12h", 43_200),
        ("30m", 1_800),
        ("45s", 45),
        ("45", 45),
        (" 1d ", 86_400),
        ("1", 1),
        ("9000000000", 9_000_000_000),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text, option="expires_in") == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0d", "-1", "1.5h", "1w", "90 d", "1d12h", "1e3", "d", "never", "9000000001", "104167d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_duration(text, option="expires_in", unset="a token that never expires")
    assert str(caught.value) == (
        f"cannot use expires_in {text!r}: write a duration such as 90d, 12h, 30m or seconds, more than 0 and at most "
        "104166d; leave it out for a token that never expires"
    )


def test_a_duration_may_be_none_at_all_where_that_is_said() -> None:
    assert parse_duration("0", option="revoke_after", least=0) == 0
    with pytest.raises(InvalidInput) as caught:
        parse_duration("-1", option="revoke_after", least=0)
    assert str(caught.value).endswith("or seconds, 0 or more and at most 104166d")


@given(st.integers(1, 9_000_000_000))
def test_a_duration_is_worded_as_it_is_read(seconds: int) -> None:
    assert parse_duration(format_duration(seconds), option="expires_in") == seconds


@pytest.mark.parametrize(("seconds", "text"), [(7_776_000, "90d"), (129_600, "36h"), (90, "90s"), (0, "0d")])
def test_a_duration_is_worded_in_the_largest_unit_that_fits(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text


def encode(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def jwt(payload: Any, *, header: Any = None) -> str:
    return f"{encode(header or {'alg': 'HS256', 'typ': 'JWT'})}.{encode(payload)}.c2ln"


PAYLOAD = {"iss": "argocd", "sub": "octopus:apiKey", "nbf": 1, "iat": 1_767_225_600, "jti": A}


@pytest.mark.parametrize(
    ("changes", "account", "capability", "expires_at"),
    [
        ({}, "octopus", "apiKey", None),
        ({"sub": "octopus"}, "octopus", "apiKey", None),
        ({"sub": "octopus:login"}, "octopus", "login", None),
        ({"sub": "proj:P:R"}, "proj", "P:R", None),
        ({"exp": 0}, "octopus", "apiKey", None),
        ({"exp": 1_767_225_601}, "octopus", "apiKey", datetime(2026, 1, 1, 0, 0, 1, tzinfo=timezone.utc)),
    ],
)
def test_a_token_is_decoded(
    changes: dict[str, Any], account: str, capability: str, expires_at: datetime | None
) -> None:
    assert decode_token(jwt({**PAYLOAD, **changes})) == TokenClaims(
        issuer="argocd",
        account=account,
        capability=capability,
        id=A,
        issued_at=datetime(2026, 1, 1, tzinfo=timezone.utc),
        expires_at=expires_at,
    )


def test_the_reference_of_a_token_holds_its_times_and_not_its_secret() -> None:
    expiring = decode_token(jwt({**PAYLOAD, "exp": 1_767_225_601}))
    assert expiring.ref == TokenRef(A, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")
    assert decode_token(jwt(PAYLOAD)).ref == TokenRef(A, "2026-01-01T00:00:00Z", None)


GARBAGE = {
    "empty": "",
    "a-word": "hunter2",
    "two-segments": ".".join(jwt(PAYLOAD).split(".")[:2]),
    "four-segments": jwt(PAYLOAD) + ".x",
    "no-json": f"{encode(b'x')}.{encode(b'y')}.z",
    "no-object": f"{encode([])}.{encode([])}.z",
    "no-utf8": f"{encode(bytes([255]))}.{encode(bytes([254]))}.z",
    "no-base64": "a.b.c",
    "not-ascii": "ä.ö.ü",
    "nested-beyond-the-parser": jwt(b"[" * 200_000),
    "time-beyond-the-calendar": jwt({**PAYLOAD, "iat": 10**30}),
    "time-no-number": jwt({**PAYLOAD, "iat": "now"}),
    "time-not-finite": jwt(json.dumps({**PAYLOAD, "iat": 0}).replace('"iat": 0', '"iat": NaN').encode()),
    "time-infinite": jwt({**PAYLOAD, "exp": float("inf")}),
    "header-no-object": jwt(PAYLOAD, header=[1]),
    **{f"no-{key}": jwt({k: v for k, v in PAYLOAD.items() if k != key}) for key in ("iss", "sub", "iat", "jti")},
}


@pytest.mark.parametrize("text", GARBAGE.values(), ids=GARBAGE)
def test_what_is_no_token_is_told_without_a_word_of_it(text: str) -> None:
    with pytest.raises(NotAToken) as caught:
        decode_token(text)
    assert (caught.value.args, caught.value.__cause__, caught.value.__context__) == ((), None, None)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
CLAIMS = st.dictionaries(st.sampled_from(["iss", "sub", "jti", "iat", "exp"]), JSON_VALUES)
TEXTS = st.text(max_size=60) | st.lists(st.text(max_size=10), min_size=3, max_size=3).map(".".join)


@given(TEXTS | CLAIMS.map(jwt) | JSON_VALUES.map(jwt) | st.binary(max_size=30).map(jwt))
def test_garbage_raises_nothing_but_not_a_token(text: str) -> None:
    try:
        decoded = decode_token(text)
    except NotAToken:
        return
    assert decoded.issued_at.tzinfo is timezone.utc
