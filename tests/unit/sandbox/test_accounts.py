# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts: reading, tokens, passwords, what Argo CD rewrites, and what breaks for everybody."""

from __future__ import annotations

import json

import bcrypt
import pytest
from argocd_sandbox.argocd.accounts import parse_accounts, parse_bool
from argocd_sandbox.argocd.errors import PlainError
from argocd_sandbox.clock import rfc3339
from lab import CONFIG_MAPS, Lab, Reply, claims_of

ACCOUNT = "/api/v1/account"


def create(lab: Lab, name: str, *, token: str, token_id: str = "", expires_in: int = 0) -> Reply:
    body = {"id": token_id, "expiresIn": expires_in}
    return lab.argocd("POST", f"{ACCOUNT}/{name}/token", body, token=token)


def delete(lab: Lab, name: str, token_id: str, *, token: str) -> Reply:
    return lab.argocd("DELETE", f"{ACCOUNT}/{name}/token/{token_id}", token=token)


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    lab.configure(accounts__bob="apiKey", accounts__alice="apiKey, login")
    return lab


# parsing


@pytest.mark.parametrize(
    ("key", "value", "name", "capabilities", "enabled"),
    [
        ("accounts.a", "apiKey, login", "a", ["apiKey", "login"], True),
        ("accounts.a", "login,,apikey,login", "a", ["login", "login"], True),
        ("accounts.a", "", "a", [], True),
        ("accounts.a.enabled", "F", "a", [], False),
        ("accounts.a.enabled", "True", "a", [], True),
        ("accounts.a.anything", "x", "a", [], True),
        ("accounts.john.doe", "apiKey", "john", [], True),
        ("accounts.a.b.c", "apiKey", "a", None, True),
        ("accounts.", "apiKey", "", ["apiKey"], True),
        ("accounts", "apiKey", "", None, True),
        ("accounts.admin", "apiKey", "admin", ["login", "apiKey"], True),
        ("accounts.admin.enabled", "false", "admin", ["login"], False),
        ("admin.enabled", "false", "admin", ["login"], False),
        ("admin.enabled", "no", "admin", ["login"], True),
    ],
)
def test_keys(key: str, value: str, name: str, capabilities: list[str] | None, *, enabled: bool) -> None:
    account = parse_accounts({key: value}, {}).get(name)
    found = None if account is None else account.capabilities
    assert found == capabilities
    assert account is None or account.enabled is enabled


def test_the_accounts_own_switch_overrides_the_one_of_admin() -> None:
    assert parse_accounts({"admin.enabled": "false", "accounts.admin.enabled": "true"}, {})["admin"].enabled


@pytest.mark.parametrize("text", ["yes", "", " true", "TrUe", "on"])
def test_parse_bool_is_gos(text: str) -> None:
    with pytest.raises(PlainError, match=r"strconv\.ParseBool: parsing"):
        parse_bool(text)


@pytest.mark.parametrize(
    ("config", "secret", "text"),
    [
        ({"accounts__x__enabled": "yes"}, {}, 'strconv.ParseBool: parsing "yes": invalid syntax'),
        ({}, {"accounts__bob__passwordMtime": "today"}, 'parsing time "today" as "2006-01-02T15:04:05Z07:00"'),
        ({}, {"admin__tokens": "x"}, "invalid character 'x' looking for beginning of value"),
    ],
)
def test_one_bad_value_breaks_every_local_account(
    lab: Lab, config: dict[str, str], secret: dict[str, str], text: str
) -> None:
    token = lab.admin()
    lab.configure(**config)
    lab.secret(**secret)
    status, code, message = lab.argocd("GET", ACCOUNT, token=token).error
    assert (status, code) == (401, 16)
    assert message.startswith(f"invalid session: {text}")
    status, code, message = lab.login().error
    assert (status, code) == (500, 2)
    assert message.startswith(text)


def test_bad_tokens_of_one_account_vanish_and_are_overwritten(lab: Lab) -> None:
    lab.secret(accounts__bob__tokens="broken", admin__passwordMtime="broken")
    assert lab.argocd("GET", f"{ACCOUNT}/bob", token=lab.admin()).json == {
        "name": "bob",
        "enabled": True,
        "capabilities": ["apiKey"],
    }
    lab.create_token("bob", "new")
    assert [token["id"] for token in stored_tokens(lab, "bob")] == ["new"]


def stored_tokens(lab: Lab, name: str) -> list[dict[str, object]]:
    tokens: list[dict[str, object]] = json.loads(lab.data("argocd-secret", "Secret")[f"accounts.{name}.tokens"])
    return tokens


# reading


def test_the_list_is_sorted_and_filtered(lab: Lab) -> None:
    names = [item["name"] for item in lab.argocd("GET", ACCOUNT, token=lab.admin()).json["items"]]
    assert names == ["admin", "alice", "bob"]
    bob = lab.create_token("bob")
    assert [item["name"] for item in lab.argocd("GET", ACCOUNT, token=bob).json["items"]] == ["bob"]


def test_rights_are_asked_before_existence(lab: Lab) -> None:
    bob = lab.create_token("bob")
    text = f"permission denied: accounts, get, nobody, sub: bob, iat: {rfc3339(claims_of(bob)['iat'])}"
    assert lab.argocd("GET", f"{ACCOUNT}/nobody", token=bob).error == (403, 7, text)
    assert lab.argocd("GET", f"{ACCOUNT}/nobody", token=lab.admin()).error == (
        404,
        5,
        "account 'nobody' does not exist",
    )


def test_no_deny_keeps_an_account_from_itself(lab: Lab) -> None:
    lab.policy("p, bob, *, *, *, deny")
    bob = lab.create_token("bob")
    assert lab.argocd("GET", f"{ACCOUNT}/bob", token=bob).status == 200
    assert create(lab, "bob", token=bob, token_id="mine").status == 200, "any key can mint more keys"
    assert delete(lab, "bob", "mine", token=bob).text == "{}"
    assert create(lab, "alice", token=bob).status == 403


# tokens


def test_a_token_is_stored_as_argo_cd_stores_it(lab: Lab) -> None:
    token = lab.create_token("bob", "ci", 3600)
    claims = claims_of(token)
    assert claims["exp"] - claims["iat"] == 3600
    assert (claims["sub"], claims["jti"]) == ("bob:apiKey", "ci")
    text = lab.data("argocd-secret", "Secret")["accounts.bob.tokens"]
    stored = json.loads(text)[0]
    assert text == f'[{{"id":"ci","iat":{stored["iat"]},"exp":{stored["exp"]}}}]'
    assert delete(lab, "bob", "ci", token=lab.admin()).status == 200
    assert "accounts.bob.tokens" not in lab.data("argocd-secret", "Secret")


@pytest.mark.parametrize("expires_in", [0, -1])
def test_no_or_negative_lifetime_never_expires(lab: Lab, expires_in: int) -> None:
    reply = create(lab, "bob", token=lab.admin(), token_id="ci", expires_in=expires_in)
    assert "exp" not in claims_of(reply.json["token"])
    assert "exp" not in stored_tokens(lab, "bob")[0]


def test_a_lifetime_beyond_gos_duration_overflows(lab: Lab) -> None:
    reply = create(lab, "bob", token=lab.admin(), token_id="ci", expires_in=9_300_000_000)
    claims = claims_of(reply.json["token"])
    assert claims["exp"] < claims["iat"]


def test_no_id_gets_a_uuid(lab: Lab) -> None:
    token = create(lab, "bob", token=lab.admin()).json["token"]
    assert len(claims_of(token)["jti"]) == 36


@pytest.mark.parametrize(("version", "prefix"), [("3.5.0", "failed to update account with new token: "), ("2.8.8", "")])
def test_user_mistakes_are_500_code_2(version: str, prefix: str) -> None:
    lab = Lab(version)
    lab.configure(accounts__bob="apiKey", accounts__alice="login")
    lab.create_token("bob", "ci")
    again = create(lab, "bob", token=lab.admin(), token_id="ci")
    assert again.error == (500, 2, f"{prefix}account already has token with id 'ci'")
    incapable = create(lab, "alice", token=lab.admin())
    assert incapable.error == (500, 2, f"{prefix}account 'alice' does not have apiKey capability")


def test_the_taken_id_is_noticed_before_the_missing_capability(lab: Lab) -> None:
    lab.create_token("bob", "ci")
    lab.configure(accounts__bob="login")
    assert "already has token" in create(lab, "bob", token=lab.admin(), token_id="ci").text


def test_missing_accounts_and_tokens_are_404(lab: Lab) -> None:
    assert create(lab, "nobody", token=lab.admin()).error == (404, 5, "account 'nobody' does not exist")
    assert delete(lab, "bob", "x", token=lab.admin()).error == (404, 5, "token with id 'x' does not exist")


def test_a_disabled_account_gets_a_token_that_works_once_it_is_enabled(lab: Lab) -> None:
    lab.configure(accounts__bob__enabled="false")
    token = lab.create_token("bob")
    assert lab.can_i(token, "projects/get/x") == "invalid session: account bob is disabled"
    lab.configure(accounts__bob__enabled="true")
    assert lab.can_i(token, "projects/get/x") == "no"


def test_validity_is_by_id_only(lab: Lab) -> None:
    old = lab.create_token("bob", "ci")
    delete(lab, "bob", "ci", token=lab.admin())
    assert "does not have token with id ci" in lab.can_i(old, "projects/get/x")
    lab.create_token("bob", "ci")
    assert lab.can_i(old, "projects/get/x") == "no", "the old token lives again"


def test_a_readded_account_gets_its_old_tokens_back(lab: Lab) -> None:
    token = lab.create_token("bob", "ci")
    lab.configure(accounts__bob=None)
    assert "account 'bob' does not exist" in lab.can_i(token, "projects/get/x")
    lab.configure(accounts__bob="apiKey")
    assert lab.can_i(token, "projects/get/x") == "no"


def test_tokens_are_listed_newest_first_and_expired_ones_stay(lab: Lab) -> None:
    lab.create_token("bob", "first", 60)
    lab.cluster.clock.offset = 3600
    lab.create_token("bob", "second")
    tokens = lab.argocd("GET", f"{ACCOUNT}/bob", token=lab.admin()).json["tokens"]
    assert [token["id"] for token in tokens] == ["second", "first"]


# what Argo CD rewrites


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"accounts.bob": "apiKey, login"}, {"accounts.bob": "apiKey,login"}),
        ({"accounts.bob": "other, apiKey"}, {"accounts.bob": "apiKey"}),
        ({"accounts.bob": "apiKey", "accounts.bob.enabled": "True"}, {"accounts.bob": "apiKey"}),
        ({"accounts.bob": "apiKey", "accounts.bob.enabled": "true"}, None),
        (
            {"accounts.bob": "apiKey", "accounts.bob.enabled": "0"},
            {"accounts.bob": "apiKey", "accounts.bob.enabled": "false"},
        ),
        ({"accounts.bob": "apiKey", "accounts.bob.note": "kept"}, None),
    ],
)
def test_a_token_change_respells_the_account(before: dict[str, str], after: dict[str, str] | None) -> None:
    lab = Lab()
    lab.set_data("argocd-cm", before)
    lab.create_token("bob")
    assert lab.data("argocd-cm") == (before if after is None else after)


def test_a_deletion_of_the_last_token_can_delete_an_account_of_unknown_capabilities_only() -> None:
    lab = Lab()
    lab.configure(accounts__bob="later")
    lab.secret(accounts__bob__tokens='[{"id":"ci","iat":1}]')
    assert delete(lab, "bob", "ci", token=lab.admin()).status == 200
    assert lab.argocd("GET", f"{ACCOUNT}/bob", token=lab.admin()).status == 404


def test_of_admin_only_its_own_switch_is_respelled() -> None:
    lab = Lab()
    lab.configure(accounts__admin=" apiKey", accounts__admin__enabled="1", admin__enabled="0")
    lab.create_token("admin")
    assert lab.data("argocd-cm") == {"accounts.admin": " apiKey", "accounts.admin.enabled": "1"}
    assert "admin.tokens" in lab.data("argocd-secret", "Secret")


# passwords


def change_password(lab: Lab, token: str, current: str, new: str, name: str = "") -> Reply:
    body = {"name": name, "currentPassword": current, "newPassword": new}
    return lab.argocd("PUT", f"{ACCOUNT}/password", body, token=token)


def test_a_password_change_is_stored_and_ends_all_older_tokens(lab: Lab) -> None:
    token = lab.create_token("alice", "ci")
    lab.cluster.clock.offset = 10
    assert change_password(lab, lab.admin(), lab.cluster.admin_password, "a new password", "alice").text == "{}"
    secret = lab.data("argocd-secret", "Secret")
    assert bcrypt.checkpw(b"a new password", secret["accounts.alice.password"].encode())
    assert secret["accounts.alice.passwordMtime"].endswith("Z")
    assert lab.can_i(token, "projects/get/x") == "invalid session: account password has changed since token issued"
    assert lab.login("alice", "a new password").status == 200


def test_a_password_change_leaves_null_where_there_never_were_tokens(lab: Lab) -> None:
    change_password(lab, lab.admin(), lab.cluster.admin_password, "a new password", "alice")
    assert lab.data("argocd-secret", "Secret")["accounts.alice.tokens"] == "null"
    assert lab.create_token("alice")


def test_refused_password_changes(lab: Lab) -> None:
    admin, password = lab.admin(), lab.cluster.admin_password
    assert change_password(lab, admin, "wrong", "long enough").error == (400, 3, "current password does not match")
    text = "new password does not match the following expression: ^.{8,32}$"
    assert change_password(lab, admin, password, "short").error == (500, 2, text)
    lab.configure(passwordPattern="^[0-9]+$")
    assert change_password(lab, admin, password, "12").status == 200
    assert change_password(lab, lab.login(password="12").json["token"], "12", "13", "nobody").error == (
        404,
        5,
        "account 'nobody' does not exist",
    )
    lab.configure(passwordPattern="[")
    reply = change_password(lab, lab.login(password="12").json["token"], "12", "13")
    assert reply.error[:2] == (500, 2)
    assert reply.error[2].startswith("failed to compile password regex")


def test_a_key_without_login_cannot_change_passwords(lab: Lab) -> None:
    bob = lab.create_token("bob")
    assert change_password(lab, bob, "x", "long enough").error == (400, 3, "current password does not match")
    assert change_password(lab, bob, "x", "long enough", "alice").status == 403


def test_wrong_current_passwords_feed_the_lock_out(lab: Lab) -> None:
    admin = lab.admin()
    for _attempt in range(5):
        change_password(lab, admin, "wrong", "long enough")
    assert lab.login().status == 401


# the snapshot


def test_writes_are_seen_late_but_own_writes_at_once() -> None:
    lab = Lab(visible_after=1000)
    admin = lab.admin()
    patch = {"data": {"accounts.bob": "apiKey"}}
    assert lab.kubernetes("PATCH", f"{CONFIG_MAPS}/argocd-cm", patch).status == 200
    assert lab.argocd("GET", f"{ACCOUNT}/bob", token=admin).status == 404
    lab.cluster.snapshot.resync()
    assert lab.argocd("GET", f"{ACCOUNT}/bob", token=admin).status == 200
    assert create(lab, "bob", token=admin, token_id="ci").status == 200
    assert [token["id"] for token in lab.argocd("GET", f"{ACCOUNT}/bob", token=admin).json["tokens"]] == ["ci"]


@pytest.mark.parametrize(("version", "status", "code"), [("3.5.0", 409, 10), ("2.4.0", 500, 2)])
def test_a_conflict_that_outlives_the_retries(version: str, status: int, code: int) -> None:
    lab = Lab(version, visible_after=1000)
    lab.configure(accounts__bob="apiKey, login")
    admin = lab.admin()
    lab.kubernetes("PATCH", f"{CONFIG_MAPS}/argocd-cm", {"data": {"url": "https://x"}})
    error = create(lab, "bob", token=admin).error
    assert error[:2] == (status, code)
    assert 'Operation cannot be fulfilled on configmaps "argocd-cm": the object has been modified' in error[2]


def test_a_conflict_that_passes_is_retried() -> None:
    lab = Lab(visible_after=0.02)
    lab.configure(accounts__bob="apiKey, login")
    admin = lab.admin()
    lab.kubernetes("PATCH", f"{CONFIG_MAPS}/argocd-cm", {"data": {"url": "https://x"}})
    assert create(lab, "bob", token=admin).status == 200
    assert lab.data("argocd-cm") == {"accounts.bob": "apiKey,login", "url": "https://x"}


@pytest.mark.parametrize("labels", [{"app.kubernetes.io/part-of": None}, None])
def test_without_its_label_argocd_cm_does_not_exist(lab: Lab, labels: dict[str, None] | None) -> None:
    text = 'configmap "argocd-cm" not found'
    token = lab.admin()
    lab.kubernetes("PATCH", f"{CONFIG_MAPS}/argocd-cm", {"metadata": {"labels": labels}})
    wanted = (500, 13, f"unable to load settings: error retrieving argocd-cm: {text}")
    assert lab.argocd("GET", ACCOUNT, token=token).error == wanted
    assert lab.argocd("GET", ACCOUNT).error == wanted
    assert lab.login().error == (404, 5, text)
    assert lab.argocd("GET", "/api/v1/session/userinfo", token=token).text == "{}"


def test_without_its_key_or_secret_no_token_works(lab: Lab) -> None:
    token = lab.admin()
    lab.secret(server__secretkey=None)
    assert lab.argocd("GET", ACCOUNT, token=token).error == (
        500,
        13,
        "unable to load settings: server.secretkey is missing",
    )
    lab.kubernetes("DELETE", "/api/v1/namespaces/argocd/secrets/argocd-secret")
    assert lab.login().error == (404, 5, 'secret "argocd-secret" not found')


# what tells a server


def test_a_project_is_shown_to_who_may_get_it(lab: Lab) -> None:
    lab.configure(accounts__bob="apiKey")
    bob = lab.create_token("bob")
    text = f"permission denied: projects, get, default, sub: bob, iat: {rfc3339(claims_of(bob)['iat'])}"
    assert lab.argocd("GET", "/api/v1/projects/default", token=bob).error == (403, 7, text)
    missing = (404, 5, 'appprojects.argoproj.io "none" not found')
    assert lab.argocd("GET", "/api/v1/projects/none", token=lab.admin()).error == missing


def test_the_url_is_shown_to_everybody(lab: Lab) -> None:
    assert "url" not in lab.argocd("GET", "/api/v1/settings").json
    lab.configure(url="https://argocd.here")
    assert lab.argocd("GET", "/api/v1/settings").json["url"] == "https://argocd.here"
