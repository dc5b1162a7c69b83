# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_token: keep the stored token, or announce, mint, prove, store and read back a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .._core.decision import KEPT, RENEWED, Decision, Situation, decide, unknown_tokens
from .._core.errors import InvalidInput, SinkConflict
from .._core.plan import UNKNOWN
from .._core.record import Record, TokenRef, settle
from .._core.renewal import spread_over
from .._core.target import names_cluster
from .._sinks.port import Entry
from .._stores.configmaps import ConfigMapStore
from .assessing import Assessment
from .instance import read_instance_uid, require_same_instance
from .minting import Mint, Minted
from .ports import Outcome, Ports
from .storing import Places, differs
from .token_wish import Wish, parse_wish

__all__ = ("run",)

_RACES = 2


def run(params: Mapping[str, Any], ports: Ports) -> Outcome:
    """Validate, read, decide, and act on the decision."""
    wish = parse_wish(params)
    places = Places([ports.sink(item, wish.account) for item in params["store"]])
    _require_somewhere(places, wish)
    places.prepare()
    instance = read_instance_uid(params, ports)
    ports.claim(
        f"{instance} token {wish.account} {wish.token_name}", f"token {wish.token_name} of account {wish.account}"
    )
    argocd = ports.argocd(params)

    def check_instance(bearer: str | None) -> None:
        if not params["instance_uid"] or names_cluster(params):
            store = ConfigMapStore(ports.kubernetes(params))
            require_same_instance(store, argocd, wish, ports, bearer=bearer)

    assessment = Assessment(wish, instance, places.where, argocd, ports)
    return _Run(wish, places, instance, assessment, Mint(wish, places, argocd, ports), ports, check_instance).run()


def _require_somewhere(places: Places, wish: Wish) -> None:
    if places:
        return
    if not wish.return_token:
        raise InvalidInput(
            f"cannot mint a token for account {wish.account}: it would be lost; name a place in store, or set "
            "return_token"
        )
    if wish.renewal.renew_before is not None or wish.renewal.renew_after is not None:
        raise InvalidInput(
            f"cannot renew a token of account {wish.account} that is stored nowhere: name a place in store, or leave "
            "renew_before and renew_after out"
        )


class _Run:
    """One run over one account: state that the steps share, each step a method."""

    def __init__(
        self,
        wish: Wish,
        places: Places,
        instance: str,
        assessment: Assessment,
        minting: Mint,
        ports: Ports,
        require_same_instance: Callable[[str | None], None],
    ) -> None:
        self._require_same_instance = require_same_instance
        self._wish = wish
        self._places = places
        self._instance = instance
        self._assessment = assessment
        self._minting = minting
        self._ports = ports
        share = spread_over(wish.renewal.spread, instance=instance, account=wish.account, token_name=wish.token_name)
        self._renewal = replace(wish.renewal, brought_forward=share)

    def run(self) -> Outcome:
        """Decide and act; where another run was faster, take what it stored and decide anew."""
        for _attempt in range(_RACES):
            try:
                return self._once()
            except SinkConflict:
                # The other run's token is as new as one that a rotation would give.
                self._renewal = replace(self._renewal, rotate=False)
        return self._once()

    def _once(self) -> Outcome:
        entries = self._places.read()
        entry = entries[0] if entries else Entry()
        if entry.token:
            self._ports.remember(entry.token)
        situation = self._assessment.assess(entry)
        decision = self._decide(situation)
        if decision.action == KEPT:
            return self._keep(entries, situation, decision)
        return self._mint(entries, situation, decision)

    def _decide(self, situation: Situation) -> Decision:
        """Without a sink the caller keeps the token: one that the server lists is taken as kept."""
        live = situation.live_ids()
        if not self._places and live and not self._wish.recover:
            if self._renewal.rotate:
                return Decision(RENEWED, "a rotation was asked for")
            return Decision(KEPT, f"the server lists {live[0]}, and the caller keeps it")
        return decide(situation, self._renewal, recover=self._wish.recover, overwrite=self._wish.overwrite)

    def _keep(self, entries: list[Entry], situation: Situation, decision: Decision) -> Outcome:
        """Bring form, record and the other sinks in line with the token that stays."""
        claims = situation.stored
        record = self._record_of(situation)
        if claims and (record.current is None or record.current.id != claims.id):
            record = settle(record, claims.ref, requested_lifetime=self._renewal.expires_in, now=situation.now)
        wanted = Entry(token=entries[0].token, record=record.describe()) if entries else Entry()
        stale = [entry for entry in entries if differs(entry, wanted)]
        if not self._ports.check_mode:
            self._places.store(wanted, expected=entries)
        reasons = [entry.stale or "brought in line with the kept token" for entry in stale]
        decision = Decision(KEPT, "; ".join(dict.fromkeys([decision.reason, *reasons])))
        ref = claims.ref if claims else None
        shown = self._shown(ref)
        before = {**shown, "stored": "in need of writing: " + "; ".join(dict.fromkeys(reasons))} if stale else shown
        known = replace(situation, record=record)
        return self._outcome(decision, known, ref=ref, changed=bool(stale), before=before, after=shown)

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
            return self._outcome(decision, situation, ref=None, changed=True, before=before, after=after)
        bearer = entries[0].token if entries and decision.action == RENEWED else None
        if bearer is None or situation.record is None:
            # A token that works and has its record proves its installation by itself.
            self._require_same_instance(bearer)
        minted = self._minting.run(self._record_of(situation), entries, now=situation.now, bearer=bearer)
        ref = minted.claims.ref
        after = self._shown(ref)
        return self._outcome(decision, situation, ref=ref, changed=True, before=before, after=after, minted=minted)

    def _planned_expiry(self) -> str:
        return UNKNOWN if self._renewal.expires_in else "never"

    def _shown(self, ref: TokenRef | None) -> dict[str, Any]:
        shown: dict[str, Any] = {"account": self._wish.account, "token_name": self._wish.token_name}
        if ref:
            shown.update({"id": ref.id, "issued_at": ref.issued_at, "expires_at": ref.expires_at or "never"})
        return shown

    def _outcome(
        self,
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
            "action": decision.action,
            "reason": decision.reason,
            "id": ref.id if ref else None,
            "issued_at": ref.issued_at if ref else None,
            "expires_at": ref.expires_at if ref else None,
            "revoked": self._minting.revoked,
            "unknown": unknown_tokens(situation.listed, situation.record, situation.now),
            "matrix": [answer.describe() for answer in minted.answers] if minted else [],
            "stored_in": self._places.locations,
        }
        if self._wish.return_token and minted:
            values["token"] = minted.token
        return Outcome(changed=changed, values=values, before=before, after=after, warnings=self._assessment.warnings)
