# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mint a token so that a run killed at any point leaves every sink with a token that works, and no id forgotten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from .._core.checks import Answer, require_match
from .._core.decision import live_ids
from .._core.errors import (
    ApiError,
    FleetopsError,
    Overtaken,
    SinkConflict,
    SinkError,
    Unauthenticated,
    UnexpectedReply,
    Unreachable,
)
from .._core.record import Record, announce, settle
from .._core.renewal import check_granted
from .._core.tokens import TokenClaims, make_token_id
from .._sinks.port import Entry
from .assessing import read_claims
from .can_i import ask
from .ports import everywhere, wait_until
from .token_task import TokenTask

__all__ = ("Mint", "Minted")


@dataclass(frozen=True)
class Proven:
    """A token this run made, and what its proof was answered."""

    token: str
    claims: TokenClaims
    answers: tuple[Answer, ...]

    def __repr__(self) -> str:
        """Without the token: a repr ends up in logs."""
        return f"{type(self).__name__}({self.claims.id})"


@dataclass(frozen=True, repr=False)
class Minted(Proven):
    """A token that is stored, with the record beside it."""

    record: Record


class Mint:
    """One token from announcement to read-back.

    Verified before stored, stored and read back before anything is said to be done. `revoked` are ids that this
    very run minted and revoked again.
    """

    def __init__(self, task: TokenTask) -> None:
        self._task = task
        self._wish = task.wish
        self._places = task.places
        self._issuer = task.issuer
        self._argocd = task.argocd
        self._ports = task.ports
        self._bearer: str | None = None
        self._known: Collection[str] = ()
        self._now: datetime
        self.revoked: list[str] = []

    def run(
        self,
        record: Record,
        entries: Sequence[Entry],
        *,
        now: datetime,
        bearer: str | None,
        known: Collection[str],
    ) -> Minted:
        """Announce, mint, prove, store, read back. `entries` is what the sinks hold, `record` what to go on from.

        `bearer` is a token of the account that works: the account may mint for itself, whatever its policy says, so
        no other login is needed. `known` are the ids that this run decided upon. Raises Overtaken where another run
        was faster, after undoing what this one did.
        """
        self._bearer, self._now, self._known = bearer, now, known
        entry = entries[0] if entries else Entry()
        token_id = make_token_id(self._wish.token_name, now, self._ports.random_hex())
        record = announce(record, token_id, now=now, by=self._ports.actor)
        announced = self._announce(entry, record)

        def undo() -> None:
            self._withdraw(announced, entry)

        proven = self._make(token_id, undo=undo)
        record = settle(record, proven.claims.ref, requested_lifetime=self._wish.renewal.expires_in, now=now)
        expected = [announced, *entries[1:]] if entries else []
        self._store(Entry(token=proven.token, record=record.describe()), expected, token_id, undo=undo)
        return Minted(proven.token, proven.claims, proven.answers, record)

    def _announce(self, entry: Entry, record: Record) -> Entry:
        """Write the id that is about to exist: after a crash it is known as ours."""
        announced = replace(entry, record=record.describe(), stale=None)
        self._places.write_record(announced, expected=entry)
        return announced

    def _withdraw(self, announced: Entry, entry: Entry) -> None:
        self._places.write_record(entry, expected=announced)

    def _make(self, token_id: str, *, undo: Callable[[], None]) -> Proven:
        """Mint and prove, before any sink is touched with it. What cannot be proven is revoked again."""
        error: FleetopsError
        try:
            token = self._issuer.create(
                token_id, expires_in=self._wish.renewal.expires_in, now=self._now, bearer=self._bearer
            )
        except FleetopsError as exc:
            error = exc
        else:
            try:
                return self._prove(token, token_id)
            except FleetopsError as exc:
                error = exc
            raise self._revoked(error, token_id, undo=undo)
        if _nothing_happened(error):
            raise _undone(error, undo)
        raise self._revoked(error, token_id, undo=undo, under_way=_may_be_under_way(error))

    def _yield_to_rival(self, token_id: str) -> None:
        """Raise Overtaken where a run for another place minted the first token of this name at the same time.

        Of several the one that was named first stays. One that was named later, and does not give way, did not see
        ours: Argo CD writes argocd-secret by compare-and-set, so only whoever wrote last sees both for sure, on every
        replica that takes its token.
        """
        if self._bearer:
            return

        def rivals() -> list[str]:
            listed = live_ids(self._task.account(None).tokens, self._wish.token_name, self._now)
            return [other for other in listed if other not in {token_id, *self._known}]

        def told(others: list[str]) -> bool:
            return not others or min(others) < token_id

        others = wait_until(rivals, told, seconds=self._wish.patience, sleep=self._ports.sleep)
        if others:
            raise Overtaken(
                f"cannot mint a token for account {self._wish.account}: another run minted {', '.join(others)} at the "
                "same time, for another place"
            )

    def _prove(self, token: str, token_id: str) -> Proven:
        wish = self._wish
        claims = read_claims(token)
        if claims is None or (claims.account, claims.id) != (wish.account, token_id):
            raise UnexpectedReply(
                f"cannot use the token minted for account {wish.account}: it is not the one that was asked for; is "
                "argocd_url really an Argo CD?"
            )
        check_granted(claims, wish.renewal)

        def accepted() -> bool:
            return self._argocd.accepts(token, account=wish.account)

        if not everywhere(self._argocd, accepted, seconds=wish.patience, sleep=self._ports.sleep):
            raise Unauthenticated(
                f"cannot prove the token minted for account {wish.account}: the server does not accept it after "
                f"{wish.patience} s; is the account enabled, and do all replicas share one argocd-secret?"
            )
        self._yield_to_rival(token_id)
        answers = ask(self._argocd, wish.checks, token=token, seconds=wish.patience, ports=self._ports)
        require_match(answers, account=wish.account)
        return Proven(token, claims, tuple(answers))

    def _revoked(
        self, error: FleetopsError, token_id: str, *, undo: Callable[[], None], under_way: bool = False
    ) -> FleetopsError:
        """Revoke the token of this very run, which no sink holds, and withdraw its announcement.

        Returns the error to raise. Where revoking fails the announcement stays, so that the id is not forgotten; also
        where nothing was there to revoke and the mint may still be `under_way`.
        """
        try:
            existed = self._issuer.delete(token_id, bearer=self._bearer)
        except ApiError as exc:
            return FleetopsError(f"{error}. Its token {token_id} could not be revoked: {exc}; the record names it")
        if existed:
            self.revoked.append(token_id)
        return error if under_way and not existed else _undone(error, undo)

    def _store(self, wanted: Entry, expected: list[Entry], token_id: str, *, undo: Callable[[], None]) -> None:
        """Store everywhere. On failure the new token is revoked only if every place was read and none holds it."""
        error: SinkError
        try:
            self._places.store(wanted, expected=expected)
            return
        except SinkError as exc:
            error = exc
        if wanted.token and self._places.may_hold(wanted.token):
            raise SinkError(f"{error}. The new token {token_id} is stored in part and stays valid; run again")
        raise self._revoked(error, token_id, undo=undo)


def _nothing_happened(error: FleetopsError) -> bool:
    """Whether the answer proves that no token was minted. 408 is gRPC's Canceled and proves nothing."""
    if not isinstance(error, ApiError):
        # Refused by ourselves, before anything was asked.
        return True
    if isinstance(error, Unreachable):
        return not error.sent
    return error.status is not None and 300 <= error.status < 500 and error.status != 408


def _may_be_under_way(error: FleetopsError) -> bool:
    """Whether Argo CD may still be at work on the request: no answer came, or one that is not its own."""
    return isinstance(error, ApiError) and error.code is None


def _undone(error: FleetopsError, undo: Callable[[], None]) -> FleetopsError:
    """Undo, and return the error to raise."""
    try:
        undo()
    except SinkConflict:
        # Another run has written its own announcement since, and took ours over as superseded.
        return error
    except SinkError as exc:
        return FleetopsError(f"{error}. The announcement could not be withdrawn either: {exc}")
    return error
