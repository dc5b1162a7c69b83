# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password that we make ourselves: kept where its reader finds it, and in effect.

A new one is stored first and set then. Of one that is set and not stored nobody knows what it is; one that is stored
and not set yet is set by the next run. The two are compared by bcrypt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from .._core.accounts import LOGIN, DesiredAccount, PasswordWish, default_variable, password_keys
from .._core.errors import ApiError, Conflict, FleetopsError, Refused, SinkConflict, SinkError
from .._core.passwords import (
    PasswordDecision,
    PasswordRecord,
    PasswordSituation,
    check_place,
    decide_password,
    make_password,
    parse_password_record,
    password_pattern,
)
from .._sinks.port import Entry
from .password import can_be_password, stored_password
from .ports import Outcome, Ports, argocd_at_hand, await_own_login, own_login
from .storing import Places, differs

if TYPE_CHECKING:
    from .._stores.port import Store

__all__ = ("StoredPassword", "password_place")

_RACES, _RACE_PAUSE = 5, 0.5


def password_place(options: Mapping[str, Any], account: str) -> dict[str, Any]:
    """Return the options of a place for a password: its variable is named so by default."""
    return {**options, "variable": options["variable"] or default_variable(account, "password")}


class Bring(Protocol):
    """Brings the account into its state, with this password."""

    def __call__(self, password: PasswordWish | None, *, check_mode: bool) -> Outcome:
        """Do so, or, in check mode, plan and rehearse it."""


class StoredPassword:
    """The password of one account, and its places."""

    def __init__(self, desired: DesiredAccount, store: Store, params: Mapping[str, Any], ports: Ports) -> None:
        self._account = desired.name
        self._present = desired.present
        self._store = store
        self._params = params
        self._ports = ports
        self._rotate = bool(params["account_password_rotate"])
        items = params["account_password_store"]
        self._places = Places([ports.sink(password_place(item, desired.name), desired.name) for item in items])

    def run(self, bring: Bring) -> Outcome:
        """Bring account, places and password in line. Where another run was faster, go on from what it left."""
        if self._present:
            self._places.prepare()
        for _attempt in range(_RACES):
            try:
                return self._once(bring)
            except SinkConflict:
                # The other run's password is as new as one that a rotation would give.
                self._rotate = False
                self._ports.sleep(_RACE_PAUSE)
        return self._once(bring)

    def _once(self, bring: Bring) -> Outcome:
        entries = self._places.read()
        for entry in entries:
            self._ports.remember(entry.token or "")
        config = self._store.live("configmaps", "argocd-cm")
        situation = self._assess(entries, instance=str(config.metadata["uid"]))
        if not self._present:
            return self._remove(bring, entries)
        decision = decide_password(situation, rotate=self._rotate, recover=self._params["recover"])
        by = situation.record.by if situation.record else self._ports.actor
        record = PasswordRecord(situation.instance, self._account, situation.set_at, announced=False, by=by)
        if decision.new:
            password = make_password(password_pattern(config.data), self._ports.random_below)
            self._ports.remember(password)
            return self._set_new(bring, entries, password, record, decision)
        return self._keep(bring, entries, record, decision)

    # -- looking

    def _assess(self, entries: Sequence[Entry], *, instance: str) -> PasswordSituation:
        """Look at the places and at argocd-secret; raise where a place must not be written over."""
        found, set_at = self._read_hash()
        value = entries[0].token
        settable = can_be_password((value or "").encode())
        situation = PasswordSituation(
            where=self._places.where,
            account=self._account,
            instance=instance,
            stored=value is not None,
            settable=settable,
            in_effect=bool(value and settable and found and self._wish(value).matches(found)),
            has_hash=bool(found),
            set_at=set_at,
            record=parse_password_record(entries[0].record, where=self._places.where),
        )
        for label, entry in self._places.named(entries):
            self._check(label, entry, situation, same=situation.in_effect and entry.token == value)
        return situation

    def _check(self, label: str, entry: Entry, situation: PasswordSituation, *, same: bool) -> None:
        record = parse_password_record(entry.record, where=label)
        foreign = not (entry.token is None or record or same or self._params["overwrite"])
        check_place(situation, record, where=label, foreign=foreign, recover=self._params["recover"])

    def _read_hash(self) -> tuple[str, str | None]:
        secret = self._store.read("secrets", "argocd-secret").data
        self._ports.remember(secret.get("server.secretkey", ""))
        hash_key, time_key = password_keys(self._account)
        return secret.get(hash_key, ""), secret.get(time_key)

    def _wish(self, password: str) -> PasswordWish:
        return stored_password(password, self._params)

    # -- acting

    def _keep(
        self, bring: Bring, entries: Sequence[Entry], record: PasswordRecord, decision: PasswordDecision
    ) -> Outcome:
        """Leave the stored password; set it where an earlier run did not come to it."""
        password = str(entries[0].token)
        outcome = bring(self._wish(password), check_mode=self._ports.check_mode)
        changed = outcome.values["password_changed"]
        if changed and not self._ports.check_mode:
            outcome = self._proven(outcome, password)
            record = self._settled(record, password)
        settled = Entry(token=password, record=record.describe())
        # In check mode only the real run can know when it will count as set: every place gets that time.
        stale = [entry for entry in entries if changed or differs(entry, settled)]
        if not self._ports.check_mode:
            self._places.store(settled, expected=entries)
        return self._reported(outcome, decision, stale=stale)

    def _set_new(
        self,
        bring: Bring,
        entries: Sequence[Entry],
        password: str,
        record: PasswordRecord,
        decision: PasswordDecision,
    ) -> Outcome:
        """Plan, store, set, read back, settle: in this order, see above."""
        planned = bring(self._wish(password), check_mode=True)
        self._require_login(planned)
        if self._ports.check_mode:
            # Without a word about a login: an earlier step may be about to enable the account.
            return self._reported(planned, decision, stale=entries)
        record = replace(record, by=self._ports.actor)
        announced = Entry(token=password, record=replace(record, announced=True).describe())
        error: FleetopsError
        try:
            self._places.store(announced, expected=entries)
            outcome = self._proven(bring(self._wish(password), check_mode=False), password)
        except FleetopsError as exc:
            error = exc
        else:
            settled = Entry(token=password, record=self._settled(record, password).describe())
            self._places.store(settled, expected=[announced] * len(entries))
            return self._reported(outcome, decision, stale=entries)
        raise self._undone(error, password, entries, announced)

    def _require_login(self, planned: Outcome) -> None:
        capabilities = planned.values["account"]["capabilities"]
        # An account that an earlier step of a check run only plans has none yet.
        only_planned = self._ports.check_mode and not capabilities
        if LOGIN not in capabilities and not only_planned:
            raise Refused(
                f"cannot keep a password of account {self._account}: it lacks the capability login, so that nobody "
                "could log in with it; add login to capabilities"
            )

    def _proven(self, outcome: Outcome, password: str) -> Outcome:
        """Log in with it where the task says where Argo CD is, or warn why none could. Raises Unauthenticated.

        No later run makes up for it: the record does not tell a password that was proven from one that was not.
        """
        params = {**self._params, **own_login(self._account, password)}
        argocd = argocd_at_hand(params, self._ports) if self._params["wait"] else None
        obstacle = _obstacle(outcome)
        if argocd and obstacle:
            warning = (
                f"the new password of account {self._account} is not proven by a login: {obstacle}; once it can log "
                "in, argocd_can_i with password_from proves it"
            )
            return replace(outcome, warnings=(*outcome.warnings, warning))
        if argocd:
            await_own_login(argocd, self._account, self._ports)
            argocd.account(self._account)
        return outcome

    def _settled(self, record: PasswordRecord, password: str) -> PasswordRecord:
        """Read argocd-secret back; return the record with the time that it says."""
        found, set_at = self._read_hash()
        if found and self._wish(password).matches(found):
            return replace(record, set_at=set_at)
        raise Conflict(
            f"cannot set the password of account {self._account}: argocd-secret holds another one than was just "
            "written; somebody else changes it at the same time; run again"
        )

    def _undone(self, error: FleetopsError, password: str, entries: Sequence[Entry], announced: Entry) -> FleetopsError:
        """Put back what the places held, unless the new password is, or may be, in effect; return what to raise."""
        try:
            found, _set_at = self._read_hash()
            in_effect = bool(found) and self._wish(password).matches(found)
        except ApiError as exc:
            return FleetopsError(f"{error}. Whether the new password is in effect cannot be read ({exc}); {_LEFT}")
        if in_effect:
            return FleetopsError(f"{error}. The new password is in effect; {_LEFT}")
        try:
            self._places.restore(entries, written=announced)
        except SinkError as exc:
            return FleetopsError(f"{error}. What was stored before could not be put back: {exc}; {_LEFT}")
        return error

    def _remove(self, bring: Bring, entries: Sequence[Entry]) -> Outcome:
        """Remove the account, and then what is stored: until then its record says that it is ours."""
        self._places.prepare_removal(entries)
        outcome = bring(None, check_mode=self._ports.check_mode)
        stored = [entry for entry in entries if not entry.holds_same(Entry())]
        if not self._ports.check_mode:
            self._places.clear(expected=entries)
        return self._reported(outcome, PasswordDecision(new=False, reason="the account is removed"), stale=stored)

    def _reported(self, outcome: Outcome, decision: PasswordDecision, *, stale: Sequence[Entry]) -> Outcome:
        before, after = dict(outcome.before), dict(outcome.after)
        if stale:
            reasons = dict.fromkeys(entry.stale or decision.reason for entry in stale)
            before["password_stored"] = "in need of writing: " + "; ".join(reasons)
        return replace(
            outcome,
            changed=outcome.changed or bool(stale),
            values={**outcome.values, "password_reason": decision.reason, "password_stored_in": self._places.locations},
            before=before,
            after=after,
        )


def _obstacle(outcome: Outcome) -> str:
    """Say why Argo CD could only refuse a login of the account by now, empty where it should not.

    Of an account that it does not know each try counts towards the five that lock it (util/session/sessionmanager.go).
    """
    if outcome.values["pending"]:
        return f"the account has not come from {outcome.values['upstream']} to Argo CD yet"
    return "" if outcome.values["account"]["enabled"] else "the account is disabled"


_LEFT = "it stays stored, and the next run goes on from there"
