# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argo CD's API over HTTPS and JSON.

Routes and codes: argo-cd server/session/session.proto, server/account/account.proto, util/grpc/errors.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from .._core.accounts import LOGIN, Account
from .._core.address import check_address
from .._core.checks import Check
from .._core.errors import (
    Absent,
    ApiError,
    Conflict,
    Denied,
    FleetopsError,
    InvalidInput,
    Unauthenticated,
    UnexpectedReply,
)
from .._core.tokens import ListedToken, NotAToken, decode_token
from .http import Reply, Sender

__all__ = ("ArgocdClient", "Credentials", "ListedAccount", "normalize_url")

# Every method but GET needs exactly this, DELETE without a body too (argo-cd server/server.go, 2.8.8 and later).
_JSON = {"Content-Type": "application/json"}
_ERRORS: dict[int, type[ApiError]] = {401: Unauthenticated, 403: Denied, 404: Absent, 409: Conflict}
# gRPC code Internal: a panic while enforcing, which is how a broken policy shows (util/rbac/rbac.go).
GRPC_INTERNAL = 13


@dataclass(frozen=True)
class Credentials:
    """How to log in: a token, or a name and password."""

    token: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        """Whether there is anything to log in with."""
        return bool(self.token or (self.username and self.password))


@dataclass(frozen=True)
class ListedAccount:
    """An account as the server sees it now."""

    name: str
    enabled: bool
    capabilities: tuple[str, ...]
    tokens: tuple[ListedToken, ...]


def normalize_url(url: str) -> str:
    """Return the URL with its scheme (https unless given) and without a slash at the end.

    Raises InvalidInput where it holds credentials, a query or no host.
    """
    full = url.strip() if "://" in url else f"https://{url.strip()}"
    return check_address(full, option="argocd_url")


class ArgocdClient:
    """One Argo CD. Logs in at most once, when the first call needs it; a refused login is never tried again.

    Every later call that needs the login raises that refusal and sends nothing, until `forget_refusal`.
    `remember` is told every secret the server hands out, so that the shell can mask it. `place` is what the user calls
    the option that says where it is.
    """

    def __init__(
        self, http: Sender, credentials: Credentials, *, remember: Callable[[str], None], place: str = "argocd_url"
    ) -> None:
        self._http = http
        self._place = place
        self._credentials = credentials
        self._remember = remember
        self._session_token: str | None = None
        self._refusal: Unauthenticated | None = None

    @property
    def has_credentials(self) -> bool:
        """Whether calls that need a login can be made."""
        return bool(self._credentials)

    def logs_in_as(self, account: str) -> bool:
        """Whether the login is the name and password of this very account."""
        return not self._credentials.token and self._credentials.username == account

    def lives_on(self, account: Account) -> bool:
        """Whether the login outlives the state this account is given; that of any other does."""
        own, needed = self._own()
        return own != account.name or (account.enabled and needed in account.capabilities)

    def acts_as(self, account: str) -> bool:
        """Whether the login, of either kind, is this very account's."""
        return self._own()[0] == account

    def _own(self) -> tuple[str | None, str]:
        """Return whose the login is, as far as can be told offline, and the capability it needs."""
        if not self._credentials.token:
            return self._credentials.username, LOGIN
        try:
            claims = decode_token(self._credentials.token)
        except NotAToken:
            return None, ""
        return claims.account, claims.capability

    @property
    def server_time(self) -> datetime | None:
        """The server's clock at its latest answer."""
        return self._http.server_time

    def reconnect(self) -> None:
        """Ask the next question on a new connection, perhaps of another replica."""
        self._http.reconnect()

    def forget_refusal(self) -> None:
        """Allow one more login, where what was refused has just been given the right to log in."""
        self._refusal = None

    def close(self) -> None:
        """End our own login session, which only /auth/logout revokes (server/logout/logout.go), and the connections."""
        if self._session_token and not self._credentials.token:
            cookie = {"Cookie": f"argocd.token={self._session_token}"}
            try:
                self._http.send("GET", "/auth/logout", about="cannot log out", auth=cookie)
            except FleetopsError:
                # The answer is a redirect, and a session that stays ends by itself. Told, it would hide the error of
                # the run that is being closed.
                pass
        self._session_token = None
        self._http.close()

    def _login(self) -> str:
        if self._credentials.token:
            return self._credentials.token
        if self._session_token:
            return self._session_token
        if self._refusal:
            raise self._refusal
        about = f"cannot log in as {self._credentials.username}"
        if not self._credentials:
            raise InvalidInput(
                f"cannot log in to {self._http.name}: no credentials; set argocd_auth_token, or argocd_username and "
                "argocd_password"
            )
        body = {"username": self._credentials.username, "password": self._credentials.password}
        reply = self._http.send("POST", "/api/v1/session", about=about, body=body, headers=_JSON)
        if reply.status == 401 and _is_ours(reply.json_or_none()):
            self._refusal = Unauthenticated(
                f"{about}: {self._http.name} refuses (HTTP 401); check name and password, that the account is "
                "enabled and may log in; after 5 failures it refuses for 5 minutes. It was not tried again",
                status=401,
            )
            raise self._refusal
        hint = _LOGIN_HINT if reply.status >= 500 else ""
        token = _field(self._checked(reply, about, hint=hint), "token", about)
        self._remember(token)
        self._session_token = token
        return token

    def _call(
        self, method: str, path: str, *, about: str, body: Any = None, token: str | None = None
    ) -> Mapping[str, Any]:
        bearer = {"Authorization": f"Bearer {token or self._login()}"}
        headers = _JSON if method != "GET" else {}
        reply = self._http.send(method, path, about=about, body=body, headers=headers, auth=bearer)
        hint = _TOKEN_HINT if reply.status == 401 and self._credentials.token and not token else ""
        return self._checked(reply, about, hint=hint)

    def _checked(self, reply: Reply, about: str, *, hint: str = "") -> Mapping[str, Any]:
        """Return the JSON object of a 200; raise the error of any other status, with the hint where it is Argo CD's."""
        if reply.status == 200:
            answer = reply.json(about=about)
            if isinstance(answer, Mapping):
                return answer
            raise UnexpectedReply(f"{about}: the answer is not a JSON object; is this really an Argo CD?", status=200)
        shape = reply.json_or_none()
        if not _is_ours(shape):
            raise UnexpectedReply(
                f"{about}: {self._http.name} answers HTTP {reply.status}, and not as Argo CD does; check host and root "
                f"path in {self._place}, and whether a proxy is in between",
                status=reply.status,
            )
        kind = _ERRORS.get(reply.status, UnexpectedReply)
        message = f"{about}: {shape.get('message', '')} (HTTP {reply.status}){hint}"
        raise kind(message, status=reply.status, code=shape["code"])

    def accepts(self, token: str, *, account: str) -> bool:
        """Whether the server takes the token for this account.

        Only userinfo tells: with anonymous access on, every other call answers a refused token as anonymous.
        """
        return self._is_of(account, token, about=f"cannot prove the token of account {account}")

    def _is_of(self, account: str, token: str | None, *, about: str) -> bool:
        info = self._call("GET", "/api/v1/session/userinfo", about=about, token=token)
        return bool(info.get("loggedIn")) and info.get("username") == account

    def why_refused(self, token: str, *, account: str) -> str:
        """Return the server's words about a token it does not accept; empty where it says none (anonymous access)."""
        about = f"cannot read account {account}"
        bearer = {"Authorization": f"Bearer {token}"}
        reply = self._http.send("GET", f"/api/v1/account/{quote(account, safe='')}", about=about, auth=bearer)
        shape = reply.json_or_none()
        return str(shape.get("message", "")) if reply.status == 401 and _is_ours(shape) else ""

    def version(self) -> str:
        """Return what the server calls its version, such as `v3.5.3+abc`; no login is needed (server/version)."""
        about = "cannot read the version of Argo CD"
        reply = self._http.send("GET", "/api/version", about=about)
        return _field(self._checked(reply, about), "Version", about)

    def account(self, name: str, *, token: str | None = None) -> ListedAccount:
        """Return the account; an account may always read itself with its own `token`. Raises Absent."""
        about = f"cannot read account {name}"
        shape = self._call("GET", f"/api/v1/account/{quote(name, safe='')}", about=about, token=token)
        return _account({**shape, "name": name})

    def accounts(self, *, token: str | None = None) -> list[ListedAccount]:
        """Return the accounts that the caller may see; the list route filters, it never refuses."""
        shape = self._call("GET", "/api/v1/account", about="cannot list accounts", token=token)
        return [_account(item) for item in shape.get("items") or ()]

    def project_uid(self, name: str, *, token: str | None = None) -> str:
        """Return the uid of an AppProject, the object's own in Argo CD's namespace. Raises Absent, Denied."""
        about = f"cannot read project {name}"
        shape = self._call("GET", f"/api/v1/projects/{quote(name, safe='')}", about=about, token=token)
        return _field(shape.get("metadata"), "uid", about)

    def configured_url(self, *, token: str | None = None) -> str:
        """Return `url` of argocd-cm as the server has it; empty where it is not set."""
        shape = self._call("GET", "/api/v1/settings", about="cannot read the settings", token=token)
        return str(shape.get("url", ""))

    def create_token(self, account: str, *, token_id: str, expires_in: int | None, token: str | None = None) -> str:
        """Mint a token and return it: the only time it is ever shown. `expires_in` is in seconds.

        An account may always do it for itself with a `token` of its own (argo-cd server/account/account.go).
        """
        about = f"cannot mint a token for account {account}"
        body = {"id": token_id, **({"expiresIn": expires_in} if expires_in else {})}
        path = f"/api/v1/account/{quote(account, safe='')}/token"
        minted = _field(self._call("POST", path, about=about, body=body, token=token), "token", about)
        self._remember(minted)
        return minted

    def delete_token(self, account: str, token_id: str, *, token: str | None = None) -> bool:
        """Revoke a token; one that is gone already is fine. Returns whether it was there."""
        about = f"cannot revoke token {token_id} of account {account}"
        try:
            path = f"/api/v1/account/{quote(account, safe='')}/token/{quote(token_id, safe='')}"
            self._call("DELETE", path, about=about, token=token)
        except Absent:
            return False
        return True

    def can_i(self, check: Check, *, token: str | None = None) -> bool:
        """Ask whether the caller may do it."""
        path = "/".join(quote(part, safe="") for part in (check.resource, check.action, check.object))
        about = f"cannot ask can-i {check}"
        shape = self._call("GET", f"/api/v1/account/can-i/{path}", about=about, token=token)
        answer = shape.get("value")
        if answer not in ("yes", "no"):
            raise UnexpectedReply(f"{about}: the answer is neither yes nor no", status=200)
        return bool(answer == "yes")

    def may_update(self, account: str) -> bool:
        """Whether the login may mint for the account, or may do so as far as the server can tell.

        Before 2.14 can-i knows no accounts, and under a broken policy nothing. Nor does it know that an account may
        always do so for itself.
        """
        if self.logs_in_as(account):
            return True
        try:
            allowed = self.can_i(Check("update", "accounts", account))
        except UnexpectedReply:
            return True
        return allowed or self._is_of(account, None, about="cannot read whose login it is")


_TOKEN_HINT = "; argocd_auth_token is refused: has it expired, was it revoked, or is it of another Argo CD?"
# One value that it cannot read ends every login, and its words do not say where that is (util/settings/accounts.go).
_LOGIN_HINT = (
    "; see the log of argocd-server; a value of any account in argocd-cm or argocd-secret that it cannot read, such as "
    "a passwordMtime that is not a time, is enough: correct it there"
)


def _is_ours(shape: Any) -> bool:
    """Whether this is an error of Argo CD's gateway; a Kubernetes API answers with a Status, which has a code too."""
    return isinstance(shape, Mapping) and isinstance(shape.get("code"), int) and shape.get("kind") != "Status"


def _account(shape: Mapping[str, Any]) -> ListedAccount:
    return ListedAccount(
        name=str(shape.get("name", "")),
        enabled=bool(shape.get("enabled")),
        capabilities=tuple(shape.get("capabilities") or ()),
        tokens=tuple(_listed(item) for item in shape.get("tokens") or ()),
    )


def _field(shape: Any, name: str, about: str) -> str:
    value = shape.get(name) if isinstance(shape, Mapping) else None
    if isinstance(value, str) and value:
        return value
    raise UnexpectedReply(f"{about}: the answer has no {name}; is argocd_url the address of an Argo CD?", status=200)


def _listed(item: Mapping[str, Any]) -> ListedToken:
    return ListedToken(str(item.get("id", "")), _time(item.get("issuedAt")), _time(item.get("expiresAt")))


def _time(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(int(seconds), tz=timezone.utc) if seconds else None


def is_broken_policy(exc: FleetopsError) -> bool:
    """Whether an enforcing call failed because the policy does not compile."""
    return isinstance(exc, ApiError) and exc.status == 500 and exc.code == GRPC_INTERNAL
