# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_token: keep the stored token, or announce, mint, prove, store and read back a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .._clients.argocd import ListedAccount
from .._core.accounts import API_KEY, account_names, check_account_name, parse_account
from .._core.checks import Answer, Check, parse_checks, require_match
from .._core.errors import (
    Absent,
    ApiError,
    Conflict,
    Denied,
    FleetopsError,
    InvalidInput,
    Refused,
    SinkConflict,
    SinkError,
    Unauthenticated,
    UnexpectedReply,
    Unreachable,
)
from .._core.plan import UNKNOWN
from .._core.record import Record, TokenRef, announce, parse_record, settle
from .._core.tokens import (
    Decision,
    NotAToken,
    Situation,
    TokenClaims,
    check_stored,
    check_token_name,
    decide,
    decode_token,
    make_token_id,
    parse_duration,
    unknown_tokens,
)
from .._sinks.port import Entry
from .._stores.configmaps import ConfigMapStore
from ..arguments import names_kubernetes
from .account import shows
from .can_i import ask
from .ports import Outcome, Ports, wait_until

if TYPE_CHECKING:
    from .._clients.argocd import ArgocdClient
    from .._sinks.port import Sink

__all__ = ("run",)

_RACES = 2
_CONFLICT_RETRIES, _CONFLICT_PAUSE = 3, 0.5


@dataclass(frozen=True)
class Wish:
    """The validated options. `expires_in` is in seconds, None for a token that never expires."""

    account: str
    token_name: str
    expires_in: int | None
    checks: tuple[Check, ...]
    recover: bool
    overwrite: bool
    return_token: bool
    planned: bool
    patience: float


@dataclass(frozen=True)
class Minted:
    """A token this run made, and what its proof was answered."""

    token: str
    claims: TokenClaims
    answers: tuple[Answer, ...] = ()

    def __repr__(self) -> str:
        """Without the token: a repr ends up in logs."""
        return f"Minted({self.claims.id})"


def run(params: Mapping[str, Any], ports: Ports) -> Outcome:
    """Validate, read, decide, and act on the decision."""
    wish = _wish(params)
    sinks = [ports.sink(item, wish.account) for item in params["store"]]
    _require_somewhere(sinks, wish)
    for sink in sinks:
        sink.prepare()
    instance = _instance(params, ports)
    ports.claim(
        f"{instance} token {wish.account} {wish.token_name}", f"token {wish.token_name} of account {wish.account}"
    )
    argocd = ports.argocd(params)

    def require_same_instance() -> None:
        if not params["instance_uid"] or names_kubernetes(params):
            _require_same_instance(ConfigMapStore(ports.kubernetes(params)), argocd, wish, ports)

    return _Run(wish, sinks, instance, argocd, ports, require_same_instance).run()


def _wish(params: Mapping[str, Any]) -> Wish:
    account = check_account_name(params["account"], option="account")
    expires_in = params["expires_in"]
    return Wish(
        account=account,
        token_name=check_token_name(params["token_name"] or account),
        expires_in=None if expires_in is None else parse_duration(expires_in, option="expires_in"),
        checks=tuple(parse_checks(params["checks"])),
        recover=params["recover"],
        overwrite=params["overwrite"],
        return_token=params["return_token"],
        planned=params["planned"],
        patience=params["wait_timeout"],
    )


def _require_somewhere(sinks: list[Sink], wish: Wish) -> None:
    if not sinks and not wish.return_token:
        raise InvalidInput(
            f"cannot mint a token for account {wish.account}: it would be lost; name a place in store, or set "
            "return_token"
        )


def _instance(params: Mapping[str, Any], ports: Ports) -> str:
    """The uid of argocd-cm tells one installation from another behind the same address."""
    if params["instance_uid"]:
        return str(params["instance_uid"])
    store = ConfigMapStore(ports.kubernetes(params))
    return str(store.read("configmaps", "argocd-cm").metadata["uid"])


def _require_same_instance(store: ConfigMapStore, argocd: ArgocdClient, wish: Wish, ports: Ports) -> None:
    """Compare the accounts of argocd-cm with those the API shows: a token of another installation is worth nothing."""
    config = store.read("configmaps", "argocd-cm").data
    names = wait_until(
        lambda: _strangers(config, argocd), lambda found: not found, seconds=wish.patience, sleep=ports.sleep
    )
    if names:
        raise Refused(
            f"cannot mint a token for account {wish.account}: the Argo CD of argocd_url is not the one of ConfigMap "
            f"argocd-cm in this cluster and namespace, they differ in account {', '.join(names)}; correct argocd_url "
            "or the Kubernetes connection"
        )


def _strangers(config: Mapping[str, str], argocd: ArgocdClient) -> list[str]:
    """Return the accounts that one side lacks or shows otherwise; what the login may not see is left out."""
    shown = {item.name: item for item in argocd.accounts()}
    differing = [name for name, item in shown.items() if not shows(item, parse_account(config, name))]
    return differing + [name for name in account_names(config) if name not in shown and _is_absent(argocd, name)]


def _is_absent(argocd: ArgocdClient, name: str) -> bool:
    try:
        argocd.account(name)
    except Absent:
        return True
    except Denied:
        return False
    return False


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
        # Ids this very run minted and revoked again: it lost a race for the sink.
        self._own_revoked: list[str] = []
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
            return self._mint(entry, entries, situation, decision)
        return self._keep(entries, situation, decision)

    # --- read and decide -------------------------------------------------------------------------------------

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
            stored=_claims(entry.token),
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
        except Absent:
            if only_planned:
                return ListedAccount(self._wish.account, enabled=False, capabilities=(), tokens=())
            raise
        except Unauthenticated:
            if only_planned and self._argocd.logs_in_as(self._wish.account):
                return None
            raise
        if not only_planned:
            _require_usable(account)
        return account

    def _decide(self, situation: Situation) -> Decision:
        """Without a sink the caller keeps the token: one that the server lists is taken as kept."""
        if not self._sinks and situation.live_ids() and not self._wish.recover:
            return Decision(mint=False, reason=f"the server lists {situation.live_ids()[0]}, and the caller keeps it")
        return decide(situation, recover=self._wish.recover, overwrite=self._wish.overwrite)

    # --- keep ------------------------------------------------------------------------------------------------

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
                _require_read_back(sink, wanted)
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

    # --- mint ------------------------------------------------------------------------------------------------

    def _mint(self, entry: Entry, entries: list[Entry], situation: Situation, decision: Decision) -> Outcome:
        before = self._shown(situation.stored.ref if situation.stored and not situation.foreign() else None)
        if self._ports.check_mode:
            after = {**self._shown(None), "id": UNKNOWN, "issued_at": UNKNOWN, "expires_at": self._planned_expiry()}
            return self._outcome("minted", decision, situation, ref=None, changed=True, before=before, after=after)
        self._require_same_instance()
        token_id = make_token_id(self._wish.token_name, situation.now, self._ports.random_hex())
        record = announce(self._record_of(situation), token_id, now=situation.now, by=self._ports.actor)
        announced = self._announce(entry, record)
        minted = self._make(token_id, undo=lambda: self._withdraw(announced, entry))
        ref = minted.claims.ref
        wanted = Entry(
            token=minted.token,
            record=settle(record, ref, requested_lifetime=self._wish.expires_in, now=situation.now).describe(),
        )
        expected = [announced, *entries[1:]] if entries else []
        self._store(wanted, expected, token_id, undo=lambda: self._withdraw(announced, entry))
        return self._outcome(
            "minted",
            decision,
            situation,
            ref=ref,
            changed=True,
            before=before,
            after=self._shown(ref),
            minted=minted,
        )

    def _planned_expiry(self) -> str:
        return UNKNOWN if self._wish.expires_in else "never"

    def _announce(self, entry: Entry, record: Record) -> Entry:
        """Write the id that is about to exist: after a crash it is known as ours."""
        announced = replace(entry, record=record.describe(), stale=None)
        if self._sinks:
            self._sinks[0].write(announced, expected=entry)
        return announced

    def _withdraw(self, announced: Entry, entry: Entry) -> None:
        if self._sinks:
            self._sinks[0].write(entry, expected=announced)

    def _make(self, token_id: str, *, undo: Callable[[], None]) -> Minted:
        """Mint and prove, before any sink is touched with it. What cannot be proven is revoked again."""
        error: FleetopsError
        try:
            token = self._create(token_id)
        except ApiError as exc:
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

    def _create(self, token_id: str) -> str:
        """Mint. A conflict means that another writer of argocd-secret was first and nothing of ours happened."""
        for _attempt in range(_CONFLICT_RETRIES):
            try:
                return self._argocd.create_token(
                    self._wish.account, token_id=token_id, expires_in=self._wish.expires_in
                )
            except Conflict:
                self._ports.sleep(_CONFLICT_PAUSE)
        return self._argocd.create_token(self._wish.account, token_id=token_id, expires_in=self._wish.expires_in)

    def _prove(self, token: str, token_id: str) -> Minted:
        wish = self._wish
        claims = _claims(token)
        if claims is None or (claims.account, claims.id) != (wish.account, token_id):
            raise UnexpectedReply(
                f"cannot use the token minted for account {wish.account}: it is not the one that was asked for; is "
                "argocd_url really an Argo CD?"
            )

        def accepted() -> bool:
            return self._argocd.accepts(token, account=wish.account)

        if not wait_until(accepted, bool, seconds=wish.patience, sleep=self._ports.sleep):
            raise Unauthenticated(
                f"cannot prove the token minted for account {wish.account}: the server does not accept it after "
                f"{wish.patience} s; is the account enabled, and do all replicas share one argocd-secret?"
            )
        answers = ask(self._argocd, wish.checks, token=token, seconds=wish.patience, ports=self._ports)
        require_match(answers, account=wish.account)
        return Minted(token, claims, tuple(answers))

    def _revoked(
        self, error: FleetopsError, token_id: str, *, undo: Callable[[], None], under_way: bool = False
    ) -> FleetopsError:
        """Revoke the token of this very run, which no sink holds, and withdraw its announcement.

        Returns the error to raise. Where revoking fails the announcement stays, so that the id is not forgotten; also
        where nothing was there to revoke and the mint may still be `under_way`.
        """
        try:
            existed = self._argocd.delete_token(self._wish.account, token_id)
        except ApiError as exc:
            return FleetopsError(f"{error}. Its token {token_id} could not be revoked: {exc}; the record names it")
        if existed:
            self._own_revoked.append(token_id)
        return error if under_way and not existed else _undone(error, undo)

    def _store(self, wanted: Entry, expected: list[Entry], token_id: str, *, undo: Callable[[], None]) -> None:
        """Store in every sink by compare-and-set and read back.

        On failure the new token is revoked only if every sink was read again and none holds it.
        """
        error: SinkError | None = None
        for sink, current in zip(self._sinks, expected, strict=True):
            try:
                sink.write(wanted, expected=current)
                _require_read_back(sink, wanted)
            except SinkError as exc:
                error = exc
                break
        if error is None:
            return
        if self._held_anywhere(wanted):
            raise SinkError(f"{error}. The new token {token_id} is stored in part and stays valid; run again")
        # After a lost compare-and-set the announcement is no longer ours to withdraw.
        raise self._revoked(error, token_id, undo=_nothing if isinstance(error, SinkConflict) else undo)

    def _held_anywhere(self, wanted: Entry) -> bool:
        """Whether a sink holds the new token, or may hold it because it could not be read."""
        try:
            return any(sink.read().token == wanted.token for sink in self._sinks)
        except SinkError:
            return True

    # --- report ----------------------------------------------------------------------------------------------

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
            "revoked": self._own_revoked,
            "unknown": unknown_tokens(situation.listed or (), situation.record, situation.now),
            "matrix": [answer.describe() for answer in minted.answers] if minted else [],
            "stored_in": [sink.location for sink in self._sinks],
        }
        if self._wish.return_token and minted:
            values["token"] = minted.token
        return Outcome(changed=changed, values=values, before=before, after=after)


def _claims(token: str | None) -> TokenClaims | None:
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


def _require_read_back(sink: Sink, wanted: Entry) -> None:
    if not sink.read().holds_same(wanted):
        raise SinkConflict(f"cannot store the token in {sink.label}: what was read back is not what was written")


def _nothing_happened(error: ApiError) -> bool:
    """Whether the answer proves that no token was minted. 408 is gRPC's Canceled and proves nothing."""
    if isinstance(error, Unreachable):
        return not error.sent
    return error.status is not None and 300 <= error.status < 500 and error.status != 408


def _may_be_under_way(error: ApiError) -> bool:
    """Whether Argo CD may still be at work on the request: no answer came, or one that is not its own."""
    return error.code is None


def _nothing() -> None:
    """Undo nothing."""


def _undone(error: FleetopsError, undo: Callable[[], None]) -> FleetopsError:
    """Undo, and return the error to raise."""
    try:
        undo()
    except SinkError as exc:
        return FleetopsError(f"{error}. The announcement could not be withdrawn either: {exc}")
    return error
