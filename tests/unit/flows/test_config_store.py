# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Account and policy keys kept elsewhere: planned from there, written there, and waited for in the ConfigMap."""

from __future__ import annotations

from typing import Any

import pytest
from flow_fakes import World

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    Conflict,
    InvalidInput,
    Refused,
    UnexpectedReply,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._flows import account, rbac_policy
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.ports import Outcome
from ansible_collections.fleetops.argocd.plugins.module_utils.arguments import ACCOUNT, RBAC_POLICY, ModuleSpec

KEY, ENABLED = "accounts.octopus", "accounts.octopus.enabled"
KEYS = {KEY: "apiKey", ENABLED: "true"}
LINE = "p, octopus, clusters, get, *, allow\n"
SECTION = f"# BEGIN fleetops.argocd octopus\n{LINE}# END fleetops.argocd octopus\n"
WISH = {"name": "octopus", "capabilities": ["apiKey"], "enabled": True}
LINES = {"subject": "octopus", "policies": ["clusters, get, *"]}


def options(spec: ModuleSpec, changes: dict[str, Any]) -> dict[str, Any]:
    defaults = {name: rules.get("default") for name, rules in spec.argument_spec.items()}
    return {**defaults, **changes}


def store(kind: str, name: str | None = None) -> dict[str, Any]:
    return {"type": kind, "file": "values.yaml", "prefix": None, "name": name}


def run_account(world: World, kind: str = "helm_values", *, check_mode: bool = False, **changes: Any) -> Outcome:
    given = options(ACCOUNT, {**WISH, "config_store": store(kind), **changes})
    return account.run(given, world.ports(check_mode=check_mode))


def run_policy(world: World, kind: str = "helm_values", **changes: Any) -> Outcome:
    return rbac_policy.run(options(RBAC_POLICY, {**LINES, "config_store": store(kind), **changes}), world.ports())


def operated(world: World, **spec: Any) -> None:
    """Have an installation of the operator."""
    owner = {"apiVersion": "argoproj.io/v1beta1", "kind": "ArgoCD", "name": "main"}
    for name in ("argocd-cm", "argocd-rbac-cm"):
        world.kubernetes.metadata[name]["ownerReferences"] = [owner]
    metadata = {"name": "main", "uid": "u", "resourceVersion": "1"}
    world.kubernetes.resources["argocds", "main"] = {"metadata": metadata, "spec": spec}


def spec_of(world: World) -> dict[str, Any]:
    return dict(world.kubernetes.resources["argocds", "main"]["spec"])


# --- a values file -------------------------------------------------------------------------------------------------


def test_the_account_is_planned_from_the_source_and_written_there_only() -> None:
    world = World()
    world.kubernetes.edit("argocd-cm", {"url": "https://x"})
    world.values.data["argocd-cm"] = {"accounts.alice": "login"}
    outcome = run_account(world)
    assert world.values.data["argocd-cm"] == {"accounts.alice": "login", **KEYS}
    assert world.effects() == [f"patch values argocd-cm {KEY} {ENABLED}"]
    assert (outcome.changed, outcome.values["pending"], outcome.values["upstream"]) == (True, True, "the values")
    assert outcome.values["seen"] is None
    again = run_account(world)
    assert (again.changed, again.values["pending"], again.before) == (False, True, again.after)


def test_check_mode_predicts_the_same_and_waits_for_nobody() -> None:
    world, twin = World(), World()
    predicted, real = run_account(world, check_mode=True, settle_time="1h"), run_account(twin)
    assert (predicted.changed, predicted.values, predicted.after) == (real.changed, real.values, real.after)
    assert (world.effects(), world.slept) == ([], 0)


def test_what_has_arrived_is_not_pending_and_the_server_is_asked_once_it_has() -> None:
    world = World()
    world.kubernetes.edit("argocd-cm", KEYS)
    there = run_account(world, argocd_url="https://x")
    assert (there.changed, there.values["pending"], there.values["seen"]) == (True, False, True)
    settled = run_account(world, argocd_url="https://x")
    assert (settled.changed, settled.values["pending"], settled.values["seen"]) == (False, False, None)


def test_it_waits_until_somebody_has_applied_it_and_no_longer() -> None:
    world = World()
    world.fail("get", *[None] * 6, lambda: world.kubernetes.edit("argocd-cm", KEYS))
    outcome = run_account(world, settle_time="1m")
    assert not outcome.values["pending"]
    assert 0 < world.slept < 5
    late = World()
    assert run_account(late, settle_time="1m").values["pending"]
    assert late.slept == 60


def test_an_account_stopped_in_the_cluster_is_not_enabled_by_way_of_the_source() -> None:
    world = World()
    world.kubernetes.edit("argocd-cm", {KEY: "apiKey", ENABLED: "false"})
    with pytest.raises(Refused, match="set reenable to true"):
        run_account(world)
    assert world.effects() == []
    assert run_account(world, reenable=True).values["pending"]


def test_the_owner_of_the_configmap_is_no_obstacle_to_writing_where_it_looks() -> None:
    world = World()
    operated(world)
    assert run_account(world).warnings == ()


def test_a_source_that_changes_is_read_and_planned_anew() -> None:
    world = World()
    meanwhile = {"accounts.bob": "login"}

    def another() -> None:
        world.values.data["argocd-cm"].update(meanwhile)
        raise Conflict("it changed", status=409)

    world.fail("patch", another)
    assert run_account(world).changed
    assert world.values.data["argocd-cm"] == {**meanwhile, **KEYS}


def test_an_account_is_removed_from_the_source_and_its_secrets_from_the_cluster() -> None:
    world = World()
    world.values.data["argocd-cm"] = dict(KEYS)
    world.kubernetes.edit("argocd-cm", KEYS)
    world.kubernetes.edit("argocd-secret", {f"{KEY}.tokens": "[]", "server.secretkey": "x"})
    outcome = run_account(world, state="absent")
    assert (outcome.changed, outcome.values["pending"]) == (True, True)
    assert world.values.data["argocd-cm"] == {}
    assert world.kubernetes.data["argocd-secret"] == {"server.secretkey": "x"}
    assert world.kubernetes.data["argocd-cm"] == KEYS


def test_a_policy_goes_to_an_overlay_there_and_waits_until_it_is_in_force() -> None:
    world = World()
    outcome = run_policy(world)
    assert world.values.data["argocd-rbac-cm"] == {"policy.octopus.csv": LINE}
    assert (outcome.values["pending"], outcome.values["key"]) == (True, "policy.octopus.csv")
    world.kubernetes.edit("argocd-rbac-cm", {"policy.octopus.csv": LINE})
    assert not run_policy(world).values["pending"]


def test_a_policy_that_does_not_load_yet_is_pending() -> None:
    world = World()
    world.kubernetes.edit("argocd-rbac-cm", {"policy.csv": "p, broken"})
    world.values.data["argocd-rbac-cm"] = {"policy.csv": ""}
    assert run_policy(world).values["pending"]
    world.values.data["argocd-rbac-cm"] = {}
    with pytest.raises(InvalidInput, match=r"cannot compile the policy of argocd-rbac-cm: policy\.csv line 1"):
        run_policy(world)


@pytest.mark.parametrize("wish", [{}, {"exclusive": False}, {"overlay": "octopus"}, {"match_mode": "glob"}])
def test_an_overlay_that_is_in_the_cluster_only_is_put_into_the_source(wish: dict[str, Any]) -> None:
    world = World()
    world.kubernetes.edit("argocd-rbac-cm", {"policy.octopus.csv": LINE})
    moved = run_policy(world, max_permissions=["clusters, get, *"], **wish)
    assert world.values.data["argocd-rbac-cm"] == {"policy.octopus.csv": LINE}
    assert (moved.values["added"], moved.values["permissions_gained"]) == ([LINE.rstrip()], [])
    assert not moved.values["pending"]
    assert not run_policy(world, **wish).changed


@pytest.mark.parametrize(
    ("there", "wish", "other"),
    [
        ("g, ops, role:admin\n# x\n", {"location": "policy.csv"}, "location to overlay"),
        (f"# x\n{LINE}# more\n", {}, "overlay to another name"),
        ("p, octopus, logs, get, */*, allow\n# x\n", {"exclusive": False}, "overlay to another name"),
    ],
)
def test_lines_of_another_values_file_are_not_replaced(there: str, wish: dict[str, Any], other: str) -> None:
    world = World()
    key = "policy.csv" if "location" in wish else "policy.octopus.csv"
    world.kubernetes.edit("argocd-rbac-cm", {key: there})
    with pytest.raises(Refused) as caught:
        run_policy(world, **wish)
    assert str(caught.value) == (
        f"cannot write {key} to the values: it has no such key, and would replace what argocd-rbac-cm has in it, "
        f"{there.splitlines()[0]!r} and 1 more; name the file that this comes from in config_store, put it into this "
        f"one, or set {other}"
    )
    assert world.effects() == []


def test_what_stands_in_another_values_file_is_no_obstacle_to_a_removal() -> None:
    world = World()
    world.kubernetes.edit("argocd-rbac-cm", {"policy.csv": f"g, ops, role:admin\n{SECTION}"})
    outcome = run_policy(world, policies=[], state="absent", location="policy.csv")
    assert (outcome.changed, outcome.before, outcome.after, world.effects()) == (False, "", "", [])
    assert outcome.values["pending"]


def test_a_removal_tells_the_same_again_until_it_has_arrived() -> None:
    world = World()
    world.values.data["argocd-rbac-cm"] = {"policy.octopus.csv": LINE, "scopes": "[groups]"}
    world.kubernetes.edit("argocd-rbac-cm", world.values.data["argocd-rbac-cm"])
    removed = run_policy(world, policies=[], state="absent")
    again = run_policy(world, policies=[], state="absent")
    assert (removed.changed, removed.values["permissions_lost"]) == (True, ["may get clusters *"])
    assert (again.changed, again.values["permissions_lost"], again.before, again.after) == (False, [], "", "")
    assert removed.values["policy"] == again.values["policy"] == {"scopes": "[groups]"}
    assert again.values["pending"]
    assert run_policy(world).changed


def test_a_removal_takes_both_places_of_the_source_and_waits_for_both() -> None:
    world = World()
    both = {"policy.csv": f"g, ops, role:admin\n{SECTION}", "policy.octopus.csv": LINE}
    world.values.data["argocd-rbac-cm"] = dict(both)
    world.kubernetes.edit("argocd-rbac-cm", both)
    wish = {"policies": [], "state": "absent"}
    assert run_policy(world, **wish).values["permissions_lost"] == ["may get clusters *"]
    assert world.values.data["argocd-rbac-cm"] == {"policy.csv": "g, ops, role:admin\n"}
    for name, text in (("policy.octopus.csv", None), ("policy.csv", "g, ops, role:admin\n")):
        again = run_policy(world, **wish)
        assert (again.changed, again.before, again.after, again.values["pending"]) == (False, "", "", True)
        world.kubernetes.edit("argocd-rbac-cm", {name: text})
    assert not run_policy(world, **wish).values["pending"]


def test_lines_of_ours_that_only_the_configmap_has_are_warned_of() -> None:
    """Helm leaves a key alone that it never knew: nobody would remove it."""
    world = World()
    world.values.data["argocd-rbac-cm"] = {"policy.csv": f"g, ops, role:admin\n{SECTION}"}
    world.kubernetes.edit("argocd-rbac-cm", {"policy.octopus.csv": LINE})
    removed = run_policy(world, policies=[], state="absent")
    assert world.values.data["argocd-rbac-cm"] == {"policy.csv": "g, ops, role:admin\n"}
    assert removed.values["permissions_lost"] == []
    assert [item["key"] for item in removed.values["findings"] if item["code"] == "elsewhere"] == ["policy.octopus.csv"]


KINDS = pytest.mark.parametrize("kind", ["configmaps", "helm_values", "argocd_resource"])


@KINDS
@pytest.mark.parametrize(
    "live",
    [
        {"policy.default": "role:readonly"},
        {"policy.more.csv": "g, octopus, role:admin\n"},
        {"policy.csv": "p, octopus, *, get, *, allow\n"},
    ],
)
def test_what_is_set_in_the_cluster_only_counts_for_the_ceiling_and_in_the_policy(
    kind: str, live: dict[str, str]
) -> None:
    world = World()
    operated(world)
    world.kubernetes.edit("argocd-rbac-cm", live)
    with pytest.raises(Refused, match="max_permissions"):
        run_policy(world, kind, max_permissions=["clusters, get, *"], force_owner=True)
    assert world.effects() == []
    policy = run_policy(world, kind, force_owner=True).values["policy"]
    assert all(policy[key].startswith(text) for key, text in live.items())


@KINDS
def test_what_is_set_in_the_cluster_only_counts_for_the_meaning_of_a_line(kind: str) -> None:
    world = World()
    operated(world)
    world.kubernetes.edit("argocd-rbac-cm", {"policy.matchMode": "regex"})
    with pytest.raises(InvalidInput, match=r"policy\.matchMode is regex"):
        run_policy(world, kind)


@pytest.mark.parametrize("kind", ["helm_values", "argocd_resource"])
def test_a_setting_that_differs_in_the_cluster_only_is_set_where_it_is_kept(kind: str) -> None:
    world = World()
    operated(world)
    world.kubernetes.edit("argocd-rbac-cm", {"scopes": "[email]", "policy.default": "role:admin"})
    run_policy(world, kind, scopes=["groups"], default_role="")
    kept = spec_of(world).get("rbac") or world.values.data["argocd-rbac-cm"]
    assert (kept["scopes"], kept.get("policy.default", kept.get("defaultPolicy"))) == ("[groups]", "")
    assert not run_policy(world, kind, scopes=["groups"], default_role="").changed


# --- the operator's resource ---------------------------------------------------------------------------------------


def test_the_account_goes_to_extra_config_of_the_owner() -> None:
    world = World()
    operated(world, extraConfig={"url": "https://x"}, ha={"enabled": True})
    outcome = run_account(world, "argocd_resource")
    assert spec_of(world) == {"extraConfig": {"url": "https://x", **KEYS}, "ha": {"enabled": True}}
    assert world.effects() == [f"patch argocds/main extraConfig.{KEY} extraConfig.{ENABLED}"]
    assert (outcome.values["upstream"], outcome.values["pending"]) == ("ArgoCD main", True)
    removed = run_account(world, "argocd_resource", state="absent")
    assert removed.changed
    assert spec_of(world)["extraConfig"] == {"url": "https://x"}


def test_without_an_owner_it_must_be_named() -> None:
    world = World()
    with pytest.raises(InvalidInput, match="argocd-cm has no owner of kind ArgoCD; set its name"):
        run_account(world, "argocd_resource")
    world.kubernetes.resources["argocds", "x"] = {"metadata": {"resourceVersion": "1"}, "spec": {}}
    assert run_account(world, config_store=store("argocd_resource", "x")).changed


def test_a_policy_goes_to_the_resource_by_its_own_names_and_an_overlay_to_the_configmap() -> None:
    world = World()
    operated(world, rbac={"policy": "g, ops, role:admin\n"})
    world.kubernetes.edit("argocd-rbac-cm", {"policy.csv": "g, ops, role:admin\n"})
    outcome = run_policy(world, "argocd_resource", default_role="role:readonly")
    assert spec_of(world) == {"rbac": {"policy": f"g, ops, role:admin\n{SECTION}", "defaultPolicy": "role:readonly"}}
    assert (outcome.values["key"], outcome.values["pending"]) == ("policy.csv", True)
    overlay = run_policy(world, "argocd_resource", location="overlay")
    assert not overlay.values["pending"]
    assert world.kubernetes.data["argocd-rbac-cm"]["policy.octopus.csv"] == LINE
    both = run_policy(world, "argocd_resource", overlay="more", default_role="role:none")
    assert world.effects()[-2:] == ["patch argocd-rbac-cm policy.more.csv", "patch argocds/main rbac.defaultPolicy"]
    assert both.values["pending"]


def test_the_last_line_is_removed_by_an_empty_policy_since_the_operator_leaves_a_missing_one_alone() -> None:
    world = World()
    operated(world, rbac={"policy": SECTION})
    assert run_policy(world, "argocd_resource", policies=[], state="absent").changed
    assert spec_of(world) == {"rbac": {"policy": ""}}
    assert not run_policy(world, "argocd_resource", policies=[], state="absent").changed


def test_a_removal_takes_the_section_of_the_resource_and_the_overlay_of_the_configmap() -> None:
    world = World()
    operated(world, rbac={"policy": f"g, ops, role:admin\n{SECTION}"})
    both = {"policy.csv": f"g, ops, role:admin\n{SECTION}", "policy.octopus.csv": LINE}
    world.kubernetes.edit("argocd-rbac-cm", both)
    wish = {"policies": [], "state": "absent"}
    assert run_policy(world, "argocd_resource", **wish).values["pending"]
    assert spec_of(world) == {"rbac": {"policy": "g, ops, role:admin\n"}}
    assert world.kubernetes.data["argocd-rbac-cm"] == {"policy.csv": both["policy.csv"]}
    assert not run_policy(world, "argocd_resource", **wish).changed
    operate(world)
    assert not run_policy(world, "argocd_resource", **wish).values["pending"]


def test_a_removal_takes_over_what_the_operator_has_left_alone() -> None:
    world = World()
    operated(world)
    world.kubernetes.edit("argocd-rbac-cm", {"policy.csv": f"g, ops, role:admin\n{SECTION}"})
    (warning,) = run_policy(world, "argocd_resource", policies=[], state="absent").warnings
    assert warning.startswith("ArgoCD main had no policy.csv, so it takes over what argocd-rbac-cm has in it")
    assert spec_of(world) == {"rbac": {"policy": "g, ops, role:admin\n"}}


def operate(world: World) -> None:
    """Have the operator see to argocd-rbac-cm (reconcileRBACConfigMap): a field that is missing changes nothing."""
    names = {"policy": "policy.csv", "defaultPolicy": "policy.default", "scopes": "scopes"}
    world.kubernetes.edit("argocd-rbac-cm", {names[field]: text for field, text in spec_of(world)["rbac"].items()})


def test_lines_that_the_operator_has_left_alone_are_taken_over_with_a_warning() -> None:
    world = World()
    operated(world)
    theirs = "# by hand\ng, ops, role:admin\n"
    world.kubernetes.edit("argocd-rbac-cm", {"policy.csv": theirs, "policy.default": "role:readonly"})
    outcome = run_policy(world, "argocd_resource")
    assert spec_of(world) == {"rbac": {"policy": theirs + SECTION}}
    (warning,) = outcome.warnings
    assert warning == (
        "ArgoCD main had no policy.csv, so it takes over what argocd-rbac-cm has in it, '# by hand' and 1 more; change "
        "that there from now on: changes to the ConfigMap are undone"
    )
    assert outcome.values["policy"] == {"policy.csv": theirs + SECTION, "policy.default": "role:readonly"}
    pending = run_policy(world, "argocd_resource")
    operate(world)
    arrived = run_policy(world, "argocd_resource")
    assert [(each.changed, each.warnings, each.values["pending"]) for each in (pending, arrived)] == [
        (False, (), True),
        (False, (), False),
    ]
    removed = run_policy(world, "argocd_resource", policies=[], state="absent")
    assert (removed.changed, spec_of(world)) == (True, {"rbac": {"policy": theirs}})
    assert not run_policy(world, "argocd_resource", policies=[], state="absent").changed
    operate(world)
    assert world.kubernetes.data["argocd-rbac-cm"] == {"policy.csv": theirs, "policy.default": "role:readonly"}


def test_lines_of_ours_that_the_operator_has_left_alone_are_there_already_and_removed_with_nothing_else() -> None:
    world = World()
    operated(world)
    world.kubernetes.edit("argocd-rbac-cm", {"policy.csv": f"g, ops, role:admin\n{SECTION}"})
    there = run_policy(world, "argocd_resource")
    assert (there.changed, there.values["pending"], world.effects()) == (False, False, [])
    assert run_policy(world, "argocd_resource", policies=[], state="absent").changed
    assert spec_of(world) == {"rbac": {"policy": "g, ops, role:admin\n"}}
    assert not run_policy(world, "argocd_resource", policies=[], state="absent").changed


def test_a_resource_that_a_self_healing_application_deploys_is_refused_with_its_fragment() -> None:
    world = World()
    operated(world)
    world.kubernetes.resources["argocds", "main"]["metadata"]["annotations"] = {
        "argocd.argoproj.io/tracking-id": "platform:argoproj.io/ArgoCD:argocd/main"
    }
    with pytest.raises(Refused) as caught:
        run_account(world, "argocd_resource")
    assert str(caught.value) == (
        "cannot write ArgoCD main: it belongs to Application platform (argocd), which would undo the change; put this "
        "there instead, or set force_owner to true:\n"
        'spec:\n  extraConfig:\n    accounts.octopus: apiKey\n    accounts.octopus.enabled: "true"\n'
    )
    with pytest.raises(Refused, match=r"spec:\n  rbac:\n    policy: \|\n"):
        run_policy(world, "argocd_resource")
    assert world.effects() == []
    assert len(run_account(world, "argocd_resource", force_owner=True).warnings) == 1


def test_a_resource_that_somebody_else_changed_is_read_and_planned_anew() -> None:
    world = World()
    operated(world)

    def another() -> None:
        world.kubernetes.resources["argocds", "main"]["metadata"]["resourceVersion"] = "7"

    world.fail("patch", another)
    assert run_account(world, "argocd_resource").changed
    assert spec_of(world)["extraConfig"] == KEYS


# --- after a write to the ConfigMaps -------------------------------------------------------------------------------


def entry(manager: str, *keys: str) -> dict[str, Any]:
    fields = {f"f:{key}": {} for key in keys}
    return {"manager": manager, "time": "2026-01-31T12:00:00Z", "fieldsV1": {"f:data": fields}}


def test_what_lasts_is_looked_at_once_more() -> None:
    world = World()
    assert run_account(world, "configmaps", settle_time="30s").changed
    assert world.slept == 30
    assert world.events[-1] == "get argocd-cm"
    assert run_account(world, "configmaps", settle_time="30s").changed is False
    assert world.slept == 30


@pytest.mark.parametrize(
    ("now", "fields", "who"),
    [
        ({KEY: None, ENABLED: None}, [], "who is not recorded"),
        (
            {KEY: None, ENABLED: None},
            [entry("fleetops.argocd", "x"), entry("argocd-operator", "url")],
            "one of those that write there (argocd-operator at 2026-01-31T12:00:00Z)",
        ),
        ({KEY: "login"}, [entry("kubectl-edit", KEY)], "kubectl-edit at 2026-01-31T12:00:00Z"),
    ],
)
def test_what_is_changed_back_is_told_with_whom_and_what_to_put_upstream(
    now: dict[str, str | None], fields: list[dict[str, Any]], who: str
) -> None:
    world = World()

    def undo() -> None:
        world.kubernetes.edit("argocd-cm", now)
        world.kubernetes.metadata["argocd-cm"]["managedFields"] = fields

    world.fail("get", None, undo)
    with pytest.raises(UnexpectedReply) as caught:
        run_account(world, "configmaps", settle_time="30s")
    assert str(caught.value) == (
        f"cannot keep {', '.join(now)} in argocd-cm: within 30 s somebody changed it back, {who}; put this where "
        'argocd-cm is made from:\nconfigs:\n  cm:\n    accounts.octopus: apiKey\n    accounts.octopus.enabled: "true"\n'
    )


@pytest.mark.parametrize("text", ["soon", "-1", "1y"])
def test_a_time_that_is_none_is_refused_before_anything_is_asked(text: str) -> None:
    world = World()
    with pytest.raises(InvalidInput, match="cannot use settle_time"):
        run_account(world, settle_time=text)
    with pytest.raises(InvalidInput, match="cannot use settle_time"):
        run_policy(world, settle_time=text)
    assert world.events == []
