# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local accounts: keys of argocd-cm and argocd-secret to accounts and back, as Argo CD reads and rewrites them.

Source: argo-cd util/settings/accounts.go. Pure: maps of text in, values or maps out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..go import encode, quoted
from ..go_syntax import syntax_error
from .errors import PlainError
from .gojson import kind_of

ADMIN = "admin"
LOGIN = "login"
API_KEY = "apiKey"
TRUE_WORDS = ("1", "t", "T", "TRUE", "true", "True")
FALSE_WORDS = ("0", "f", "F", "FALSE", "false", "False")

Token = dict[str, Any]


@dataclass
class Account:
    """`tokens` is None where the Secret holds none or the text `null`; mtimes are unix seconds."""

    name: str
    enabled: bool = True
    capabilities: list[str] = field(default_factory=list)
    tokens: list[Token] | None = None
    password_hash: str = ""
    password_mtime: str = ""
    password_changed_at: float | None = None

    def token(self, token_id: str) -> Token | None:
        return next((token for token in self.tokens or [] if token["id"] == token_id), None)


def parse_bool(text: str) -> bool:
    """Go's strconv.ParseBool; raises PlainError with its text."""
    if text in TRUE_WORDS:
        return True
    if text in FALSE_WORDS:
        return False
    raise PlainError(f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax")


def lenient_bool(text: str, *, default: bool) -> bool:
    """For settings where a bad value is only logged."""
    return default if text not in TRUE_WORDS + FALSE_WORDS else text in TRUE_WORDS


def parse_accounts(config: Mapping[str, str], secret: Mapping[str, str]) -> dict[str, Account]:
    """All accounts by name; raises PlainError where one bad value breaks every account."""
    accounts = {ADMIN: _parse_admin(config, secret)}
    for key in sorted(config):
        prefix, *parts = key.split(".")
        if prefix == "accounts" and 1 <= len(parts) <= 2:
            _apply_key(accounts.setdefault(parts[0], Account(parts[0])), "".join(parts[1:]), config[key])
    for name, account in accounts.items():
        if name != ADMIN:
            _read_secret(account, f"accounts.{name}.", secret)
    return accounts


def _parse_admin(config: Mapping[str, str], secret: Mapping[str, str]) -> Account:
    admin = Account(ADMIN, capabilities=[LOGIN], tokens=[])
    admin.enabled = lenient_bool(config.get("admin.enabled", ""), default=True)
    admin.password_hash = secret.get("admin.password", "")
    admin.password_mtime = secret.get("admin.passwordMtime", "")
    try:
        admin.password_changed_at = _parse_time(admin.password_mtime) if admin.password_mtime else None
    except PlainError:
        admin.password_mtime = ""
    if secret.get("admin.tokens"):
        admin.tokens = _parse_tokens(secret["admin.tokens"])
    return admin


def _apply_key(account: Account, suffix: str, value: str) -> None:
    if suffix == "":
        words = (word.strip() for word in value.split(","))
        account.capabilities.extend(word for word in words if word in (LOGIN, API_KEY))
    elif suffix == "enabled":
        account.enabled = parse_bool(value)


def _read_secret(account: Account, prefix: str, secret: Mapping[str, str]) -> None:
    account.password_hash = secret.get(f"{prefix}password", "")
    if f"{prefix}passwordMtime" in secret:
        account.password_mtime = secret[f"{prefix}passwordMtime"]
        account.password_changed_at = _parse_time(account.password_mtime)
    text = secret.get(f"{prefix}tokens")
    if text is None:
        return
    try:
        account.tokens = _parse_tokens(text) if text else []
    except PlainError:
        account.tokens = []


def _parse_tokens(text: str) -> list[Token] | None:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise PlainError(syntax_error(text)) from error
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(token, dict) for token in value):
        raise PlainError(f"json: cannot unmarshal {kind_of(value)} into Go value of type []settings.Token")
    return [{"id": token.get("id", ""), "iat": token.get("iat", 0), "exp": token.get("exp", 0)} for token in value]


def _parse_time(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise PlainError(_time_error(text)) from error
    if moment.tzinfo is None:
        raise PlainError(_time_error(text))
    return moment.timestamp()


def _time_error(text: str) -> str:
    layout = "2006-01-02T15:04:05Z07:00"
    return f'parsing time "{text}" as "{layout}": cannot parse "{text}" as "2006"'


def save_account(
    account: Account, config: Mapping[str, str], secret: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Both maps after Argo CD saved the account: it respells capabilities and drops defaults as it goes."""
    new_config, new_secret = dict(config), dict(secret)
    is_admin = account.name == ADMIN
    prefix = "admin." if is_admin else f"accounts.{account.name}."
    _set(new_secret, f"{prefix}password", account.password_hash, "")
    _set(new_secret, f"{prefix}passwordMtime", account.password_mtime, "")
    _set(new_secret, f"{prefix}tokens", _format_tokens(account.tokens), "[]")
    _set(new_config, f"{prefix}enabled", "true" if account.enabled else "false", "true")
    if not is_admin:
        _set(new_config, f"accounts.{account.name}", ",".join(account.capabilities), "")
    return new_config, new_secret


def _set(values: dict[str, str], key: str, value: str, default: str) -> None:
    if values.get(key, "") == value:
        return
    if value in ("", default):
        values.pop(key, None)
    else:
        values[key] = value


def _format_tokens(tokens: list[Token] | None) -> str:
    if tokens is None:
        return "null"
    return encode([{key: value for key, value in token.items() if key != "exp" or value} for token in tokens])
