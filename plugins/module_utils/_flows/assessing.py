# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is stored, and what does the server say to it? The ground that the decision about a token stands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from .._clients.argocd import ListedAccount
from .._core.accounts import API_KEY
from .._core.decision import Situation, check_stored, compare_clocks
from .._core.errors import Absent, InvalidInput, Refused, Unauthenticated
from .._core.record import parse_record
from .._core.tokens import ListedToken, NotAToken, TokenClaims, decode_token
from .ports import wait_until
from .token_task import TokenTask

if TYPE_CHECKING:
    from .._sinks.port import Entry

__all__ = ("Assessment", "read_claims")


class Assessment:
    """Asks on behalf of one wish. `warnings` are about the server's clock.

    `is_disabled` tells, by the cluster and without a login, whether the account is disabled.
    """

    def __init__(self, task: TokenTask, *, is_disabled: Callable[[], bool]) -> None:
        self._task = task
        self._wish = task.wish
        self._argocd = task.argocd
        self._ports = task.ports
        self._is_disabled = is_disabled
        self.warnings: tuple[str, ...] = ()

    def assess(self, entry: Entry) -> Situation:
        """Gather what the decision needs."""
        situation = self.look(entry)
        if situation.signature_rejected() and not self._wish.recover:
            # A loss whatever the server lists, and known without any login.
            return situation
        return self._with_listed(situation, entry.token)

    def look(self, entry: Entry, *, where: str | None = None) -> Situation:
        """Gather what needs no list; the stored token is sent to the server only once it is known to be ours."""
        situation = self.check(entry, where=where or self._task.places.where)
        return self._ask(situation, entry.token, seconds=0) if entry.token and situation.ours() else situation

    def check(self, entry: Entry, *, where: str) -> Situation:
        """Return what the entry says of itself; raise where it must not be written over. Asks nobody."""
        if entry.token:
            self._ports.remember(entry.token)
        situation = Situation(
            where=where,
            account=self._wish.account,
            token_name=self._wish.token_name,
            instance=self._task.instance,
            now=self.now(),
            empty=entry.token is None,
            stored=read_claims(entry.token),
            record=parse_record(entry.record, where=where),
        )
        check_stored(situation, recover=self._wish.recover, overwrite=self._wish.overwrite)
        return situation

    def _with_listed(self, situation: Situation, token: str | None) -> Situation:
        if self._wish.by_signing and self._argocd.server_time is None:
            # Nobody has asked Argo CD yet, and a token that we sign begins when its clock says so.
            self._argocd.version()
        account = self._account(token if situation.accepted else None, situation)
        if account is None:
            # Nothing is known to be gone.
            ids = situation.record.ids() if situation.record else ()
            listed = tuple(ListedToken(token_id, None, None) for token_id in ids)
            return replace(situation, accepted=situation.usable(), listed=listed, now=self.now())
        situation = replace(situation, listed=account.tokens, now=self.now())
        if situation.accepted or not situation.listed_itself() or token is None:
            return situation
        if not _usable(account):
            # Only a planned run gets here: an earlier step enables the account, and with it the token it lists.
            return replace(situation, accepted=True)
        # Listed and refused: a replica that has not seen it yet, perhaps.
        return self._ask(situation, token, seconds=self._wish.patience)

    def now(self) -> datetime:
        """Return the server's time: it alone decides what has expired."""
        ours, server = self._ports.clock(), self._argocd.server_time
        if server is None:
            return ours
        warning = compare_clocks(server, ours)
        self.warnings = (warning,) if warning else ()
        return server

    def _ask(self, situation: Situation, token: str, *, seconds: float) -> Situation:
        def probe() -> bool:
            return self._argocd.accepts(token, account=self._wish.account)

        accepted = wait_until(probe, bool, seconds=seconds, sleep=self._ports.sleep)
        refusal = "" if accepted else self._argocd.why_refused(token, account=self._wish.account)
        return replace(situation, accepted=accepted, refusal=refusal, now=self.now())

    def _account(self, token: str | None, situation: Situation) -> ListedAccount | None:
        """Return the account as the server has it; with a token of its own no other login is needed.

        None where a planned run cannot ask yet: with the stored token of, or logged in as, the very account that an
        earlier step enables.
        """
        only_planned = self._task.only_planned
        if token is None and not self._task.issuer.can_act_alone:
            if only_planned and situation.usable() and self._is_disabled():
                return None
            raise self._no_login(situation)
        try:
            account = self._task.account(token)
        except Absent as exc:
            if only_planned:
                return ListedAccount(self._wish.account, enabled=False, capabilities=(), tokens=())
            missing = exc
        except Unauthenticated:
            if only_planned and self._argocd.logs_in_as(self._wish.account):
                return None
            raise
        else:
            if not only_planned:
                _require_usable(account)
            return account
        raise Absent(f"{missing}; create it first (argocd_account)", status=missing.status, code=missing.code)

    def _no_login(self, situation: Situation) -> InvalidInput:
        cause = "there is no stored token"
        if not situation.empty:
            cause = f"the stored token is refused ({situation.refusal or 'no reason given'})"
        return InvalidInput(
            f"cannot mint a token for account {self._wish.account}: {cause}, and there is no login to Argo CD to do it "
            "with; set argocd_auth_token, or argocd_username and argocd_password"
        )


def read_claims(token: str | None) -> TokenClaims | None:
    """Return the claims, None where the text is no Argo CD token."""
    try:
        return decode_token(token or "")
    except NotAToken:
        return None


def _usable(account: ListedAccount) -> bool:
    return account.enabled and API_KEY in account.capabilities


def _require_usable(account: ListedAccount) -> None:
    if not account.enabled:
        raise Refused(f"cannot issue a token for account {account.name}: it is disabled; enable it first")
    if API_KEY not in account.capabilities:
        raise Refused(
            f"cannot issue a token for account {account.name}: it lacks the capability apiKey "
            f"(accounts.{account.name} in argocd-cm)"
        )
