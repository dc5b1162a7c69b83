# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in, and finding out who calls.

Source: argo-cd server/session/session.go, util/session/sessionmanager.go, server/server.go (getToken, Authenticate).
"""

from __future__ import annotations

import re
import uuid
from http.cookies import CookieError, SimpleCookie

import bcrypt

from ..clock import Clock
from ..http import Request
from .accounts import LOGIN
from .errors import (
    INTERNAL,
    INVALID_ARGUMENT,
    UNAUTHENTICATED,
    GrpcError,
    KubernetesError,
    PlainError,
)
from .release import Release
from .settings import SettingsManager
from .tokens import (
    ISSUER,
    Caller,
    InvalidToken,
    TokenText,
    check_account,
    check_password_age,
    is_number,
    sign,
    subject_and_capability,
)

COOKIE = "argocd.token"
MAX_FAILURES = 5
FAILURE_WINDOW = 300
MAX_USERNAME_BYTES = 32
RENEW_BELOW = 300
DAY = 86400
INVALID_LOGIN = "Invalid username or password"
SUB_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)")


def unauthenticated(message: str) -> GrpcError:
    return GrpcError(UNAUTHENTICATED, message)


class LoginFailures:
    """Failed logins by username; in memory, as in each replica of the real server."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}

    def is_locked(self, username: str) -> bool:
        count, last = self._failures.get(username, (0, 0.0))
        return count >= MAX_FAILURES and self._clock.now() - last <= FAILURE_WINDOW

    def add(self, username: str) -> None:
        self._expire()
        count, _when = self._failures.get(username, (0, 0.0))
        self._failures[username] = (count + 1, self._clock.now())

    def forget(self, username: str) -> None:
        self._failures.pop(username, None)

    def _expire(self) -> None:
        oldest = self._clock.now() - FAILURE_WINDOW
        self._failures = {name: entry for name, entry in self._failures.items() if entry[1] >= oldest}


class Sessions:
    """Issues login tokens, verifies presented ones, remembers revoked ids."""

    def __init__(self, settings: SettingsManager, clock: Clock, release: Release) -> None:
        self._settings = settings
        self._clock = clock
        self._release = release
        self._failures = LoginFailures(clock)
        self.revoked: set[str] = set()

    # logging in

    def login(self, username: str, password: str, token: str) -> str:
        """A new login token; raises in the order of the real server."""
        if token:
            text = "token-based session creation no longer supported. please upgrade argocd cli to v0.7+"
            raise unauthenticated(text)
        if not username or not password:
            raise unauthenticated("no credentials supplied")
        self.verify_password(username, password)
        duration = parse_duration(self._settings.config().get("users.session.duration", ""), DAY)
        return self.mint(f"{username}:{LOGIN}", duration, str(uuid.uuid4()))

    def verify_password(self, username: str, password: str) -> None:
        """Raises GrpcError; wrong names and passwords count towards the lock-out."""
        if not password:
            raise unauthenticated("blank passwords are not allowed")
        if len(username.encode()) > MAX_USERNAME_BYTES:
            raise GrpcError(INVALID_ARGUMENT, f"Username is too long ({MAX_USERNAME_BYTES} bytes max)")
        if self._failures.is_locked(username):
            raise unauthenticated(INVALID_LOGIN)
        account = self._settings.accounts().get(username)
        if account is None or not _password_matches(password, account.password_hash):
            self._failures.add(username)
            raise unauthenticated(INVALID_LOGIN)
        if not account.enabled:
            raise unauthenticated(f"Account {username} is disabled")
        if LOGIN not in account.capabilities:
            raise unauthenticated(f"Account {username} does not have {LOGIN} capability")
        self._failures.forget(username)

    def mint(self, subject: str, lifetime: float, token_id: str) -> str:
        key = self._settings.signing_key()
        return sign(key, subject=subject, token_id=token_id, now=self._clock.now(), lifetime=lifetime)

    # who calls

    def caller(self, request: Request) -> Caller:
        """The caller, or the anonymous one where that is allowed; raises 401/16, or 500/13 without settings."""
        try:
            return self._authenticate(request)
        except GrpcError:
            try:
                self._settings.signing_key()
                anonymous = self.anonymous_enabled()
            except KubernetesError as error:
                raise GrpcError(INTERNAL, f"unable to load settings: {error}") from error
            if anonymous:
                return Caller()
            raise

    def optional_caller(self, request: Request) -> Caller | None:
        """For calls that never fail on authentication."""
        try:
            return self.caller(request)
        except GrpcError:
            return None

    def check_settings(self) -> None:
        """Raises KubernetesError where the settings as a whole cannot be read."""
        self._settings.signing_key()

    def anonymous_enabled(self) -> bool:
        return self._settings.config().get("users.anonymous.enabled") == "true"

    def _authenticate(self, request: Request) -> Caller:
        text = presented_token(request)
        if not text:
            raise unauthenticated("no session information")
        try:
            return self.verify(text)
        except (InvalidToken, PlainError, KubernetesError) as error:
            raise unauthenticated(f"invalid session: {error}") from error

    def verify(self, text: str) -> Caller:
        """Raises InvalidToken, PlainError (unparsable accounts) or KubernetesError (no settings)."""
        token = TokenText(text, self._release)
        if token.claims.get("iss") != ISSUER:
            raise InvalidToken("SSO is not configured")
        token.check_signature(self._settings.signing_key())
        token.check_times(self._clock.now())
        claims = token.claims
        name, capability = subject_and_capability(token.string("sub"))
        account = self._settings.accounts().get(name)
        if account is None:
            raise InvalidToken(f"rpc error: code = NotFound desc = account '{name}' does not exist")
        check_account(account, capability, token.string("jti"), self.revoked, self._release)
        check_password_age(account, claims["iat"])
        renewed = self._renewal(name, claims) if capability == LOGIN else ""
        return Caller(name, ISSUER, int(claims["iat"]), {**claims, "sub": name}, renewed)

    def _renewal(self, name: str, claims: dict[str, float]) -> str:
        """A login token close to its end is replaced by one of the same lifetime."""
        if not is_number(claims.get("exp")) or claims["exp"] - self._clock.now() >= RENEW_BELOW:
            return ""
        return self.mint(f"{name}:{LOGIN}", claims["exp"] - claims["iat"], str(uuid.uuid4()))

    def log_out(self, text: str) -> None:
        """Revokes the id of a valid token, if it has an expiry."""
        try:
            claims = self.verify(text).claims
        except (InvalidToken, PlainError, KubernetesError):
            return
        if is_number(claims.get("exp")):
            self.revoked.add(claims["jti"])


def presented_token(request: Request) -> str:
    """Metadata header, then a bearer of three parts, then the cookie; '' if there is none."""
    if metadata := request.header("grpc-metadata-token"):
        return metadata
    for name in ("authorization", "grpc-metadata-authorization"):
        bearer = request.header(name)
        if bearer.startswith("Bearer ") and _is_shaped(bearer.removeprefix("Bearer ")):
            return bearer.removeprefix("Bearer ")
    cookie = cookie_token(request)
    return cookie if _is_shaped(cookie) else ""


def cookies_of(request: Request) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(request.header("cookie")).items()}
    except CookieError:
        return {}


def cookie_token(request: Request) -> str:
    """The token of the cookie; a long one comes in chunks, the first telling their number."""
    cookies = cookies_of(request)
    first = cookies.get(COOKIE, "")
    number, colon, start = first.partition(":")
    if not colon or not number.isdigit():
        return first
    return start + "".join(cookies.get(f"{COOKIE}-{i}", "") for i in range(1, int(number)))


def _is_shaped(token: str) -> bool:
    return len(token.split(".")) >= 3


def _password_matches(password: str, stored: str) -> bool:
    try:
        # Go's bcrypt refuses to hash more than 72 bytes but compares their first 72.
        return bcrypt.checkpw(password.encode()[:72], stored.encode())
    except ValueError:
        return False


def parse_duration(text: str, default: float) -> float:
    """Seconds of a Go duration such as `24h` or `1h30m`; `default` where Argo CD only logs a warning."""
    if not text or DURATION_PART.sub("", text):
        return default
    return sum(float(number) * SUB_SECONDS[unit] for number, unit in DURATION_PART.findall(text))
