# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login, lock-out, token pick-up and the checks of a presented token, row by row."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from argocd_sandbox.argocd.sessions import parse_duration
from hypothesis import given
from hypothesis import strategies as st
from lab import Lab, Reply, claims_of

JSON_VALUES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3) | st.just([])
)
WRONG = (401, 16, "Invalid username or password")


def set_password(lab: Lab, name: str, password: str) -> None:
    body = {"name": name, "currentPassword": lab.cluster.admin_password, "newPassword": password}
    assert lab.argocd("PUT", "/api/v1/account/password", body, token=lab.admin()).status == 200


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"token": "x"}, "token-based session creation no longer supported. please upgrade argocd cli to v0.7+"),
        ({"username": "admin"}, "no credentials supplied"),
        ({"password": "x"}, "no credentials supplied"),
        ({"username": "nobody", "password": "x"}, WRONG[2]),
        ({"username": "admin", "password": "x"}, WRONG[2]),
    ],
)
def test_refused_logins(body: dict[str, str], error: str) -> None:
    assert Lab().argocd("POST", "/api/v1/session", body).error == (401, 16, error)


def test_the_name_limit_counts_bytes() -> None:
    lab = Lab()
    assert lab.login("a" * 32, "x").error == WRONG
    assert lab.login("é" * 16 + "a", "x").error == (400, 3, "Username is too long (32 bytes max)")


def test_disabled_and_incapable_accounts_are_told_apart_only_with_the_right_password() -> None:
    lab = Lab()
    lab.configure(accounts__off="login", accounts__robot="apiKey")
    set_password(lab, "off", "password-1")
    set_password(lab, "robot", "password-2")
    lab.configure(accounts__off__enabled="false")
    assert lab.login("off", "wrong").error == WRONG
    assert lab.login("off", "password-1").error == (401, 16, "Account off is disabled")
    assert lab.login("robot", "password-2").error == (401, 16, "Account robot does not have login capability")


def test_five_failures_lock_a_name_until_300_seconds_after_the_last() -> None:
    lab = Lab()
    for _attempt in range(5):
        assert lab.login(password="wrong").error == WRONG
    assert lab.login().error == WRONG
    lab.cluster.clock.offset = 299
    assert lab.login().error == WRONG, "a rejected attempt must not be counted, but still be rejected"
    lab.cluster.clock.offset = 302
    assert lab.login().status == 200


def test_a_success_clears_the_count() -> None:
    lab = Lab()
    for _attempt in range(2):
        for _attempt in range(4):
            lab.login(password="wrong")
        assert lab.login().status == 200


def test_the_lock_out_is_by_name() -> None:
    lab = Lab()
    for _attempt in range(6):
        lab.login("nobody", "wrong")
    assert lab.login().status == 200


def test_a_login_token_and_its_cookie() -> None:
    lab = Lab()
    lab.configure(users__session__duration="1h30m")
    reply = lab.login()
    claims = claims_of(reply.json["token"])
    assert list(claims) == ["iss", "sub", "exp", "nbf", "iat", "jti"]
    assert (claims["iss"], claims["sub"], claims["exp"] - claims["iat"]) == ("argocd", "admin:login", 5400)
    assert jwt.get_unverified_header(reply.json["token"]) == {"alg": "HS256", "typ": "JWT"}
    wanted = f"argocd.token={reply.json['token']}; path=/c1/argocd; SameSite=lax; httpOnly; Secure"
    assert reply.headers["Set-Cookie"] == wanted


@pytest.mark.parametrize(
    ("text", "seconds"), [("24h", 86400), ("1m30s", 90), ("1.5h", 5400), ("", 7), ("soon", 7), ("10", 7)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text, 7) == seconds


def test_deleting_a_session_revokes_nothing() -> None:
    lab = Lab()
    token = lab.admin()
    assert lab.argocd("DELETE", "/api/v1/session", token=token).text == "{}"
    assert user_info(lab, token)["username"] == "admin"


def test_logging_out_revokes_an_expiring_token() -> None:
    lab = Lab()
    token = lab.admin()
    reply = lab.argocd("GET", "/auth/logout", headers={"cookie": f"argocd.token={token}", "host": "h"})
    assert (reply.status, reply.headers["Location"]) == (303, "http://h/c1/argocd")
    assert ask(lab, token).error == (401, 16, "invalid session: token is revoked, please re-login")
    reply = lab.argocd("GET", "/auth/logout")
    text = "Failed to retrieve ArgoCD auth token: failed to retrieve cookie argocd.token\n"
    assert (reply.status, reply.text, reply.content_type) == (400, text, "text/plain; charset=utf-8")


def user_info(lab: Lab, token: str) -> dict[str, Any]:
    reply = lab.argocd("GET", "/api/v1/session/userinfo", token=token)
    assert reply.status == 200
    answer: dict[str, Any] = reply.json
    return answer


def ask(lab: Lab, token: str = "", **headers: str) -> Reply:
    """A call that needs authentication."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lab.argocd("GET", "/api/v1/account/can-i/projects/get/x", token=token, headers=sent)


def test_user_info_never_fails() -> None:
    lab = Lab()
    assert user_info(lab, "") == {}
    assert user_info(lab, "a.b.c") == {}
    assert user_info(lab, lab.admin()) == {"loggedIn": True, "username": "admin", "iss": "argocd"}


def test_version_tells_more_to_those_who_are_logged_in() -> None:
    lab = Lab()
    assert list(lab.argocd("GET", "/api/version").json) == ["Version"]
    assert "BuildDate" in lab.argocd("GET", "/api/version", token=lab.admin()).json
    lab.configure(users__anonymous__enabled="true")
    assert "BuildDate" in lab.argocd("GET", "/api/version").json


# where a token is looked for


def test_the_metadata_header_wins_without_a_look_at_its_shape() -> None:
    lab = Lab()
    text = "invalid session: token is malformed: token contains an invalid number of segments"
    assert ask(lab, lab.admin(), grpc_metadata_token="junk").error == (401, 16, text)
    assert ask(lab, "junk", grpc_metadata_token=lab.admin()).status == 200


def test_a_shaped_bearer_wins_over_the_cookie_and_an_unshaped_one_is_skipped() -> None:
    lab = Lab()
    cookie = f"a=b; argocd.token={lab.admin()}"
    assert ask(lab, "a.b.c", cookie=cookie).status == 401
    assert ask(lab, "junk", cookie=cookie).status == 200
    assert ask(lab, authorization=f"bearer {lab.admin()}").error == (401, 16, "no session information")
    assert ask(lab, grpc_metadata_authorization=f"Bearer {lab.admin()}").status == 200


def test_a_cookie_may_come_in_chunks() -> None:
    lab = Lab()
    token = lab.admin()
    assert ask(lab, cookie=f"argocd.token=2:{token[:50]}; argocd.token-1={token[50:]}").status == 200


# the checks of a token


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("change", "modern", "old"),
    [
        ({"iss": "kubernetes/serviceaccount"}, "SSO is not configured", "SSO is not configured"),
        ({"exp": 1}, "token has invalid claims: token is expired", "Token is expired"),
        ({"exp": "soon"}, "token has invalid claims: invalid type for claim: exp is invalid", "Token is expired"),
        ({"exp": 0}, "", ""),
        ({"nbf": 2**40}, "token has invalid claims: token is not valid yet", "Token is not valid yet"),
        ({"iat": 2**40}, "", "Token used before issued"),
        ({"iat": None}, "token does not have iat claim", "token does not have iat claim"),
        ({"iat": "now"}, "iat 'now' is not a number", "Token used before issued"),
        ({"sub": "eve:apiKey"}, *["rpc error: code = NotFound desc = account 'eve' does not exist"] * 2),
        ({"sub": "off:apiKey"}, *["account off is disabled"] * 2),
        ({"sub": "human:apiKey"}, *["account human does not have 'apiKey' capability"] * 2),
        ({"sub": "bob:login"}, *["account bob does not have 'login' capability"] * 2),
        ({"sub": "bob"}, "", ""),
        ({"sub": "bob:other"}, "", ""),
        (
            {"jti": None},
            "token does not have a unique identifier (jti claim) and cannot be validated",
            "token is revoked, please re-login",
        ),
        ({"jti": "gone"}, *["account bob does not have token with id gone"] * 2),
        (
            {"iat": 1000},
            "account password has changed since token issued",
            "account password has changed since token issued",
        ),
    ],
)
def test_claims_are_checked_in_order(change: dict[str, Any], modern: str, old: str) -> None:
    for version, text in (("3.5.0", modern), ("2.14.0", old)):
        lab = Lab(version)
        lab.configure(
            accounts__bob="apiKey", accounts__human="login", accounts__off="apiKey", accounts__off__enabled="0"
        )
        lab.secret(accounts__bob__tokens='[{"id":"ci","iat":1}]', accounts__bob__passwordMtime="2020-01-01T00:00:00Z")
        claims = {"iss": "argocd", "sub": "bob:apiKey", "iat": int(time.time()), "jti": "ci", **change}
        reply = ask(lab, lab.forge({name: value for name, value in claims.items() if value is not None}))
        assert (reply.json.get("message", "") or "") == (f"invalid session: {text}" if text else ""), version


@pytest.mark.filterwarnings("ignore:The HMAC key")
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_any_hmac_will_do(algorithm: str) -> None:
    lab = Lab()
    claims = {"iss": "argocd", "sub": "admin:login", "iat": int(time.time()) + 5, "jti": "any"}
    assert user_info(lab, lab.forge(claims, algorithm=algorithm))["username"] == "admin"


@pytest.mark.filterwarnings("ignore:The HMAC key")
def test_bad_signatures_and_malformed_tokens() -> None:
    lab = Lab()
    admin = {"iss": "argocd", "sub": "admin:login", "iat": 1, "jti": "x"}
    good = lab.forge(admin)
    header, claims, _signature = good.split(".")
    unverifiable, malformed = "token is unverifiable: ", "token is malformed: "
    no_method = "error while executing keyfunc: unexpected signing method: none"
    no_header = "json: cannot unmarshal array into Go value of type map[string]interface {}"
    # Each text was seen from golang-jwt 5.3.1 itself.
    rows = {
        lab.forge(admin, key="another key"): "token signature is invalid: signature is invalid",
        f"{part({'alg': 'none'})}.{claims}.": f"{unverifiable}{no_method}",
        f"{part({'alg': 'x'})}.{claims}.": f"{unverifiable}signing method (alg) is unavailable",
        f"{part({})}.{claims}.": f"{unverifiable}signing method (alg) is unspecified",
        "a%.b.c": f"{malformed}could not base64 decode header: illegal base64 data at input byte 1",
        f"{part([])}.b.c": f"{malformed}could not JSON decode header: {no_header}",
        f"{header}..c": f"{malformed}could not JSON decode claim: unexpected end of JSON input",
        f"{good}=": f"{malformed}could not base64 decode signature: illegal base64 data at input byte 43",
    }
    for token, text in rows.items():
        assert ask(lab, token).error == (401, 16, f"invalid session: {text}")


def test_a_login_token_near_its_end_is_renewed() -> None:
    lab = Lab()
    token = lab.admin()
    assert "Grpc-Metadata-Renew-Token" not in ask(lab, token).headers
    lab.cluster.clock.offset = 86400 - 200
    reply = ask(lab, token)
    renewed = claims_of(reply.headers["Grpc-Metadata-Renew-Token"])
    assert renewed["exp"] - renewed["iat"] == 86400
    assert reply.headers["Set-Cookie"].startswith("argocd.token=ey")


ODD = st.text(st.characters(codec="latin-1"), max_size=8)
SHARED = Lab()


@given(st.lists(ODD, min_size=3, max_size=3).map(".".join) | ODD, ODD)
def test_no_header_can_crash_it(token: str, cookie: str) -> None:
    reply = ask(SHARED, token, grpc_metadata_token=token, cookie=f"argocd.token={cookie}; {cookie}")
    assert reply.error[:2] == (401, 16)


@given(st.dictionaries(st.sampled_from(["iss", "sub", "iat", "exp", "nbf", "jti"]), JSON_VALUES))
def test_no_claim_can_crash_it(claims: dict[str, Any]) -> None:
    key = SHARED.data("argocd-secret", "Secret")["server.secretkey"]
    content = json.dumps({"iss": "argocd", **claims}).encode()
    assert ask(SHARED, jwt.PyJWS().encode(content, key, "HS256")).error[:2] == (401, 16)


@given(st.binary(max_size=9) | JSON_VALUES)
def test_no_body_can_crash_it(body: Any) -> None:
    for method, path in (("POST", "/api/v1/session"), ("PUT", "/api/v1/account/password")):
        assert SHARED.argocd(method, path, body).status in (400, 401)


# anonymous access


def test_anonymous_access_turns_every_authentication_error_into_an_answer() -> None:
    lab = Lab()
    lab.configure(users__anonymous__enabled="true")
    assert lab.argocd("GET", "/api/v1/account").text == "{}"
    assert user_info(lab, "a.b.c") == {}
    assert lab.can_i("a.b.c", "projects/get/x") == "no"
    error = lab.argocd("GET", "/api/v1/account/admin").error
    assert error == (403, 7, "permission denied: accounts, get, admin"), "no sub and no iat of nobody"
    lab.policy("p, , projects, get, *, allow")
    assert lab.can_i("", "projects/get/x") == "yes"
    lab.configure(users__anonymous__enabled="True")
    assert ask(lab).status == 401, "only the exact word counts"
