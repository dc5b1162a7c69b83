# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is run while faults happen: each scenario is a start, a command, and what the command is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .world import ACCOUNT, PASSWORD, PASSWORDS, TOKEN, World

SINKS = ("ansible_vault", "kubernetes_secret", "hashicorp_vault")
# A Secret, and OpenBao beside it.
TWO_PLACES = "two_places"
POLICIES = ["applications, get, */*, allow"]
CHECKS = [
    {"action": "get", "resource": "applications", "object": "*/*"},
    {"action": "delete", "resource": "applications", "object": "*/*", "allowed": False},
]
Options = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """One ansible-playbook: a playbook of ours, and its variables but for the connection."""

    playbook: str
    variables: Mapping[str, Any]


Make = Callable[[World], Command]


@dataclass(frozen=True)
class Scenario:
    """`before` are run, without faults, from a fresh installation; with `account` the account is there already, and
    without `place` the place is not.

    `ends` says that tokens come to an end by intent; `removes` that the account goes, with everybody's tokens of it.
    With `interrupted` it is also stopped as people and job runners do. Without `injected` no error is injected: its
    requests are those of other scenarios. `modules` says at which places its tasks, or some, also run as modules.
    `keeps` is what the places are for. Without `settles` every run changes something, as a rotation does.
    """

    name: str
    command: Make
    before: tuple[Make, ...] = ()
    account: bool = False
    place: bool = True
    ends: bool = False
    removes: bool = False
    modules: tuple[str, ...] = SINKS[1:]
    sinks: tuple[str, ...] = SINKS
    interrupted: bool = False
    injected: bool = True
    keeps: str = TOKEN
    settles: bool = True

    def as_modules(self, sink: str) -> bool:
        return sink in self.modules


def token(**options: Any) -> Make:
    """The task argocd_token alone."""

    def make(world: World) -> Command:
        return Command("token.yml", {"token_options": _token_options(world, options)})

    return make


def steps(**options: Any) -> Make:
    """Account, policy, token."""

    def make(world: World) -> Command:
        return Command(
            "steps.yml",
            {
                "account_options": {"name": ACCOUNT, "capabilities": ["apiKey"]},
                "policy_options": {"subject": ACCOUNT, "policies": POLICIES},
                "token_options": _token_options(world, options),
            },
        )

    return make


def role(**options: Any) -> Make:
    """The whole role."""

    def make(world: World) -> Command:
        common = {"name": ACCOUNT, "policies": POLICIES, "checks": CHECKS, "store": world.place.options()}
        given = {**common, **options}
        return Command("role.yml", {f"argocd_user_{name}": value for name, value in given.items()})

    return make


def password(**options: Any) -> Make:
    """The role's own steps token and password, without what comes before them."""

    def make(world: World) -> Command:
        given = dict(role(**options)(world).variables)
        given["argocd_user_account"] = {"instance_uid": world.instance_uid()}
        return Command("password.yml", given)

    return make


def removal() -> Make:
    """The role's own steps policy, account and token of a removal, without those that plan."""

    def make(world: World) -> Command:
        return Command("removal.yml", role(state="absent")(world).variables)

    return make


def account(**options: Any) -> Make:
    """The task argocd_account alone."""

    def make(_world: World) -> Command:
        return Command("steps.yml", {"account_options": {"name": ACCOUNT, **options}})

    return make


def made_password(**options: Any) -> Make:
    """The role's own step password, with the places for one that we make, and none for a token."""

    def make(world: World) -> Command:
        places = {"store": [], "password_store": world.place.options()}
        return password(**_LOGIN, **places, **options)(world)

    return make


def _token_options(world: World, options: Options) -> Options:
    checks = {} if options.get("state") == "absent" else {"checks": CHECKS}
    return {"account": ACCOUNT, "store": world.place.options(), **checks, **options}


_LOGIN = {"capabilities": ["apiKey", "login"], "end_tokens": True}
SCENARIOS = (
    Scenario("cold_role", role(), sinks=SINKS[:1], modules=(), injected=False),
    Scenario("create", account(capabilities=["apiKey"]), sinks=SINKS[1:2]),
    Scenario("cold", steps(), account=True, modules=SINKS),
    Scenario("new_place", token(checks=[]), account=True, place=False),
    Scenario("renew", token(expires_in="30d", revoke_after="0"), before=(steps(),), account=True, interrupted=True),
    Scenario(
        "renew_both",
        token(expires_in="30d", revoke_after="0"),
        before=(steps(),),
        account=True,
        sinks=(TWO_PLACES,),
        modules=(),
    ),
    Scenario(
        "renew_signed",
        token(expires_in="30d", revoke_after="0", method="kubernetes"),
        before=(steps(),),
        account=True,
        sinks=SINKS[:2],
        modules=(),
    ),
    Scenario(
        "retire",
        token(expires_in="30d", revoke_after="0"),
        before=(steps(), token(expires_in="30d")),
        account=True,
    ),
    Scenario(
        "password",
        password(**_LOGIN, password=PASSWORDS[1]),
        before=(role(**_LOGIN, password=PASSWORDS[0]),),
        account=True,
        modules=SINKS,
    ),
    Scenario(
        "password_made",
        made_password(),
        before=(account(capabilities=_LOGIN["capabilities"]),),
        account=True,
        keeps=PASSWORD,
    ),
    Scenario(
        "password_rotated",
        made_password(password_rotate=True),
        before=(account(capabilities=_LOGIN["capabilities"]), made_password()),
        account=True,
        keeps=PASSWORD,
        settles=False,
    ),
    Scenario("absent", token(state="absent"), before=(steps(), token(expires_in="30d")), account=True, ends=True),
    Scenario(
        "remove",
        removal(),
        before=(steps(), token(expires_in="30d")),
        account=True,
        ends=True,
        removes=True,
        modules=SINKS,
    ),
    Scenario(
        "remove_role",
        role(state="absent"),
        before=(role(), token(expires_in="30d")),
        account=True,
        ends=True,
        removes=True,
        sinks=SINKS[:1],
        injected=False,
        modules=(),
    ),
)
