# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_can_i: may this token do exactly that?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .._core.accounts import check_account_name
from .._core.checks import Answer, Check, lint_checks, parse_checks, require_match
from .._core.errors import InvalidInput, Unauthenticated
from .._core.tokens import NotAToken, TokenClaims, decode_token
from .judging import judge
from .ports import Outcome, Ports, own_login, wait_until
from .stored_password import password_place

if TYPE_CHECKING:
    from .._clients.argocd import ArgocdClient

__all__ = ("ask", "run")


def run(params: Mapping[str, Any], ports: Ports) -> Outcome:
    """Prove the token, ask every check, compare. Nothing is ever changed."""
    if params["source"] == "policy":
        return _judged(params, ports)
    checks = parse_checks(params["checks"])
    account, argocd, token = _by_password(params, ports) if params["password_from"] else _by_token(params, ports)
    answers = ask(argocd, checks, token=token, seconds=params["wait_timeout"], ports=ports)
    if params["fail_on_mismatch"]:
        require_match(answers, account=account)
    return _outcome(answers, account=account)


def _by_token(params: Mapping[str, Any], ports: Ports) -> tuple[str, ArgocdClient, str | None]:
    """Return whose token it is, and what asks with it."""
    token = _token(params, ports)
    claims = _claims(token, params)
    argocd = ports.argocd(params)
    if not argocd.accepts(token, account=claims.account):
        raise Unauthenticated(
            f"cannot ask can-i as account {claims.account}: the server does not accept its token (revoked, expired, "
            "or the account is disabled or gone); run argocd_token first"
        )
    return claims.account, argocd, token


def _by_password(params: Mapping[str, Any], ports: Ports) -> tuple[str, ArgocdClient, str | None]:
    """Return the account, and what asks as the account itself, after one login that proves the password."""
    account = check_account_name(params["account"] or "", option="account")
    sink = ports.sink(password_place(params["password_from"], account), account)
    password = sink.read().token
    if password is None:
        raise InvalidInput(
            f"cannot ask can-i as account {account}: {sink.label} holds no password; run argocd_account with "
            "account_password_store first"
        )
    ports.remember(password)
    argocd = ports.argocd({**params, **own_login(account, password)})
    # An account may always read itself. Not asked again: Argo CD counts refused logins.
    argocd.account(account)
    return account, argocd, None


def _judged(params: Mapping[str, Any], ports: Ports) -> Outcome:
    """Answer by the policy itself: for any subject, and also about what the server's route does not take."""
    subject = params["account"]
    if not subject:
        raise InvalidInput("cannot judge by the policy: set account, whose rights are asked (a role or a group, too)")
    checks = parse_checks(params["checks"], by_route=False)
    answers, warnings = judge(params, ports, checks)
    if params["fail_on_mismatch"]:
        require_match(answers, account=subject)
    source = "policy" if params["policy"] is None else "planned policy"
    return _outcome(answers, account=subject, source=source, warnings=warnings)


def ask(
    argocd: ArgocdClient, checks: Iterable[Check], *, token: str | None, seconds: float, ports: Ports
) -> list[Answer]:
    """Ask until every answer is as it must be, or `seconds` are over.

    A policy or a token just written takes a moment to be seen, by each replica for itself. Raises Unauthenticated where
    the token is refused to the end.
    """
    checks = list(checks)

    def probe() -> list[Answer] | Unauthenticated:
        try:
            return [Answer(check, argocd.can_i(check, token=token)) for check in checks]
        except Unauthenticated as exc:
            return exc

    def good(answers: list[Answer] | Unauthenticated) -> bool:
        return isinstance(answers, list) and not any(answer.mismatch for answer in answers)

    answers = wait_until(probe, good, seconds=seconds, sleep=ports.sleep)
    if isinstance(answers, Unauthenticated):
        raise answers
    return answers


def _token(params: Mapping[str, Any], ports: Ports) -> str:
    if params["token"]:
        return str(params["token"])
    if not params["token_from"]:
        raise InvalidInput("cannot ask can-i: no token; set token, or token_from to read it from a sink")
    if not params["account"]:
        raise InvalidInput("cannot read the token from a sink: set account, whose token it is")
    sink = ports.sink(params["token_from"], check_account_name(params["account"], option="account"))
    token = sink.read().token
    if token is None:
        raise InvalidInput(
            f"cannot ask can-i as account {params['account']}: {sink.label} holds no token; run argocd_token first"
        )
    ports.remember(token)
    return token


def _claims(token: str, params: Mapping[str, Any]) -> TokenClaims:
    claims = None
    try:
        claims = decode_token(token)
    except NotAToken:
        pass
    if claims is None or claims.issuer != "argocd":
        raise InvalidInput(
            "cannot ask can-i: the given value is not an Argo CD token; it was not sent anywhere; give one of the "
            "account's"
        )
    if params["account"] and claims.account != params["account"]:
        raise InvalidInput(
            f"cannot ask can-i as account {params['account']}: the token is of account {claims.account}; it was not "
            "sent anywhere"
        )
    return claims


def _outcome(answers: list[Answer], *, account: str, source: str = "server", warnings: tuple[str, ...] = ()) -> Outcome:
    rows = [answer.describe() for answer in answers]
    return Outcome(
        changed=False,
        values={
            "account": account,
            "source": source,
            "matrix": rows,
            "mismatches": [row for row, answer in zip(rows, answers, strict=True) if answer.mismatch],
        },
        warnings=(*warnings, *lint_checks(answer.check for answer in answers)),
    )
