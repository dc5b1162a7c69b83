# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_token with state absent: revoke the tokens of our record, prove it, and only then forget them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .._core.decision import ABSENT, REVOKED, Situation, unknown_tokens
from .._core.errors import Absent, InvalidInput, Lost, Unauthenticated
from .._core.tokens import ListedToken, parse_token_id
from .._sinks.port import Entry
from .assessing import Assessment
from .ports import Outcome
from .revoking import Revocation
from .token_report import Report, show
from .token_task import TokenTask

__all__ = ("Removal",)


@dataclass(frozen=True)
class _Held:
    """What a place holds; `token` is one that is ours to send."""

    entry: Entry
    situation: Situation

    @property
    def token(self) -> str | None:
        return self.entry.token if self.situation.ours() else None

    def ids(self) -> list[str]:
        stored, record = self.situation.stored, self.situation.record
        return [*([stored.id] if stored and self.token else []), *(record.ids() if record else ())]


class Removal:
    """One run. `has_tokens` asks the cluster, without a login to Argo CD: what may be left to revoke needs one."""

    def __init__(
        self, task: TokenTask, assessment: Assessment, revocation: Revocation, has_tokens: Callable[[], bool]
    ) -> None:
        self._task = task
        self._wish = task.wish
        self._places = task.places
        self._ports = task.ports
        self._assessment = assessment
        self._revocation = revocation
        self._has_tokens = has_tokens

    def run(self) -> Outcome:
        """Revoke on the server first: a place that still holds its entry is how a later run knows what is ours."""
        entries = self._places.read()
        self._places.prepare_removal(entries)
        held = [_Held(entry, self._assessment.look(entry, where=label)) for label, entry in self._places.named(entries)]
        bearer = self._bearer(held)
        stored = any(not entry.holds_same(Entry()) for entry in entries)
        listed = self._listed(bearer, held, needed=stored)
        ids = {token_id for one in held for token_id in one.ids()} | set(self._wish.revoke_unknown)
        doomed = [token.id for token in listed if token.id in ids]
        if not stored:
            self._require_nothing_left(listed, doomed, now=self._assessment.now())
        if not self._ports.check_mode:
            self._revoke(doomed, bearer, held)
            self._places.clear(expected=entries)
        return self._outcome(held, listed, doomed, stored=stored)

    def _bearer(self, held: Sequence[_Held]) -> _Held | None:
        """Return whose token the server takes. One that has yet to see that all are gone takes it no longer."""
        bearer = next((one for one in held if one.situation.accepted), None)
        return bearer if bearer and self._has_tokens() else None

    def _listed(self, bearer: _Held | None, held: Sequence[_Held], *, needed: bool) -> tuple[ListedToken, ...]:
        """Return the account's tokens on the server, asked with the stored token where it works."""
        if bearer is None and not self._task.issuer.can_act_alone:
            # An earlier step removes the account, and with it all its tokens.
            if needed and not self._task.only_planned and self._has_tokens():
                refusal = held[0].situation.refusal or "no reason given"
                raise InvalidInput(
                    f"cannot revoke the tokens of account {self._wish.account}: the stored token is refused "
                    f"({refusal}), and there is no login to Argo CD to do it with; set argocd_auth_token, or "
                    "argocd_username and argocd_password"
                )
            return ()
        try:
            return self._task.account(bearer.token if bearer else None).tokens
        except Absent:
            # An account whose token was just accepted exists: nothing is forgotten before it is revoked.
            if bearer:
                raise
            return ()
        except Unauthenticated:
            # The login was the account's own, and the account is gone.
            if self._has_tokens():
                raise
            return ()

    def _require_nothing_left(self, listed: Sequence[ListedToken], doomed: Sequence[str], *, now: datetime) -> None:
        """An empty place beside a live token of this name: a wrong path must not pass for a removal."""
        left = [
            token.id
            for token in listed
            if token.live(now) and token.id not in doomed and parse_token_id(token.id) == self._wish.token_name
        ]
        if left and not self._wish.recover:
            raise Lost(
                f"cannot remove the token of account {self._wish.account}: {self._places.where} is empty, yet the "
                f"server lists {', '.join(left)}; check where the sink points, name the ids in revoke_unknown, or set "
                "recover to true to leave them"
            )

    def _revoke(self, doomed: Sequence[str], bearer: _Held | None, held: Sequence[_Held]) -> None:
        """Revoke the others first: a token of the account is all the login this may have."""
        own = bearer.situation.stored.id if bearer and bearer.situation.stored else None
        token = bearer.token if bearer else None
        self._revocation.revoke([token_id for token_id in doomed if token_id != own], bearer=token)
        if token and own:
            self._revocation.revoke_itself(token, own)
        self._revocation.require_refused(one.token for one in held if one.token)

    def _outcome(
        self, held: Sequence[_Held], listed: Sequence[ListedToken], doomed: Sequence[str], *, stored: bool
    ) -> Outcome:
        first = held[0].situation
        unknown = unknown_tokens(listed, first.record, first.now)
        changed = stored or bool(doomed)
        report = Report(
            self._wish,
            self._task.instance,
            action=REVOKED if changed else ABSENT,
            reason="its removal was asked for" if changed else "nothing is stored, and nothing of its name is listed",
            revoked=doomed,
            unknown=[item for item in unknown if item["id"] not in doomed],
        )
        before: dict[str, Any] = {}
        if changed:
            before = show(self._wish, first.stored.ref if first.stored and first.ours() else None, first.record)
        return Outcome(
            changed=changed, values=report.values(), before=before, after={}, warnings=self._assessment.warnings
        )
