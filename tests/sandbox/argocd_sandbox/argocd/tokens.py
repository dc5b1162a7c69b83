# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Session and API tokens: signing and the checks of a presented JWT, in Argo CD's order and words.

Source: argo-cd util/session/sessionmanager.go; golang-jwt v4 and v5 for the texts.
"""

from __future__ import annotations

import json
import math
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import jwt

from ..go_syntax import syntax_error
from .accounts import API_KEY, LOGIN, Account
from .gojson import kind_of
from .release import Release

ISSUER = "argocd"
HMAC = ("HS256", "HS384", "HS512")
ALGORITHMS = (*HMAC, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "none")
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
        self._is_v5 = release.at_least(3, 0)
        parts = text.split(".")
        if len(parts) != 3:
            raise self._error("token is malformed: ", "token contains an invalid number of segments")
        header = self._json(parts[0], "header", "map[string]interface {}")
        self.claims = self._json(parts[1], "claim", "jwt.MapClaims")
        self._algorithm = header.get("alg")
        if not isinstance(self._algorithm, str):
            raise self._error("token is unverifiable: ", "signing method (alg) is unspecified")
        if self._algorithm not in ALGORITHMS:
            raise self._error("token is unverifiable: ", "signing method (alg) is unavailable")
        self._decoded(parts[2], "signature")

    def _error(self, prefix: str, text: str) -> InvalidToken:
        """Only v5 of the library says in front what kind of failure it is."""
        return InvalidToken(f"{prefix}{text}" if self._is_v5 else text)

    def _decoded(self, segment: str, name: str) -> str:
        position = _bad_base64(segment)
        if position is not None:
            prefix = f"token is malformed: could not base64 decode {name}: "
            raise self._error(prefix, f"illegal base64 data at input byte {position}")
        return urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode("utf-8", "replace")

    def _json(self, segment: str, name: str, go_type: str) -> dict[str, Any]:
        prefix = f"token is malformed: could not JSON decode {name}: "
        text = self._decoded(segment, name)
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            raise self._error(prefix, syntax_error(text)) from error
        if value is not None and not isinstance(value, dict):
            raise self._error(prefix, f"json: cannot unmarshal {kind_of(value)} into Go value of type {go_type}")
        return value or {}

    def check_signature(self, key: bytes) -> None:
        if self._algorithm not in HMAC:
            prefix = "token is unverifiable: error while executing keyfunc: "
            raise self._error(prefix, f"unexpected signing method: {self._algorithm}")
        try:
            jwt.PyJWS().decode(self.text, key, algorithms=list(HMAC))
        except jwt.InvalidTokenError as error:
            raise self._error("token signature is invalid: ", "signature is invalid") from error

    def check_times(self, now: float) -> None:
        """exp, nbf and (before v5) iat, without leeway; then the iat that Argo CD itself wants."""
        expiry, not_before, issued = (self._date(name) for name in ("exp", "nbf", "iat"))
        found = []
        if expiry is not None and now >= expiry:
            found.append("token is expired" if self._is_v5 else "Token is expired")
        if not self._is_v5 and issued is not None and now < issued:
            found.append("Token used before issued")
        if not_before is not None and now < not_before:
            found.append("token is not valid yet" if self._is_v5 else "Token is not valid yet")
        if found:
            raise self._error("token has invalid claims: ", ", ".join(found))
        if "iat" not in self.claims:
            raise InvalidToken("token does not have iat claim")
        if not is_number(self.claims["iat"]):
            raise InvalidToken(f"iat '{self.claims['iat']}' is not a number")

    def _date(self, name: str) -> float | None:
        """Zero counts as absent; another type fails the check (v4) or is an error (v5, which looks at no iat)."""
        value = self.claims.get(name, 0)
        if is_number(value):
            return float(value) or None
        if not self._is_v5:
            return -math.inf if name == "exp" else math.inf
        if name == "iat":
            return None
        raise self._error("token has invalid claims: ", f"invalid type for claim: {name} is invalid")

    def string(self, name: str) -> str:
        """A claim that must be a string, '' for anything else."""
        value = self.claims.get(name)
        return value if isinstance(value, str) else ""


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


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _bad_base64(segment: str) -> int | None:
    """Where Go's base64.RawURLEncoding stops, None where it does not."""
    position = next((i for i, character in enumerate(segment) if character not in URL_ALPHABET), None)
    if position is None and len(segment) % 4 == 1:
        return len(segment) - 1
    return position
