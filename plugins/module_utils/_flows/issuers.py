# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who makes a token and takes it back: Argo CD's API, or, where that is asked for, we with its signing key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from .._clients.argocd import ArgocdClient, ListedAccount
from .._core.accounts import parse_account, tokens_key
from .._core.errors import Absent, Denied, Refused
from .._core.plan import Plan, SetKeys
from .._core.signing import sign_token
from .._core.token_list import add_token, listed_tokens, remove_tokens
from .._stores.port import Snapshot, Store
from .owning import Owners
from .ports import Ports, retry_conflicts, settle

__all__ = ("ApiIssuer", "Issuer", "KubernetesIssuer")

SECRET = "argocd-secret"
_SIGNING_KEY = "server.secretkey"


class Issuer(Protocol):
    """Acts on one account. `bearer` is a token of that account, None where it has none that works."""

    @property
    def can_act_alone(self) -> bool:
        """Whether it needs no `bearer`."""

    def prepare(self, *, bearer: str | None) -> None:
        """Raise what issuing would raise, as far as that can be told; change nothing."""

    def account(self) -> ListedAccount:
        """Return the account. Raises Absent."""

    def create(self, token_id: str, *, expires_in: int | None, now: datetime, bearer: str | None) -> str:
        """Return a new token."""

    def delete(self, token_id: str, *, bearer: str | None) -> bool:
        """Revoke; whether it was there."""


class ApiIssuer:
    """Argo CD itself."""

    def __init__(self, account: str, argocd: ArgocdClient, ports: Ports) -> None:
        self._account = account
        self._argocd = argocd
        self._ports = ports

    @property
    def can_act_alone(self) -> bool:
        """Whether there is a login."""
        return self._argocd.has_credentials

    def prepare(self, *, bearer: str | None) -> None:
        """Ask whether the login may mint, where no `bearer` does it for itself. Raises Denied."""
        if not bearer and not self._argocd.may_update(self._account):
            raise Denied(
                f"cannot mint a token for account {self._account}: the login lacks the right accounts, update, "
                f"{self._account}; docs/rights/argocd-policy.csv has the lines it needs",
                status=403,
            )

    def account(self) -> ListedAccount:
        """Return the account as the API server sees it."""
        return self._argocd.account(self._account)

    def create(self, token_id: str, *, expires_in: int | None, now: datetime, bearer: str | None) -> str:  # noqa: ARG002 # its clock is the server's
        """Let the server mint."""

        def create() -> str:
            return self._argocd.create_token(self._account, token_id=token_id, expires_in=expires_in, token=bearer)

        return retry_conflicts(create, self._ports)

    def delete(self, token_id: str, *, bearer: str | None) -> bool:
        """Let the server revoke."""

        def delete() -> bool:
            return self._argocd.delete_token(self._account, token_id, token=bearer)

        return retry_conflicts(delete, self._ports)


class KubernetesIssuer:
    """We, with the rights of an Argo CD admin: whoever reads argocd-secret can sign any token.

    A token is valid while its id is in the account's list (argo-cd util/session/sessionmanager.go, Parse).
    """

    can_act_alone = True

    def __init__(self, account: str, store: Store, owners: Owners, ports: Ports) -> None:
        self._account = account
        self._key = tokens_key(account)
        self._store = store
        self._owners = owners
        self._ports = ports

    def prepare(self, *, bearer: str | None) -> None:  # noqa: ARG002 # the key signs
        """Prove that the list could be written."""
        self._settle(
            lambda secret: add_token(secret, self._key, "probe", issued_at=self._ports.clock(), expires_in=None),
            apply=False,
        )

    def account(self) -> ListedAccount:
        """Return the account as the ConfigMap and the Secret have it."""
        account = parse_account(self._store.read("configmaps", "argocd-cm").data, self._account)
        if not account.exists:
            raise Absent(f"cannot read account {self._account}: argocd-cm has no such account", status=404)
        tokens = listed_tokens(self._read(), self._key)
        return ListedAccount(self._account, account.enabled, account.capabilities, tokens)

    def create(self, token_id: str, *, expires_in: int | None, now: datetime, bearer: str | None) -> str:  # noqa: ARG002 # the key signs
        """Sign, and put the id into the list."""
        signing_key = self._signing_key(self._read())
        self._settle(lambda secret: add_token(secret, self._key, token_id, issued_at=now, expires_in=expires_in))
        token = sign_token(signing_key, account=self._account, token_id=token_id, issued_at=now, expires_in=expires_in)
        self._ports.remember(token)
        return token

    def delete(self, token_id: str, *, bearer: str | None) -> bool:  # noqa: ARG002 # the list counts
        """Take the id out of the list."""
        listed = any(token.id == token_id for token in listed_tokens(self._read(), self._key))
        if listed:
            self._settle(lambda secret: remove_tokens(secret, self._key, [token_id]))
        return listed

    def _read(self) -> Mapping[str, str]:
        return self._snapshot().data

    def _snapshot(self) -> Snapshot:
        snapshot = self._store.read("secrets", SECRET)
        self._ports.remember(snapshot.data.get(_SIGNING_KEY, ""))
        return snapshot

    def _signing_key(self, secret: Mapping[str, str]) -> bytes:
        key = secret.get(_SIGNING_KEY, "")
        if not key:
            raise Refused(
                f"cannot sign a token for account {self._account}: argocd-secret has no {_SIGNING_KEY}; has Argo CD "
                "been started in this namespace?"
            )
        return key.encode(errors="surrogateescape")

    def _settle(self, edit: Callable[[Mapping[str, str]], str | None], *, apply: bool = True) -> None:
        def plan() -> Plan:
            snapshot = self._snapshot()
            self._signing_key(snapshot.data)
            values = {self._key: edit(snapshot.data)}
            self._owners.check_secret(snapshot, values)
            return Plan(before={}, after={}, steps=(SetKeys("secrets", SECRET, values),))

        settle(self._store, plan, apply=apply, ports=self._ports)
