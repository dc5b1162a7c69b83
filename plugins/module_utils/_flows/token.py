# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_token: keep the stored token, or announce, mint, prove, store and read back a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .._core.decision import KEPT, RENEWED, Decision, Situation, decide, unknown_tokens
from .._core.errors import InvalidInput, Lost, Overtaken
from .._core.plan import UNKNOWN
from .._core.record import Record, TokenRef, announce, settle
from .._core.renewal import spread_over
from .._core.retirement import forget_unlisted, give_up_announced, ids_to_revoke
from .._core.target import names_cluster
from .._sinks.port import Entry
from .._stores.configmaps import ConfigMapStore
from .assessing import Assessment, read_claims
from .instance import is_disabled, may_have_tokens, read_instance_uid, require_same_instance
from .issuers import ApiIssuer, KubernetesIssuer
from .minting import Mint, Minted
from .owning import Owners
from .ports import Outcome, Ports, wait_until
from .removal import Removal
from .revoking import Revocation
from .storing import Places, differs
from .token_report import Report, show
from .token_task import TokenTask
from .token_wish import FACT, Wish, parse_wish

__all__ = ("run", "token_target")

_RACES = 5


def run(params: Mapping[str, Any], ports: Ports) -> Outcome:
    """Validate, read, decide, and act on the decision."""
    wish = parse_wish(params)
    places = Places([ports.sink(item, wish.account) for item in params["store"] if item.get("type") != FACT])
    _require_somewhere(places, wish)
    if wish.present:
        places.prepare()
    instance = read_instance_uid(params, ports)
    wish = _with_share(wish, instance)
    about = f"token {wish.token_name} of account {wish.account}"
    ports.claim(token_target(instance, wish.account, wish.token_name), about)
    argocd = ports.argocd(params)

    names = not params["instance_uid"] or names_cluster(params)

    def store() -> ConfigMapStore:
        return ConfigMapStore(ports.kubernetes(params))

    def check_instance(bearer: str | None) -> tuple[str, ...]:
        if wish.by_signing:
            # A token we sign is accepted only where its key is: its proof is that of the installation.
            return ()
        # The login of an account that an earlier step only plans cannot ask yet.
        not_yet = task.only_planned and argocd.logs_in_as(wish.account)
        if not_yet or not names:
            return ()
        return require_same_instance(ports.kubernetes(params), argocd, wish, ports, bearer=bearer)

    def has_tokens() -> bool:
        return may_have_tokens(store(), wish.account, ports) if names else True

    def disabled() -> bool:
        return names and is_disabled(store(), wish.account)

    def signer() -> KubernetesIssuer:
        owners = Owners(ports.kubernetes(params), force=params["force_owner"])
        return KubernetesIssuer(wish.account, store(), owners, ports)

    issuer = signer() if wish.by_signing else ApiIssuer(wish.account, argocd, ports)
    task = TokenTask(wish, places, instance, issuer, argocd, ports)
    assessment, revocation = Assessment(task, is_disabled=disabled), Revocation(task)
    if not wish.present:
        return _racing(Removal(task, assessment, revocation, has_tokens).run, task)
    return _racing(_Keeper(task, assessment, revocation, check_instance).run, task)


def token_target(instance_uid: str, account: str, token_name: str) -> str:
    """Return what is claimed before a token is kept: no two hosts of a play may keep the same one."""
    return f"{instance_uid} token {account} {token_name}"


def _racing(once: Callable[[], Outcome], task: TokenTask) -> Outcome:
    """Run; where another run was faster, let it come to its end, look at what it stored, and run anew.

    Whoever was overtaken waits, so that several runs for one token do not overtake each other for ever. A loss is none
    where another run minted between our reading the place and our asking the server.
    """
    for _attempt in range(_RACES):
        try:
            return once()
        except Overtaken:
            pass
        except Lost:
            if not task.places.changed():
                raise
        wait_until(
            task.places.announced, lambda token_id: not token_id, seconds=task.wish.patience, sleep=task.ports.sleep
        )
    return once()


def _with_share(wish: Wish, instance: str) -> Wish:
    """Return the wish with this token's share of the spread: minting and renewing must reckon with the same."""
    share = spread_over(wish.renewal.spread, instance=instance, account=wish.account, token_name=wish.token_name)
    return replace(wish, renewal=replace(wish.renewal, brought_forward=share))


def _require_somewhere(places: Places, wish: Wish) -> None:
    if places:
        return
    if not wish.present:
        raise InvalidInput(
            f"cannot remove a token of account {wish.account} that is stored nowhere: name a place in store"
        )
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


class _Keeper:
    """Keeps one account's token: state that the steps share, each step a method."""

    def __init__(
        self,
        task: TokenTask,
        assessment: Assessment,
        revocation: Revocation,
        require_same_instance: Callable[[str | None], tuple[str, ...]],
    ) -> None:
        self._task = task
        self._warnings: tuple[str, ...] = ()
        self._wish = task.wish
        self._places = task.places
        self._ports = task.ports
        self._assessment = assessment
        self._minting = Mint(task)
        self._revocation = revocation
        self._require_same_instance = require_same_instance
        # The first id that was found in the place.
        self._found: str | None = None
        self._renewal = task.wish.renewal

    def run(self) -> Outcome:
        """Decide and act. May be called again, where another writer was faster."""
        entries = self._places.read()
        # Before anything is written or sent: also what the other places hold must be ours to replace.
        for label, other in self._places.named(entries)[1:]:
            self._assessment.check(other, where=label)
        situation = self._assessment.assess(entries[0] if entries else Entry())
        self._heed_rotation(situation)
        decision = self._decide(situation)
        if decision.action == KEPT:
            return self._keep(entries, situation, decision)
        return self._mint(entries, situation, decision)

    def _heed_rotation(self, situation: Situation) -> None:
        """Another run's token is as new as one that a rotation would give; the first that was found is not."""
        stored = situation.stored.id if situation.stored else None
        if self._found is None:
            self._found = stored
        elif self._found != stored:
            self._renewal = replace(self._renewal, rotate=False)

    def _decide(self, situation: Situation) -> Decision:
        """Without a sink the caller keeps the token: one that the server lists is taken as kept."""
        live = situation.live_ids()
        if not self._places and live and not self._wish.recover:
            if self._renewal.rotate:
                return Decision(RENEWED, "a rotation was asked for")
            return Decision(KEPT, f"the server lists {live[0]}, and the caller keeps it")
        return decide(situation, self._renewal, recover=self._wish.recover, overwrite=self._wish.overwrite)

    def _keep(self, entries: list[Entry], situation: Situation, decision: Decision) -> Outcome:
        """Bring form, record and the other places in line with the token that stays, and retire what is due."""
        claims = situation.stored
        record = give_up_announced(self._record_of(situation), situation.now)
        if claims and not record.keeps(claims.id):
            record = settle(record, claims.ref, requested_lifetime=self._renewal.expires_in, now=situation.now)
        due = self._due(record, situation, held=claims.id if claims else None)
        wanted = Entry(token=entries[0].token, record=record.describe()) if entries else Entry()
        stale = [entry for entry in entries if differs(entry, wanted)]
        if not self._ports.check_mode:
            self._places.store(wanted, expected=entries)
            self._retire(due, record, wanted, entries)
        reasons = dict.fromkeys(entry.stale or "brought in line with the kept token" for entry in stale)
        ref = claims.ref if claims else None
        before = show(self._wish, ref, situation.record)
        if stale:
            before["stored"] = "in need of writing: " + "; ".join(reasons)
        outcome = self._outcome(
            replace(
                decision, reason="; ".join([decision.reason, *reasons, *(["revoked what was due"] if due else [])])
            ),
            replace(situation, record=record),
            ref=ref,
            changed=bool(stale or due),
            before=before,
            after=show(self._wish, ref, record.without(due)),
            revoked=due,
        )
        return _with_token(outcome, wanted.token if self._wish.as_fact else None)

    def _mint(self, entries: list[Entry], situation: Situation, decision: Decision) -> Outcome:
        before = show(
            self._wish, situation.stored.ref if situation.stored and not situation.foreign() else None, situation.record
        )
        bearer = entries[0].token if entries and decision.action == RENEWED else None
        if bearer is None or situation.record is None:
            # A token that works and has its record proves its installation by itself.
            self._warnings = self._require_same_instance(bearer)
        self._task.issuer.prepare(bearer=bearer)
        record = self._record_of(situation)
        claims = situation.stored
        if claims and decision.action == RENEWED and not record.keeps(claims.id):
            # Somebody else put it there: known from now on, so that it comes to an end once it is replaced. Its own
            # lifetime, since a run that dies before it has stored the new one must find it due again.
            record = settle(record, claims.ref, requested_lifetime=claims.lifetime, now=situation.now)
        situation = replace(situation, record=record)
        if self._ports.check_mode:
            return self._planned_mint(record, situation, decision, before)
        known = {*record.ids(), *(token.id for token in situation.listed)}
        minted = self._minting.run(record, entries, now=situation.now, bearer=bearer, known=known)
        ref, record = minted.claims.ref, minted.record
        due = self._due(record, situation, held=ref.id)
        self._retire(due, record, Entry(token=minted.token, record=record.describe()), entries)
        outcome = self._outcome(
            decision,
            situation,
            ref=ref,
            changed=True,
            before=before,
            after=show(self._wish, ref, record.without(due)),
            revoked=due,
            minted=minted,
        )
        return _with_token(outcome, minted.token if self._wish.return_token or self._wish.as_fact else None)

    def _planned_mint(
        self, record: Record, situation: Situation, decision: Decision, before: dict[str, Any]
    ) -> Outcome:
        expiry = UNKNOWN if self._renewal.expires_in else None
        ref = TokenRef(UNKNOWN, UNKNOWN, expiry)
        announced = announce(record, UNKNOWN, now=situation.now, by=self._ports.actor)
        record = settle(announced, ref, requested_lifetime=None, now=situation.now)
        due = self._due(record, situation, held=None)
        after = show(self._wish, ref, record.without(due))
        return self._outcome(decision, situation, ref=None, changed=True, before=before, after=after, revoked=due)

    def _record_of(self, situation: Situation) -> Record:
        """Return the record to go on from; one of another instance or account has nothing to say here."""
        record = situation.record
        fresh = Record(self._task.instance, self._wish.account, self._wish.token_name, by=self._ports.actor)
        if record is None:
            return fresh
        same = (record.instance, record.account, record.token_name) == (fresh.instance, fresh.account, fresh.token_name)
        return forget_unlisted(record, situation.listed, situation.now) if same else fresh

    def _due(self, record: Record, situation: Situation, *, held: str | None) -> tuple[str, ...]:
        return ids_to_revoke(
            record,
            situation.listed,
            now=situation.now,
            revoke_after=self._wish.revoke_after,
            named=self._wish.revoke_unknown,
            held=held,
        )

    def _retire(self, due: tuple[str, ...], record: Record, stored: Entry, entries: list[Entry]) -> None:
        """Revoke what is due, now that every place holds another; only then the record forgets it."""
        if not due:
            return
        self._revocation.revoke(due, bearer=stored.token)
        claims = [(entry.token, read_claims(entry.token)) for entry in entries]
        self._revocation.require_refused(token for token, about in claims if token and about and about.id in due)
        left = replace(stored, record=record.without(due).describe())
        self._places.store(left, expected=[stored] * len(entries))

    def _outcome(
        self,
        decision: Decision,
        situation: Situation,
        *,
        ref: TokenRef | None,
        changed: bool,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        revoked: tuple[str, ...],
        minted: Minted | None = None,
    ) -> Outcome:
        unknown = unknown_tokens(situation.listed, situation.record, situation.now)
        report = Report(
            self._wish,
            self._task.instance,
            action=decision.action,
            reason=decision.reason,
            ref=ref,
            superseded=after.get("superseded", []),
            revoked=[*self._minting.revoked, *revoked],
            unknown=[item for item in unknown if item["id"] not in revoked],
            answers=minted.answers if minted else (),
            stored_in=self._places.locations,
        )
        warnings = (*self._assessment.warnings, *self._warnings)
        return Outcome(changed=changed, values=report.values(), before=before, after=after, warnings=warnings)


def _with_token(outcome: Outcome, token: str | None) -> Outcome:
    return replace(outcome, values={**outcome.values, "token": token}) if token else outcome
