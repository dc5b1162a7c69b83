# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deviations to plant into the sandbox, to see that the comparison finds them."""

from __future__ import annotations

import contextlib
import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from argocd_sandbox.argocd import account_service, policy, release, routing, sessions, tokens
from argocd_sandbox.argocd.errors import HTTP_STATUS
from argocd_sandbox.http import Request, Response
from argocd_sandbox.kubernetes import status


@dataclass(frozen=True)
class Plant:
    """`target` of the sandbox becomes `value`; `group` must notice."""

    name: str
    group: str
    target: str
    value: Any

    @contextlib.contextmanager
    def planted(self) -> Iterator[None]:
        policy.compiled.cache_clear()
        with mock.patch(self.target, self.value):
            yield
        policy.compiled.cache_clear()


SANDBOX = "argocd_sandbox"
ARGOCD = f"{SANDBOX}.argocd"
KUBERNETES = f"{SANDBOX}.kubernetes"


def _lenient_content_type(request: Request, known: release.Release) -> Response | None:
    media_type = request.header("content-type").partition(";")[0]
    return REFUSE_CONTENT_TYPE(replace(request, headers={"content-type": media_type}), known)


def _cookie_first(request: Request) -> str:
    return sessions.cookie_token(request) or PRESENTED_TOKEN(request)


def _require_also_oneself(
    service: account_service.AccountService, caller: tokens.Caller, action: str, name: str
) -> None:
    service._rbac.require(caller, "accounts", action, name)  # noqa: SLF001 # the method of that class, as it should not be


def _without_overlays(data: dict[str, str], _known: release.Release) -> str:
    return data.get("policy.csv", "")


def _allow_override(pattern: str) -> str:
    return pattern.replace(" && !some(where (p.eft == deny))", "")


def _not_found_without_details(plural: str, name: str, _group: str = "") -> status.StatusError:
    return status.StatusError(404, "NotFound", f'{plural} "{name}" not found')


def _minute_more(now: float, lifetime: float) -> int:
    return EXPIRY(now, lifetime) + 60


REFUSE_CONTENT_TYPE = routing.refuse_content_type
PRESENTED_TOKEN = sessions.presented_token
EXPIRY = tokens.expiry

PLANTS = (
    Plant("a wrong login says another thing", "session", f"{ARGOCD}.sessions.INVALID_LOGIN", "Invalid password"),
    Plant("a long user name is tried", "session", f"{ARGOCD}.sessions.MAX_USERNAME_BYTES", 64),
    Plant("the lock-out comes one failure late", "lockout", f"{ARGOCD}.sessions.MAX_FAILURES", 6),
    Plant(
        "a media type may have parameters", "content_type", f"{ARGOCD}.api.refuse_content_type", _lenient_content_type
    ),
    Plant("escaped slashes are not decoded", "can_i_path", f"{ARGOCD}.routing.unquote", str),
    Plant("the cookie wins over the bearer", "credentials", f"{ARGOCD}.sessions.presented_token", _cookie_first),
    Plant("plain errors are bad requests", "tokens", f"{ARGOCD}.api.HTTP_STATUS", {**HTTP_STATUS, 2: 400}),
    Plant("tokens live a minute longer", "tokens", f"{ARGOCD}.tokens.expiry", _minute_more),
    Plant("false and empty are sent", "accounts", f"{ARGOCD}.account_service.omit_empty", dict),
    Plant(
        "an account needs a right to itself",
        "accounts",
        f"{ARGOCD}.account_service.AccountService._require",
        _require_also_oneself,
    ),
    Plant(
        "yes is a true word",
        "settings",
        f"{ARGOCD}.accounts.TRUE_WORDS",
        ("1", "t", "T", "TRUE", "true", "True", "yes"),
    ),
    Plant(
        "unsigned tokens pass", "token_checks", f"{ARGOCD}.tokens.TokenText.check_signature", lambda _token, _key: None
    ),
    Plant("deleted tokens stay valid", "token_reuse", f"{ARGOCD}.sessions.check_account", lambda *_checked: None),
    Plant("a denial does not count", "can_i", f"{ARGOCD}.policy.MODEL", _allow_override(policy.MODEL)),
    Plant("bad policy lines are passed over", "rbac_lines", f"{ARGOCD}.policy._check_fields", lambda *_line: None),
    Plant("overlays are not read", "rbac_config", f"{ARGOCD}.rbac.policy_text", _without_overlays),
    Plant("globs are shell patterns", "rbac_glob", f"{ARGOCD}.policy.glob_match", fnmatch.fnmatchcase),
    Plant("a dry run is stored", "kubernetes_dry_run", f"{KUBERNETES}.api._is_dry_run", lambda _request: False),
    Plant("a conflict is overwritten", "kubernetes_conflict", f"{KUBERNETES}.objects.version_of", lambda _metadata: 0),
    Plant("not found has no details", "kubernetes_read", f"{KUBERNETES}.status.not_found", _not_found_without_details),
)
