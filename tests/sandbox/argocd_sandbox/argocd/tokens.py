# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Session and API tokens: signing and the checks of a presented JWT, in Argo CD's order and words.

Source: argo-cd util/session/sessionmanager.go; golang-jwt v4 and v5 for the texts.
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from typing import Any

import jwt

from .accounts import API_KEY, LOGIN, Account
from .gojson import syntax_error
from .release import Release

ISSUER = "argocd"
HMAC = ("HS256", "HS384", "HS512")
URL_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class InvalidToken(Exception):
    """Why a token is refused; sent as `invalid session: <text>`."""


@dataclass(frozen=True)
class Caller:
    """Who calls; name and issuer are '' for an anonymous caller."""

    name: str = ""
    issuer: str = ""
    issued_at: int | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    renewed: str = ""

    @property
    def is_local(self) -> bool:
        return self.issuer == ISSUER


def sign(key: bytes, *, subject: str, token_id: str, now: float, lifetime: float) -> str:
    """`lifetime` in seconds; 0 and less: never expires. Claims in Argo CD's order."""
    claims: dict[str, Any] = {"iss": ISSUER, "sub": subject}
    if lifetime > 0:
        claims["exp"] = expiry(now, lifetime)
    claims.update(nbf=int(now), iat=int(now), jti=token_id)
    return jwt.PyJWS().encode(json.dumps(claims, separators=(",", ":")).encode(), key, "HS256")


def expiry(now: float, lifetime: float) -> int:
    """Go's Duration counts nanoseconds in an int64 and wraps around."""
    nanoseconds = (int(lifetime) * 10**9 + 2**63) % 2**64 - 2**63
    return int(now + nanoseconds / 10**9)


def subject_and_capability(subject: str) -> tuple[str, str]:
    name, *rest = subject.split(":")
    return name, LOGIN if rest[:1] == [LOGIN] else API_KEY


class TokenText:
    """A token taken apart, signature unchecked; raises InvalidToken if it is no JWT."""

    def __init__(self, text: str, release: Release) -> None:
        self.text = text
        self._release = release
        parts = text.split(".")
        if len(parts) != 3:
            raise self._malformed("token contains an invalid number of segments")
        self.header = self._part(parts[0], "header")
        self.claims = self._part(parts[1], "claim")

    def _malformed(self, text: str) -> InvalidToken:
        return InvalidToken(f"token is malformed: {text}" if self._release.at_least(3, 0) else text)

    def _part(self, text: str, name: str) -> dict[str, Any]:
        prefix = "could not {} decode " + name + ": " if self._release.at_least(3, 0) else ""
        try:
            content = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if _is_base64(text) else None
        except binascii.Error:
            content = None
        if content is None:
            position = next((i for i, c in enumerate(text) if c not in URL_ALPHABET), max(len(text) - 1, 0))
            raise self._malformed(f"{prefix.format('base64')}illegal base64 data at input byte {position}")
        decoded = content.decode("utf-8", "replace")
        try:
            value = json.loads(decoded)
        except json.JSONDecodeError as error:
            raise self._malformed(prefix.format("JSON") + syntax_error(decoded, error.pos)) from error
        if not isinstance(value, dict):
            raise self._malformed(f"{prefix.format('JSON')}json: cannot unmarshal value into Go value")
        return value

    def check_signature(self, key: bytes) -> None:
        algorithm = self.header.get("alg")
        modern = self._release.at_least(3, 0)
        if algorithm not in HMAC:
            prefix = "token is unverifiable: error while executing keyfunc: " if modern else ""
            raise InvalidToken(f"{prefix}unexpected signing method: {algorithm}")
        try:
            jwt.PyJWS().decode(self.text, key, algorithms=list(HMAC))
        except jwt.InvalidTokenError as error:
            prefix = "token signature is invalid: " if modern else ""
            raise InvalidToken(f"{prefix}signature is invalid") from error

    def check_times(self, now: float) -> None:
        """exp, nbf and (before 3.0) iat; no leeway."""
        modern = self._release.at_least(3, 0)
        found = []
        if _is_number(self.claims.get("exp")) and now >= self.claims["exp"]:
            found.append("token is expired" if modern else "Token is expired")
        if not modern and _is_number(self.claims.get("iat")) and now < self.claims["iat"]:
            found.append("Token used before issued")
        if _is_number(self.claims.get("nbf")) and now < self.claims["nbf"]:
            found.append("token is not valid yet" if modern else "Token is not valid yet")
        if found:
            raise InvalidToken(("token has invalid claims: " if modern else "") + ", ".join(found))
        if not _is_number(self.claims.get("iat")):
            raise InvalidToken("token does not have iat claim")


def check_account(
    account: Account, capability: str, token_id: str, revoked: frozenset[str] | set[str], release: Release
) -> None:
    """The checks against the account as it is now; validity of an API key is by its id only."""
    name = account.name
    if not account.enabled:
        raise InvalidToken(f"account {name} is disabled")
    if capability not in account.capabilities:
        raise InvalidToken(f"account {name} does not have '{capability}' capability")
    if not token_id:
        modern = "token does not have a unique identifier (jti claim) and cannot be validated"
        raise InvalidToken(modern if release.at_least(3, 4) else "token is revoked, please re-login")
    if token_id in revoked:
        raise InvalidToken("token is revoked, please re-login")
    if capability == API_KEY and account.token(token_id) is None:
        raise InvalidToken(f"account {name} does not have token with id {token_id}")


def check_password_age(account: Account, issued_at: float) -> None:
    if account.password_changed_at is not None and issued_at < account.password_changed_at:
        raise InvalidToken("account password has changed since token issued")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_base64(text: str) -> bool:
    return len(text) % 4 != 1 and URL_ALPHABET.issuperset(text)
