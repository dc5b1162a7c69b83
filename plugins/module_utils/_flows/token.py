# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_token: keep the stored token, or announce, mint, prove, store and read back a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .._clients.argocd import ListedAccount
from .._core.accounts import API_KEY
from .._core.errors import Absent, InvalidInput, Refused, SinkConflict, Unauthenticated
from .._core.plan import UNKNOWN
from .._core.record import Record, TokenRef, parse_record, settle
from .._core.target import names_cluster
from .._core.tokens import Decision, Situation, check_stored, decide, unknown_tokens
from .._sinks.port import Entry
from .._stores.configmaps import ConfigMapStore
from .instance import read_instance_uid, require_same_instance
from .minting import Mint, Minted, read_claims, require_read_back
from .ports import Outcome, Ports, wait_until
from .token_wish import Wish, parse_wish

if TYPE_CHECKING:
    from .._clients.argocd import ArgocdClient
    from .._sinks.port import Sink

__all__ = ("run",)

_RACES = 2


def run(params: Mapping[str, Any], ports: Ports) -> Outcome:
    """Validate, read, decide, and act on the decision."""
    wish = parse_wish(params)
    sinks = [ports.sink(item, wish.account) for item in params["store"]]
    _require_somewhere(sinks, wish)
    _require_different(sinks)
    for sink in sinks:
        sink.prepare()
    instance = read_instance_uid(params, ports)
    ports.claim(
        f"{instance} token {wish.account} {wish.token_name}", f"token {wish.token_name} of account {wish.account}"
    )
    argocd = ports.argocd(params)

    def check_instance() -> None:
        if not params["instance_uid"] or names_cluster(params):
            require_same_instance(ConfigMapStore(ports.kubernetes(params)), argocd, wish, ports)

    return _Run(wish, sinks, instance, argocd, ports, check_instance).run()


def _require_different(sinks: list[Sink]) -> None:
    """A place given twice would fail to be compared-and-set the second time, after the token is minted."""
    labels = [sink.label for sink in sinks]
    twice = next((label for index, label in enumerate(labels) if label in labels[:index]), None)
    if twice:
        raise InvalidInput(f"cannot store the token in {twice} twice: leave one out of store")


def _require_somewhere(sinks: list[Sink], wish: Wish) -> None:
    if not sinks and not wish.return_token:
        raise InvalidInput(
            f"cannot mint a token for account {wish.account}: it would be lost; name a place in store, or set "
            "return_token"
        )


class _Run:
    """One run over one account: state that the steps share, each step a method."""

    def __init__(
        self,
        wish: Wish,
        sinks: list[Sink],
        instance: str,
        argocd: ArgocdClient,
        ports: Ports,
        require_same_instance: Callable[[], None],
    ) -> None:
        self._require_same_instance = require_same_instance
        self._wish = wish
        self._sinks = sinks
        self._instance = instance
        self._argocd = argocd
        self._ports = ports
        self._minting = Mint(wish, sinks, argocd, ports)
        self._where = sinks[0].label if sinks else "the caller's hands"

    def run(self) -> Outcome:
        """Decide and act; where another run was faster, take what it stored and decide anew."""
        for _attempt in range(_RACES):
            try:
                return self._once()
            except SinkConflict:
                continue
        return self._once()

    def _once(self) -> Outcome:
        entries = [sink.read() for sink in self._sinks]
        entry = entries[0] if entries else Entry()
        if entry.token:
            self._ports.remember(entry.token)
        situation = self._assess(entry)
        decision = self._decide(situation)
        if decision.mint:
            return self._mint(entries, situation, decision)
        return self._keep(entries, situation, decision)

    def _now(self) -> datetime:
        return self._argocd.server_time or self._ports.clock()

    def _assess(self, entry: Entry) -> Situation:
        """Gather what the decision needs; the stored token is sent to the server only once it is known to be ours."""
        situation = Situation(
            where=self._where,
            account=self._wish.account,
            token_name=self._wish.token_name,
            instance=self._instance,
            now=self._now(),
            empty=entry.token is None,
            stored=read_claims(entry.token),
            record=parse_record(entry.record, where=self._where),
        )
        check_stored(situation, recover=self._wish.recover, overwrite=self._wish.overwrite)
        accepted = self._accepted(situation, entry.token, seconds=0)
        account = self._account(entry.token if accepted else None)
        if account is None:
            return replace(situation, accepted=situation.usable(), now=self._now())
        situation = replace(situation, accepted=accepted, listed=account.tokens, now=self._now())
        if accepted or not self._is_listed(situation):
            return situation
        if not _usable(account):
            # Only a planned run gets here: an earlier step enables the account, and with it the token it lists.
            return replace(situation, accepted=True)
        # Listed and refused: a replica that has not seen it yet, perhaps.
        return replace(situation, accepted=self._accepted(situation, entry.token, seconds=self._wish.patience))

    def _accepted(self, situation: Situation, token: str | None, *, seconds: float) -> bool:
        if token is None or not situation.usable():
            return False

        def probe() -> bool:
            return self._argocd.accepts(token, account=self._wish.account)

        return wait_until(probe, bool, seconds=seconds, sleep=self._ports.sleep)

    def _is_listed(self, situation: Situation) -> bool:
        return situation.usable() and situation.stored is not None and situation.stored.id in situation.live_ids()

    def _account(self, token: str | None) -> ListedAccount | None:
        """Return the account as the server has it; with a token of its own no other login is needed.

        None where a planned run cannot ask yet: it logs in as the very account that an earlier step enables.
        """
        only_planned = self._ports.check_mode and self._wish.planned
        try:
            account = self._argocd.account(self._wish.account, token=token)
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

    def _decide(self, situation: Situation) -> Decision:
        """Without a sink the caller keeps the token: one that the server lists is taken as kept."""
        if not self._sinks and situation.live_ids() and not self._wish.recover:
            return Decision(mint=False, reason=f"the server lists {situation.live_ids()[0]}, and the caller keeps it")
        return decide(situation, recover=self._wish.recover, overwrite=self._wish.overwrite)

    def _keep(self, entries: list[Entry], situation: Situation, decision: Decision) -> Outcome:
        """Bring form, record and the other sinks in line with the token that stays."""
        claims = situation.stored
        record = self._record_of(situation)
        if claims and (record.current is None or record.current.id != claims.id):
            record = settle(record, claims.ref, requested_lifetime=self._wish.expires_in, now=situation.now)
        wanted = Entry(token=entries[0].token, record=record.describe()) if entries else Entry()
        stale = [
            (sink, entry)
            for sink, entry in zip(self._sinks, entries, strict=True)
            if entry.stale or not entry.holds_same(wanted)
        ]
        if not self._ports.check_mode:
            for sink, entry in stale:
                sink.write(wanted, expected=entry)
                require_read_back(sink, wanted)
        reasons = [entry.stale or "brought in line with the kept token" for _sink, entry in stale]
        decision = Decision(mint=False, reason="; ".join(dict.fromkeys([decision.reason, *reasons])))
        ref = claims.ref if claims else None
        shown = self._shown(ref)
        before = {**shown, "stored": "in need of writing: " + "; ".join(dict.fromkeys(reasons))} if stale else shown
        known = replace(situation, record=record)
        return self._outcome("kept", decision, known, ref=ref, changed=bool(stale), before=before, after=shown)

    def _record_of(self, situation: Situation) -> Record:
        """Return the record to go on from; one of another instance or account has nothing to say here."""
        record = situation.record
        fresh = Record(self._instance, self._wish.account, self._wish.token_name, by=self._ports.actor)
        if record is None:
            return fresh
        same = (record.instance, record.account, record.token_name) == (fresh.instance, fresh.account, fresh.token_name)
        return record if same else fresh

    def _mint(self, entries: list[Entry], situation: Situation, decision: Decision) -> Outcome:
        before = self._shown(situation.stored.ref if situation.stored and not situation.foreign() else None)
        if self._ports.check_mode:
            after = {**self._shown(None), "id": UNKNOWN, "issued_at": UNKNOWN, "expires_at": self._planned_expiry()}
            return self._outcome("minted", decision, situation, ref=None, changed=True, before=before, after=after)
        self._require_same_instance()
        minted = self._minting.run(self._record_of(situation), entries, now=situation.now)
        ref = minted.claims.ref
        after = self._shown(ref)
        return self._outcome(
            "minted", decision, situation, ref=ref, changed=True, before=before, after=after, minted=minted
        )

    def _planned_expiry(self) -> str:
        return UNKNOWN if self._wish.expires_in else "never"

    def _shown(self, ref: TokenRef | None) -> dict[str, Any]:
        shown: dict[str, Any] = {"account": self._wish.account, "token_name": self._wish.token_name}
        if ref:
            shown.update({"id": ref.id, "issued_at": ref.issued_at, "expires_at": ref.expires_at or "never"})
        return shown

    def _outcome(
        self,
        action: str,
        decision: Decision,
        situation: Situation,
        *,
        ref: TokenRef | None,
        changed: bool,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        minted: Minted | None = None,
    ) -> Outcome:
        values = {
            "account": self._wish.account,
            "token_name": self._wish.token_name,
            "instance_uid": self._instance,
            "action": action,
            "reason": decision.reason,
            "id": ref.id if ref else None,
            "issued_at": ref.issued_at if ref else None,
            "expires_at": ref.expires_at if ref else None,
            "revoked": self._minting.revoked,
            "unknown": unknown_tokens(situation.listed or (), situation.record, situation.now),
            "matrix": [answer.describe() for answer in minted.answers] if minted else [],
            "stored_in": [sink.location for sink in self._sinks],
        }
        if self._wish.return_token and minted:
            values["token"] = minted.token
        return Outcome(changed=changed, values=values, before=before, after=after)


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
