# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep, mint or refuse: every row of the decision, and how tokens, ids and durations are read."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput, Lost, Refused
from ansible_collections.fleetops.argocd.plugins.module_utils._core.record import Record, Superseded, TokenRef
from ansible_collections.fleetops.argocd.plugins.module_utils._core.tokens import (
    Decision,
    ListedToken,
    NotAToken,
    Situation,
    TokenClaims,
    check_stored,
    check_token_name,
    decide,
    decode_token,
    make_token_id,
    parse_duration,
    parse_token_id,
    unknown_tokens,
)

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
A, B, C = (f"octopus-20260101T00000{n}Z-0000000{n}" for n in (1, 2, 3))
OF_EU = "octopus-eu-20260101T000000Z-00000009"


def claims(**changes: Any) -> TokenClaims:
    shape = {"issuer": "argocd", "account": "octopus", "capability": "apiKey", "id": A}
    return TokenClaims(**{**shape, "issued_at": NOW - timedelta(days=30), "expires_at": None, **changes})


def listed(*ids: str, expires_at: datetime | None = None) -> tuple[ListedToken, ...]:
    return tuple(ListedToken(token_id, NOW - timedelta(days=30), expires_at) for token_id in ids)


def record(current: str | None = None, **changes: Any) -> Record:
    ref = TokenRef(current, "2026-01-01T00:00:00Z", None) if current else None
    return Record(**{"instance": "uid", "account": "octopus", "token_name": "octopus", "current": ref, **changes})


def superseded(*ids: str) -> tuple[Superseded, ...]:
    return tuple(Superseded(token_id, "2026-01-02T00:00:00Z") for token_id in ids)


def situation(stored: TokenClaims | None = None, **changes: Any) -> Situation:
    shape = {"where": "file x.yml", "account": "octopus", "token_name": "octopus", "instance": "uid", "now": NOW}
    return Situation(**{**shape, "empty": stored is None, "stored": stored, "record": None, "listed": (), **changes})


EXPIRED = claims(expires_at=NOW)
NOT_A_TOKEN = {"empty": False}
OVERWRITTEN = "the stored value is overwritten as asked: "
REFUSED_BY_SERVER = "the server lists the stored token and refuses it (its signing key changed?)"

# name: situation, flags that are set, decision, reason
DECISIONS = {
    "accepted": (situation(claims(), accepted=True), "", False, "the server accepts the stored token"),
    "accepted-with-its-record": (
        situation(claims(), accepted=True, record=record(A), listed=listed(A)),
        "",
        "keep",
        "the server accepts the stored token",
    ),
    "accepted-beside-others-of-its-name": (
        situation(claims(), accepted=True, listed=listed(A, B)),
        "",
        "keep",
        "the server accepts the stored token",
    ),
    "accepted-of-an-id-made-by-hand": (
        situation(claims(id="by-hand"), accepted=True, listed=listed("by-hand")),
        "",
        "keep",
        "the server accepts the stored token",
    ),
    "accepted-one-second-before-its-end": (
        situation(claims(expires_at=NOW + SECOND), accepted=True),
        "",
        "keep",
        "the server accepts the stored token",
    ),
    "flags-do-not-stop-keeping": (
        situation(claims(), accepted=True),
        "recover overwrite",
        "keep",
        "the server accepts the stored token",
    ),
    "nothing-anywhere": (situation(), "", "mint", "no token of this name exists yet"),
    "empty-and-listed-of-a-longer-name": (
        situation(listed=listed(OF_EU)),
        "",
        "mint",
        "no token of this name exists yet",
    ),
    "empty-and-listed-by-hand": (situation(listed=listed("by-hand")), "", "mint", "no token of this name exists yet"),
    "empty-and-listed-but-expired-this-second": (
        situation(listed=listed(A, expires_at=NOW)),
        "",
        "mint",
        "no token of this name exists yet",
    ),
    "empty-and-only-superseded-ones-live": (
        situation(listed=listed(A), record=record(superseded=superseded(A))),
        "",
        "mint",
        "no token of this name exists yet",
    ),
    "empty-and-announced-but-never-minted": (
        situation(record=record(announced=A)),
        "",
        "mint",
        "no token of this name exists yet",
    ),
    "crashed-after-minting": (
        situation(listed=listed(A), record=record(announced=A)),
        "",
        "mint",
        "an earlier run announced a token and did not store it",
    ),
    "crashed-after-minting-a-successor": (
        situation(claims(), accepted=False, listed=listed(B), record=record(A, announced=B)),
        "",
        "mint",
        "an earlier run announced a token and did not store it",
    ),
    "expired-this-second": (
        situation(EXPIRED, accepted=False, listed=listed(A, expires_at=NOW)),
        "",
        "mint",
        "the stored token has expired",
    ),
    "expired-though-the-server-said-yes": (
        situation(EXPIRED, accepted=True),
        "",
        "mint",
        "the stored token has expired",
    ),
    "expired-beside-another-live-one": (
        situation(EXPIRED, accepted=False, listed=listed(B)),
        "",
        "mint",
        "the stored token has expired",
    ),
    "no-longer-listed": (
        situation(claims(), accepted=False, record=record(A)),
        "",
        "mint",
        "the server no longer lists the stored token",
    ),
    "no-longer-listed-beside-superseded-ones": (
        situation(claims(), accepted=False, listed=listed(B), record=record(A, superseded=superseded(B))),
        "",
        "mint",
        "the server no longer lists the stored token",
    ),
    "not-a-token-overwritten": (
        situation(**NOT_A_TOKEN),
        "overwrite",
        "mint",
        OVERWRITTEN + "its value is not an Argo CD token",
    ),
    "another-issuer-overwritten": (
        situation(claims(issuer="kubernetes")),
        "overwrite",
        "mint",
        OVERWRITTEN + "its token was not issued by Argo CD",
    ),
    "another-account-overwritten-although-one-lives": (
        situation(claims(account="bob"), listed=listed(B)),
        "overwrite",
        "mint",
        OVERWRITTEN + "its token belongs to bob (apiKey)",
    ),
    "another-account-expired-overwritten": (
        situation(claims(account="bob", expires_at=NOW)),
        "overwrite",
        "mint",
        OVERWRITTEN + "its token belongs to bob (apiKey)",
    ),
    "recover-an-empty-sink": (
        situation(listed=listed(A)),
        "recover",
        "mint",
        f"recovering: the sink is empty, yet the server lists {A}",
    ),
    "recover-another-signing-key": (
        situation(claims(), accepted=False, listed=listed(A)),
        "recover",
        "mint",
        f"recovering: {REFUSED_BY_SERVER}",
    ),
    "recover-a-successor-kept-elsewhere": (
        situation(claims(), accepted=False, listed=listed(B)),
        "recover",
        "mint",
        f"recovering: the sink holds a token the server no longer lists, yet the server lists {B}",
    ),
    "recover-another-installation": (
        situation(claims(), record=record(A, instance="old")),
        "recover",
        "mint",
        "recovering: the record is of another instance",
    ),
    "recover-another-installation-is-never-kept": (
        situation(claims(), accepted=True, record=record(A, instance="old")),
        "recover",
        "mint",
        "recovering: the record is of another instance",
    ),
}

HEAD_LOST = "cannot keep the token of account octopus in file x.yml: "
TAIL_LOST = (
    "; check where the sink and the host point (a wrong path would mint anew for a whole fleet), or set recover to "
    "true to mint a new token"
)
TAIL_RECORD = (
    "; check where the sink and the host point, or, if Argo CD was installed anew, set recover to true to mint a new "
    "token"
)
HEAD_FOREIGN = "cannot use file x.yml for a token of account octopus: "
TAIL_FOREIGN = "; it is neither sent anywhere nor overwritten; check where the sink points, or set overwrite to true"

# name: situation, flags that do not help, error, message
ERRORS = {
    "empty-and-one-lives": (
        situation(listed=listed(A)),
        "overwrite",
        Lost,
        f"{HEAD_LOST}the sink is empty, yet the server lists {A}{TAIL_LOST}",
    ),
    "empty-and-one-lives-for-one-more-second": (
        situation(listed=listed(A, expires_at=NOW + SECOND)),
        "",
        Lost,
        f"{HEAD_LOST}the sink is empty, yet the server lists {A}{TAIL_LOST}",
    ),
    "empty-though-the-record-names-a-live-one": (
        situation(listed=listed(A), record=record(A)),
        "",
        Lost,
        f"{HEAD_LOST}the sink is empty, yet the server lists {A}{TAIL_LOST}",
    ),
    "empty-and-one-lives-beside-the-announced": (
        situation(listed=listed(A, B), record=record(announced=A)),
        "",
        Lost,
        f"{HEAD_LOST}the sink is empty, yet the server lists {B}{TAIL_LOST}",
    ),
    "several-unexplained": (
        situation(listed=listed(A, B, C, OF_EU)),
        "",
        Lost,
        f"{HEAD_LOST}the sink is empty, yet the server lists {A}, {B}, {C}{TAIL_LOST}",
    ),
    "listed-and-refused": (
        situation(claims(), accepted=False, listed=listed(A)),
        "overwrite",
        Lost,
        f"{HEAD_LOST}{REFUSED_BY_SERVER}{TAIL_LOST}",
    ),
    "a-successor-lives-elsewhere": (
        situation(claims(), accepted=False, listed=listed(B)),
        "",
        Lost,
        f"{HEAD_LOST}the sink holds a token the server no longer lists, yet the server lists {B}{TAIL_LOST}",
    ),
    "record-of-another-installation": (
        situation(claims(), accepted=True, record=record(A, instance="old")),
        "overwrite",
        Lost,
        f"cannot use file x.yml: its record is of instance old, this is instance uid{TAIL_RECORD}",
    ),
    "record-of-another-account": (
        situation(record=record(account="bob")),
        "",
        Lost,
        f"cannot use file x.yml: its record is of account bob, this is account octopus{TAIL_RECORD}",
    ),
    "record-of-another-token-name": (
        situation(claims(), accepted=True, record=record(A, token_name="octopus-eu")),
        "",
        Lost,
        f"cannot use file x.yml: its record is of token name octopus-eu, this is token name octopus{TAIL_RECORD}",
    ),
    "not-a-token": (
        situation(**NOT_A_TOKEN),
        "recover",
        Refused,
        f"{HEAD_FOREIGN}its value is not an Argo CD token{TAIL_FOREIGN}",
    ),
    "another-issuer": (
        situation(claims(issuer="kubernetes/serviceaccount"), accepted=True),
        "recover",
        Refused,
        f"{HEAD_FOREIGN}its token was not issued by Argo CD{TAIL_FOREIGN}",
    ),
    "another-account": (
        situation(claims(account="octopus-eu"), accepted=True),
        "recover",
        Refused,
        f"{HEAD_FOREIGN}its token belongs to octopus-eu (apiKey){TAIL_FOREIGN}",
    ),
    "a-login-session": (
        situation(claims(capability="login"), accepted=True),
        "",
        Refused,
        f"{HEAD_FOREIGN}its token belongs to octopus (login){TAIL_FOREIGN}",
    ),
}


def flags(text: str) -> dict[str, bool]:
    return {"recover": "recover" in text, "overwrite": "overwrite" in text}


@pytest.mark.parametrize(("case", "given_flags", "decision", "reason"), DECISIONS.values(), ids=DECISIONS)
def test_the_decision_and_its_reason(case: Situation, given_flags: str, decision: str, reason: str) -> None:
    assert decide(case, **flags(given_flags)) == Decision(mint=decision == "mint", reason=reason)


@pytest.mark.parametrize(("case", "useless_flags", "error", "message"), ERRORS.values(), ids=ERRORS)
def test_what_no_ordinary_run_explains_is_an_error(
    case: Situation, useless_flags: str, error: type[Refused], message: str
) -> None:
    for text in ("", useless_flags):
        with pytest.raises(Refused) as caught:
            decide(case, **flags(text))
        assert (type(caught.value), str(caught.value)) == (error, message)


@pytest.mark.parametrize(
    "name", [name for name in ERRORS if name.startswith(("record", "not-a", "another", "a-login"))]
)
def test_what_needs_no_server_is_refused_before_the_value_is_sent(name: str) -> None:
    case, _flags, error, _message = ERRORS[name]
    with pytest.raises(error):
        check_stored(case, recover=False, overwrite=False)


STORED = (None, "garbage", claims(), claims(expires_at=NOW), claims(account="bob"), claims(issuer="sso"))
RECORDS = (None, record(A), record(announced=B), record(A, instance="old"), record(account="bob"))
LISTED = ((), listed(A), listed(B), listed(A, expires_at=NOW), listed(A, B))


def every_situation() -> list[Situation]:
    return [
        situation(
            stored if isinstance(stored, TokenClaims) else None,
            empty=stored is None,
            record=beside,
            accepted=accepted,
            listed=on_server,
        )
        for stored, beside, accepted, on_server in product(STORED, RECORDS, (False, True), LISTED)
    ]


def test_over_all_situations_only_an_accepted_usable_token_is_kept() -> None:
    for case, recover, overwrite in product(every_situation(), (False, True), (False, True)):
        try:
            kept = not decide(case, recover=recover, overwrite=overwrite).mint
        except Refused:
            continue
        assert kept == (case.accepted is True and case.usable()), case


def test_over_all_situations_each_flag_lifts_exactly_its_own_refusal() -> None:
    for case, overwrite in product(every_situation(), (False, True)):
        error: type[Refused] | None = None
        try:
            decide(case, recover=True, overwrite=overwrite)
        except Refused as exc:
            error = type(exc)
        assert error == (Refused if case.foreign() and not overwrite else None), case


def test_over_all_situations_an_empty_sink_beside_an_unexplained_live_token_never_mints() -> None:
    for case in every_situation():
        known = {case.record.announced} if case.record else set()
        if case.empty and set(case.live_ids()) - known:
            with pytest.raises(Lost):
                decide(case, recover=False, overwrite=True)


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
        parse_duration(text, option="expires_in")
    assert str(caught.value) == (
        f"cannot use expires_in {text!r}: write a duration such as 90d, 12h, 30m or seconds, more than 0 and at most "
        "104166d; leave it out for a token that never expires"
    )


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


def test_ids_the_record_does_not_know_are_reported_with_their_age() -> None:
    on_server = (
        ListedToken("by-hand", NOW - timedelta(hours=1), None),
        ListedToken("undated", None, NOW + SECOND),
        ListedToken("over", NOW - SECOND, NOW),
        *listed(A, B, C),
    )
    ours = record(A, announced=B, superseded=superseded(C))
    unknown = [
        {"id": "by-hand", "age": 3600, "expired": False},
        {"id": "undated", "age": None, "expired": False},
        {"id": "over", "age": 1, "expired": True},
    ]
    assert unknown_tokens(on_server, ours, NOW) == unknown
    assert [item["id"] for item in unknown_tokens(on_server, None, NOW)] == ["by-hand", "undated", "over", A, B, C]
