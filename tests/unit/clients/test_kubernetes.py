# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kubernetes API over a real connection: every way a kubeconfig may log in, and single-key patches."""

from __future__ import annotations

import base64
import json
import shlex
import tempfile
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from scripted_server import SEKRET, Answer, ScriptedServer

from ansible_collections.fleetops.argocd.plugins.module_utils._clients.kubeconfig import (
    load_access,
    remove_temporary_files,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._clients.kubernetes import (
    KubernetesClient,
    connect,
    decode_data,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    Absent,
    ApiError,
    Conflict,
    Denied,
    InvalidInput,
    Unauthenticated,
    UnexpectedReply,
    Unreachable,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.plan import SetKeys

TARGET = "/api/v1/namespaces/argocd/configmaps/argocd-cm"
CONFIG_MAP = {"metadata": {"name": "argocd-cm", "uid": "u", "resourceVersion": "7"}, "data": {"a": "b"}}
TOKEN_USER = {"token": SEKRET}


def kubeconfig(server: str, user: dict[str, Any], *, context: str = "main", **cluster: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in ("main", "other")],
    }


def client(**params: Any) -> KubernetesClient:
    return connect(load_access(params), namespace="argocd", sleep=lambda _seconds: None)


def read(server: ScriptedServer, **params: Any) -> dict[str, Any]:
    server.script(Answer(200, CONFIG_MAP))
    return client(**params).get("configmaps", "argocd-cm")


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def exec_plugin(tmp_path: Path, status: dict[str, Any]) -> dict[str, Any]:
    """A user whose credentials a program prints, as the clouds' login helpers do."""
    version = "client.authentication.k8s.io/v1"
    answer = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
    script = tmp_path / "login"
    script.write_text(f"#!/bin/sh\nprintf %s {shlex.quote(answer)}\n")
    script.chmod(0o700)
    return {"exec": {"apiVersion": version, "command": str(script), "interactiveMode": "Never"}}


# --- logging in ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["dictionary", "file"])
@pytest.mark.parametrize("kind", ["token", "basic", "exec"])
def test_every_way_of_a_kubeconfig_to_log_in_is_sent_as_a_header(
    server: ScriptedServer, tmp_path: Path, form: str, kind: str
) -> None:
    user, header = {
        "token": (TOKEN_USER, f"Bearer {SEKRET}"),
        "basic": ({"username": "me", "password": "SEKRET"}, basic("me:SEKRET")),
        "exec": (exec_plugin(tmp_path, {"token": "from-the-plugin"}), "Bearer from-the-plugin"),
    }[kind]
    config: Any = kubeconfig(server.url, user)
    if form == "file":
        (tmp_path / "config").write_text(yaml.safe_dump(config))
        config = str(tmp_path / "config")
    assert read(server, kubeconfig=config) == CONFIG_MAP
    (request,) = server.requests
    assert (request.method, request.target, request.values("Authorization")) == ("GET", TARGET, [header])


@pytest.mark.parametrize("variable", [None, ""])
def test_without_options_the_kubeconfig_of_the_home_directory_counts(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    path = tmp_path / ".kube" / "config"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(kubeconfig(server.url, TOKEN_USER)))
    if variable is not None:
        monkeypatch.setenv("KUBECONFIG", variable)
    assert read(server) == CONFIG_MAP


def test_kubeconfig_is_looked_up_when_a_task_runs(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # `environment` of a task is set in its worker, which has the library imported already.
    path = tmp_path / "elsewhere"
    path.write_text(yaml.safe_dump(kubeconfig(server.url, TOKEN_USER)))
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert read(server) == CONFIG_MAP


def test_a_kubeconfig_is_not_read_by_the_slow_scanner(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_scanner: Any) -> None:
        raise AssertionError("read by PyYAML itself")

    path = tmp_path / "fleet"
    path.write_text(yaml.safe_dump(kubeconfig(server.url, TOKEN_USER)))
    monkeypatch.setattr("yaml.scanner.Scanner.fetch_more_tokens", slow)
    assert read(server, kubeconfig=str(path)) == CONFIG_MAP


@pytest.mark.parametrize(
    ("given", "taken"),
    [("http://me:x@proxy:1", "http://me:x@proxy:1"), ("proxy:3128", "http://proxy:3128"), ("socks5://p", "socks5://p")],
)
def test_a_proxy_may_leave_out_its_scheme(server: ScriptedServer, given: str, taken: str) -> None:
    assert load_access({"host": server.url, "api_key": SEKRET, "proxy": given}).proxy == taken


@pytest.mark.parametrize("given", ["http://", f"http://me:{SEKRET}@proxy:port", f"{SEKRET}:99999999", ":3128"])
def test_what_is_no_proxy_is_refused_by_its_own_name_and_without_its_value(server: ScriptedServer, given: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_access({"host": server.url, "api_key": SEKRET, "proxy": given})
    assert str(caught.value) == "cannot use proxy: it has no host, or its port is none; write http://host:port"


OPTIONS = {
    "api-key": ({"api_key": SEKRET}, f"Bearer {SEKRET}"),
    "basic": ({"username": "me", "password": "SEKRET"}, basic("me:SEKRET")),
    "api-key-beats-basic": ({"username": "me", "password": "x", "api_key": SEKRET}, f"Bearer {SEKRET}"),
}


@pytest.mark.parametrize(("params", "header"), OPTIONS.values(), ids=OPTIONS)
def test_complete_options_need_no_kubeconfig(
    server: ScriptedServer, params: dict[str, str], header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "missing")
    assert read(server, host=server.url + "/", **params) == CONFIG_MAP
    assert (server.requests[0].target, server.requests[0].values("Authorization")) == (TARGET, [header])


def test_options_beat_the_kubeconfig(server: ScriptedServer) -> None:
    config = kubeconfig("http://127.0.0.1:1", {"token": "of-the-file"})
    read(server, kubeconfig=config, host=server.url, api_key=SEKRET)
    assert server.requests[0].values("Authorization") == [f"Bearer {SEKRET}"]


def test_impersonation_is_one_header_line_per_group(server: ScriptedServer) -> None:
    config = kubeconfig(server.url, TOKEN_USER)
    read(server, kubeconfig=config, impersonate_user="robot", impersonate_groups=["a", "b,c"])
    (request,) = server.requests
    assert (request.values("Impersonate-User"), request.values("Impersonate-Group")) == (["robot"], ["a", "b,c"])
    assert request.values("Authorization") == [f"Bearer {SEKRET}"]


@pytest.mark.parametrize("form", ["dictionary", "file"])
def test_impersonation_of_the_kubeconfig_counts_unless_an_option_says_otherwise(
    server: ScriptedServer, tmp_path: Path, form: str
) -> None:
    user = {**TOKEN_USER, "as": "robot", "as-groups": ["a", "b"], "as-uid": "7", "as-user-extra": {"a/b": ["c", "d"]}}
    config: Any = kubeconfig(server.url, user)
    if form == "file":
        (tmp_path / "config").write_text(yaml.safe_dump(config))
        config = str(tmp_path / "config")
    read(server, kubeconfig=config)
    read(server, kubeconfig=config, impersonate_user="other")
    names = ("Impersonate-User", "Impersonate-Group", "Impersonate-Uid", "Impersonate-Extra-a%2Fb")
    found = [[request.values(name) for name in names] for request in server.requests]
    assert found == [[[who], ["a", "b"], ["7"], ["c", "d"]] for who in ("robot", "other")]


def test_a_context_without_a_user_is_nobody(server: ScriptedServer) -> None:
    config = kubeconfig(server.url, TOKEN_USER)
    for item in config["contexts"]:
        del item["context"]["user"]
    read(server, kubeconfig={**config, "users": None})
    assert server.requests[0].values("Authorization") == []


def test_netrc_and_the_proxies_of_the_environment_do_not_count(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    read(server, host=server.url, api_key=SEKRET)
    assert server.requests[0].values("Authorization") == [f"Bearer {SEKRET}"]


def test_a_proxy_of_the_options_is_used_with_its_headers_unless_the_host_is_excepted(server: ScriptedServer) -> None:
    more = {"api_key": SEKRET, "proxy": server.url, "proxy_headers": {"proxy_basic_auth": "me:SEKRET"}}
    server.script(*[Answer(407)] * 3)
    with pytest.raises(Unreachable) as caught:
        client(host="https://kubernetes.example", **more).get("configmaps", "argocd-cm")
    assert str(caught.value).endswith("https://kubernetes.example cannot be reached through the proxy")
    assert [request.target for request in server.requests] == ["kubernetes.example:443"] * 3
    assert server.requests[0].values("Proxy-Authorization") == [basic("me:SEKRET")]
    assert server.requests[0].values("Authorization") == []
    read(server, host=server.url, api_key=SEKRET, proxy="http://127.0.0.1:1", no_proxy="127.0.0.1")
    assert server.requests[3].target == TARGET


def test_the_proxy_of_a_kubeconfig_is_used_unless_an_option_names_another(server: ScriptedServer) -> None:
    config = kubeconfig("https://kubernetes.example", TOKEN_USER, **{"proxy-url": server.url})
    for options in ({}, {"proxy": "http://127.0.0.1:1"}):
        with pytest.raises(Unreachable):
            client(kubeconfig=config, **options).get("configmaps", "argocd-cm")
    assert [request.target for request in server.requests] == ["kubernetes.example:443"] * 3


# --- TLS and files -------------------------------------------------------------------------------------------------


def encoded(blob: trustme.Blob) -> str:
    return base64.b64encode(blob.bytes()).decode()


@pytest.fixture
def own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


def files_in_memory() -> list[str]:
    """Those that are open; other descriptors come and go with the connections of the server in this process."""
    opened = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    return [name for name in opened if name.startswith("/memfd:kubeconfig")]


@pytest.mark.parametrize("source", ["kubeconfig", "exec"])
def test_a_client_certificate_is_shown_and_never_on_the_disk(
    tls_server: ScriptedServer,
    authority: trustme.CA,
    own_temporary_directory: Path,
    tmp_path: Path,
    source: str,
) -> None:
    certificate = authority.issue_cert("robot.example")
    chain, key = certificate.cert_chain_pems[0], certificate.private_key_pem
    user = {"client-certificate-data": encoded(chain), "client-key-data": encoded(key)}
    if source == "exec":
        pems = {"clientCertificateData": chain.bytes().decode(), "clientKeyData": key.bytes().decode()}
        user = exec_plugin(tmp_path, pems)
    config = kubeconfig(tls_server.url, user, **{"certificate-authority-data": encoded(authority.cert_pem)})
    for _time in (1, 2):
        tls_server.script(Answer(200, CONFIG_MAP))
        opened = client(kubeconfig=config)
        opened.get("configmaps", "argocd-cm")
        assert list(own_temporary_directory.iterdir()) == []
        # CA, certificate and key.
        assert len(files_in_memory()) == 3
        remove_temporary_files()
        assert files_in_memory() == []
    assert [name for request in tls_server.requests for name in request.client_certificate["subjectAltName"]] == [
        ("DNS", "robot.example")
    ] * 2


def test_a_ca_option_and_a_client_certificate_as_files_work_together(
    tls_server: ScriptedServer, authority: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    certificate = authority.issue_cert("robot.example")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(str(cert))
    certificate.private_key_pem.write_to_path(str(key))
    read(tls_server, host=tls_server.url, ca_cert=ca_file, client_cert=str(cert), client_key=str(key))
    assert tls_server.requests[0].client_certificate["subjectAltName"] == (("DNS", "robot.example"),)


def test_a_server_of_another_ca_is_refused_before_the_token_is_sent(
    tls_server: ScriptedServer, other_ca_file: str, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_file)
    with pytest.raises(Unreachable) as caught:
        read(tls_server, host=tls_server.url, api_key=SEKRET, ca_cert=other_ca_file)
    assert "has a certificate that is not trusted" in str(caught.value)
    assert tls_server.requests == []


# --- a kubeconfig that cannot be used ------------------------------------------------------------------------------


def broken(**params: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        client(**params)
    assert "SEKRET" not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    return str(caught.value)


TAIL = "; check kubeconfig and context (or host and api_key)"


def test_a_context_that_is_not_there_is_named(server: ScriptedServer) -> None:
    message = broken(kubeconfig=kubeconfig(server.url, TOKEN_USER), context="missing")
    assert message.startswith("cannot load the kubeconfig: ")
    assert "missing" in message
    assert message.endswith(TAIL)


@pytest.mark.parametrize(
    "text",
    ["", "token: SEKRET: x", "\tSEKRET", "- SEKRET", "SEKRET", "{clusters: SEKRET", "\x00SEKRET", "!!python/x SEKRET"],
)
def test_a_file_that_is_no_kubeconfig_is_told_without_its_content(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    message = broken(kubeconfig=str(path))
    assert message.startswith(f"cannot load the kubeconfig {path}: ")
    assert message.endswith(TAIL)


@pytest.mark.parametrize(
    "config",
    [{}, {"clusters": []}, {**kubeconfig("http://x", TOKEN_USER), "contexts": None}],
    ids=["empty", "no-cluster", "no-contexts"],
)
def test_a_dictionary_that_is_no_kubeconfig_is_told_without_its_content(config: dict[str, Any]) -> None:
    broken(kubeconfig=config)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    broken(kubeconfig=str(tmp_path / "missing"))


def test_inline_data_that_is_no_base64_is_told_without_it() -> None:
    user = {"client-certificate-data": "SEKRET!", "client-key-data": "SEKRET!"}
    broken(kubeconfig=kubeconfig("https://x", user))


def test_outside_of_a_pod_the_cluster_it_runs_in_is_none() -> None:
    with pytest.raises(InvalidInput) as caught:
        client(argocd_in_cluster=True)
    assert str(caught.value).startswith("cannot use the cluster this runs in: ")
    assert str(caught.value).endswith("; does it run in a pod with a service account?")


def test_an_exec_plugin_that_fails_is_an_error_and_sends_nothing_without_credentials(
    server: ScriptedServer, tmp_path: Path
) -> None:
    script = tmp_path / "login"
    script.write_text("#!/bin/sh\necho SEKRET >&2\nexit 1\n")
    script.chmod(0o700)
    version = "client.authentication.k8s.io/v1"
    user = {"exec": {"apiVersion": version, "command": str(script), "interactiveMode": "Never"}}
    server.script(Answer(401, {"kind": "Status", "message": "Unauthorized"}))
    with pytest.raises((InvalidInput, Unauthenticated)) as caught:
        client(kubeconfig=kubeconfig(server.url, user)).get("configmaps", "argocd-cm")
    assert "SEKRET" not in str(caught.value)
    assert [request.values("Authorization") for request in server.requests] in ([], [[]])


# --- reading and patching ------------------------------------------------------------------------------------------


def connected(server: ScriptedServer, namespace: str = "argocd") -> KubernetesClient:
    access = load_access({"host": server.url, "api_key": SEKRET})
    return connect(access, namespace=namespace, sleep=lambda _seconds: None)


def test_an_option_wins_over_the_kubeconfig(authority: trustme.CA) -> None:
    inline = {"certificate-authority-data": encoded(authority.cert_pem)}
    config = kubeconfig("https://kubeconfig.example.com", TOKEN_USER, **inline)
    access = load_access({"kubeconfig": config, "host": "https://host.example.com", "ca_cert": "/of/the/option"})
    remove_temporary_files()
    assert (access.host, access.verify) == ("https://host.example.com", "/of/the/option")


def test_a_patch_sets_single_keys_of_the_version_that_was_read_in_our_name(server: ScriptedServer) -> None:
    server.script(Answer(200, CONFIG_MAP))
    step = SetKeys("configmaps", "argocd-cm", {"a": "b", "gone": None})
    connected(server).patch(step, resource_version="7")
    (request,) = server.requests
    assert (request.method, request.target) == ("PATCH", f"{TARGET}?fieldManager=fleetops.argocd")
    assert json.loads(request.body) == {"metadata": {"resourceVersion": "7"}, "data": {"a": "b", "gone": None}}
    assert request.values("Content-Type") == ["application/merge-patch+json"]
    assert request.values("Accept") == ["application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"]


def test_a_dry_run_is_the_same_request_with_one_parameter(server: ScriptedServer) -> None:
    server.script(Answer(200, CONFIG_MAP), Answer(200, CONFIG_MAP))
    client, step = connected(server), SetKeys("configmaps", "argocd-cm", {"a": "b"})
    client.patch(step, resource_version="7")
    client.patch(step, resource_version="7", dry_run=True)
    real, rehearsed = server.requests
    assert rehearsed.target == f"{real.target}&dryRun=All"
    assert (rehearsed.method, rehearsed.body) == (real.method, real.body)


def test_values_of_a_secret_travel_encoded(server: ScriptedServer) -> None:
    server.script(Answer(200, CONFIG_MAP))
    step = SetKeys("secrets", "argocd-secret", {"a": "ä", "gone": None})
    connected(server).patch(step, resource_version="7")
    assert server.requests[0].target.startswith("/api/v1/namespaces/argocd/secrets/argocd-secret?")
    assert json.loads(server.requests[0].body)["data"] == {"a": base64.b64encode("ä".encode()).decode(), "gone": None}
    assert "ä" not in repr(step)


def test_a_custom_resource_is_read_from_its_own_group(server: ScriptedServer) -> None:
    server.script(Answer(200, CONFIG_MAP))
    connected(server, "argocd").get("appprojects", "default")
    assert server.requests[0].target == "/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects/default"


def test_a_namespace_stays_one_segment_of_the_path(server: ScriptedServer) -> None:
    server.script(Answer(200, CONFIG_MAP))
    connected(server, "a/../b?c").get("configmaps", "argocd-cm")
    assert server.requests[0].target == "/api/v1/namespaces/a%2F..%2Fb%3Fc/configmaps/argocd-cm"


def test_data_of_a_secret_is_decoded_and_bytes_disturb_nothing() -> None:
    raw = {"a": base64.b64encode("ä".encode()).decode(), "empty": "", "null": None, "raw": "/w=="}
    assert decode_data({"data": raw}) == {"a": "ä", "empty": "", "null": "", "raw": "\udcff"}
    assert decode_data({}) == decode_data({"data": None}) == {}


def status(code: int) -> Answer:
    return Answer(code, {"kind": "Status", "message": "in its own words"})


ERRORS: list[tuple[int, type[ApiError], str]] = [
    (401, Unauthenticated, "; check the credentials of the kubeconfig"),
    (
        403,
        Denied,
        (
            "; grant its user the verb {method} on configmaps/argocd-cm there, as the Roles in docs/rights do, or "
            "check namespace (argocd_namespace)"
        ),
    ),
    (404, Absent, "; check namespace (argocd_namespace) and cluster"),
    (409, Conflict, ""),
    (422, UnexpectedReply, ""),
    (500, UnexpectedReply, ""),
]


@pytest.mark.parametrize(("code", "kind", "hint"), ERRORS)
@pytest.mark.parametrize("method", ["get", "patch"])
def test_an_error_is_told_by_its_status_with_what_to_do(
    server: ScriptedServer, method: str, code: int, kind: type[ApiError], hint: str
) -> None:
    server.script(status(code))
    opened, step = connected(server), SetKeys("configmaps", "argocd-cm", {"a": SEKRET})
    calls = {
        "get": lambda: opened.get("configmaps", "argocd-cm"),
        "patch": lambda: opened.patch(step, resource_version="7"),
    }
    with pytest.raises(ApiError) as caught:
        calls[method]()
    verb = "read" if method == "get" else "write"
    assert caught.type is kind
    assert str(caught.value) == (
        f"cannot {verb} ConfigMap argocd-cm in namespace argocd: in its own words (HTTP {code})"
        f"{hint.format(method=method)}"
    )
    assert (caught.value.status, len(server.requests)) == (code, 1)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, "[]"),
        Answer(200, "null"),
        Answer(200, {}),
        Answer(200, {"metadata": None}),
        Answer(200, {"metadata": {}}),
        Answer(200, f"<html>{SEKRET}", "text/html"),
        Answer(403, f"<html>{SEKRET}", "text/html"),
        Answer(404, {"error": SEKRET, "code": 5}),
        Answer(301, headers=(("Location", "https://x"),)),
    ],
    ids=["list", "null", "empty", "no-metadata", "no-version", "page", "page-403", "argo-cd", "redirect"],
)
def test_what_is_no_kubernetes_api_is_told_without_its_content(server: ScriptedServer, answer: Answer) -> None:
    server.script(answer)
    with pytest.raises(UnexpectedReply) as caught:
        connected(server).get("configmaps", "argocd-cm")
    assert str(caught.value).startswith("cannot read ConfigMap argocd-cm in namespace argocd: ")
    assert "SEKRET" not in str(caught.value)
