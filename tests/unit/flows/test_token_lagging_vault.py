# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_token and the real sink hashicorp_vault before a cluster whose standbys answer reads late.

Whatever the nodes show: the place ends with a token that the server accepts, one token is minted, no id is forgotten.
Sources: openbao.org/docs/concepts/consistency, developer.hashicorp.com/vault/docs/enterprise/consistency.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest
from flow_fakes import UID, World

from ansible_collections.fleetops.argocd.plugins.module_utils._clients.http import Reply
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import FleetopsError, Lost, SinkError
from ansible_collections.fleetops.argocd.plugins.module_utils._core.token_text import TokenFormat
from ansible_collections.fleetops.argocd.plugins.module_utils._core.tokens import decode_token
from ansible_collections.fleetops.argocd.plugins.module_utils._flows import token as flow
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.ports import Outcome
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.hashicorp_vault import (
    HashicorpVaultSink,
    VaultPlace,
)

OLD = "octopus-20260101T000000Z-aaaaaaaa"
WINNER = "octopus-20260131T120000Z-ffffffff"
NEVER = 1e9
# Seconds by which each node behind the url is late; they answer reads in turn.
NODES = {
    "a-standby": (0.3,),
    "a-slow-standby": (3.0,),
    "a-load-balancer": (0.0, 0.3, 1.0),
    "a-load-balancer-whose-standbys-come-first": (1.0, 0.3, 0.0),
}
# Those that answer the first read late.
FIRST_LATE = {name: late for name, late in NODES.items() if late[0]}


class Cluster:
    """One secret; the active node carries out writes, and what a node shows of them depends on the time slept."""

    def __init__(self, world: World, *late: float) -> None:
        self._world = world
        self._asked = count()
        self.late = late
        # A version's number is its place in the list: 0 is none at all.
        self.versions: list[tuple[float, dict[str, Any]]] = [(-NEVER, {})]

    @property
    def data(self) -> dict[str, Any]:
        """What is really there."""
        return self.versions[-1][1]

    def put(self, **data: Any) -> None:
        self.versions.append((self._world.slept, data))

    def settle(self) -> None:
        """Let every node know all there is."""
        self.versions = [(-NEVER, data) for _at, data in self.versions]

    def send(self, method: str, path: str, *, about: str, body: Any = None) -> Reply:  # noqa: ARG002 # a VaultClient's
        if path.startswith("sys/internal"):
            return answer(200, {"data": {"type": "kv", "options": {"version": "2"}}})
        if path == "sys/capabilities-self":
            return answer(200, {"data": {"capabilities": ["root"]}})
        return self._write(body) if method == "post" else self._read()

    def _read(self) -> Reply:
        known_until = self._world.slept - self.late[next(self._asked) % len(self.late)]
        number = max(index for index, (at, _data) in enumerate(self.versions) if at <= known_until)
        if number == 0:
            return answer(404, {"errors": []})
        return answer(200, {"data": {"data": self.versions[number][1], "metadata": {"version": number}}})

    def _write(self, body: Any) -> Reply:
        if body["options"]["cas"] != len(self.versions) - 1:
            return answer(400, {"errors": ["check-and-set parameter did not match the current version"]})
        self.put(**body["data"])
        return answer(200, {"data": {"version": len(self.versions) - 1}})


def answer(status: int, shape: Any) -> Reply:
    return Reply(status, json.dumps(shape), {"Content-Type": "application/json"})


def behind(world: World, *late: float) -> Cluster:
    """Put a cluster of such nodes behind the first place."""
    cluster = Cluster(world, *late)
    renew(world, cluster)
    return cluster


def renew(world: World, cluster: Cluster) -> None:
    """A sink of its own, as every task has."""
    place = VaultPlace("secret", "a/b", "token")
    form = TokenFormat("raw", "https://argocd")
    client: Any = cluster
    made = HashicorpVaultSink(lambda: client, place, form, where="https://vault", sleep=world.sleep)
    world.sinks["first"] = made  # type: ignore[assignment] # what a flow asks of it


def record(current: str, **changes: Any) -> str:
    ref = {"id": current, "issued_at": "2026-01-31T12:00:00Z", "expires_at": None}
    shape = {"format": 1, "instance": UID, "account": "octopus", "token_name": "octopus", "current": ref}
    rest = {"requested_lifetime": None, "announced": None, "superseded": [], "by": "tester@here"}
    return json.dumps({**shape, **rest, **changes})


def stored(world: World, cluster: Cluster, token_id: str, **changes: Any) -> None:
    """Another run's token, stored this moment."""
    cluster.put(other="kept", token=world.argocd.issue(token_id), token_record=record(token_id, **changes))


def run(world: World, **changes: Any) -> Outcome:
    texts = dict.fromkeys(("token_name", "expires_in", "renew_before", "renew_after", "renew_spread"))
    switches = dict.fromkeys(("recover", "overwrite", "return_token", "planned", "rotate", "force_owner"), False)
    rest = {"account": "octopus", "checks": [], "store": [{"file": "first"}], "instance_uid": UID, "wait_timeout": 5}
    kept = {"state": "present", "revoke_after": "7d", "revoke_unknown": [], "method": "api"}
    return flow.run({**texts, **switches, **rest, **kept, **changes}, world.ports())


def done(world: World, verb: str) -> int:
    return sum(event.split()[0] == verb for event in world.events)


def require_good(world: World, cluster: Cluster, *, minted: int) -> None:
    """The place holds a token that the server accepts, and its record knows every token there is."""
    said = json.loads(cluster.data["token_record"])
    assert cluster.data["token"] in world.argocd.tokens.values()
    assert said["current"]["id"] == decode_token(cluster.data["token"]).id
    assert set(world.argocd.tokens) == {said["current"]["id"], *(item["id"] for item in said["superseded"])}
    assert said["announced"] is None
    assert (done(world, "mint"), done(world, "revoke")) == (minted, 0)


@pytest.fixture
def world() -> World:
    return World()


# --- nodes that catch up --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", NODES.values(), ids=NODES)
def test_a_first_token_is_minted_once_and_stays(world: World, late: tuple[float, ...]) -> None:
    cluster = behind(world, *late)
    outcome = run(world)
    assert (outcome.values["action"], outcome.values["revoked"], outcome.values["unknown"]) == ("minted", [], [])
    require_good(world, cluster, minted=1)
    assert len(cluster.versions) == 3


@pytest.mark.parametrize("late", NODES.values(), ids=NODES)
def test_a_rotation_leaves_the_new_token_and_a_record_of_the_old_one(world: World, late: tuple[float, ...]) -> None:
    cluster = behind(world, *late)
    stored(world, cluster, OLD)
    cluster.settle()
    outcome = run(world, rotate=True)
    assert outcome.values["action"] == "renewed"
    assert set(world.argocd.tokens) == {OLD, outcome.values["id"]}
    require_good(world, cluster, minted=1)
    assert cluster.data["other"] == "kept"


@pytest.mark.parametrize("late", NODES.values(), ids=NODES)
def test_what_was_superseded_is_revoked_and_forgotten(world: World, late: tuple[float, ...]) -> None:
    cluster = behind(world, *late)
    stored(world, cluster, OLD)
    cluster.settle()
    outcome = run(world, rotate=True, revoke_after="0")
    assert outcome.values["revoked"] == [OLD]
    assert list(world.argocd.tokens) == [outcome.values["id"]]
    assert json.loads(cluster.data["token_record"])["superseded"] == []


@pytest.mark.parametrize("late", NODES.values(), ids=NODES)
def test_a_removal_leaves_neither_token_nor_record(world: World, late: tuple[float, ...]) -> None:
    cluster = behind(world, *late)
    stored(world, cluster, OLD)
    cluster.settle()
    outcome = run(world, state="absent")
    assert outcome.values["action"] == "revoked"
    assert (world.argocd.tokens, cluster.data) == ({}, {"other": "kept"})


@pytest.mark.parametrize("late", NODES.values(), ids=NODES)
@pytest.mark.parametrize("there", ["", OLD])
@pytest.mark.parametrize("write", [1, 2], ids=["the-announcement", "the-token"])
def test_a_write_whose_answer_was_lost_is_waited_for(
    world: World, late: tuple[float, ...], there: str, write: int
) -> None:
    cluster = behind(world, *late)
    if there:
        stored(world, cluster, there)
        cluster.settle()
    losing_answer(cluster, write)
    with pytest.raises(SinkError):
        run(world, rotate=True)
    cluster.settle()
    renew(world, cluster)
    assert cluster.data.get("token") in {None, *world.argocd.tokens.values()}
    run(world)
    assert done(world, "revoke") == 0
    held = json.loads(cluster.data["token_record"])
    assert cluster.data["token"] in world.argocd.tokens.values()
    assert set(world.argocd.tokens) <= {held["current"]["id"], *(item["id"] for item in held["superseded"])}


def losing_answer(cluster: Cluster, write: int) -> None:
    """Carry out that write, and answer as whoever stands before Vault does when the answer is lost."""
    carry_out, numbers = cluster._write, count(1)  # noqa: SLF001 # of this very file

    def lose(body: Any) -> Reply:
        reply = carry_out(body)
        return answer(502, {}) if next(numbers) == write else reply

    cluster._write = lose  # type: ignore[method-assign] # noqa: SLF001 # as above


# --- a first read that is late: no version is known yet, and the write over it is refused ---------------------------


@pytest.mark.parametrize("late", FIRST_LATE.values(), ids=FIRST_LATE)
def test_what_another_run_has_just_renewed_is_taken_over(world: World, late: tuple[float, ...]) -> None:
    cluster = behind(world, *late)
    stored(world, cluster, OLD)
    cluster.settle()
    gone = [{"id": OLD, "since": "2026-01-31T12:00:00Z"}]
    stored(world, cluster, WINNER, superseded=gone)
    outcome = run(world, rotate=True)
    assert (outcome.values["action"], outcome.values["id"]) == ("kept", WINNER)
    require_good(world, cluster, minted=0)


@pytest.mark.parametrize("late", FIRST_LATE.values(), ids=FIRST_LATE)
def test_what_another_run_has_just_stored_is_not_minted_again_even_to_recover(
    world: World, late: tuple[float, ...]
) -> None:
    cluster = behind(world, *late)
    stored(world, cluster, WINNER)
    assert run(world, recover=True).values["id"] == WINNER
    require_good(world, cluster, minted=0)


def test_a_place_that_seems_empty_still_is_a_loss_and_no_reason_to_mint(world: World) -> None:
    cluster = behind(world, 0.3)
    stored(world, cluster, WINNER)
    with pytest.raises(Lost, match="is empty, yet the server lists"):
        run(world)
    cluster.settle()
    assert run(world).values["action"] == "kept"
    require_good(world, cluster, minted=0)


@pytest.mark.parametrize("late", FIRST_LATE.values(), ids=FIRST_LATE)
def test_another_key_that_was_just_written_is_kept(world: World, late: tuple[float, ...]) -> None:
    cluster = behind(world, *late)
    stored(world, cluster, OLD)
    cluster.settle()
    cluster.put(**{**cluster.data, "other": "newer"})
    assert run(world, rotate=True).values["action"] == "renewed"
    require_good(world, cluster, minted=1)
    assert cluster.data["other"] == "newer"


@pytest.mark.parametrize("late", FIRST_LATE.values(), ids=FIRST_LATE)
def test_a_removal_removes_what_another_run_has_just_renewed(world: World, late: tuple[float, ...]) -> None:
    cluster = behind(world, *late)
    stored(world, cluster, OLD)
    cluster.settle()
    stored(world, cluster, WINNER, superseded=[{"id": OLD, "since": "2026-01-31T12:00:00Z"}])
    run(world, state="absent")
    assert (world.argocd.tokens, cluster.data) == ({}, {"other": "kept"})


# --- a node that never catches up -----------------------------------------------------------------------------------


def lagging_from(cluster: Cluster, writes: int) -> None:
    """Let the only node answer at once, and never again once that many more versions are there."""
    put, last = cluster.put, len(cluster.versions) + writes

    def put_late(**data: Any) -> None:
        put(**data)
        cluster.late = (NEVER,) if len(cluster.versions) >= last else (0.0,)
        cluster.versions[:-1] = [(-NEVER, old) for _at, old in cluster.versions[:-1]]

    cluster.put = put_late  # type: ignore[method-assign]


@pytest.mark.parametrize("there", ["", OLD])
@pytest.mark.parametrize("writes", [1, 2], ids=["after-the-announcement", "after-the-token"])
def test_what_is_never_seen_is_an_error_and_the_new_token_stays_valid(world: World, there: str, writes: int) -> None:
    cluster = behind(world, 0.0)
    if there:
        stored(world, cluster, there)
        cluster.settle()
    lagging_from(cluster, writes)
    with pytest.raises(SinkError) as caught:
        run(world, rotate=True)
    (new,) = set(world.argocd.tokens) - {there}
    assert "is url a standby that lags" in str(caught.value)
    assert str(caught.value).endswith(f"The new token {new} is stored in part and stays valid; run again")
    assert (done(world, "mint"), done(world, "revoke")) == (1, 0)
    assert cluster.data.get("token") in {world.argocd.tokens.get(new if writes == 2 else there), None}
    require_next_run_converges(world, cluster)


def require_next_run_converges(world: World, cluster: Cluster) -> None:
    cluster.late = (0.0,)
    del cluster.put
    renew(world, cluster)
    outcome = run(world)
    assert outcome.values["unknown"] == []
    held = decode_token(cluster.data["token"]).id
    known = json.loads(cluster.data["token_record"])
    assert held in world.argocd.tokens
    assert set(world.argocd.tokens) <= {held, known["announced"], *(item["id"] for item in known["superseded"])}
    renew(world, cluster)
    assert not run(world).changed


def test_before_a_node_that_never_shows_the_last_version_nothing_is_minted(world: World) -> None:
    cluster = behind(world, NEVER)
    stored(world, cluster, OLD)
    cluster.settle()
    cluster.put(**cluster.data)
    with pytest.raises(FleetopsError, match="is url a standby that lags"):
        run(world, rotate=True)
    assert (done(world, "mint"), done(world, "revoke")) == (0, 0)
