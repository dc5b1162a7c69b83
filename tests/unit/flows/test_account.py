# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_account: writes planned from what was read, planned anew after a conflict, waited for until seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bcrypt
import pytest
from flow_fakes import START, UID, World

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    ApiError,
    Conflict,
    Denied,
    InvalidInput,
    Mismatch,
    Refused,
    Unauthenticated,
    Unreachable,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._flows import account as flow
from ansible_collections.fleetops.argocd.plugins.module_utils._flows import password
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.ports import Outcome

KEY, ENABLED = "accounts.octopus", "accounts.octopus.enabled"
HASH = "$2a$10$" + 53 * "x"


def options(**changes: Any) -> dict[str, Any]:
    shape = {"name": "octopus", "capabilities": ["apiKey"], "enabled": True, "state": "present"}
    nothing = dict.fromkeys(("account_password", "account_password_hash", "argocd_url"))
    switches = dict.fromkeys(("reenable", "override_admin_enabled", "force_owner"), False)
    nothing |= {"account_password_mtime": None, "known_tokens": [], "end_tokens": False}
    nothing |= {"account_password_store": [], "account_password_rotate": False, "recover": False, "overwrite": False}
    more = {"argocd_transport": "direct", "wait": True, "wait_timeout": 5}
    more |= {"config_store": {"type": "configmaps", "file": None, "prefix": None, "name": None}, "settle_time": "0"}
    return {**shape, **nothing, **switches, **more, **changes}


def run(world: World, *, check_mode: bool = False, **changes: Any) -> Outcome:
    return flow.run(options(**changes), world.ports(check_mode=check_mode))


def config(world: World) -> dict[str, str]:
    return world.kubernetes.data["argocd-cm"]


def test_the_first_run_writes_two_keys_and_the_second_reads_only() -> None:
    world = World()
    world.kubernetes.edit("argocd-cm", {"url": "https://x"})
    outcome = run(world)
    assert config(world) == {"url": "https://x", KEY: "apiKey", ENABLED: "true"}
    assert world.events == ["get argocd-cm", f"patch argocd-cm {KEY} {ENABLED}"]
    assert (outcome.changed, outcome.before) == (True, {})
    assert dict(outcome.values) == {
        "account": {"name": "octopus", "enabled": True, "capabilities": ["apiKey"]},
        "instance_uid": UID,
        "seen": None,
        "upstream": "",
        "pending": False,
        "password_changed": False,
        "helm_values": f'configs:\n  cm:\n    {KEY}: apiKey\n    {ENABLED}: "true"\n',
    }
    world.events.clear()
    again = run(world)
    assert (again.changed, again.before, world.events) == (False, again.after, ["get argocd-cm"])


def test_check_mode_predicts_the_same_and_writes_nothing() -> None:
    world, twin = World(), World()
    predicted, real = run(world, check_mode=True), run(twin)
    assert world.effects() == []
    assert replace(predicted, values={}) == replace(real, values={})
    assert predicted.values == real.values


def test_the_target_is_claimed_before_it_is_written() -> None:
    world = World()
    run(world, check_mode=True)
    assert world.claimed == [f"{UID} account octopus"]


# --- conflicts -----------------------------------------------------------------------------------------------------


def test_after_a_conflict_the_plan_is_made_from_what_the_other_writer_left() -> None:
    world = World()
    world.fail("patch", lambda: world.kubernetes.edit("argocd-cm", {"accounts.bob": "login", KEY: "login,apiKey"}))
    outcome = run(world)
    assert config(world) == {"accounts.bob": "login", KEY: "apiKey"}
    assert outcome.changed


def test_an_operator_who_stops_the_account_meanwhile_is_not_overruled() -> None:
    world = World()
    world.fail("patch", lambda: world.kubernetes.edit("argocd-cm", {KEY: "apiKey", ENABLED: "false"}))
    with pytest.raises(Refused):
        run(world)
    assert config(world) == {KEY: "apiKey", ENABLED: "false"}


def test_when_the_other_writer_did_all_of_it_this_run_changed_nothing() -> None:
    world = World()
    world.fail("patch", lambda: world.kubernetes.edit("argocd-cm", {KEY: "apiKey", ENABLED: "true"}))
    outcome = run(world)
    assert (outcome.changed, outcome.before) == (False, outcome.after)


@pytest.mark.parametrize(("conflicts", "patches"), [(19, 20), (20, 20)])
def test_a_conflict_is_planned_anew_at_most_twenty_times(conflicts: int, patches: int) -> None:
    world = World()
    world.fail("patch", *[Conflict("modified", status=409)] * conflicts)
    if conflicts < 20:
        assert run(world).changed
    else:
        with pytest.raises(Conflict):
            run(world)
    assert len(world.effects()) == patches
    assert 8 < world.slept < 20


def test_a_conflict_on_the_second_object_keeps_the_first_write_in_the_report() -> None:
    world = World()
    world.fail("patch", None, Conflict("modified", status=409))
    outcome = run(world, account_password_hash=HASH)
    assert (outcome.changed, outcome.before) == (True, {})
    assert config(world) == {KEY: "apiKey", ENABLED: "true"}
    assert world.kubernetes.data["argocd-secret"]["accounts.octopus.password"] == HASH


# --- the Secret ----------------------------------------------------------------------------------------------------


def test_the_secret_is_read_only_where_its_keys_matter_and_its_signing_key_masked() -> None:
    world = World()
    world.kubernetes.edit("argocd-secret", {"server.secretkey": "SIGNING"})
    run(world)
    assert "get argocd-secret" not in world.events
    run(world, account_password_hash=HASH)
    assert "SIGNING" in world.remembered


def test_a_hash_is_compared_and_written_once_with_its_time() -> None:
    world = World()
    assert run(world, account_password_hash=HASH).changed
    assert world.kubernetes.data["argocd-secret"] == {
        "accounts.octopus.password": HASH,
        "accounts.octopus.passwordMtime": "2026-01-31T12:00:00Z",
    }
    assert not run(world, account_password_hash=HASH).changed


def test_a_password_counts_as_set_by_the_clock_of_the_server() -> None:
    world = World()
    world.kubernetes.server_time = START.replace(minute=10)
    outcome = run(world, account_password_hash=HASH)
    assert world.kubernetes.data["argocd-secret"]["accounts.octopus.passwordMtime"] == "2026-01-31T12:10:00Z"
    (warning,) = outcome.warnings
    assert warning == (
        "the clock of the Kubernetes API and the one of this machine are more than 60 s apart; the server's counts "
        "here, set them right (NTP)"
    )
    assert run(world, account_password_hash=HASH).warnings == ()


def test_a_password_is_not_set_by_a_clock_far_from_ours() -> None:
    world = World()
    world.kubernetes.server_time = START.replace(hour=14)
    with pytest.raises(Refused, match=r"the clock of the Kubernetes API .* more than 1 h apart"):
        run(world, account_password_hash=HASH)
    assert world.effects() == []
    assert run(world).changed


def test_a_password_is_hashed_so_that_argo_cd_takes_it_and_is_found_again() -> None:
    world = World()
    outcome = run(world, account_password="correct horse")
    hashed = world.kubernetes.data["argocd-secret"]["accounts.octopus.password"]
    assert hashed.startswith("$2b$10$")
    assert "correct horse" not in repr(outcome)
    assert hashed not in repr(outcome)
    assert not run(world, account_password="correct horse").changed
    assert run(world, account_password="another").changed


def test_after_a_conflict_the_password_is_not_hashed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[bytes] = []
    hashpw = bcrypt.hashpw

    def counted(password: bytes, salt: bytes) -> bytes:
        hashed.append(password)
        return bytes(hashpw(password, salt))

    monkeypatch.setattr(bcrypt, "hashpw", counted)
    world = World()
    world.fail("patch", None, Conflict("modified", status=409), Conflict("modified", status=409))
    assert run(world, account_password="correct horse").changed
    assert hashed == [b"correct horse"]


@pytest.mark.parametrize("stored", ["not a hash", HASH, "ä"], ids=["text", "bad-salt", "beyond-ascii"])
def test_a_stored_hash_that_is_none_is_replaced(stored: str) -> None:
    world = World()
    world.kubernetes.edit("argocd-secret", {"accounts.octopus.password": stored})
    assert run(world, account_password="correct horse").changed


@pytest.mark.parametrize("password", ["x" * 73, "ä" * 37, "hush\0hush"])
def test_a_password_bcrypt_cannot_take_is_refused_rather_than_cut(password: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        run(World(), account_password=password)
    assert str(caught.value) == (
        "cannot use account_password: bcrypt takes 72 bytes at most and no NUL; choose another"
    )


def test_without_bcrypt_a_password_is_refused_before_any_call_and_a_hash_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(password.importlib.util, "find_spec", lambda _name: None)
    world = World()
    with pytest.raises(InvalidInput) as caught:
        run(world, account_password="correct horse")
    assert str(caught.value) == (
        "cannot use account_password: the Python package bcrypt is missing where this runs; install it, or give "
        "account_password_hash"
    )
    assert world.events == []
    assert run(world, account_password_hash=HASH).changed


@pytest.mark.parametrize("text", ["hunter2", "$2b$10$cut-off", HASH + "x"])
def test_what_is_no_bcrypt_hash_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        run(World(), account_password_hash=text)
    assert str(caught.value) == (
        "cannot use account_password_hash: it is not a bcrypt hash ($2a$, $2b$ or $2y$, 60 characters in all); make "
        "one with `argocd account bcrypt --password ...`"
    )


def test_removal_takes_the_keys_of_both_objects() -> None:
    world = World()
    world.kubernetes.edit("argocd-cm", {KEY: "apiKey", "accounts.bob": "login"})
    world.kubernetes.edit("argocd-secret", {"accounts.octopus.tokens": "[]", "server.secretkey": "k"})
    outcome = run(world, state="absent")
    assert (config(world), world.kubernetes.data["argocd-secret"]) == (
        {"accounts.bob": "login"},
        {"server.secretkey": "k"},
    )
    assert (outcome.changed, outcome.after, outcome.values["account"], outcome.values["helm_values"]) == (
        True,
        {},
        {},
        "",
    )
    assert not run(world, state="absent").changed


# --- refused before any write --------------------------------------------------------------------------------------


def test_a_config_map_argo_cd_cannot_see_is_refused() -> None:
    world = World()
    world.kubernetes.metadata["argocd-cm"]["labels"] = None
    with pytest.raises(InvalidInput) as caught:
        run(world)
    assert str(caught.value) == (
        "cannot use ConfigMap argocd-cm: it lacks the label app.kubernetes.io/part-of=argocd, without which Argo CD "
        "treats it as missing; set the label, or check argocd_namespace"
    )
    assert world.effects() == []


def test_an_owner_that_would_undo_it_is_refused_unless_forced_or_nothing_is_to_write() -> None:
    world = World()
    world.kubernetes.metadata["argocd-cm"]["annotations"] = {"argocd.argoproj.io/tracking-id": "argo:x"}
    with pytest.raises(Refused, match=f"{KEY}: apiKey"):
        run(world)
    assert world.effects() == []
    forced = run(world, force_owner=True)
    assert forced.changed
    assert len(forced.warnings) == 1
    assert run(world).warnings == ()


def test_what_to_put_upstream_has_the_keys_argo_cd_reads_and_no_other() -> None:
    world = World()
    world.kubernetes.metadata["argocd-cm"]["annotations"] = {"argocd.argoproj.io/tracking-id": "argo:x"}
    world.kubernetes.edit("argocd-cm", {KEY: "apiKey", "accounts.octopus.password": "SEKRET"})
    with pytest.raises(Refused, match=f'{KEY}: apiKey\n.*{ENABLED}: "false"') as caught:
        run(world, enabled=False)
    forced = run(world, enabled=False, force_owner=True)
    assert "SEKRET" not in f"{caught.value} {forced}"


@pytest.mark.parametrize(("heals", "refused"), [(True, True), (False, False)])
def test_an_application_that_does_not_heal_itself_is_warned_of_only(
    heals: bool,  # noqa: FBT001 # a column of the table
    refused: bool,  # noqa: FBT001 # a column of the table
) -> None:
    world = World()
    world.kubernetes.metadata["argocd-cm"]["labels"]["app.kubernetes.io/instance"] = "argo"
    automated = {"automated": {"selfHeal": heals}}
    world.kubernetes.resources["applications", "argo"] = {"spec": {"syncPolicy": automated}}
    if refused:
        with pytest.raises(Refused, match="it belongs to Application argo"):
            run(world)
        assert world.effects() == []
    else:
        (warning,) = run(world).warnings
        assert "belongs to Application argo (argocd), and the next change there may undo" in warning


def test_an_application_is_known_by_the_label_that_argocd_cm_names() -> None:
    world = World()
    world.kubernetes.edit("argocd-cm", {"application.instanceLabelKey": "argocd.argoproj.io/instance"})
    world.kubernetes.metadata["argocd-cm"]["labels"]["argocd.argoproj.io/instance"] = "argo"
    world.kubernetes.resources["applications", "argo"] = {"spec": {"syncPolicy": {"automated": {"selfHeal": True}}}}
    with pytest.raises(Refused, match="it belongs to Application argo"):
        run(world)
    assert world.effects() == []


def test_a_label_that_no_application_answers_to_is_no_owner() -> None:
    world = World()
    world.kubernetes.metadata["argocd-cm"]["labels"]["app.kubernetes.io/instance"] = "argo"
    assert run(world).warnings == ()


def operated(world: World) -> None:
    """Have an installation of the operator, which keeps the account itself."""
    owner = {"apiVersion": "argoproj.io/v1beta1", "kind": "ArgoCD", "name": "main"}
    world.kubernetes.metadata["argocd-cm"]["ownerReferences"] = [owner]
    world.kubernetes.resources["argocds", "main"] = {"spec": {"localUsers": [{"name": "octopus"}]}}


def test_an_account_that_the_operator_keeps_is_refused_even_if_nothing_is_to_write() -> None:
    world = World()
    operated(world)
    world.kubernetes.edit("argocd-cm", {KEY: "apiKey"})
    with pytest.raises(Refused, match=r"^cannot manage account octopus: spec\.localUsers of ArgoCD main has it"):
        run(world)
    (warning,) = run(world, force_owner=True).warnings
    assert warning.startswith("account octopus: spec.localUsers of ArgoCD main has it")
    world.kubernetes.resources.clear()
    assert run(world).warnings == ()


def test_a_password_is_not_written_where_external_secrets_would_undo_it() -> None:
    world = World()
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "cd"}
    world.kubernetes.metadata["argocd-secret"]["ownerReferences"] = [owner]
    world.kubernetes.edit("argocd-cm", {KEY: "apiKey,login"})
    changes = {"capabilities": None, "account_password_hash": f"$2a$10${'a' * 53}"}
    with pytest.raises(Refused, match="creationPolicy: Merge"):
        run(world, **changes)
    assert world.effects() == []
    assert len(run(world, force_owner=True, **changes).warnings) == 1


# --- waiting until it is seen --------------------------------------------------------------------------------------


def with_login(world: World, *, seen_after: int) -> dict[str, Any]:
    """Let the server show the account only after so many looks."""
    world.argocd.exists = False
    world.fail("look", *[None] * seen_after, lambda: setattr(world.argocd, "exists", True))
    return {"argocd_url": "https://x"}


def test_it_waits_until_the_server_shows_the_account_as_written() -> None:
    world = World()
    assert run(world, **with_login(world, seen_after=3)).values["seen"] is True
    assert world.slept == 0.75
    assert world.now > START


@pytest.mark.parametrize(
    "shown", [{"enabled": False}, {"capabilities": ("login",)}, {"capabilities": ()}, {"exists": False}]
)
def test_a_server_that_goes_on_showing_something_else_is_an_error(shown: dict[str, Any]) -> None:
    world = World()
    vars(world.argocd).update(shown)
    with pytest.raises(Mismatch) as caught:
        run(world, argocd_url="https://x")
    assert str(caught.value) == (
        "cannot see account octopus in Argo CD as it was written to argocd-cm: after 5 s the server still shows "
        "something else; does argocd_url belong to this cluster and namespace?"
    )
    assert world.slept == 5


def test_every_replica_has_to_show_it() -> None:
    world = World()
    world.fail("look", None, lambda: setattr(world.argocd, "exists", False))
    world.fail("look", lambda: setattr(world.argocd, "exists", True))
    assert run(world, argocd_url="https://x").values["seen"] is True
    assert [event.split()[0] for event in world.events[2:]] == ["reconnect", "look"] * (1 + 1 + 5)
    assert world.slept == 0.25


def test_a_removed_account_is_waited_for_until_it_is_gone() -> None:
    world = World()
    world.kubernetes.edit("argocd-cm", {KEY: "apiKey"})
    world.fail("look", None, lambda: setattr(world.argocd, "exists", False))
    assert run(world, state="absent", argocd_url="https://x").values["seen"] is True
    assert world.slept == 0.25


@pytest.mark.parametrize(
    "changes", [{"argocd_url": None}, {"wait": False, "argocd_url": "https://x"}], ids=["no-url", "no-wait"]
)
def test_without_a_way_to_ask_there_is_no_wait(changes: dict[str, Any]) -> None:
    world = World()
    assert run(world, **changes).values["seen"] is None
    assert not [event for event in world.events if event.startswith("look")]


def test_without_credentials_there_is_no_wait() -> None:
    world = World()
    world.argocd.has_credentials = False
    assert run(world, argocd_url="https://x").values["seen"] is None


def test_a_login_that_ends_with_the_account_is_not_asked_with() -> None:
    world = World()
    assert run(world, name="admin", capabilities=None, enabled=False, argocd_url="https://x").values["seen"] is None
    assert not [event for event in world.events if event.startswith("look")]


@pytest.mark.parametrize("own", ["the-old-password", None], ids=["password", "token"])
def test_a_login_that_ends_with_the_new_password_is_not_asked_with(own: str | None) -> None:
    world = World()
    new = {"name": "admin", "capabilities": None, "account_password": "the-new-password", "argocd_url": "https://x"}
    outcome = run(world, **new, argocd_password=own)
    assert (outcome.values["password_changed"], outcome.values["seen"]) == (True, None)
    assert not [event for event in world.events if event.startswith("look")]


def test_nothing_is_waited_for_when_nothing_changed_or_is_to_change() -> None:
    world = World()
    run(world)
    world.argocd.exists = False
    assert run(world, argocd_url="https://x").values["seen"] is None
    assert run(world, argocd_url="https://x", check_mode=True, enabled=False).values["seen"] is None


@pytest.mark.parametrize(
    "trouble",
    [
        Denied("cannot read account octopus: no", status=403),
        Unauthenticated("cannot read account octopus: no", status=401),
        Unreachable("cannot read account octopus: no", sent=True),
    ],
    ids=["denied", "login-refused", "no-answer"],
)
def test_what_is_written_stands_where_the_server_does_not_say_what_it_shows(trouble: ApiError) -> None:
    """The switch that stops an integration has to reach every cluster of a rollout, also those whose login fails."""
    world = World()
    world.kubernetes.edit("argocd-cm", {KEY: "apiKey"})
    world.fail("look", trouble)
    outcome = run(world, enabled=False, argocd_url="https://x")
    assert (outcome.changed, outcome.values["seen"], config(world)[ENABLED]) == (True, None, "false")
    (warning,) = outcome.warnings
    assert warning == (
        "cannot tell whether Argo CD shows account octopus as it was written: cannot read account octopus: no"
    )


@pytest.mark.parametrize("changes", [{"name": "a.b"}, {"capabilities": ["apikey"]}])
def test_what_is_wrong_in_the_options_is_told_before_any_call(changes: dict[str, Any]) -> None:
    world = World()
    with pytest.raises(InvalidInput):
        run(world, **changes)
    assert world.events == []
