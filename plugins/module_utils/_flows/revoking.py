# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revoke tokens, and prove that they are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .._core.errors import Absent, FleetopsError
from .ports import everywhere
from .token_task import TokenTask

__all__ = ("Revocation",)


class Revocation:
    """Of one account's tokens. `revoked` are the ids that this run revoked."""

    def __init__(self, task: TokenTask) -> None:
        self._task = task
        self._wish = task.wish
        self._argocd = task.argocd
        self._ports = task.ports
        self.revoked: list[str] = []

    def revoke(self, ids: Sequence[str], *, bearer: str | None) -> None:
        """Revoke, and wait until no replica lists them. `bearer` is a token of the account itself, not one of these."""
        for token_id in ids:
            self._delete(token_id, bearer)
        if ids and not self._everywhere(lambda: not self._listed(bearer) & set(ids)):
            raise self._unproven(ids)

    def revoke_itself(self, token: str, token_id: str) -> None:
        """Let the token revoke itself."""
        self._delete(token_id, token)

    def require_refused(self, tokens: Iterable[str]) -> None:
        """Wait until no replica accepts any of the tokens."""
        known = tuple(dict.fromkeys(tokens))

        def refused() -> bool:
            return not any(self._argocd.accepts(token, account=self._wish.account) for token in known)

        if known and not self._everywhere(refused):
            raise self._unproven(())

    def _delete(self, token_id: str, bearer: str | None) -> None:
        if self._task.issuer.delete(token_id, bearer=bearer):
            self.revoked.append(token_id)

    def _everywhere(self, probe: Callable[[], bool]) -> bool:
        return everywhere(self._argocd, probe, seconds=self._wish.patience, sleep=self._ports.sleep)

    def _listed(self, bearer: str | None) -> set[str]:
        try:
            return {token.id for token in self._task.account(bearer).tokens}
        except Absent:
            return set()

    def _unproven(self, ids: Sequence[str]) -> FleetopsError:
        which = f"token {', '.join(ids)}" if ids else "the stored token"
        return FleetopsError(
            f"cannot prove that {which} of account {self._wish.account} is refused: the server still knows it "
            f"{self._wish.patience} s after it was revoked; do all replicas share one argocd-secret? Run again"
        )
