# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep, mint, renew or refuse: every row of the decision, with its reason."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import product
from typing import Any

import pytest

from ansible_collections.fleetops.argocd.plugins.module_utils._core.decision import (
    KEPT,
    MINTED,
    RENEWED,
    Decision,
    Situation,
    check_stored,
    compare_clocks,
    decide,
    unknown_tokens,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import Lost, Refused
from ansible_collections.fleetops.argocd.plugins.module_utils._core.record import Record, Superseded, TokenRef
from ansible_collections.fleetops.argocd.plugins.module_utils._core.renewal import Renewal
from ansible_collections.fleetops.argocd.plugins.module_utils._core.tokens import ListedToken, TokenClaims

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
SAID = "invalid session: account password has changed since token issued"
LISTED_AND_REFUSED = (
    "; was the account's password changed after it was issued, was it logged out of the web interface, or do replicas "
    "not share one argocd-secret?"
)
REFUSED_BY_SERVER = f"the server lists the stored token and refuses it{LISTED_AND_REFUSED}"
REJECTED = {"accepted": False, "refusal": "invalid session: token signature is invalid: signature is invalid"}
SIGNATURE = (
    "the server rejects the signature of the stored token; its signing key was changed, or this is another Argo CD"
)

NO_RENEWAL = Renewal()

# name: situation, flags that are set, decision, reason
DECISIONS = {
    "accepted": (situation(claims(), accepted=True), "", "keep", "the server accepts the stored token"),
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
        situation(claims(expires_at=NOW + SECOND), accepted=True, record=record(A)),
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
    "expired-beside-superseded-ones": (
        situation(EXPIRED, accepted=False, listed=listed(B), record=record(A, superseded=superseded(B))),
        "",
        "mint",
        "the stored token has expired",
    ),
    "expired-and-crashed-after-minting-a-successor": (
        situation(EXPIRED, accepted=False, listed=listed(B), record=record(A, announced=B)),
        "",
        "mint",
        "the stored token has expired",
    ),
    "recover-an-expired-one-beside-another-live-one": (
        situation(EXPIRED, accepted=False, listed=listed(B)),
        "recover",
        "mint",
        f"recovering: the sink holds a token that has expired, yet the server lists {B}",
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
        situation(claims(), **REJECTED, listed=listed(A)),
        "recover",
        "mint",
        f"recovering: {SIGNATURE}",
    ),
    "recover-listed-and-refused": (
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
    "listed-and-refused-with-the-servers-words": (
        situation(claims(), accepted=False, refusal=SAID, listed=listed(A)),
        "overwrite",
        Lost,
        f"{HEAD_LOST}the server lists the stored token and refuses it ({SAID}){LISTED_AND_REFUSED}{TAIL_LOST}",
    ),
    "listed-by-hand-and-refused": (
        situation(claims(id="by-hand"), accepted=False, listed=listed("by-hand")),
        "overwrite",
        Lost,
        f"{HEAD_LOST}{REFUSED_BY_SERVER}{TAIL_LOST}",
    ),
    "signature-rejected": (
        situation(claims(), **REJECTED, listed=listed(A)),
        "overwrite",
        Lost,
        f"{HEAD_LOST}{SIGNATURE}{TAIL_LOST}",
    ),
    "signature-rejected-though-nothing-is-listed": (
        situation(claims(), **REJECTED),
        "overwrite",
        Lost,
        f"{HEAD_LOST}{SIGNATURE}{TAIL_LOST}",
    ),
    "signature-rejected-in-the-words-of-2.14": (
        situation(claims(), accepted=False, refusal="invalid session: signature is invalid"),
        "overwrite",
        Lost,
        f"{HEAD_LOST}{SIGNATURE}{TAIL_LOST}",
    ),
    "signature-rejected-of-an-expired-one": (
        situation(EXPIRED, **REJECTED),
        "",
        Lost,
        f"{HEAD_LOST}{SIGNATURE}{TAIL_LOST}",
    ),
    "expired-beside-another-live-one": (
        situation(EXPIRED, accepted=False, listed=listed(B)),
        "",
        Lost,
        f"{HEAD_LOST}the sink holds a token that has expired, yet the server lists {B}{TAIL_LOST}",
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
    expected = Decision({"keep": KEPT, "mint": MINTED}[decision], reason)
    assert decide(case, NO_RENEWAL, **flags(given_flags)) == expected


@pytest.mark.parametrize(("case", "useless_flags", "error", "message"), ERRORS.values(), ids=ERRORS)
def test_what_no_ordinary_run_explains_is_an_error(
    case: Situation, useless_flags: str, error: type[Refused], message: str
) -> None:
    for text in ("", useless_flags):
        with pytest.raises(Refused) as caught:
            decide(case, NO_RENEWAL, **flags(text))
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
            kept = decide(case, NO_RENEWAL, recover=recover, overwrite=overwrite).action == KEPT
        except Refused:
            continue
        assert kept == (case.accepted is True and case.usable()), case


def test_over_all_situations_each_flag_lifts_exactly_its_own_refusal() -> None:
    for case, overwrite in product(every_situation(), (False, True)):
        error: type[Refused] | None = None
        try:
            decide(case, NO_RENEWAL, recover=True, overwrite=overwrite)
        except Refused as exc:
            error = type(exc)
        assert error == (Refused if case.foreign() and not overwrite else None), case


def test_over_all_situations_an_empty_sink_beside_an_unexplained_live_token_never_mints() -> None:
    for case in every_situation():
        known = {case.record.announced} if case.record else set()
        if case.empty and set(case.live_ids()) - known:
            with pytest.raises(Lost):
                decide(case, NO_RENEWAL, recover=False, overwrite=True)


# --- a token that works is replaced ----------------------------------------------------------------------------------

DAY = 86_400
# Issued 30 days ago, of 90.
LASTING = claims(expires_at=NOW + timedelta(days=60))
MINE = record(A, requested_lifetime=90 * DAY)
EVER = record(A)

# name: stored token, its record, what is asked for, reason (empty: it is kept)
RENEWALS: dict[str, tuple[TokenClaims, Record | None, Renewal, str]] = {
    "long-before-its-end": (LASTING, MINE, Renewal(90 * DAY, renew_before=59 * DAY), ""),
    "one-second-before-it-is-due": (LASTING, MINE, Renewal(90 * DAY, renew_before=60 * DAY - 1), ""),
    "due-this-second": (LASTING, MINE, Renewal(90 * DAY, renew_before=60 * DAY), "it ends in less than 60d"),
    "due-by-its-share-of-the-spread": (
        LASTING,
        MINE,
        Renewal(90 * DAY, renew_before=59 * DAY, spread=2 * DAY, brought_forward=DAY),
        "it ends in less than 59d (brought forward by 1d of renew_spread)",
    ),
    "not-yet-by-its-share-of-the-spread": (
        LASTING,
        MINE,
        Renewal(90 * DAY, renew_before=59 * DAY, spread=2 * DAY, brought_forward=DAY - 1),
        "",
    ),
    "young": (claims(), EVER, Renewal(renew_after=30 * DAY + 1), ""),
    "old-this-second": (claims(), EVER, Renewal(renew_after=30 * DAY), "it is older than 30d"),
    "old-by-its-share-of-the-spread": (
        claims(),
        EVER,
        Renewal(renew_after=31 * DAY, spread=DAY, brought_forward=DAY),
        "it is older than 31d (brought forward by 1d of renew_spread)",
    ),
    "old-although-not-near-its-end": (
        LASTING,
        MINE,
        Renewal(90 * DAY, renew_before=DAY, renew_after=30 * DAY),
        "it is older than 30d",
    ),
    "rotation": (claims(), EVER, Renewal(rotate=True), "a rotation was asked for"),
    "rotation-of-an-adopted-one": (claims(), None, Renewal(rotate=True), "a rotation was asked for"),
    "shorter-lifetime": (LASTING, MINE, Renewal(30 * DAY), "the lifetime asked for is 30d, it was 90d"),
    "longer-lifetime": (LASTING, MINE, Renewal(99 * DAY), "the lifetime asked for is 99d, it was 90d"),
    "no-end-any-more": (LASTING, MINE, Renewal(), "the lifetime asked for is without end, it was 90d"),
    "an-end-from-now-on": (claims(), EVER, Renewal(90 * DAY), "the lifetime asked for is 90d, it was without end"),
    "the-server-granted-less-than-was-asked-for-then-as-now": (
        LASTING,
        record(A, requested_lifetime=365 * DAY),
        Renewal(365 * DAY),
        "",
    ),
    "adopted-and-of-another-length": (LASTING, None, Renewal(30 * DAY), ""),
    "adopted-beside-the-record-of-another": (
        LASTING,
        record(B, requested_lifetime=30 * DAY),
        Renewal(60 * DAY),
        "",
    ),
    "adopted-without-end": (claims(), None, Renewal(DAY), "the lifetime asked for is 1d, it was without end"),
    "adopted-with-an-end": (LASTING, None, Renewal(), "the lifetime asked for is without end, it was 90d"),
}


@pytest.mark.parametrize(("stored", "beside", "renewal", "reason"), RENEWALS.values(), ids=RENEWALS)
def test_a_token_that_works_is_renewed_for_a_reason_or_kept(
    stored: TokenClaims, beside: Record | None, renewal: Renewal, reason: str
) -> None:
    case = situation(stored, accepted=True, record=beside, listed=listed(A))
    expected = Decision(RENEWED, reason) if reason else Decision(KEPT, "the server accepts the stored token")
    assert decide(case, renewal, recover=False, overwrite=False) == expected


def test_a_rotation_does_not_excuse_a_loss() -> None:
    with pytest.raises(Lost):
        decide(situation(listed=listed(A)), Renewal(rotate=True), recover=False, overwrite=False)


def test_what_is_minted_anyway_is_not_called_a_renewal() -> None:
    expected = Decision(MINTED, "no token of this name exists yet")
    assert decide(situation(), Renewal(rotate=True), recover=False, overwrite=False) == expected


def test_a_life_granted_so_short_that_every_run_would_renew_is_refused() -> None:
    case = situation(LASTING, accepted=True, record=record(A, requested_lifetime=365 * DAY))
    with pytest.raises(Refused) as caught:
        decide(case, Renewal(365 * DAY, renew_before=90 * DAY), recover=False, overwrite=False)
    assert str(caught.value) == (
        "cannot renew a token of account octopus 90d before its end: the server grants a life of 90d only, so every "
        "run would mint; make renew_before (with renew_spread) shorter than that"
    )


# --- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
def test_clocks_that_differ_are_told_and_far_apart_refused(sign: int) -> None:
    assert compare_clocks(NOW + sign * timedelta(seconds=60), NOW) == ""
    for apart in (timedelta(seconds=61), timedelta(hours=1)):
        assert compare_clocks(NOW + sign * apart, NOW) == (
            "the clock of Argo CD and the one of this machine are more than 60 s apart; the server's counts here, set "
            "them right (NTP)"
        )
    with pytest.raises(Refused) as caught:
        compare_clocks(NOW + sign * timedelta(seconds=3601), NOW)
    assert str(caught.value) == (
        "cannot tell the age of tokens: the clock of Argo CD and the one of this machine are more than 1 h apart; set "
        "them right (NTP)"
    )


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
