# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions of can-i, and what their answers are worth.

Source: argo-cd server/account/account.go (CanI) and its route in server/account/account.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .errors import InvalidInput, Mismatch, check_one_line
from .release import Release

__all__ = (
    "ACTIONS",
    "FINE_GRAINED",
    "NO_SEGMENTS",
    "PROJECT_SCOPED",
    "RESOURCES",
    "Answer",
    "Check",
    "as_enforced",
    "lint_checks",
    "parse_checks",
    "require_match",
)

# server/rbacpolicy/rbacpolicy.go, 2.14 to 3.5; the server itself refuses what its version does not know.
RESOURCES = (
    "clusters",
    "projects",
    "applications",
    "applicationsets",
    "repositories",
    "write-repositories",
    "certificates",
    "accounts",
    "gpgkeys",
    "logs",
    "exec",
    "extensions",
)
# Objects of these are `project/name`: a name without a slash is none of theirs (docs/operator-manual/rbac.md).
PROJECT_SCOPED = ("applications", "applicationsets", "logs", "exec")
# What clients and servers take out of a path, encoded or not (RFC 3986, section 5.2.4).
NO_SEGMENTS = (".", "..")
ACTIONS = ("get", "create", "update", "delete", "sync", "override", "action", "invoke")
# Since then `update/<group>/<kind>/<namespace>/<name>` and `delete/...` are asked, about resources of an application.
FINE_GRAINED = Release(2, 12)


@dataclass(frozen=True)
class Check:
    """May the account do `action` on `resource` `object`? `allowed` is the answer that must come.

    The object is a literal name for the server, not a pattern: `*` asks for an object named `*`.
    """

    action: str
    resource: str
    object: str = "*"
    allowed: bool = True

    def __str__(self) -> str:
        return f"{self.action} {self.resource} {self.object}"

    @property
    def asks_about_nothing(self) -> bool:
        """Whether no object of the resource can have that name, so that lines with `*/*` do not answer."""
        return self.resource in PROJECT_SCOPED and "/" not in self.object


@dataclass(frozen=True)
class Answer:
    """The answer to a check; `reason` is the deciding line where it was judged by the policy.

    `value` is None where only the server can tell.
    """

    check: Check
    value: bool | None
    reason: str | None = None

    @property
    def mismatch(self) -> bool:
        """Whether the answer is not the one that must come."""
        return self.value != self.check.allowed

    def describe(self) -> dict[str, Any]:
        """Return one row of the matrix."""
        return {
            "action": self.check.action,
            "resource": self.check.resource,
            "object": self.check.object,
            "expected": _word(self.check.allowed),
            "answer": _word(self.value),
            "ok": not self.mismatch,
            **({} if self.reason is None else {"reason": self.reason}),
        }

    def __str__(self) -> str:
        because = "" if self.reason is None else f" ({self.reason})"
        return f"{self.check} must be {_word(self.check.allowed)} and is {_word(self.value)}{because}"


def _word(value: bool | None) -> str:  # noqa: FBT001 # its one argument is what it words
    return "unknown" if value is None else "yes" if value else "no"


def parse_checks(items: Iterable[Mapping[str, Any]], *, option: str = "checks", by_route: bool = True) -> list[Check]:
    """Return the checks, or raise InvalidInput naming the item that means nothing.

    With `by_route` the server is asked, whose route takes fewer actions and objects than a policy has.
    """
    checks = [_parse_check(item, f"{option}[{index}]", by_route=by_route) for index, item in enumerate(items)]
    for index, check in enumerate(checks):
        opposite = replace(check, allowed=not check.allowed)
        if opposite in checks[:index]:
            raise InvalidInput(
                f"cannot use {option}[{index}]: together with {option}[{checks.index(opposite)}] {check} must be yes "
                "and no; leave one out"
            )
    return checks


def _parse_check(item: Mapping[str, Any], where: str, *, by_route: bool) -> Check:
    check = Check(item["action"], item["resource"], item.get("object") or "*", bool(item.get("allowed", True)))
    check_one_line(check.object, option=f"{where}.object")
    if not by_route and check.action.partition("/")[0] in (*ACTIONS, "rollback") and check.resource in RESOURCES:
        return check
    if check.action not in ACTIONS:
        raise InvalidInput(
            f"cannot use {where}: the server cannot be asked about action {check.action!r}; it knows "
            + ", ".join(ACTIONS)
        )
    if check.resource not in RESOURCES:
        raise InvalidInput(
            f"cannot use {where}: the server cannot be asked about resource {check.resource!r}; it knows "
            + ", ".join(RESOURCES)
        )
    if ":" in check.object.rsplit("/", 1)[-1]:
        raise InvalidInput(
            f"cannot use {where}: the server cannot be asked about object {check.object!r}: its route takes no ':' "
            "after the last '/' (a cluster's URL, say); ask about another object"
        )
    if check.object in NO_SEGMENTS:
        raise InvalidInput(
            f"cannot use {where}: the server cannot be asked about object {check.object!r}, which leads to another "
            "address; ask about another object"
        )
    return check


def as_enforced(check: Check, release: Release, config: Mapping[str, str] | None, namespace: str) -> tuple[Check, ...]:
    """Return what the server of that release really asks its policy, of which one yes is enough.

    Nothing where it says yes without asking.
    The 3.5 `can-i` shortens `P/NS/NAME` of Argo CD's own namespace for clusters and repositories too, where it would
    mistake `https://host` for that; what is enforced on these is the name as it is.
    `config` is argocd-cm's data, None where unknown; `namespace` is Argo CD's (argo-cd server/account/account.go).
    """
    config = config or {}
    if check.resource == "logs" and release < Release(3, 0) and not _is_on(config, "server.rbac.log.enforce.enable"):
        return ()
    if check.action == "rollback" and not _is_on(config, "server.rbac.rollback.enforce.enable"):
        check = replace(check, action="sync")
    parts = check.object.split("/")
    in_own_namespace = len(parts) == 3 and parts[1] in ("", namespace)
    if release >= Release(3, 5) and check.resource in PROJECT_SCOPED and in_own_namespace:
        check = replace(check, object=f"{parts[0]}/{parts[2]}")
    return _of_resources(check, release, config)


def _of_resources(check: Check, release: Release, config: Mapping[str, str]) -> tuple[Check, ...]:
    """Return the questions about a resource of an application: by default 2.12 to 2.14 ask about the application first.

    Source: argo-cd server/application/application.go (getAppLiveResource) at the tags.
    """
    whole = replace(check, action=check.action.partition("/")[0])
    if whole.action not in ("update", "delete") or whole == check:
        return (check,)
    if release < FINE_GRAINED:
        return (whole,)
    key = "server.rbac.disableApplicationFineGrainedRBACInheritance"
    alone = release >= Release(2, 14) and (_is_on(config, key) if config.get(key) else release >= Release(3, 0))
    return (check,) if alone else (whole, check)


def _is_on(config: Mapping[str, str], key: str) -> bool:
    """As Go's ParseBool."""
    return config.get(key, "") in ("1", "t", "T", "TRUE", "true", "True")


def lint_checks(checks: Iterable[Check]) -> tuple[str, ...]:
    """Return warnings about checks that prove nothing: a no that comes whatever lines with `*/*` allow."""
    return tuple(
        f"{check} must be no, which proves nothing: {_about_nothing(check)}"
        for check in checks
        if check.asks_about_nothing and not check.allowed
    )


def _about_nothing(check: Check) -> str:
    return (
        f"the server takes {check.object!r} for a name, {check.resource} are named project/name, and a line with */* "
        "does not match it; ask about */* or project/name"
    )


def require_match(answers: Iterable[Answer], *, account: str) -> None:
    """Raise Mismatch naming every answer that is not the one that must come."""
    wrong = [answer for answer in answers if answer.mismatch]
    if not wrong:
        return
    told = "; ".join(map(str, wrong))
    unasked = next((answer.check for answer in wrong if answer.check.asks_about_nothing and answer.check.allowed), None)
    raise Mismatch(
        f"cannot accept the rights of account {account}: {told}; correct its policy lines (policy.default and roles "
        f"count too), or the checks{f': {_about_nothing(unasked)}' if unasked else ''}"
    )
