# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_rbac_policy: linted before a write, probed after it, put back if the server says that it does not compile."""

from __future__ import annotations

from typing import Any

import pytest
from flow_fakes import UID, World, server_error

from ansible_collections.fleetops.argocd.plugins.module_utils._clients.argocd import ArgocdClient, Credentials
from ansible_collections.fleetops.argocd.plugins.module_utils._clients.http import Reply
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    Absent,
    ApiError,
    Conflict,
    Denied,
    InvalidInput,
    Refused,
    UnexpectedReply,
    Unreachable,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._flows import rbac_policy as flow
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.ports import Outcome

OVERLAY = "policy.octopus.csv"
LINE = "p, octopus, clusters, get, *, allow\n"
MAP = "argocd-rbac-cm"
SEES_NOTHING = {
    "code": "empty-application-list",
    "severity": "note",
    "key": MAP,
    "number": None,
    "text": "octopus",
    "why": "octopus may work with Argo CD, but not get applications: it connects and finds an empty list",
    "fix": "allow applications, get, */*",
}
TRACKED = {"argocd.argoproj.io/tracking-id": "argo:x"}


def options(**changes: Any) -> dict[str, Any]:
    shape = {"subject": "octopus", "policies": ["clusters, get, *"], "roles": [], "location": "auto"}
    nothing = dict.fromkeys(("overlay", "default_role", "match_mode", "scopes", "argocd_url", "max_permissions"))
    more = {
        "argocd_transport": "direct",
        "exclusive": True,
        "state": "present",
        "force_owner": False,
        "wait_timeout": 5,
    }
    more |= {"config_store": {"type": "configmaps", "file": None, "prefix": None, "name": None}, "settle_time": "0"}
    return {**shape, **nothing, **more, **changes}


def run(world: World, *, check_mode: bool = False, **changes: Any) -> Outcome:
    return flow.run(options(**changes), world.ports(check_mode=check_mode))


def policy(world: World) -> dict[str, str]:
    return world.kubernetes.data[MAP]


def test_the_first_run_writes_the_overlay_and_the_second_reads_only() -> None:
    world = World()
    world.kubernetes.edit(MAP, {"policy.csv": "g, bob, role:admin"})
    outcome = run(world)
    assert policy(world) == {"policy.csv": "g, bob, role:admin", OVERLAY: LINE}
    assert dict(outcome.values) == {
        "subject": "octopus",
        "key": OVERLAY,
        "added": [LINE.strip()],
        "removed": [],
        "permissions_gained": ["may get clusters *"],
        "permissions_lost": [],
        "upstream": "",
        "pending": False,
        "findings": [SEES_NOTHING],
        "policy": {"policy.csv": "g, bob, role:admin", OVERLAY: LINE},
    }
    assert (outcome.before, outcome.after) == ("", f"{OVERLAY}: |\n  {LINE}permissions:\n  may get clusters *\n")
    world.events.clear()
    assert not run(world).changed
    assert world.events == ["get argocd-cm", f"get {MAP}"]
    assert world.claimed == [f"{UID} policy octopus"] * 2


def test_check_mode_predicts_the_same_and_writes_nothing() -> None:
    world, twin = World(), World()
    wish = {"roles": ["role:readonly"], "default_role": "", "scopes": ["groups", "email"], "match_mode": "glob"}
    assert run(world, check_mode=True, argocd_url="https://x", **wish) == run(twin, argocd_url="https://x", **wish)
    assert world.effects() == []
    assert policy(twin) == {OVERLAY: f"{LINE}g, octopus, role:readonly\n", "scopes": "[groups, email]"}


def test_more_than_the_ceiling_is_refused_before_any_write_and_taking_away_is_not() -> None:
    world = World()
    world.kubernetes.edit(MAP, {"policy.default": "role:ops", "policy.csv": "p, role:ops, exec, create, */*, allow"})
    with pytest.raises(Refused, match=r"does not certainly cover create exec \*/\* \(policy\.csv line 1\)"):
        run(world, max_permissions=["clusters, get, *"])
    assert world.effects() == []
    assert run(world, max_permissions=["clusters, get, *", "exec, *, *"]).changed
    assert run(world, max_permissions=[], state="absent").changed


def test_the_roles_of_projects_count_for_the_ceiling_where_they_can_be_read() -> None:
    world = World()
    role = {"name": "r", "policies": ["p, proj:p:r, applications, sync, p/*, allow"], "groups": ["octopus"]}
    world.kubernetes.projects = [{"metadata": {"name": "p"}, "spec": {"roles": [role]}}]
    ceiling = ["clusters, get, *", "projects, get, p"]
    with pytest.raises(Refused, match=r"sync applications p/\* \(AppProject p line 2 through octopus > proj:p:r\)"):
        run(world, max_permissions=ceiling)
    world.fail("list", Denied("no", status=403))
    outcome = run(world, max_permissions=ceiling)
    assert outcome.changed
    assert outcome.warnings[-1].startswith("max_permissions was held without the roles of AppProjects")


def test_the_roles_of_projects_are_read_where_a_line_names_one() -> None:
    world = World()
    role = {"name": "r", "policies": ["p, proj:p:r, applications, sync, p/*, allow"]}
    world.kubernetes.projects = [{"metadata": {"name": "p"}, "spec": {"roles": [role]}}]
    outcome = run(world, roles=["proj:p:r", "proj:p:x"])
    assert outcome.values["permissions_gained"] == [
        "may get clusters *",
        "may get projects p (through proj:p:r)",
        "may sync applications p/* (through proj:p:r)",
    ]
    assert [item["text"] for item in outcome.values["findings"] if item["code"] == "no-such-role"] == [
        "g, octopus, proj:p:x"
    ]
    assert run(world, roles=[]).values["permissions_lost"] == list(outcome.values["permissions_gained"][1:])
    world.events.clear()
    run(world, roles=[])
    assert not [event for event in world.events if event.startswith("list")]


def test_a_broken_policy_of_somebody_else_stops_before_any_write() -> None:
    world = World()
    world.kubernetes.edit(MAP, {"policy.csv": "p, a, b"})
    with pytest.raises(InvalidInput):
        run(world)
    assert world.effects() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": ""},
        {"policies": ["x"]},
        {"roles": [""]},
        {"default_role": "a\n"},
        {"scopes": ["[groups]"]},
        {"max_permissions": ["x"]},
    ],
)
def test_what_is_wrong_in_the_options_is_told_before_any_call(changes: dict[str, Any]) -> None:
    world = World()
    with pytest.raises(InvalidInput):
        run(world, **changes)
    assert world.events == []


# --- removed -------------------------------------------------------------------------------------------------------

SECTION = f"# BEGIN fleetops.argocd octopus\n{LINE}# END fleetops.argocd octopus\n"
THEIRS = "g, bob, role:admin\n"


def test_a_removal_takes_both_places_in_one_write() -> None:
    world = World()
    world.kubernetes.edit(MAP, {"policy.csv": THEIRS})
    run(world, location="policy.csv")
    run(world, location="overlay", policies=["clusters, get, *", "logs, get, */*"])
    world.events.clear()
    predicted = run(world, check_mode=True, state="absent", policies=[])
    outcome = run(world, state="absent", policies=[])
    assert predicted == outcome
    assert (policy(world), world.effects()) == ({"policy.csv": THEIRS}, [f"patch {MAP} policy.csv {OVERLAY}"])
    assert outcome.values["key"] == "policy.csv"
    assert set(outcome.values["removed"]) == {LINE.strip(), "p, octopus, logs, get, */*, allow"}
    assert outcome.values["permissions_lost"] == ["may get clusters *", "may get logs */*"]
    world.events.clear()
    assert not run(world, state="absent", policies=[]).changed
    assert world.effects() == []


@pytest.mark.parametrize(("location", "left"), [("overlay", "policy.csv"), ("policy.csv", OVERLAY)])
def test_a_removal_from_the_place_that_is_named_leaves_the_other(location: str, left: str) -> None:
    """As lines move from one place to the other: first given there, then removed here."""
    world = World()
    world.kubernetes.edit(MAP, {"policy.csv": SECTION, OVERLAY: LINE})
    outcome = run(world, state="absent", policies=[], location=location)
    assert (list(policy(world)), outcome.values["permissions_lost"]) == ([left], [])
    assert [item["key"] for item in outcome.values["findings"] if item["code"] == "elsewhere"] == [left]


def test_a_removal_from_an_overlay_with_a_name_of_its_own_leaves_the_others_and_warns() -> None:
    world = World()
    data = {"policy.csv": THEIRS + SECTION, OVERLAY: LINE, "policy.more.csv": LINE + THEIRS}
    world.kubernetes.edit(MAP, data)
    outcome = run(world, state="absent", policies=[], overlay="more")
    assert policy(world) == {**data, "policy.more.csv": THEIRS}
    assert [item["key"] for item in outcome.values["findings"] if item["code"] == "elsewhere"] == [
        "policy.csv",
        OVERLAY,
    ]
    run(world, state="absent", policies=[])
    assert policy(world) == {"policy.csv": THEIRS, "policy.more.csv": THEIRS}


def test_a_section_without_its_end_is_refused_before_anything_is_removed() -> None:
    world = World()
    world.kubernetes.edit(MAP, {"policy.csv": f"# BEGIN fleetops.argocd octopus\n{LINE}", OVERLAY: LINE})
    with pytest.raises(InvalidInput, match=r"^cannot edit policy\.csv: the line .* is missing"):
        run(world, state="absent", policies=[])
    assert world.effects() == []


def test_a_removal_that_the_server_cannot_compile_is_put_back_in_both_places() -> None:
    world = World()
    before = {"policy.csv": THEIRS + SECTION, OVERLAY: LINE}
    world.kubernetes.edit(MAP, before)
    world.fail("ask", server_error(13))
    broken(world, state="absent", policies=[])
    assert policy(world) == before


# --- conflicts -----------------------------------------------------------------------------------------------------


def test_after_a_conflict_the_lines_of_the_other_writer_stay() -> None:
    world = World()
    world.kubernetes.edit(MAP, {"policy.csv": "g, bob, role:admin\n"})
    world.fail("patch", lambda: world.kubernetes.edit(MAP, {"policy.csv": "g, eve, role:readonly\n"}))
    outcome = run(world, location="policy.csv")
    text = policy(world)["policy.csv"]
    assert text.startswith("g, eve, role:readonly\n# BEGIN")
    assert "bob" not in text
    assert "bob" not in outcome.before


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


# --- the probe -----------------------------------------------------------------------------------------------------

PROBE = "ask get projects x as the login"


def broken(world: World, **changes: Any) -> str:
    with pytest.raises(UnexpectedReply) as caught:
        run(world, argocd_url="https://x", **changes)
    return str(caught.value)


def test_the_server_is_asked_something_it_must_enforce() -> None:
    world = World()
    run(world, argocd_url="https://x")
    assert world.effects() == [f"patch {MAP} {OVERLAY}", PROBE, PROBE, PROBE]


def test_without_a_change_a_url_or_credentials_nothing_is_asked() -> None:
    world = World()
    run(world)
    run(world, argocd_url="https://x")
    world.argocd.has_credentials = False
    run(world, argocd_url="https://x", policies=[])
    assert PROBE not in world.events


@pytest.mark.parametrize("answers_before", [0, 1, 2])
def test_a_policy_the_server_cannot_compile_is_put_back_and_said(answers_before: int) -> None:
    world = World()
    world.kubernetes.edit(MAP, {OVERLAY: "# ours\n", "policy.csv": "g, bob, role:admin\n", "policy.default": "role:x"})
    before = dict(policy(world))
    world.fail("ask", *[None] * answers_before, server_error(13))
    assert broken(world, default_role="") == (
        "cannot keep the policy just written to argocd-rbac-cm: Argo CD answers that it does not compile (cannot mint: "
        "the server says no); it names no line; those just written are p, octopus, clusters, get, *, allow; the "
        "previous text was put back"
    )
    assert policy(world) == before


def test_a_new_key_is_removed_again() -> None:
    world = World()
    world.fail("ask", server_error(13))
    broken(world)
    assert policy(world) == {}


def test_what_is_put_back_is_what_stood_there_just_before_our_write() -> None:
    world = World()
    world.kubernetes.edit(MAP, {"policy.csv": "g, bob, role:admin\n"})
    world.fail("patch", lambda: world.kubernetes.edit(MAP, {"policy.csv": "g, eve, role:readonly\n"}))
    world.fail("ask", server_error(13))
    broken(world, location="policy.csv")
    assert policy(world) == {"policy.csv": "g, eve, role:readonly\n"}


def test_what_somebody_wrote_after_us_is_not_overwritten_by_putting_back() -> None:
    world = World()
    world.fail("ask", lambda: world.kubernetes.edit(MAP, {OVERLAY: "g, eve, role:readonly\n"}), server_error(13))
    assert broken(world).endswith("; somebody else has changed it since, so it was left as it is")
    assert policy(world) == {OVERLAY: "g, eve, role:readonly\n"}


def test_putting_back_survives_a_conflict_on_another_key() -> None:
    world = World()
    world.fail("patch", None, lambda: world.kubernetes.edit(MAP, {"policy.csv": "g, eve, role:x\n"}))
    world.fail("ask", server_error(13))
    broken(world)
    assert policy(world) == {"policy.csv": "g, eve, role:x\n"}


@pytest.mark.parametrize(
    "error",
    [Denied("no", status=403, code=7), server_error(2), Unreachable("gone", sent=True)],
    ids=["403", "500", "-"],
)
def test_any_other_trouble_of_the_probe_undoes_nothing(error: ApiError) -> None:
    world = World()
    world.fail("ask", error)
    assert run(world, argocd_url="https://x").changed
    assert policy(world) == {OVERLAY: LINE}


class Refusing:
    """A server that says its version and lets nobody in, as far as a client of Argo CD sees one."""

    name = "Argo CD"
    server_time = None

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, method: str, path: str, **_rest: Any) -> Reply:
        self.sent.append(f"{method} {path}")
        if path == "/api/version":
            return Reply(200, '{"Version": "v3.5.3"}', {})
        return Reply(401, '{"error": "no", "code": 16, "message": "Invalid username or password"}', {})

    def reconnect(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("credentials", "asked", "reason"),
    [
        (
            Credentials(username="admin", password="SEKRET"),
            "POST /api/v1/session",
            "cannot log in as admin: Argo CD refuses (HTTP 401)",
        ),
        (Credentials(token="SEKRET"), "GET /api/v1/account/can-i/projects/get/x", "argocd_auth_token is refused"),
    ],
    ids=["password", "token"],
)
def test_a_refused_login_is_tried_once_and_warned_of(credentials: Credentials, asked: str, reason: str) -> None:
    world, server = World(), Refusing()
    world.argocd = ArgocdClient(server, credentials, remember=lambda _secret: None)  # type: ignore[assignment] # the real one
    outcome = run(world, argocd_url="https://x")
    assert server.sent == ["GET /api/version", asked]
    assert policy(world) == {OVERLAY: LINE}
    assert outcome.changed
    assert outcome.warnings[-1].startswith(
        "cannot tell whether Argo CD took the policy just written to argocd-rbac-cm: cannot "
    )
    assert reason in outcome.warnings[-1]
    assert "SEKRET" not in str(outcome)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("g, bob, role:admin", "invalid RBAC policy: g, bob, role:admin"),
        (
            'p, bob, logs, get, "{a,b}/*", allow',
            'error parsing policy line "p, bob, logs, get, \\"{a,b}/*\\", allow": x',
        ),
    ],
)
def test_the_line_that_the_server_names_is_told_with_its_place(line: str, words: str) -> None:
    world = World()
    world.kubernetes.edit(MAP, {"policy.csv": f"# theirs\n{line}\n"})
    world.fail("ask", UnexpectedReply(f"cannot ask: {words}", status=500, code=13))
    assert broken(world).endswith("; it names policy.csv line 2; the previous text was put back")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("invalid RBAC policy: p, eve", "it names policy.eve.csv line 2"),
        ("broken", "what does not load is policy.eve.csv line 2"),
    ],
)
def test_a_line_that_somebody_else_wrote_after_us_is_named_and_ours_put_back(words: str, told: str) -> None:
    world = World()
    theirs = {"policy.eve.csv": "# theirs\np, eve\n"}
    broken_by_eve = UnexpectedReply(f"cannot ask: {words}", status=500, code=13)
    world.fail("ask", lambda: world.kubernetes.edit(MAP, theirs), broken_by_eve)
    message = broken(world)
    assert told in message
    assert message.endswith(
        ", which somebody else has written since: correct it, Argo CD answers 500 to everybody while it stands; the "
        "previous text was put back"
    )
    assert policy(world) == theirs


# --- what the server is, and what may be read -----------------------------------------------------------------------


def test_without_a_location_the_lines_go_where_the_server_reads_them() -> None:
    old, unknown = World(), World()
    old.argocd.said_version = "v2.7.14+abc"
    unknown.fail("version", Unreachable("gone", sent=True))
    assert run(old, argocd_url="https://x").values["key"] == "policy.csv"
    assert run(unknown, argocd_url="https://x").values["key"] == OVERLAY
    assert "policy.octopus.csv" not in policy(old)


@pytest.mark.parametrize("said", ["latest", "v2.3.1", "v99.99.99"])
def test_a_version_that_says_nothing_is_taken_for_a_new_one(said: str) -> None:
    world = World()
    world.argocd.said_version = said
    assert run(world, argocd_url="https://x").values["key"] == OVERLAY


def test_an_overlay_asked_for_is_refused_by_an_old_server_before_any_write() -> None:
    world = World()
    world.argocd.said_version = "v2.7.14"
    with pytest.raises(InvalidInput, match=r"^cannot use location overlay: this Argo CD is 2\.7"):
        run(world, argocd_url="https://x", location="overlay")
    assert world.effects() == []


@pytest.mark.parametrize("error", [Denied("no", status=403), Absent("gone", status=404)])
def test_argocd_cm_is_looked_at_where_it_may_be_read(error: ApiError) -> None:
    told, blind = World(), World()
    told.kubernetes.edit("argocd-cm", {"policy.csv": "g, bob, role:admin"})
    blind.fail("get", error)
    assert [item["code"] for item in run(told).values["findings"]] == ["wrong-config-map", "empty-application-list"]
    assert [item["code"] for item in run(blind).values["findings"]] == ["empty-application-list"]
    assert policy(blind) == {OVERLAY: LINE}


# --- owners --------------------------------------------------------------------------------------------------------

TOUCHING = {
    "our-overlay": ({}, True),
    "policy-csv": ({"location": "policy.csv"}, False),
    "a-setting": ({"default_role": "role:readonly"}, False),
}


@pytest.mark.parametrize(("changes", "allowed"), TOUCHING.values(), ids=TOUCHING)
def test_owners_matter_for_keys_they_know_only(
    changes: dict[str, Any],
    allowed: bool,  # noqa: FBT001 # an expectation of the table
) -> None:
    world = World()
    world.kubernetes.metadata[MAP]["annotations"] = TRACKED
    if allowed:
        assert run(world, **changes).warnings == ()
    else:
        with pytest.raises(Refused):
            run(world, **changes)
        assert world.effects() == []
        assert len(run(world, force_owner=True, **changes).warnings) == 1


def test_an_owner_stops_a_removal_from_the_key_it_knows_and_not_that_of_an_overlay() -> None:
    world = World()
    world.kubernetes.metadata[MAP]["annotations"] = TRACKED
    world.kubernetes.edit(MAP, {OVERLAY: LINE, "policy.csv": THEIRS + SECTION})
    with pytest.raises(Refused, match=r"would undo the change"):
        run(world, state="absent", policies=[])
    assert world.effects() == []
    world.kubernetes.edit(MAP, {"policy.csv": THEIRS})
    assert run(world, state="absent", policies=[]).warnings == ()
    assert policy(world) == {"policy.csv": THEIRS}


def test_full_admin_is_warned_of() -> None:
    (warning,) = run(World(), roles=["role:admin"]).warnings
    assert warning.startswith("octopus gets role:admin")
