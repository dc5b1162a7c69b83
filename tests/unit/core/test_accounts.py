# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local accounts: read as Argo CD reads them, planned without undoing what an operator did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.accounts import (
    Account,
    DesiredAccount,
    PasswordWish,
    account_names,
    check_account_name,
    check_capabilities,
    helm_values,
    parse_account,
    parse_capabilities,
    plan_account,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.fleetops.argocd.plugins.module_utils._core.plan import HIDDEN, Plan

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
TRUE = ("1", "t", "T", "TRUE", "true", "True")
FALSE = ("0", "f", "F", "FALSE", "false", "False")
KEY, ENABLED = "accounts.octopus", "accounts.octopus.enabled"


def plan(config: Mapping[str, str], secret: Mapping[str, str] | None = None, **wish: Any) -> Plan:
    return plan_account(config, secret, DesiredAccount(**{"name": "octopus", **wish}), now=NOW)


def applied(objects: Mapping[str, Mapping[str, str]], planned: Plan) -> dict[str, dict[str, str]]:
    """What a JSON merge patch of each step leaves; keyed by the object's name."""
    after: dict[str, dict[str, str | None]] = {name: dict(data) for name, data in objects.items()}
    for step in planned.steps:
        assert (step.kind, step.name) in {("configmaps", "argocd-cm"), ("secrets", "argocd-secret")}
        after[step.name].update(step.values)
    return {name: {k: v for k, v in data.items() if v is not None} for name, data in after.items()}


def keys(planned: Plan) -> dict[str, str | None]:
    return {key: value for step in planned.steps for key, value in step.values.items()}


# --- reading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TRUE)
def test_every_true_of_go_enables(text: str) -> None:
    assert parse_account({ENABLED: text}, "octopus") == Account("octopus", exists=True, enabled=True, capabilities=())


@pytest.mark.parametrize("text", FALSE)
def test_every_false_of_go_disables_and_the_key_is_named(text: str) -> None:
    account = parse_account({KEY: "apiKey", ENABLED: text}, "octopus")
    assert account == Account("octopus", exists=True, enabled=False, capabilities=("apiKey",), disabled_by=ENABLED)


@pytest.mark.parametrize("text", ["", "yes", "no", "on", "TrUe", "tRUE", " true", "false ", "2", '"true"'])
@pytest.mark.parametrize("whose", ["octopus", "bob"])
def test_one_bad_boolean_of_anybody_breaks_all_accounts(text: str, whose: str) -> None:
    key = f"accounts.{whose}.enabled"
    with pytest.raises(InvalidInput) as caught:
        parse_account({KEY: "apiKey", key: text}, "octopus")
    assert str(caught.value) == (
        f"cannot read accounts of argocd-cm: {key} is {text!r}, not a boolean; Argo CD refuses ALL local accounts "
        'until it is; set it to "true" or "false"'
    )


ABSENT = Account("octopus", exists=False, enabled=True, capabilities=())
READ: dict[str, tuple[dict[str, str], Account]] = {
    "nothing": ({}, ABSENT),
    "another": ({"accounts.octopus-eu": "apiKey", "accounts.octopus-eu.enabled": "false"}, ABSENT),
    "case-matters": ({"accounts.Octopus": "apiKey"}, ABSENT),
    "no-account-key": ({"octopus": "apiKey", "account.octopus": "apiKey", "accounts": "octopus"}, ABSENT),
    "four-parts-are-ignored": ({"accounts.octopus.a.enabled": "yes"}, ABSENT),
    "any-third-part-makes-an-account": (
        {"accounts.octopus.eu": "apiKey"},
        Account("octopus", exists=True, enabled=True, capabilities=()),
    ),
    "respelled": (
        {KEY: " login ,apiKey,, ,"},
        Account("octopus", exists=True, enabled=True, capabilities=("login", "apiKey")),
    ),
    "unknown-dropped-duplicates-kept": (
        {KEY: "apikey, apiKey, admin, apiKey"},
        Account("octopus", exists=True, enabled=True, capabilities=("apiKey", "apiKey")),
    ),
}


@pytest.mark.parametrize(("config", "account"), READ.values(), ids=READ)
def test_an_account_is_read_as_argo_cd_does(config: dict[str, str], account: Account) -> None:
    assert parse_account(config, "octopus") == account


def test_a_name_with_a_dot_makes_the_account_before_the_dot() -> None:
    config = {"accounts.john.doe": "apiKey"}
    assert parse_account(config, "john") == Account("john", exists=True, enabled=True, capabilities=())


ADMINS = {
    "built-in": ({}, True, ("login",), None),
    "switched-off": ({"admin.enabled": "false"}, False, ("login",), "admin.enabled"),
    "switched-off-otherwise-spelled": ({"admin.enabled": "F"}, False, ("login",), "admin.enabled"),
    "switched-off-by-a-word-stays-on": ({"admin.enabled": "no"}, True, ("login",), None),
    "own-key-beats-the-switch": (
        {"admin.enabled": "false", "accounts.admin.enabled": "true"},
        True,
        ("login",),
        None,
    ),
    "own-key-disables": ({"accounts.admin.enabled": "false"}, False, ("login",), "accounts.admin.enabled"),
    "capabilities-come-on-top": ({"accounts.admin": "apiKey, login"}, True, ("login", "apiKey"), None),
}


@pytest.mark.parametrize(("config", "enabled", "capabilities", "disabled_by"), ADMINS.values(), ids=ADMINS)
def test_admin_has_rules_of_its_own(
    config: dict[str, str],
    enabled: bool,  # noqa: FBT001 # an expectation of the table
    capabilities: tuple[str, ...],
    disabled_by: str | None,
) -> None:
    expected = Account("admin", exists=True, enabled=enabled, capabilities=capabilities, disabled_by=disabled_by)
    assert parse_account(config, "admin") == expected


def test_the_accounts_of_a_config_map_are_named_once_and_admin_is_not_counted() -> None:
    config = dict.fromkeys(["accounts.b", "accounts.b.enabled", "accounts.a.x", "accounts.c.d.e", "accounts.admin"], "")
    assert account_names({**config, "url": "", "admin.enabled": "true"}) == ["a", "b"]


# --- what is asked for ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "A-1_b", "x" * 32, "-", "admin"])
def test_names_argo_cd_can_hold(name: str) -> None:
    assert check_account_name(name) == name


@pytest.mark.parametrize("name", ["", "x" * 33, "a.b", "a b", "a/b", "a:b", "ä", "a\n", "a@b"])
def test_names_argo_cd_cannot_hold_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_account_name(name, option="account")
    assert str(caught.value) == (
        f"cannot use account name {name!r}: account must be 1 to 32 of the characters A-Z a-z 0-9 _ - (Argo CD reads a "
        "dot in `accounts.<name>` as the end of the name and limits logins to 32 bytes)"
    )


@pytest.mark.parametrize(
    ("capability", "hint"),
    [
        ("apikey", "write 'apiKey', case matters"),
        ("Login", "write 'login', case matters"),
        ("admin", "known are apiKey, login"),
        ("", "known are apiKey, login"),
    ],
)
def test_a_capability_argo_cd_would_drop_is_refused(capability: str, hint: str) -> None:
    for wish in (lambda: check_capabilities(("apiKey", capability)), lambda: plan({}, capabilities=(capability,))):
        with pytest.raises(InvalidInput) as caught:
            wish()
        assert str(caught.value) == (
            f"cannot use capability {capability!r}: Argo CD drops what it does not know; {hint}"
        )


# --- planning ------------------------------------------------------------------------------------------------------

BOTH = ("apiKey", "login")
PLANS: dict[str, tuple[dict[str, str], dict[str, Any], dict[str, str | None]]] = {
    "new": ({}, {"capabilities": ("apiKey",), "enabled": True}, {KEY: "apiKey", ENABLED: "true"}),
    "new-with-both-as-argo-cd-spells": (
        {},
        {"capabilities": BOTH, "enabled": True},
        {KEY: "apiKey,login", ENABLED: "true"},
    ),
    "new-disabled": ({}, {"enabled": False}, {KEY: "", ENABLED: "false"}),
    "new-with-nothing-said": ({}, {}, {KEY: ""}),
    "new-with-a-capability-twice": ({}, {"capabilities": ("apiKey", "apiKey")}, {KEY: "apiKey"}),
    "same": ({KEY: "apiKey", ENABLED: "true"}, {"capabilities": ("apiKey",), "enabled": True}, {}),
    "same-with-the-key-argo-cd-removed": ({KEY: "apiKey"}, {"capabilities": ("apiKey",), "enabled": True}, {}),
    "same-respelled": ({KEY: "apiKey, login"}, {"capabilities": BOTH}, {}),
    "same-in-another-order": ({KEY: "login,apiKey"}, {"capabilities": BOTH}, {}),
    "same-beside-unknown-ones": ({KEY: "apiKey, ui"}, {"capabilities": ("apiKey",)}, {}),
    "same-though-spelled-1": ({KEY: "apiKey", ENABLED: "1"}, {"enabled": True}, {}),
    "same-though-spelled-F": ({KEY: "apiKey", ENABLED: "F"}, {"enabled": False}, {}),
    "left-as-it-is": ({KEY: "login", ENABLED: "false"}, {}, {}),
    "login-added": ({KEY: "apiKey"}, {"capabilities": BOTH}, {KEY: "apiKey,login"}),
    "login-taken": ({KEY: "login,apiKey"}, {"capabilities": ("apiKey",)}, {KEY: "apiKey"}),
    "all-taken": ({KEY: "apiKey"}, {"capabilities": ()}, {KEY: ""}),
    "stopped": ({KEY: "apiKey"}, {"capabilities": ("apiKey",), "enabled": False}, {ENABLED: "false"}),
    "still-stopped": ({KEY: "apiKey", ENABLED: "false"}, {"capabilities": ("apiKey",)}, {}),
    "reenabled-on-request": ({KEY: "apiKey", ENABLED: "0"}, {"enabled": True, "reenable": True}, {ENABLED: "true"}),
    "api-key-given-back-on-request": (
        {KEY: "login"},
        {"capabilities": BOTH, "reenable": True},
        {KEY: "apiKey,login"},
    ),
    "reenable-alone-does-nothing": ({KEY: "", ENABLED: "false"}, {"reenable": True}, {}),
    "absent": ({}, {"present": False}, {}),
    "removed": (
        {
            KEY: "apiKey",
            ENABLED: "false",
            "accounts.octopus.x": "",
            "accounts.octopus.a.b": "",
            "accounts.octopus-eu": "",
        },
        {"present": False},
        {KEY: None, ENABLED: None, "accounts.octopus.x": None},
    ),
    "admin-as-it-is": ({}, {"name": "admin", "capabilities": ("login",), "enabled": True}, {}),
    "admin-gets-api-key": (
        {},
        {"name": "admin", "capabilities": BOTH, "enabled": True},
        {"accounts.admin": "apiKey,login"},
    ),
    "admin-has-login-anyway": ({"accounts.admin": "apiKey"}, {"name": "admin", "capabilities": BOTH}, {}),
    "admin-overridden-on-request": (
        {"admin.enabled": "false"},
        {"name": "admin", "enabled": True, "override_admin": True},
        {"accounts.admin.enabled": "true"},
    ),
    "admin-disabled": ({}, {"name": "admin", "enabled": False}, {"accounts.admin.enabled": "false"}),
}


@pytest.mark.parametrize(("config", "wish", "planned"), PLANS.values(), ids=PLANS)
def test_only_keys_whose_meaning_differs_are_planned(
    config: dict[str, str], wish: dict[str, Any], planned: dict[str, str | None]
) -> None:
    change = plan(config, **wish)
    assert (keys(change), change.changed) == (planned, bool(planned))


ADMIN_OFF = (
    "cannot use account admin: it is disabled by {} in argocd-cm; use an account of its own (recommended), or set "
    'override_admin_enabled to true to write accounts.admin.enabled, which overrides admin.enabled: "false"'
)
DISABLED = (
    f"cannot enable account octopus: it is disabled by {ENABLED} in argocd-cm, and disabling is how an operator stops "
    "it; its old tokens would work again; set reenable to true if that is meant"
)
NO_API_KEY = (
    "cannot give apiKey to account {0}: the account exists without it (accounts.{0}: {1!r} in argocd-cm), and taking "
    "it away is how an operator stops its tokens; tokens issued before would work again; set reenable to true if that "
    "is meant"
)
REFUSALS = {
    "enable-a-disabled-one": (
        {KEY: "apiKey", ENABLED: "false"},
        {"capabilities": ("apiKey",), "enabled": True},
        DISABLED,
    ),
    "give-back-api-key": ({KEY: "login"}, {"capabilities": BOTH}, NO_API_KEY.format("octopus", "login")),
    "give-api-key-to-one-that-is-only-enabled": (
        {ENABLED: "true"},
        {"capabilities": ("apiKey",)},
        NO_API_KEY.format("octopus", ""),
    ),
    "give-back-api-key-to-admin": (
        {"accounts.admin": "login"},
        {"name": "admin", "capabilities": BOTH},
        NO_API_KEY.format("admin", "login"),
    ),
    "admin-off": ({"admin.enabled": "false"}, {"name": "admin", "enabled": True}, ADMIN_OFF.format("admin.enabled")),
    "admin-off-by-its-own-key": (
        {"accounts.admin.enabled": "f"},
        {"name": "admin", "enabled": True},
        ADMIN_OFF.format("accounts.admin.enabled"),
    ),
    "admin-off-and-only-reenable": (
        {"admin.enabled": "false"},
        {"name": "admin", "enabled": True, "reenable": True},
        ADMIN_OFF.format("admin.enabled"),
    ),
    "remove-admin": (
        {},
        {"name": "admin", "present": False},
        "cannot remove account admin: it is built in; disable it with enabled: false",
    ),
}


@pytest.mark.parametrize(("config", "wish", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_an_operator_stopped_is_not_started_by_a_routine_run(
    config: dict[str, str], wish: dict[str, Any], message: str
) -> None:
    with pytest.raises(Refused) as caught:
        plan(config, **wish)
    assert str(caught.value) == message


def test_override_admin_is_no_reenable_for_other_accounts() -> None:
    with pytest.raises(Refused):
        plan({KEY: "apiKey", ENABLED: "false"}, enabled=True, override_admin=True)


def test_a_name_that_cannot_be_is_refused_by_the_plan_too() -> None:
    with pytest.raises(InvalidInput):
        plan({}, name="a.b")


def test_both_sides_of_the_diff_show_the_account_and_its_keys_only() -> None:
    change = plan({KEY: "login", "url": "https://x"}, capabilities=("login",), enabled=False)
    shown = {"name": "octopus", "capabilities": ["login"]}
    assert change.before == {**shown, "enabled": True, "argocd-cm": {KEY: "login"}}
    assert change.after == {**shown, "enabled": False, "argocd-cm": {KEY: "login", ENABLED: "false"}}
    assert plan({}, capabilities=("apiKey",)).before == {}


# --- passwords and removal -----------------------------------------------------------------------------------------


def password(matching: str, **more: Any) -> PasswordWish:
    return PasswordWish(matches=lambda stored: stored == matching, make_hash=lambda: "new-hash", **more)


MTIME = "2026-01-31T12:00:00Z"
CONFIG = {KEY: "apiKey"}


def test_a_password_is_written_with_its_time_so_that_older_tokens_end() -> None:
    change = plan(CONFIG, {}, password=password("right"))
    assert keys(change) == {"accounts.octopus.password": "new-hash", "accounts.octopus.passwordMtime": MTIME}
    assert change.after["argocd-secret"] == dict.fromkeys(keys(change), HIDDEN)
    assert "new-hash" not in repr(change)


def test_a_password_that_matches_is_never_written_again() -> None:
    assert not plan(CONFIG, {"accounts.octopus.password": "right"}, password=password("right")).changed


def test_the_password_of_admin_has_keys_of_its_own() -> None:
    change = plan({}, {"admin.password": "x"}, name="admin", password=password("right"))
    assert keys(change) == {"admin.password": "new-hash", "admin.passwordMtime": MTIME}


@pytest.mark.parametrize("text", ["", "null", "[]"])
def test_without_tokens_a_new_password_ends_nothing(text: str) -> None:
    assert plan(CONFIG, {"accounts.octopus.tokens": text}, password=password("right")).warnings == ()


def test_the_tokens_a_new_password_ends_are_named() -> None:
    secret = {"accounts.octopus.tokens": '[{"id": "a", "iat": 1}, {"id": "b", "iat": 2}]'}
    change = plan(CONFIG, secret, password=password("right", end_tokens=True))
    assert change.warnings == ("changing the password of account octopus ends its API tokens: a, b",)


@pytest.mark.parametrize(
    "text", ["SEKRET", "{}", "7", '"SEKRET"', "[1]", '[{"iat": 1}]', '[{"id": "a", "iat": "SEKRET"}]']
)
def test_a_token_list_that_is_none_is_told_without_its_content(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        plan(CONFIG, {"accounts.octopus.tokens": text}, password=password("right"))
    cause = "accounts.octopus.tokens is not a JSON list of tokens; correct or remove it"
    assert str(caught.value) == f"cannot read argocd-secret: {cause}"
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


SET_AT = datetime(2026, 1, 31, 11, 0, 0, tzinfo=timezone.utc)


def issued(**ids: int) -> dict[str, str]:
    """A list of tokens, each so many seconds after the password counts as set; `expired` ended long ago."""
    start = int(SET_AT.timestamp())
    items = [{"id": name, "iat": start + seconds} for name, seconds in ids.items()]
    return {"accounts.octopus.tokens": json.dumps([*items, {"id": "expired", "iat": 1, "exp": 2}])}


def test_a_password_may_count_as_set_when_a_token_was_issued_which_so_stays_valid() -> None:
    wish = password("right", set_at=SET_AT, known=("old", "new"))
    change = plan(CONFIG, issued(old=-1, new=0), password=wish)
    assert keys(change)["accounts.octopus.passwordMtime"] == "2026-01-31T11:00:00Z"
    assert change.warnings == ("changing the password of account octopus ends its API tokens: old",)


@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_a_password_that_ends_what_nobody_named_is_refused_unless_that_is_said(seconds: int) -> None:
    secret = issued(new=0, other=seconds)
    with pytest.raises(Refused) as caught:
        plan(CONFIG, secret, password=password("right", set_at=SET_AT, known=("new",)))
    assert str(caught.value) == (
        "cannot change the password of account octopus: that ends API tokens which nobody said may end: other; name "
        "them in known_tokens, or set end_tokens to true"
    )
    assert plan(CONFIG, secret, password=password("right", set_at=SET_AT, end_tokens=True)).changed
    assert not plan(CONFIG, {**secret, "accounts.octopus.password": "right"}, password=password("right")).changed


def test_a_token_issued_later_than_the_password_counts_as_set_needs_no_word() -> None:
    assert plan(CONFIG, issued(later=2), password=password("right", set_at=SET_AT)).warnings == ()


TIME = "accounts.octopus.passwordMtime"
LAST = "2026-01-31T11:00:00Z"
FUTURE = "until then Argo CD would refuse every token and login of the account"
TIMES = {
    "the-same": (LAST, SET_AT, LAST),
    "later": ("2026-01-31T10:59:59.5Z", SET_AT, LAST),
    "later-elsewhere": ("2026-01-31T13:00:00+02:00", SET_AT, LAST),
    "now": (LAST, None, MTIME),
    "a-clock-ahead": (LAST, NOW + timedelta(seconds=60), "2026-01-31T12:01:00Z"),
    "last-by-a-clock-ahead": ("2026-01-31T12:01:00Z", None, "2026-01-31T12:01:00Z"),
}
AHEAD = "2026-01-31T12:01:00Z"
NOT_THEN = {
    "earlier": (
        LAST,
        SET_AT - timedelta(seconds=1),
        (
            f"account_password_mtime is 2026-01-31T10:59:59Z, and the password was last changed at {LAST}; API tokens "
            "that ended then would work again; give that time or a later one, as the issued_at of a token minted "
            "since, or leave it out"
        ),
    ),
    "earlier-than-a-clock-ahead": (AHEAD, NOW, f"the password was last changed at {AHEAD}"),
    "future": (
        LAST,
        NOW + timedelta(seconds=3601),
        (
            f"account_password_mtime is 2026-01-31T13:00:01Z, and it is {MTIME} now; {FUTURE}; correct it, or set "
            "the clocks right (NTP)"
        ),
    ),
    "last-in-the-future": ("2099-01-01T00:00:00Z", None, f"{TIME} of argocd-secret is 2099-01-01T00:00:00Z, and it"),
    "last-in-the-future-and-given": ("2099-01-01T00:00:00Z", NOW, f"{TIME} of argocd-secret is 2099-01-01T00:00:00Z"),
}


@pytest.mark.parametrize(("last", "wanted", "written"), TIMES.values(), ids=TIMES)
def test_a_password_never_counts_as_set_before_the_one_it_replaces(
    last: str, wanted: datetime | None, written: str
) -> None:
    secret = {"accounts.octopus.password": "left", TIME: last}
    assert keys(plan(CONFIG, secret, password=password("right", set_at=wanted)))[TIME] == written


@pytest.mark.parametrize(("last", "wanted", "words"), NOT_THEN.values(), ids=NOT_THEN)
def test_a_time_that_revives_tokens_or_lies_ahead_is_refused_where_it_would_be_written(
    last: str, wanted: datetime | None, words: str
) -> None:
    secret = {"accounts.octopus.password": "left", TIME: last, **issued(leaked=-3600)}
    wish = password("right", set_at=wanted, end_tokens=True)
    with pytest.raises(Refused) as caught:
        plan(CONFIG, secret, password=wish)
    assert str(caught.value).startswith("cannot change the password of account octopus: ")
    assert words in str(caught.value)
    # Nothing is written where the password is the same.
    assert not plan(CONFIG, {**secret, "accounts.octopus.password": "right"}, password=wish).changed


def test_a_time_of_admin_that_argo_cd_cannot_read_counts_for_nothing() -> None:
    secret = {"admin.password": "left", "admin.passwordMtime": "2026-01-31T12:00:00UTC"}
    change = plan({}, secret, name="admin", password=password("right", set_at=SET_AT))
    assert keys(change)["admin.passwordMtime"] == LAST


def test_removal_takes_the_secret_keys_too_and_shows_none_of_them() -> None:
    secret = {"accounts.octopus.password": "SEKRET", "accounts.octopus.tokens": "null", "server.secretkey": "k"}
    change = plan(CONFIG, {**secret, "accounts.octopus-eu.password": "x"}, present=False)
    assert keys(change) == {KEY: None, "accounts.octopus.password": None, "accounts.octopus.tokens": None}
    assert "SEKRET" not in repr(change)
    assert change.after == {}


@pytest.mark.parametrize("wish", [{"enabled": False}, {"present": False}])
def test_what_belongs_into_the_secret_and_was_put_into_the_config_map_is_not_shown(wish: dict[str, Any]) -> None:
    change = plan({**CONFIG, "accounts.octopus.password": "SEKRET"}, {}, **wish)
    assert change.before["argocd-cm"] == {**CONFIG, "accounts.octopus.password": HIDDEN}
    assert "SEKRET" not in f"{change.before} {change.after}"


def test_leftovers_in_the_secret_are_removed_although_the_account_is_gone() -> None:
    assert keys(plan({}, {"accounts.octopus.tokens": "[]"}, present=False)) == {"accounts.octopus.tokens": None}


# --- the Helm fragment ---------------------------------------------------------------------------------------------


def test_the_helm_values_say_the_same_in_yaml() -> None:
    config = {KEY: 'apiKey, "x": # y', ENABLED: "true", "accounts.octopus-eu": "login", "url": "x"}
    config["accounts.octopus.password"] = "$2a$10$"
    assert yaml.safe_load(helm_values("octopus", config)) == {
        "configs": {"cm": {KEY: config[KEY], ENABLED: config[ENABLED]}}
    }
    assert helm_values("octopus", {"url": "x"}) == ""


# --- properties ----------------------------------------------------------------------------------------------------

BOOLEANS = st.sampled_from([*TRUE, *FALSE])
FOREIGN_KEYS = ("url", "admin.enabled", "accounts.octopus-eu", "accounts.octopus.a.b", "accounts.bob", "exec.enabled")
CAPABILITIES = st.lists(st.sampled_from([*BOTH, "ui", " apiKey", "", "login "]), max_size=4).map(",".join)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        KEY: CAPABILITIES,
        ENABLED: BOOLEANS,
        "accounts.octopus.x": st.text(max_size=3),
        "accounts.bob.enabled": BOOLEANS,
        "accounts.admin": CAPABILITIES,
        **{key: st.text(max_size=8) for key in FOREIGN_KEYS},
    },
)
SECRETS = st.dictionaries(
    st.sampled_from(["accounts.octopus.password", "accounts.octopus.x", "accounts.bob.password", "server.secretkey"]),
    st.text(max_size=6),
)
WISHES = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["octopus", "octopus", "admin"]),
        "capabilities": st.none() | st.lists(st.sampled_from(BOTH), max_size=3).map(tuple),
        "enabled": st.sampled_from([None, True, False]),
        "reenable": st.just(value=True),
        "override_admin": st.just(value=True),
        "password": st.sampled_from([None, password("new-hash")]),
    }
)


def is_ours(key: str, name: str) -> bool:
    prefix = "admin." if name == "admin" and not key.startswith("accounts.") else f"accounts.{name}"
    return key.startswith(prefix) and key not in ("admin.enabled", "accounts.octopus-eu") and key.count(".") < 3


@given(CONFIGS, SECRETS, WISHES)
def test_applying_the_plan_reaches_what_it_shows_and_planning_again_has_no_steps(
    config: dict[str, str], secret: dict[str, str], wish: dict[str, Any]
) -> None:
    change = plan(config, secret, **wish)
    after = applied({"argocd-cm": config, "argocd-secret": secret}, change)
    account = parse_account(after["argocd-cm"], wish["name"])
    assert account.exists
    assert {key: change.after[key] for key in account.describe()} == account.describe()
    if wish["enabled"] is not None:
        assert account.enabled == wish["enabled"]
    if wish["capabilities"] is not None:
        built_in = {"login"} if wish["name"] == "admin" else set()
        assert set(account.capabilities) == set(wish["capabilities"]) | built_in
    assert plan(after["argocd-cm"], after["argocd-secret"], **wish).steps == ()


@given(CONFIGS, SECRETS, WISHES, st.booleans().map(lambda flag: {"present": flag}))
def test_no_key_of_anybody_else_is_ever_in_a_step(
    config: dict[str, str], secret: dict[str, str], wish: dict[str, Any], presence: dict[str, bool]
) -> None:
    name = wish["name"] if presence["present"] else "octopus"
    change = plan(config, secret, **{**wish, "name": name, **presence})
    assert [key for key in keys(change) if not is_ours(key, name)] == []


@given(CONFIGS, SECRETS)
def test_after_removal_nothing_of_the_name_is_left_that_argo_cd_would_read(
    config: dict[str, str], secret: dict[str, str]
) -> None:
    after = applied({"argocd-cm": config, "argocd-secret": secret}, plan(config, secret, present=False))
    assert not parse_account(after["argocd-cm"], "octopus").exists
    assert not [key for key in after["argocd-secret"] if key.split(".")[:2] == ["accounts", "octopus"]]
    assert plan(after["argocd-cm"], after["argocd-secret"], present=False).steps == ()


@given(st.lists(st.text(max_size=6), max_size=5).map(",".join))
def test_capabilities_are_read_in_order_and_never_invented(text: str) -> None:
    assert list(parse_capabilities(text)) == [part.strip() for part in text.split(",") if part.strip() in BOTH]
