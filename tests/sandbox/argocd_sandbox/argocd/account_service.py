# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Account operations: list, get, tokens, password, can-i. Authorisation first, then the account.

Source: argo-cd server/account/account.go.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import bcrypt

from ..clock import Clock, rfc3339
from ..installation import NAMESPACE
from .accounts import API_KEY, Account, lenient_bool
from .errors import INVALID_ARGUMENT, NOT_FOUND, GrpcError, KubernetesError, PlainError, wrapped
from .gojson import omit_empty
from .rbac import PROJECT_SCOPED, Rbac
from .release import Release
from .sessions import Sessions
from .settings import SettingsManager
from .tokens import Caller, expiry

# The default of argocd-cm's passwordPattern.
PASSWORD_PATTERN = "^.{8,32}$"
BCRYPT_MAX_BYTES = 72


class AccountService:
    """Raises GrpcError, PlainError and KubernetesError; the shell turns them into answers."""

    def __init__(
        self, settings: SettingsManager, sessions: Sessions, rbac: Rbac, clock: Clock, release: Release
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._rbac = rbac
        self._clock = clock
        self._release = release

    def _require(self, caller: Caller, action: str, name: str) -> None:
        """An account always has access to itself; no policy can take that away."""
        if not (caller.is_local and caller.name == name):
            self._rbac.require(caller, "accounts", action, name)

    def _wrap(self, error: PlainError | KubernetesError, prefix: str) -> PlainError | KubernetesError:
        return wrapped(error, prefix) if self._release.at_least(2, 13) else error

    def list(self, caller: Caller) -> dict[str, Any]:
        """Only what the caller may see; a policy that does not load still breaks it."""
        try:
            accounts = self._settings.accounts()
        except (PlainError, KubernetesError) as error:
            raise self._wrap(error, "failed to get accounts") from error
        visible = [
            message(account)
            for name, account in sorted(accounts.items())
            if (caller.is_local and caller.name == name) or self._rbac.allows(caller, "accounts", "get", name)
        ]
        return omit_empty({"items": visible})

    def get(self, caller: Caller, name: str) -> dict[str, Any]:
        self._require(caller, "get", name)
        try:
            return message(self._settings.account(name))
        except (PlainError, KubernetesError) as error:
            raise self._wrap(error, f"failed to get account {name}") from error

    def create_token(self, caller: Caller, name: str, token_id: str, expires_in: int) -> str:
        """The new JWT; `expires_in` seconds, 0 and less: never expires."""
        self._require(caller, "update", name)
        token_id = token_id or str(uuid.uuid4())
        minted: list[str] = []

        def add(account: Account) -> None:
            if account.token(token_id) is not None:
                raise PlainError(f"account already has token with id '{token_id}'")
            if API_KEY not in account.capabilities:
                raise PlainError(f"account '{name}' does not have {API_KEY} capability")
            minted.append(self._sessions.mint(f"{name}:{API_KEY}", expires_in, token_id))
            now = self._clock.now()
            expires = expiry(now, expires_in) if expires_in > 0 else 0
            account.tokens = [*(account.tokens or []), {"id": token_id, "iat": int(now), "exp": expires}]

        self._update(name, add, "failed to update account with new token")
        return minted[-1]

    def delete_token(self, caller: Caller, name: str, token_id: str) -> None:
        self._require(caller, "update", name)

        def remove(account: Account) -> None:
            token = account.token(token_id)
            if token is None:
                raise GrpcError(NOT_FOUND, f"token with id '{token_id}' does not exist")
            account.tokens = [other for other in account.tokens or [] if other is not token]

        self._update(name, remove, f"failed to delete account {name}")

    def update_password(self, caller: Caller, name: str, current: str, new: str) -> None:
        """`current` is always the caller's password; the change invalidates every token issued before it."""
        target = name or caller.name
        if target != caller.name or not caller.is_local:
            self._rbac.require(caller, "accounts", "update", name)
        try:
            self._sessions.verify_password(caller.name, current)
        except (GrpcError, PlainError, KubernetesError) as error:
            raise GrpcError(INVALID_ARGUMENT, "current password does not match") from error
        self._check_new_password(new)

        def change(account: Account) -> None:
            account.password_hash = bcrypt.hashpw(new.encode(), bcrypt.gensalt(10, prefix=b"2a")).decode()
            account.password_mtime = rfc3339(self._clock.now())

        self._update(target, change, "failed to update account password")

    def _check_new_password(self, new: str) -> None:
        pattern = self._settings.config().get("passwordPattern") or PASSWORD_PATTERN
        try:
            matches = re.search(pattern, new) is not None
        except re.error as error:
            raise PlainError(f"failed to compile password regex: error parsing regexp: {_go_words(error)}") from error
        if len(new.encode()) > BCRYPT_MAX_BYTES:
            raise PlainError("failed to hash password: bcrypt: password length exceeds 72 bytes")
        if not matches:
            first, last = ("new", "") if self._release.at_least(3, 1) else ("New", ".")
            raise PlainError(f"{first} password does not match the following expression: {pattern}{last}")

    def _update(self, name: str, change: Callable[[Account], None], prefix: str) -> None:
        try:
            self._settings.update_account(name, change)
        except (PlainError, KubernetesError) as error:
            raise self._wrap(error, prefix) from error

    def can_i(self, caller: Caller, resource: str, action: str, item: str) -> bool:
        for value, known in ((action, self._release.can_i_actions), (resource, self._release.can_i_resources)):
            if value not in known:
                raise GrpcError(INVALID_ARGUMENT, f"[{' '.join(known)}] does not contain {value}")
        if action == "rollback" and not self._flag("server.rbac.rollback.enforce.enable"):
            action = "sync"
        if resource == "logs" and not self._release.at_least(3, 0) and not self._flag("server.rbac.log.enforce.enable"):
            return True
        return self._rbac.allows(caller, resource, action, self._rbac_name(resource, item))

    def _flag(self, key: str) -> bool:
        return lenient_bool(self._settings.config().get(key, ""), default=False)

    def _rbac_name(self, resource: str, item: str) -> str:
        """Since 3.5 `P/NS/NAME` in Argo CD's own namespace is asked as `P/NAME`."""
        parts = item.split("/")
        if self._release.at_least(3, 5) and resource in PROJECT_SCOPED and len(parts) == 3:
            return f"{parts[0]}/{parts[2]}" if parts[1] in ("", NAMESPACE) else item
        return item


def _go_words(error: re.error) -> str:
    """Of Go's regexp/syntax, for what both find wrong in the same place."""
    text, position = str(error.pattern), error.pos or 0
    if error.msg.startswith("unterminated character set"):
        return f"missing closing ]: `{text[position:]}`"
    if error.msg.startswith("missing ), unterminated"):
        return f"missing closing ): `{text}`"
    if error.msg.startswith("unbalanced parenthesis"):
        return f"unexpected ): `{text}`"
    return f"missing argument to repetition operator: `{text[position : position + 1]}`"


def message(account: Account) -> dict[str, Any]:
    """The Account of the API: tokens newest first, empty fields left out."""
    tokens = [
        omit_empty({"id": token["id"], "issuedAt": token["iat"], "expiresAt": token["exp"]})
        for token in sorted(account.tokens or [], key=lambda token: -token["iat"])
    ]
    return omit_empty(
        {"name": account.name, "enabled": account.enabled, "capabilities": account.capabilities, "tokens": tokens}
    )
