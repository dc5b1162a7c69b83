# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Argo CD server of one cluster: HTTP in, HTTP out.

Source: argo-cd server/server.go, server/session, server/account, server/version, server/logout; util/grpc/json.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..clock import Clock
from ..go import encode
from ..http import PLAIN_TEXT, Request, Response, redirect, text_response
from ..installation import NAMESPACE
from ..ledger import ARGOCD, Ledger
from ..snapshot import Snapshot
from ..store import Key, ObjectStore
from .account_service import PASSWORD_PATTERN, AccountService
from .errors import HTTP_STATUS, INTERNAL, NOT_FOUND, UNKNOWN, GrpcError, KubernetesError, PlainError
from .gojson import decode, omit_empty
from .rbac import Rbac
from .release import Release
from .routing import Arguments, Handler, Route, dispatch, redirect_if_unclean, refuse_content_type, route
from .sessions import COOKIE, Sessions, cookie_token, cookies_of
from .settings import SettingsManager
from .tokens import Caller

# Of a build from the bare source: the release's own build stamps in GitCommit, GitTreeState and KubectlVersion, too.
BUILD = {
    "BuildDate": "2026-01-01T00:00:00Z",
    "GoVersion": "go1.26.0",
    "Compiler": "gc",
    "Platform": "linux/amd64",
    "KustomizeVersion": "v5.8.0",
    "HelmVersion": "v3.19.0",
    "JsonnetVersion": "v0.21.0",
}
SETTINGS = {
    "appLabelKey": "app.kubernetes.io/instance",
    "googleAnalytics": {"anonymizeUsers": True},
    "help": {},
    "kustomizeOptions": {"BinaryPath": "", "BuildOptions": "", "Versions": None},
    "syncWithReplaceAllowed": True,
    "trackingMethod": "annotation",
}
NO_OVERRIDE = "jqPathExpressions: null\njsonPointers:{}\nmanagedFieldsManagers: null\n"
OVERRIDES = {
    "*/*": {
        "ignoreDifferences": NO_OVERRIDE.format("\n- /status"),
        "ignoreResourceUpdates": NO_OVERRIDE.format(" null"),
    }
}
METADATA = ("Grpc-Metadata-Content-Type", "application/grpc")
RENEWED = "Grpc-Metadata-Renew-Token"
FAILURES = (GrpcError, KubernetesError, PlainError)
INDEX = b"<!doctype html><html><head><title>Argo CD</title></head><body></body></html>\n"
PASSWORD_FIELDS: dict[str, type] = {"name": str, "currentPassword": str, "newPassword": str}
SESSION_FIELDS: dict[str, type] = {"username": str, "password": str, "token": str}


class ArgoCd:
    """`root` is the server's --rootpath; `login_delay` seconds imitate the delay against guessing names."""

    def __init__(
        self,
        *,
        store: ObjectStore,
        snapshot: Snapshot,
        rbac: Rbac,
        ledger: Ledger,
        clock: Clock,
        release: Release,
        root: str,
        login_delay: float,
        pause: Callable[[float], object],
    ) -> None:
        settings = SettingsManager(store, snapshot, clock, release, pause)
        self._settings = settings
        self._store = store
        self._snapshot = snapshot
        self._rbac = rbac
        self._sessions = Sessions(settings, clock, release)
        self._accounts = AccountService(settings, self._sessions, rbac, clock, release)
        self._ledger = ledger
        self._release = release
        self._root = root
        self._login_delay = login_delay
        self._routes = self._build_routes()

    def _build_routes(self) -> tuple[Route, ...]:
        account = "/api/v1/account"
        return (
            route("POST", "/api/v1/session", self._login),
            route("DELETE", "/api/v1/session", self._log_off),
            route("GET", "/api/v1/session/userinfo", self._user_info),
            route("GET", "/api/version", self._version),
            route("GET", "/api/v1/settings", self._settings_shown),
            route("GET", "/api/v1/projects/{name}", self._authenticated(self._project)),
            route("GET", account, self._authenticated(self._list)),
            route("GET", account + "/{name}", self._authenticated(self._get)),
            route("PUT", account + "/password", self._update_password),
            route("POST", account + "/{name}/token", self._create_token),
            route("DELETE", account + "/{name}/token/{id}", self._authenticated(self._delete_token)),
            route("GET", account + "/can-i/{resource}/{action}/{item=**}", self._authenticated(self._can_i)),
        )

    def handle(self, request: Request) -> Response:
        self._snapshot.advance()
        redirect = redirect_if_unclean(request, self._root, self._release)
        if redirect is not None:
            return redirect
        if request.path == "/healthz":
            return Response(200, b"ok\n", PLAIN_TEXT)
        if request.path == "/auth/logout":
            return self._log_out(request)
        if request.path.startswith("/api/"):
            return refuse_content_type(request, self._release) or self._dispatch(request)
        return _static(request)

    def _dispatch(self, request: Request) -> Response:
        try:
            return dispatch(self._routes, request)
        except FAILURES as error:
            return _failure(error)

    def _authenticated(self, handler: Callable[[Caller, Request, Arguments], dict[str, Any]]) -> Handler:
        """For calls whose message has no body."""

        def handle(request: Request, arguments: Arguments) -> Response:
            caller = self._sessions.caller(request)
            return self._answer_of(caller, lambda: handler(caller, request, arguments))

        return handle

    def _answer_of(self, caller: Caller, handler: Callable[[], dict[str, Any]]) -> Response:
        """A refused call renews the login token, too, though only in the header."""
        try:
            return self._answer(caller, handler())
        except FAILURES as error:
            metadata = (METADATA, (RENEWED, caller.renewed)) if caller.renewed else ()
            return replace(_failure(error), headers=metadata)

    def _answer(self, caller: Caller | None, message: dict[str, Any]) -> Response:
        """A login token near its end is renewed on the way out, in a header and in the cookie."""
        renewed = caller.renewed if caller is not None else ""
        headers = ((RENEWED, renewed), self._cookie(renewed)) if renewed else ()
        return _ok(message, headers)

    def _cookie(self, token: str) -> tuple[str, str]:
        path = self._root or "/"
        return "Set-Cookie", f"{COOKIE}={token}; path={path}; SameSite=lax; httpOnly; Secure"

    def _write(self, request: Request, what: str) -> None:
        self._ledger.write(ARGOCD, method=request.method, path=request.path, what=what)

    # sessions

    def _login(self, request: Request, _arguments: Arguments) -> Response:
        wish = decode(request.body, "session.SessionCreateRequest", SESSION_FIELDS)
        try:
            token = self._sessions.login(wish["username"], wish["password"], wish["token"])
        except GrpcError as error:
            return _error(error.code, error.message, delay=self._login_delay)
        self._ledger.logins += 1
        return _ok({"token": token}, (self._cookie(token),), delay=self._login_delay)

    def _log_off(self, _request: Request, _arguments: Arguments) -> Response:
        return _ok({})

    def _log_out(self, request: Request) -> Response:
        token = cookie_token(request)
        if not token:
            why = "" if COOKIE in cookies_of(request) else f": failed to retrieve cookie {COOKIE}"
            return text_response(400, f"Failed to retrieve ArgoCD auth token{why}")
        self._sessions.log_out(token)
        location = f"http://{request.header('host')}{self._root}"
        gone = ("Set-Cookie", f"{COOKIE}=; Path={self._root or '/'}")
        return redirect(request.method, 303, location, gone)

    def _user_info(self, request: Request, _arguments: Arguments) -> Response:
        caller = self._sessions.optional_caller(request)
        if caller is None or not caller.issuer:
            return _ok({})
        groups = self._rbac.groups(caller)
        known = {"loggedIn": True, "username": caller.name, "iss": caller.issuer, "groups": groups}
        return self._answer(caller, omit_empty(known))

    def _version(self, request: Request, _arguments: Arguments) -> Response:
        caller = self._sessions.optional_caller(request)
        self._sessions.check_settings()
        version = {"Version": f"{self._release}+unknown"}
        return self._answer(caller, version if caller is None else {**version, **BUILD})

    def _settings_shown(self, request: Request, _arguments: Arguments) -> Response:
        """For everybody, and more for those who are logged in (server/settings/settings.go)."""
        config = self._settings.config()
        badge = config.get("statusbadge.enabled") == "true"
        shown: dict[str, Any] = {**SETTINGS, "url": config.get("url", ""), "statusBadgeEnabled": badge}
        if (caller := self._sessions.optional_caller(request)) is not None and caller.issuer:
            pattern = config.get("passwordPattern") or PASSWORD_PATTERN
            shown |= {"controllerNamespace": NAMESPACE, "passwordPattern": pattern, "resourceOverrides": OVERRIDES}
        return self._answer(caller, {name: value for name, value in shown.items() if value not in ("", False)})

    def _project(self, caller: Caller, _request: Request, arguments: Arguments) -> dict[str, Any]:
        name = arguments["name"]
        self._rbac.require(caller, "projects", "get", name)
        project = self._store.get(Key("AppProject", NAMESPACE, name))
        if project is None:
            raise GrpcError(NOT_FOUND, f'appprojects.argoproj.io "{name}" not found')
        return {part: project[part] for part in ("metadata", "spec", "status") if part in project}

    # accounts

    def _list(self, caller: Caller, _request: Request, _arguments: Arguments) -> dict[str, Any]:
        return self._accounts.list(caller)

    def _get(self, caller: Caller, _request: Request, arguments: Arguments) -> dict[str, Any]:
        return self._accounts.get(caller, arguments["name"])

    def _create_token(self, request: Request, arguments: Arguments) -> Response:
        # The gateway decodes the body before anybody is authenticated.
        wish = decode(request.body, "account.CreateTokenRequest", {"name": str, "id": str, "expiresIn": int})
        caller = self._sessions.caller(request)

        def create() -> dict[str, Any]:
            token = self._accounts.create_token(caller, arguments["name"], wish["id"], wish["expiresIn"])
            self._write(request, f"create token of account {arguments['name']}")
            return {"token": token}

        return self._answer_of(caller, create)

    def _delete_token(self, caller: Caller, request: Request, arguments: Arguments) -> dict[str, Any]:
        self._accounts.delete_token(caller, arguments["name"], arguments["id"])
        self._write(request, f"delete token {arguments['id']} of account {arguments['name']}")
        return {}

    def _update_password(self, request: Request, _arguments: Arguments) -> Response:
        wish = decode(request.body, "account.UpdatePasswordRequest", PASSWORD_FIELDS)
        caller = self._sessions.caller(request)

        def update() -> dict[str, Any]:
            self._accounts.update_password(caller, wish["name"], wish["currentPassword"], wish["newPassword"])
            self._write(request, f"change password of account {wish['name'] or caller.name}")
            return {}

        return self._answer_of(caller, update)

    def _can_i(self, caller: Caller, _request: Request, arguments: Arguments) -> dict[str, Any]:
        allowed = self._accounts.can_i(caller, arguments["resource"], arguments["action"], arguments["item"])
        return {"value": "yes" if allowed else "no"}


def _ok(message: dict[str, Any], headers: tuple[tuple[str, str], ...] = (), delay: float = 0.0) -> Response:
    return Response(200, encode(message).encode(), headers=(METADATA, *headers), delay=delay)


def _failure(error: GrpcError | KubernetesError | PlainError) -> Response:
    match error:
        case GrpcError():
            return _error(error.code, error.message)
        case KubernetesError():
            return _error(error.code, str(error))
        case PlainError():
            return _error(UNKNOWN, str(error))


def _error(code: int, text: str, delay: float = 0.0) -> Response:
    body = encode(omit_empty({"error": text, "code": code, "message": text})).encode()
    return Response(HTTP_STATUS.get(code, HTTP_STATUS[INTERNAL]), body, delay=delay)


def _static(request: Request) -> Response:
    """The user interface answers every unknown path to a browser, so a wrong path may well say 200."""
    if "text/html" in request.header("accept") and request.method in ("GET", "HEAD"):
        return Response(200, INDEX, "text/html; charset=utf-8")
    return text_response(404, "404 page not found")
