# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all parts of one run of argocd_token share."""

from __future__ import annotations

from dataclasses import dataclass

from .._clients.argocd import ArgocdClient, ListedAccount
from .issuers import Issuer
from .ports import Ports
from .storing import Places
from .token_wish import Wish

__all__ = ("TokenTask",)


@dataclass(frozen=True)
class TokenTask:
    """One wish about one account of one installation, the places of its token, and the doors."""

    wish: Wish
    places: Places
    instance: str
    issuer: Issuer
    argocd: ArgocdClient
    ports: Ports

    @property
    def only_planned(self) -> bool:
        """Whether an earlier step of the same run has only been planned, so that the server cannot tell yet."""
        return self.ports.check_mode and self.wish.planned

    def account(self, token: str | None) -> ListedAccount:
        """Return the account; an account may always read itself with a token of its own. Raises Absent."""
        return self.argocd.account(self.wish.account, token=token) if token else self.issuer.account()
