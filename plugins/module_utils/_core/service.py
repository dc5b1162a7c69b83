# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Service is Argo CD's, which of its ports, and which pod stands behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import InvalidInput, Refused, quoted

__all__ = ("LABEL", "SELECTOR", "ServicePort", "choose_pod", "choose_service", "parse_service", "pod_port")

# argo-cd manifests/base/server/argocd-server-service.yaml; Helm chart and operator label alike.
SELECTOR = "app.kubernetes.io/part-of=argocd,app.kubernetes.io/component=server"
_SCHEMES = ("https", "http")
# RFC 1123 label; kubernetes pkg/apis/core/validation, names of namespaces, of Services and of their ports; or a port's
# number.
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
Object = Mapping[str, Any]


@dataclass(frozen=True)
class ServicePort:
    """One port of a Service, by name or number, and what is spoken there."""

    scheme: str
    name: str
    port: str

    def __str__(self) -> str:
        """Return the segment of the service proxy's path: `<scheme>:<name>:<port>`."""
        return f"{self.scheme}:{self.name}:{self.port}"


def parse_service(text: str) -> ServicePort:
    """Return the port of `<name>` (its https one) or `<scheme>:<name>:<port>`; raise InvalidInput for anything else."""
    parts = text.split(":")
    scheme, name, port = parts if len(parts) == 3 else ("https", text, "https")
    if scheme in _SCHEMES and LABEL.fullmatch(name) and LABEL.fullmatch(port):
        return ServicePort(scheme, name, port)
    raise InvalidInput(
        f"cannot use argocd_service {quoted(text)}: give a Service's name, or <scheme>:<name>:<port>, for example "
        "http:argocd-server:http"
    )


def choose_service(services: Sequence[Object], *, namespace: str) -> ServicePort:
    """Return the one Service that serves https or http; raise Refused, naming them, where there is none or more.

    Not every Service with the labels does: the one of argocd-server's metrics has them too.
    """
    found = [port for port in map(_serving, services) if port]
    if len(found) == 1:
        return found[0]
    names = ", ".join(port.name for port in found)
    cause = f"several Services are labelled so: {names}" if found else "no Service with a port http or https is"
    raise Refused(
        f"cannot find Argo CD in namespace {namespace}: {cause} ({SELECTOR}); set argocd_service, or correct "
        "argocd_namespace"
    )


def _serving(service: Object) -> ServicePort | None:
    ports = {port.get("name") for port in service["spec"].get("ports") or ()}
    scheme = next((scheme for scheme in _SCHEMES if scheme in ports), None)
    return ServicePort(scheme, service["metadata"]["name"], scheme) if scheme else None


def choose_pod(pods: Sequence[Object], *, service: str, turn: int = 0) -> Object:
    """Return a ready pod, the first by name in the first turn, and so on; raise Refused where there is none."""
    ready = sorted((pod for pod in pods if _is_ready(pod)), key=lambda pod: str(pod["metadata"]["name"]))
    if ready:
        return ready[turn % len(ready)]
    raise Refused(
        f"cannot reach Argo CD through Service {service}: none of its {len(pods)} pods is ready; look at the "
        "argocd-server deployment"
    )


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def pod_port(service: Object, wanted: ServicePort, pod: Object) -> int:
    """Return the number of the pod's port behind the Service's port; raise Refused where there is none.

    `targetPort` is a number, the name of a container's port, or left out where it is the port's own number.
    """
    ports = service["spec"].get("ports") or ()
    port = next((item for item in ports if wanted.port in (item.get("name"), str(item["port"]))), None)
    if port is None:
        known = ", ".join(str(item.get("name") or item["port"]) for item in ports) or "none"
        raise Refused(
            f"cannot reach Argo CD through Service {wanted.name}: it has no port {wanted.port} (it has: {known}); "
            "correct argocd_service"
        )
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    containers = pod["spec"].get("containers") or ()
    named = [item for container in containers for item in container.get("ports") or () if item.get("name") == target]
    if named:
        return int(named[0]["containerPort"])
    raise Refused(
        f"cannot reach Argo CD through Service {wanted.name}: pod {pod['metadata']['name']} has no port named {target}"
        "; correct the Service, or set argocd_service to another"
    )
