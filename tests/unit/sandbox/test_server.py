# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running sandbox: files, TLS, raw paths, the control API and its faults, over real connections."""

from __future__ import annotations

import http.client
import json
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[3]
CM = "/east/k8s/api/v1/namespaces/argocd/configmaps/argocd-cm"

Ask = Callable[..., tuple[int, Any, Any]]


@pytest.fixture
def connect(sandbox: dict[str, Any]) -> Callable[[], http.client.HTTPSConnection]:
    context = ssl.create_default_context(cafile=sandbox["ca_file"])
    return lambda: http.client.HTTPSConnection(urlsplit(sandbox["url"]).netloc, context=context, timeout=20)


@pytest.fixture
def ask(sandbox: dict[str, Any], connect: Callable[[], http.client.HTTPSConnection]) -> Ask:
    """`ask(method, path, body)` on cluster `east`, fresh; answers status, body (JSON where it is) and headers."""
    token = sandbox["clusters"]["east"]["kubernetes_token"]
    connection = connect()

    def send(method: str, path: str, body: Any = None, *, patch: bool = False) -> tuple[int, Any, Any]:
        kind = "application/merge-patch+json" if patch else "application/json"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        is_json = answer.headers["Content-Type"] == "application/json"
        return answer.status, json.loads(text) if is_json else text, answer.headers

    assert send("POST", "/east/_control/reset")[0] == 200
    return send


def write(ask: Ask, value: str) -> int:
    return ask("PATCH", CM, {"data": {"a": value}}, patch=True)[0]


# the files


def test_the_info_file_and_what_it_names_are_private(sandbox: dict[str, Any]) -> None:
    assert sandbox.keys() == {"pid", "port", "url", "ca_file", "clusters"}
    assert list(sandbox["clusters"]) == ["east", "west"]
    east = sandbox["clusters"]["east"]
    assert east["kubernetes_url"] == f"{sandbox['url']}/east/k8s"
    assert east["argocd_url"] == f"{sandbox['url']}/east/argocd"
    assert east["control_url"] == f"{sandbox['url']}/east/_control"
    directory = Path(sandbox["ca_file"]).parent
    modes = {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir() if path.suffix != ".log"}
    assert modes == {0o600}


def test_the_kubeconfig(sandbox: dict[str, Any]) -> None:
    east = sandbox["clusters"]["east"]
    config = json.loads(Path(east["kubeconfig"]).read_text())
    assert config["current-context"] == "east"
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    assert cluster == {"server": east["kubernetes_url"], "certificate-authority": sandbox["ca_file"]}
    assert user == {"token": east["provisioner_token"]}


def test_every_cluster_has_its_own_secrets(sandbox: dict[str, Any], ask: Ask) -> None:
    east, west = sandbox["clusters"]["east"], sandbox["clusters"]["west"]
    assert east["kubernetes_token"] != west["kubernetes_token"]
    assert ask("GET", CM.replace("east", "west"))[0] == 401


@pytest.mark.parametrize("start", [["-m", "tests.sandbox"], ["tests/sandbox"]])
def test_both_ways_to_start_know_the_options(start: list[str]) -> None:
    answer = subprocess.run([sys.executable, *start, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for option in ("--clusters", "--names", "--port", "--info", "--visible-after", "--login-delay", "--argocd-version"):
        assert option in answer.stdout


# the wire


def test_raw_paths_reach_the_apis(ask: Ask, sandbox: dict[str, Any]) -> None:
    body = {"username": "admin", "password": sandbox["clusters"]["east"]["admin_password"]}
    status, answer, headers = ask("POST", "/east/argocd/api/v1/session", body)
    assert status == 200
    assert headers["Set-Cookie"].startswith(f"argocd.token={answer['token']}; path=/east/argocd")
    status, _body, headers = ask("GET", "/east/argocd//api/v1/account")
    assert (status, headers["Location"]) == (307, "/east/argocd/api/v1/account")
    status, _body, headers = ask("POST", "/east/argocd//api/v1/account")
    assert (status, headers["Content-Type"]) == (307, None)
    assert ask("GET", "/east/argocd/api/v1/account/can-i/logs/get/%2A%2F%2A")[0] == 401
    assert ask("GET", "/nowhere/argocd/api/version")[:2] == (404, "404 page not found\n")
    assert ask("GET", "/healthz")[1] == "ok"


def test_the_log_tells_method_path_and_status_only(ask: Ask, sandbox: dict[str, Any]) -> None:
    ask("GET", f"{CM}?fieldManager=secret-in-query")
    lines = (Path(sandbox["ca_file"]).parent / "requests.log").read_text().splitlines()
    assert lines[-1].split()[1:] == ["GET", CM, "200"]


# the control API


def test_writes_are_counted_by_side(ask: Ask, sandbox: dict[str, Any]) -> None:
    assert write(ask, "1") == 200
    assert write(ask, "1") == 200, "the same again changes nothing"
    body = {"username": "admin", "password": sandbox["clusters"]["east"]["admin_password"]}
    assert ask("POST", "/east/argocd/api/v1/session", body)[0] == 200
    found = ask("GET", "/east/_control/writes")[1]
    log = found.pop("log")
    assert found == {"kubernetes": 1, "argocd": 0, "total": 1, "logins": 1}
    path = CM.removeprefix("/east/k8s")
    assert log == [{"method": "PATCH", "path": path, "what": "configmaps argocd/argocd-cm data.a"}]


def test_objects_are_planted_uncounted_and_seen_in_the_state(ask: Ask) -> None:
    item = {"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "default"}, "data": {"a": "b"}}
    assert ask("PUT", "/east/_control/objects", item)[0] == 200
    state = ask("GET", "/east/_control/state")[1]["objects"]
    assert [found["data"] for found in state if found["metadata"]["name"] == "x"] == [{"a": "b"}]
    where = "/east/_control/objects?kind=ConfigMap&namespace=default&name=x"
    assert ask("DELETE", where)[1] == {"deleted": True}
    assert ask("DELETE", where)[1] == {"deleted": False}
    assert ask("GET", "/east/_control/writes")[1]["total"] == 0


def test_a_reset_is_a_new_installation_with_the_old_credentials(ask: Ask) -> None:
    before = ask("GET", CM)[1]["metadata"]["uid"]
    write(ask, "1")
    ask("POST", "/east/_control/clock", {"offset": 1000})
    ask("POST", "/east/_control/faults", {"status": 500, "match": {"path": "k8s"}})
    assert ask("POST", "/east/_control/reset")[0] == 200
    status, item, _headers = ask("GET", CM)
    assert status == 200
    assert "data" not in item
    assert item["metadata"]["uid"] != before
    assert ask("GET", "/east/_control/writes")[1]["total"] == 0


def test_the_clock_moves_the_date(ask: Ask) -> None:
    now = parsedate_to_datetime(ask("GET", CM)[2]["Date"]).timestamp()
    ask("POST", "/east/_control/clock", {"offset": 1_000_000})
    later = parsedate_to_datetime(ask("GET", CM)[2]["Date"]).timestamp()
    assert later - now == pytest.approx(1_000_000, abs=30)


def test_requests_are_remembered_without_headers_and_bodies(ask: Ask) -> None:
    write(ask, "1")
    ask("GET", f"{CM}?a=b")
    found = ask("GET", "/east/_control/requests")[1]["requests"]
    assert found == [
        {"method": "PATCH", "path": CM, "query": "", "status": 200},
        {"method": "GET", "path": CM, "query": "a=b", "status": 200},
    ]
    ask("DELETE", "/east/_control/requests")
    assert ask("GET", "/east/_control/requests")[1] == {"requests": []}


def test_bad_control_calls_say_what_is_wrong(ask: Ask) -> None:
    assert ask("GET", "/east/_control/nothing")[0] == 404
    assert ask("POST", "/east/_control/clock", {})[:2] == (400, {"error": "KeyError: 'offset'"})


# faults


def fail(ask: Ask, **fault: Any) -> None:
    assert ask("POST", "/east/_control/faults", fault)[0] == 200


def test_a_fault_answers_so_many_times(ask: Ask) -> None:
    fail(
        ask,
        match={"method": "PATCH", "path": "configmaps"},
        times=2,
        status=503,
        body={"a": 1},
        headers={"Retry-After": "1"},
    )
    assert ask("GET", CM)[0] == 200
    status, body, headers = ask("PATCH", CM, {"data": {"a": "1"}}, patch=True)
    assert (status, body, headers["Retry-After"]) == (503, {"a": 1}, "1")
    assert [write(ask, "1"), write(ask, "1")] == [503, 200]


def test_faults_can_be_taken_back(ask: Ask) -> None:
    fail(ask, match={"path": "configmaps"}, status=503, body="not json")
    fail(ask, match={"path": "configmaps"}, times=9, status=503)
    assert ask("GET", CM)[:2] == (503, "not json")
    ask("DELETE", "/east/_control/faults")
    assert ask("GET", CM)[0] == 200


def test_a_fault_at_one_request_by_its_number(ask: Ask) -> None:
    assert ask("GET", CM)[0] == 200
    ask("DELETE", "/east/_control/requests")
    fail(ask, match={"number": 2}, truncate=True)
    whole = ask("GET", CM)[1]
    with pytest.raises(json.JSONDecodeError):
        ask("GET", CM)
    assert ask("GET", CM)[1] == whole


def test_somebody_else_writes_in_between(ask: Ask) -> None:
    version = ask("GET", CM)[1]["metadata"]["resourceVersion"]
    touch = {"kind": "ConfigMap", "namespace": "argocd", "name": "argocd-cm", "data": {"theirs": "1"}}
    fail(ask, match={"method": "PATCH"}, touch=touch)
    patch = {"metadata": {"resourceVersion": version}, "data": {"a": "1"}}
    assert ask("PATCH", CM, patch, patch=True)[0] == 409
    touched = ask("GET", CM)[1]
    assert touched["metadata"]["resourceVersion"] != version
    assert touched["metadata"]["annotations"]["sandbox/touched"]
    assert touched["data"] == {"theirs": "1"}
    assert ask("GET", "/east/_control/writes")[1]["total"] == 0
    assert ask("POST", "/east/_control/faults", {"touch": {"kind": "ConfigMap"}})[0] == 400


@pytest.mark.parametrize(("fault", "writes"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_request_or_answer(ask: Ask, fault: str, writes: int) -> None:
    fail(ask, match={"method": "PATCH"}, delay=0.01, **{fault: True})
    with pytest.raises((http.client.RemoteDisconnected, ssl.SSLError, ConnectionError)):
        write(ask, "1")
    assert ask("GET", "/east/_control/writes")[1]["total"] == writes
    assert ask("GET", "/east/_control/requests")[1]["requests"][0]["status"] is None
    assert write(ask, "2") == 200
