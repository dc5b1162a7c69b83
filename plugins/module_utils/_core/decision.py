# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decision about a stored token: keep, mint or renew it, or refuse, each with its reason.

`decide` is the table; its rows are tried from top to bottom. The clock is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .errors import Lost, Refused
from .record import Record, require_same
from .renewal import Renewal, renewal_reason
from .tokens import ListedToken, TokenClaims, parse_token_id

__all__ = (
    "ABSENT",
    "KEPT",
    "MINTED",
    "RENEWED",
    "REVOKED",
    "SKEW_REFUSED",
    "Decision",
    "Situation",
    "check_stored",
    "compare_clocks",
    "decide",
    "live_ids",
    "unknown_tokens",
)

KEPT, MINTED, RENEWED, REVOKED, ABSENT = "kept", "minted", "renewed", "revoked", "absent"
# golang-jwt's ErrTokenSignatureInvalid, v4 and v5. Every refused token has the one gRPC code 16 (Unauthenticated), so
# the words are all that tells another signing key from the rest (argo-cd util/session/sessionmanager.go, Parse).
_SIGNATURE_REJECTED = "signature is invalid"
_SKEW_WARNED, SKEW_REFUSED = timedelta(seconds=60), timedelta(hours=1)


@dataclass(frozen=True)
class Situation:
    """All that the decision rests on.

    `where` names the sink. `stored` is None where the sink is empty, or its value is no token. `accepted` is the
    server's answer to the stored token (None: not asked), `refusal` its words where it said no. `listed` are the
    account's tokens on the server.
    """

    where: str
    account: str
    token_name: str
    instance: str
    now: datetime
    empty: bool
    stored: TokenClaims | None
    record: Record | None
    accepted: bool | None = None
    refusal: str = ""
    listed: tuple[ListedToken, ...] = ()

    def live_ids(self) -> list[str]:
        """Ids of this token name the server would still accept."""
        return live_ids(self.listed, self.token_name, self.now)

    def ours(self) -> bool:
        """Whether the stored value is a token of this account and installation: what may be sent to the server."""
        return self.stored is not None and not self.foreign() and not self.elsewhere()

    def usable(self) -> bool:
        """Whether it is ours and has not expired."""
        return self.ours() and not self.expired()

    def elsewhere(self) -> bool:
        """Whether the record says that the stored token belongs to another installation."""
        return self.record is not None and self.record.instance != self.instance

    def foreign(self) -> str:
        """Why the stored value is not a token of this account; empty where it is one."""
        if self.empty:
            return ""
        if self.stored is None:
            return "its value is not an Argo CD token"
        if self.stored.issuer != "argocd":
            return "its token was not issued by Argo CD"
        if self.stored.account != self.account or self.stored.capability != "apiKey":
            return f"its token belongs to {self.stored.account} ({self.stored.capability})"
        return ""

    def expired(self) -> bool:
        """Whether the stored token's own time is over."""
        return self.stored is not None and self.stored.expires_at is not None and self.stored.expires_at <= self.now

    def signature_rejected(self) -> bool:
        """Whether the server says that another key signed the stored token."""
        return self.ours() and not self.accepted and _SIGNATURE_REJECTED in self.refusal

    def listed_itself(self) -> bool:
        """Whether the server lists the stored token as a live one."""
        live = {token.id for token in self.listed if token.live(self.now)}
        return self.usable() and self.stored is not None and self.stored.id in live

    def unexplained(self) -> list[str]:
        """Live ids of this token name that neither the sink holds nor its record explains."""
        known: set[str | None] = {self.stored.id} if self.stored else set()
        if self.record:
            known |= {self.record.announced, *(item.id for item in self.record.superseded)}
        return [token_id for token_id in self.live_ids() if token_id not in known]


def live_ids(listed: Iterable[ListedToken], token_name: str, now: datetime) -> list[str]:
    """Return the ids of this token name that have not expired."""
    return [token.id for token in listed if token.live(now) and parse_token_id(token.id) == token_name]


@dataclass(frozen=True)
class Decision:
    """`action` is KEPT, MINTED (in place of none that works) or RENEWED (in place of one that works)."""

    action: str
    reason: str


def check_stored(situation: Situation, *, recover: bool, overwrite: bool) -> None:
    """Raise where the stored value must be neither sent anywhere nor replaced. No server is needed to tell."""
    foreign = situation.foreign()
    if foreign and not overwrite:
        raise Refused(
            f"cannot use {situation.where} for a token of account {situation.account}: {foreign}; it is neither sent "
            "anywhere nor overwritten; check where the sink points, or set overwrite to true"
        )
    record = situation.record
    if record is None or recover:
        return
    require_same(
        ("instance", situation.instance, record.instance),
        ("account", situation.account, record.account),
        ("token name", situation.token_name, record.token_name),
        where=situation.where,
        remedy="mint a new token",
    )


def compare_clocks(server: datetime, ours: datetime, *, of: str = "Argo CD") -> str:
    """Return a warning where the clocks differ, empty where they do not; raise Refused where they differ by far."""
    apart = abs(server - ours)
    clocks = f"the clock of {of} and the one of this machine"
    if apart > SKEW_REFUSED:
        raise Refused(f"cannot tell the age of tokens: {clocks} are more than 1 h apart; set them right (NTP)")
    if apart > _SKEW_WARNED:
        return f"{clocks} are more than 60 s apart; the server's counts here, set them right (NTP)"
    return ""


def decide(situation: Situation, renewal: Renewal, *, recover: bool, overwrite: bool) -> Decision:
    """Keep, mint or renew, with the reason; raise Lost for a state no ordinary run explains.

    So a wrong path cannot mint anew for a whole fleet.
    """
    check_stored(situation, recover=recover, overwrite=overwrite)
    stored = situation.stored
    if stored and situation.usable() and situation.accepted:
        due = renewal_reason(stored, situation.record, renewal, situation.now)
        return Decision(RENEWED, due) if due else Decision(KEPT, "the server accepts the stored token")
    cause = "" if situation.foreign() else _loss(situation)
    if not cause:
        return Decision(MINTED, _expected_reason(situation))
    if recover:
        return Decision(MINTED, f"recovering: {cause}")
    raise Lost(
        f"cannot keep the token of account {situation.account} in {situation.where}: {cause}; check where the sink and "
        "the host point (a wrong path would mint anew for a whole fleet), or set recover to true to mint a new token"
    )


def _loss(situation: Situation) -> str:
    """Why this is a loss; empty where it is not."""
    if situation.signature_rejected():
        return (
            "the server rejects the signature of the stored token; its signing key was changed, or this is another "
            "Argo CD"
        )
    if situation.listed_itself():
        said = f" ({situation.refusal})" if situation.refusal else ""
        return (
            f"the server lists the stored token and refuses it{said}; was the account's password changed after it was "
            "issued, was it logged out of the web interface, or do replicas not share one argocd-secret?"
        )
    unexplained = situation.unexplained()
    if not unexplained:
        return ""
    held = "holds a token the server no longer lists"
    if situation.empty:
        held = "is empty"
    elif situation.expired():
        held = "holds a token that has expired"
    return f"the sink {held}, yet the server lists {', '.join(unexplained)}"


def _expected_reason(situation: Situation) -> str:
    """Why there is no token that works, where an ordinary course of events explains it."""
    if situation.foreign():
        return f"the stored value is overwritten as asked: {situation.foreign()}"
    if situation.elsewhere():
        return "recovering: the record is of another instance"
    if situation.expired():
        return "the stored token has expired"
    if situation.record and situation.record.announced in situation.live_ids():
        return "an earlier run announced a token and did not store it"
    if situation.empty:
        return "no token of this name exists yet"
    return "the server no longer lists the stored token"


def unknown_tokens(listed: Iterable[ListedToken], record: Record | None, now: datetime) -> list[dict[str, Any]]:
    """Return the account's ids that our record does not know, with their age in seconds: reported, never revoked."""
    ours: set[str | None] = set()
    if record:
        ours = {
            record.announced,
            record.current.id if record.current else None,
            *(item.id for item in record.superseded),
        }
    return [
        {
            "id": token.id,
            "age": int((now - token.issued_at).total_seconds()) if token.issued_at else None,
            "expired": not token.live(now),
        }
        for token in listed
        if token.id not in ours
    ]
