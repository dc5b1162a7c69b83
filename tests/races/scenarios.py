# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The races, each a function: controllers that run at once, and what is found afterwards.

Every controller counts. One whose user has, wherever it is kept, a stored token that every replica takes, counts as a
token that works; so does one that was told to keep away, if the other's token works.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .controllers import Checkout, Controller, Ended, Lab
from .meanwhile import Holder, going_on
from .reader import Cluster, token_id

CONSUMER = "shared-secret"
SLOW_SECONDS = 4.0
OTHERS_LINES = "# of another team\np, role:others, projects, get, *, allow\n"


@dataclass
class Tally:
    """What was counted. `wrong` is what should not have been, in words; `lost` and `orphans` name what they count."""

    controllers: int = 0
    working: int = 0
    lost: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    asked: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.controllers += other.controllers
        self.working += other.working
        self.lost += other.lost
        self.orphans += other.orphans
        self.asked += other.asked
        self.refused += other.refused
        self.wrong += other.wrong


@dataclass(frozen=True)
class User:
    """One of the twenty: where its policy lines go, and who makes its token."""

    name: str
    location: str
    method: str
    ask: bool = True

    @property
    def line(self) -> str:
        return f"p, {self.name}, applications, get, {self.name}/*, allow"

    @property
    def checks(self) -> list[dict[str, Any]]:
        yes = {"action": "get", "resource": "applications", "object": f"{self.name}/x"}
        no = {"action": "delete", "resource": "clusters", "allowed": False}
        return [yes, no] if self.ask else []


def judge(cluster: Cluster, account: str, stored: Iterable[str | None], ids: Sequence[str], tally: Tally) -> None:
    """Count for one account: stored tokens that work; ids that no place holds; ids that are stored and not listed."""
    listed = cluster.listed(account)
    tally.working += sum(bool(token and cluster.accepted(token, account)) for token in stored)
    tally.orphans += [f"{account}: {listed_id}" for listed_id in listed if listed_id not in ids]
    tally.lost += [f"argocd-secret: {account}: {held_id}" for held_id in ids if held_id not in listed]


def expect(tally: Tally, what: str, ended: Ended, *, fails: bool = False) -> None:
    """A controller that ends otherwise than it should is told with all it said: there is no secret in it."""
    tally.controllers += 1
    if (ended.code != 0) != fails:
        tally.wrong.append(f"{what}: exit code {ended.code}\n{ended.output}")


def twenty_users(lab: Lab) -> Tally:
    """Each has its own controller. Some share the key policy.csv, for some argocd-secret is written without the API."""
    return many_users(
        lab,
        [
            User(
                f"user{number:02}",
                location="policy.csv" if number % 3 == 0 else "overlay",
                method="kubernetes" if number % 4 == 0 else "api",
            )
            for number in range(1, 21)
        ],
    )


def one_key(lab: Lab, prefix: str) -> Tally:
    """Four controllers whose users share the key policy.csv, and between reading and writing there is much time."""
    lab.cluster.slow_down("PATCH", "/configmaps/argocd-rbac-cm", seconds=3, times=100)
    try:
        return many_users(lab, [User(f"{prefix}{number}", "policy.csv", "api", ask=False) for number in range(1, 5)])
    finally:
        lab.cluster.speed_up()


def many_users(lab: Lab, users: Sequence[User]) -> Tally:
    """All at once, each with a controller and a checkout of its own."""
    cluster, tally = lab.cluster, Tally()
    checkouts = [lab.checkout(user.name) for user in users]
    pairs = zip(users, checkouts, strict=True)
    for user, ended in zip(users, lab.run([_of_user(lab, *pair) for pair in pairs]), strict=True):
        expect(tally, user.name, ended)
    for user, checkout in zip(users, checkouts, strict=True):
        token = checkout.token(user.name)
        judge(cluster, user.name, [token], _ids([token]), tally)
    tally.lost += _lost_keys(cluster, users)
    return tally


def _of_user(lab: Lab, user: User, checkout: Checkout) -> Controller:
    return lab.controller(
        checkout,
        name=user.name,
        policies=[f"applications, get, {user.name}/*"],
        policy_location=user.location,
        method=user.method,
        checks=user.checks,
    )


def _lost_keys(cluster: Cluster, users: Iterable[User]) -> list[str]:
    """What the controllers wrote, and were told that it was written, and is not there."""
    accounts, policy = cluster.data("argocd-cm"), cluster.data("argocd-rbac-cm")
    lost = []
    for user in users:
        if accounts.get(f"accounts.{user.name}") != "apiKey":
            lost.append(f"argocd-cm: accounts.{user.name}")
        key = "policy.csv" if user.location == "policy.csv" else f"policy.{user.name}.csv"
        if user.line not in policy.get(key, "").splitlines():
            lost.append(f"argocd-rbac-cm: {key}: {user.line}")
    if not policy.get("policy.csv", "").startswith(OTHERS_LINES):
        lost.append("argocd-rbac-cm: policy.csv: the lines of others")
    return lost


def _ids(tokens: Iterable[str | None]) -> list[str]:
    return [token_id(token) for token in tokens if token]


def one_user(lab: Lab, *, secret: bool) -> Tally:
    """Five controllers, one user, one place: a vault file of one checkout, or a Secret of the cluster."""
    cluster, tally = lab.cluster, Tally()
    account = "shared-secret" if secret else "shared-file"
    first = lab.checkout(account)
    checkouts = [lab.checkout(f"{account}-{number}") for number in range(5)] if secret else [first] * 5
    store: dict[str, Any] = {"store": [_secret_place(lab)]} if secret else {}
    controllers = [lab.controller(checkout, name=account, **store) for checkout in checkouts]
    for ended in lab.run(controllers):
        expect(tally, account, ended)
    token = cluster.consumer(CONSUMER).get("token") if secret else first.token(account)
    judge(cluster, account, [token] * len(controllers), _ids([token]), tally)
    return tally


def _secret_place(lab: Lab) -> dict[str, Any]:
    connection = {key: lab.connection[key] for key in ("host", "api_key", "ca_cert")}
    return {"type": "kubernetes_secret", "namespace": "default", "name": CONSUMER, "connection": connection}


def two_places(lab: Lab, *, at_once: bool) -> Tally:
    """Two controllers whose places differ, one name of a token: one is told, and the other's token is not touched."""
    cluster, tally = lab.cluster, Tally()
    account = "places-at-once" if at_once else "places-later"
    checkouts = [lab.checkout(f"{account}-{number}") for number in (1, 2)]
    controllers = [lab.controller(checkout, name=account) for checkout in checkouts]
    if at_once:
        # Both have looked, and found nothing, before either mints.
        cluster.slow_down("POST", f"/account/{account}/token", seconds=SLOW_SECONDS, times=2)
        runs = lab.run(controllers)
        cluster.speed_up()
    else:
        runs = [*lab.run(controllers[:1]), *lab.run(controllers[1:])]
    told = [ended for ended in runs if ended.code]
    for ended in runs:
        expect(tally, account, ended, fails=len(told) == 1 and ended is told[0])
    tokens = [checkout.token(account) for checkout in checkouts]
    held = [token for token in tokens if token]
    judge(cluster, account, held * 2 if len(held) == 1 else held, _ids(held), tally)
    if len(told) != 1 or told[0].token.get("error") != "Lost" or not all(i in told[0].output for i in _ids(held)):
        tally.wrong.append(f"{account}: {len(told)} of 2 were told\n" + "\n".join(ended.output for ended in runs))
    return tally


def old_copy(lab: Lab) -> Tally:
    """Somebody goes on with a copy of the vault file from before a rotation: the token in use is never touched."""
    cluster, tally, account = lab.cluster, Tally(), "copied"
    checkout = lab.checkout(account)

    def run(where: Checkout, *, fails: bool = False, **variables: Any) -> Ended:
        (ended,) = lab.run([lab.controller(where, name=account, **variables)])
        expect(tally, f"{account} {variables}", ended, fails=fails)
        current = checkout.token(account)
        tally.working += bool(current and cluster.accepted(current, account))
        return ended

    run(checkout)
    early, earlier = checkout.copy(lab.directory / "early"), checkout.copy(lab.directory / "earlier")
    run(checkout, rotate=True)
    # Its token still works: it is renewed there, and its own predecessor ends.
    run(early, rotate=True, revoke_after="0")
    # Here it no longer works.
    told = run(earlier, fails=True)
    run(checkout)
    tokens = [checkout.token(account), early.token(account)]
    judge(cluster, account, [], _ids(tokens), tally)
    if told.token.get("error") != "Lost":
        tally.wrong.append(f"{account}: the old copy was not told\n{told.output}")
    return tally


def rotations(lab: Lab) -> Tally:
    """Five rotations of one token at once while its holder uses it: no moment without one that works."""
    tally = Tally()
    account = "rotated"
    checkout = lab.checkout(account)
    _provisioned(lab, checkout, account, tally)
    before = checkout.token(account)
    holder = Holder(lab.cluster, account, lambda: checkout.token(account))
    with going_on(holder):
        runs = lab.run([lab.controller(checkout, name=account, rotate=True) for _number in range(5)])
    for ended in runs:
        expect(tally, account, ended)
    # Whoever was overtaken has revoked what it minted; for a while the record names that all the same.
    undone = {token_id for ended in runs for token_id in ended.token.get("revoked", ())}
    token = checkout.token(account)
    if token == before:
        tally.wrong.append(f"{account}: no rotation")
    # Whoever began after another one had ended has rotated again; what was replaced lives on for a while, on record.
    replaced = [token_id for token_id in checkout.replaced(account) if token_id not in undone]
    judge(lab.cluster, account, [token] * 6, [*replaced, *_ids([token])], tally)
    used(holder, tally)
    return tally


def password(lab: Lab) -> Tally:
    """A password is set, and changed, while the holder uses the token: no moment without one that works."""
    tally, account = Tally(), "person"
    checkout = lab.checkout(account)
    _provisioned(lab, checkout, account, tally)
    holder = Holder(lab.cluster, account, lambda: checkout.token(account))
    with going_on(holder):
        for text in ("planted-password-one", "planted-password-two"):
            wish = {"name": account, "capabilities": ["apiKey", "login"], "reenable": True, "password": text}
            for ended in lab.run([lab.controller(checkout, **wish)]):
                expect(tally, account, ended)
    token = checkout.token(account)
    # What the passwords ended stays listed until it is due, on record.
    judge(lab.cluster, account, [token] * 3, [*checkout.replaced(account), *_ids([token])], tally)
    used(holder, tally)
    return tally


def used(holder: Holder, tally: Tally) -> None:
    tally.asked, tally.refused = holder.asked, holder.refused
    if not holder.asked:
        tally.wrong.append("the holder never used its token")


def _provisioned(lab: Lab, checkout: Checkout, account: str, tally: Tally) -> None:
    (ended,) = lab.run([lab.controller(checkout, name=account)])
    expect(tally, account, ended)
