# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Service is Argo CD's, which pod is behind it, and at which port."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.fleetops.argocd.plugins.module_utils._core.service import (
    ServicePort,
    choose_pod,
    choose_service,
    parse_service,
    pod_port,
)

HTTP = {"name": "http", "port": 80, "targetPort": 8080}
HTTPS = {"name": "https", "port": 443, "targetPort": 8080}
METRICS = {"name": "metrics", "port": 8083, "targetPort": 8083}


def service(name: str, *ports: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"ports": list(ports)}}


def pod(name: str, *, ready: str = "True", **metadata: Any) -> dict[str, Any]:
    ports = [{"name": "server", "containerPort": 8080}]
    return {
        "metadata": {"name": name, **metadata},
        "spec": {"containers": [{"name": "sidecar"}, {"name": "argocd-server", "ports": ports}]},
        "status": {"conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": ready}]},
    }


@pytest.mark.parametrize(
    ("text", "segment"),
    [
        ("argocd-server", "https:argocd-server:https"),
        ("http:argocd-server:http", "http:argocd-server:http"),
        ("https:argo:8443", "https:argo:8443"),
    ],
)
def test_a_service_is_named_as_the_kubernetes_api_does(text: str, segment: str) -> None:
    assert str(parse_service(text)) == segment


@pytest.mark.parametrize("text", ["", "a:b", "a:b:c:d", "ftp:a:21", "https:a/../b:443", "https::443", "A", "a b", "-a"])
def test_any_other_text_is_refused_before_it_gets_into_a_path(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^cannot use argocd_service "):
        parse_service(text)


@pytest.mark.parametrize(
    ("services", "found"),
    [
        (
            [service("argocd-server", HTTP, HTTPS), service("argocd-server-metrics", METRICS)],
            "https:argocd-server:https",
        ),
        ([service("insecure", HTTP)], "http:insecure:http"),
    ],
)
def test_the_service_is_the_labelled_one_that_serves(services: list[dict[str, Any]], found: str) -> None:
    assert str(choose_service(services, namespace="argocd")) == found


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ([], "no Service"),
        ([service("metrics", METRICS)], "no Service"),
        ([service("one", HTTPS), service("two", HTTP)], "several Services are labelled so: one, two"),
    ],
)
def test_none_and_several_are_told(services: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(Refused, match=f"^cannot find Argo CD in namespace argocd: {words}.*; set argocd_service"):
        choose_service(services, namespace="argocd")


@pytest.mark.parametrize(("turn", "name"), [(0, "b"), (1, "c"), (2, "b")])
def test_the_pod_is_a_ready_one_that_stays(turn: int, name: str) -> None:
    pods = [pod("c"), pod("b"), pod("a", ready="False"), pod("0", deletionTimestamp="2026-01-31T12:00:00Z")]
    assert choose_pod(pods, service="s", turn=turn)["metadata"]["name"] == name


@pytest.mark.parametrize("pods", [[], [{**pod("a"), "status": {}}]])
def test_without_a_ready_pod_there_is_no_way(pods: list[dict[str, Any]]) -> None:
    with pytest.raises(Refused, match=rf"^cannot reach .* Service s: none of its {len(pods)} pods is ready"):
        choose_pod(pods, service="s")


@pytest.mark.parametrize(
    ("port", "wanted", "number"),
    [
        (HTTPS, "https", 8080),
        (HTTPS, "443", 8080),
        ({"name": "https", "port": 443, "targetPort": "server"}, "https", 8080),
        ({"port": 8443}, "8443", 8443),
    ],
)
def test_the_port_of_the_pod_is_what_the_service_leads_to(port: dict[str, Any], wanted: str, number: int) -> None:
    assert pod_port(service("s", METRICS, port), ServicePort("https", "s", wanted), pod("a")) == number


@pytest.mark.parametrize(
    ("wanted", "words"),
    [("grpc", "it has no port grpc (it has: https, 9)"), ("https", "pod a has no port named nothing")],
)
def test_a_port_that_leads_nowhere_is_told(wanted: str, words: str) -> None:
    described = service("s", {**HTTPS, "targetPort": "nothing"}, {"port": 9})
    with pytest.raises(Refused) as caught:
        pod_port(described, ServicePort("https", "s", wanted), pod("a"))
    assert words in str(caught.value)
