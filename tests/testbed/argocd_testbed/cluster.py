# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Argo CD in a cluster: a Redis, argocd-servers, and what a test wants to know of all of it or change."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from typing import Any

import requests

from . import audit, installation, servers
from .administered import CHANGEABLE, OWN_NAMESPACES, Administered
from .api_server import ApiServer
from .door import Door, Identity, Watch
from .files import kubeconfig, write_json, write_private
from .installation import MANAGER, SERVER, Installation
from .kubelet import Kubelet
from .processes import free_ports, listens, own_address

LOGINS = re.compile(r'^argocd_login_request_total\{[^}]*status="success"[^}]*\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Replica:
    """One argocd-server: the name of its process, and where it listens."""

    process: str
    port: int
    metrics_port: int

    @property
    def url(self) -> str:
        """By a name that the certificate which argocd-server makes for itself is valid for."""
        return f"https://localhost:{self.port}"


class Cluster(Administered):
    """One Argo CD and the API server it is in; started in steps, so that those of several clusters overlap."""

    def __init__(self, name: str, api_server: ApiServer, installed: Installation) -> None:
        self._api, self._processes = api_server, api_server.shared.processes
        self._directory = self._processes.directory / name
        self._directory.mkdir(mode=0o700)
        self._redis_port, *ports = free_ports(1 + 2 * api_server.shared.replicas)
        super().__init__(name, api_server.kubernetes, Watch(self.touch), installed)
        api_server.installations.append(installed)
        self.kubernetes_token, self.provisioner_token = api_server.user_token, api_server.provisioner_token
        # One that is not the first has its API below a path, as behind one Ingress for all.
        self._root_path = "" if installed == installation.FIRST else f"/{installed.namespace}"
        pairs = zip(ports[::2], ports[1::2], strict=True)
        self.replicas = [Replica(self._process(f"{SERVER}-{number}"), *pair) for number, pair in enumerate(pairs)]
        self._redis_password = secrets.token_hex(16)
        self._writes_from = self._requests_from = 0
        self._logins_from = 0.0
        self.admin_password = self.argocd_certificate = self.argocd_url = ""
        self._secret_data: dict[str, str] = {}
        door = Door(f"/{name}/k8s", self.watch, [("127.0.0.1", api_server.port)], api_server.identity)
        self.kubernetes_url = f"https://127.0.0.1:{door.port}"

    def _process(self, program: str) -> str:
        return f"{self.name}-{program}"

    def install(self) -> None:
        """Create what `kubectl apply` of Argo CD's manifests creates."""
        for item in (self.installed.namespace_itself(), *self.installed.server_rights()):
            self._kubernetes.create(item, MANAGER)
        self._configure()
        self._schedule()
        self._grant()
        namespace, ca_file = self.installed.namespace, self._api.shared.certificates.ca_file
        token = self._kubernetes.service_account_token(namespace, SERVER)
        config = kubeconfig(self.name, self._api.url, token, ca_file, namespace)
        write_json(self._directory / "argocd-server.kubeconfig", config)

    def _schedule(self) -> None:
        """What scheduler and kubelet would have made of the deployment."""
        context = self._api.shared.certificates.server_context()
        kubelet = Kubelet(context, ("127.0.0.1", self.replicas[0].port))
        for item, status in self.installed.pod(own_address(), kubelet.port):
            self._kubernetes.set_status(self._kubernetes.create(item, MANAGER), status)

    def _configure(self, secret_data: dict[str, str] | None = None) -> None:
        """The endpoints, too: kube-apiserver deletes them together with their Service."""
        endpoints = self.installed.endpoints(own_address(), [replica.port for replica in self.replicas])
        for item in (*self.installed.configuration(secret_data), endpoints):
            self._kubernetes.create(item, MANAGER)

    def start_argocd(self) -> None:
        """The first replica, and the Redis, which is empty then: it remembers revoked tokens."""
        redis, configuration = servers.redis(self._redis_port, self._redis_password)
        self._processes.start(self._process("redis"), redis, given=configuration)
        self._processes.wait_until(self._process("redis"), lambda: listens(self._redis_port))
        self._start_replica(self.replicas[0])

    def _start_replica(self, replica: Replica) -> None:
        command = servers.argocd_server(
            self._api.shared.binaries,
            self._directory / "argocd-server.kubeconfig",
            namespace=self.installed.namespace,
            root_path=self._root_path,
            port=replica.port,
            metrics_port=replica.metrics_port,
            redis_port=self._redis_port,
        )
        environment = {"ARGOCD_BINARY_NAME": SERVER, "REDIS_PASSWORD": self._redis_password}
        self._processes.start(replica.process, command, environment)

    def wait_for_argocd(self) -> None:
        """Until all replicas are healthy; the others start after the first, which fills argocd-secret."""
        first, *others = self.replicas
        self._wait_for_replica(first)
        for replica in others:
            self._start_replica(replica)
        for replica in others:
            self._wait_for_replica(replica)
        if not self.admin_password:
            self._open_argocd()
        self._forget_writes()

    def _wait_for_replica(self, replica: Replica) -> None:
        self._processes.wait_until(replica.process, lambda: self._argocd_healthy(replica))

    def _open_argocd(self) -> None:
        """The first start made the password and the certificate that stay from then on."""
        self.admin_password = self._secret_value("argocd-initial-admin-secret", "password")
        self._secret_data = dict(self._secret("argocd-secret")["data"])
        certificate = self._directory / "argocd-server.pem"
        key = write_private(self._directory / "argocd-server.key", self._secret_value("argocd-secret", "tls.key"))
        listening = [("localhost", replica.port) for replica in self.replicas]
        door = Door(f"/{self.name}/argocd", self.watch, listening, Identity(certificate, key, certificate))
        self.argocd_url = f"https://localhost:{door.port}{self._root_path}"

    def _argocd_healthy(self, replica: Replica) -> bool:
        """Asked with the certificate that it stored in its Secret, as an administrator pins it."""
        certificate = self._secret("argocd-secret").get("data", {}).get("tls.crt")
        if certificate is None:
            return False
        self.argocd_certificate = base64.b64decode(certificate).decode()
        ca_file = write_private(self._directory / "argocd-server.pem", self.argocd_certificate)
        try:
            return _get(f"{replica.url}/healthz?full=true", str(ca_file)).status_code == 200
        except requests.ConnectionError:
            return False

    def direct(self) -> dict[str, Any]:
        """As described there."""
        urls = [replica.url + self._root_path for replica in self.replicas]
        return {"kubernetes_url": self._api.url, "argocd_urls": urls}

    def reset(self) -> None:
        """A fresh installation: new objects, a new signing key, an argocd-server that remembers nothing."""
        processes = self._processes
        processes.stop(*(replica.process for replica in self.replicas), self._process("redis"))
        self.watch.clear()
        self._delete_everything()
        key = base64.b64encode(base64.b64encode(secrets.token_bytes(32))).decode()
        self._configure({**self._secret_data, "server.secretkey": key})
        self._grant()
        self.start_argocd()
        self.wait_for_argocd()

    def _delete_everything(self) -> None:
        kept = {*OWN_NAMESPACES, *(other.namespace for other in self._api.neighbours(self.installed))}
        for kind in CHANGEABLE:
            for item in self._kubernetes.list(kind):
                metadata = item["metadata"]
                if metadata["namespace"] not in kept:
                    self._kubernetes.delete(kind, metadata["namespace"], metadata["name"])

    def _logins(self) -> float:
        texts = [_get(f"http://127.0.0.1:{replica.metrics_port}/metrics").text for replica in self.replicas]
        return sum(float(number) for text in texts for number in LOGINS.findall(text))

    def _forget_writes(self) -> None:
        self._writes_from = self._requests_from = self._api.log_length()
        self._logins_from = self._logins()

    def writes(self) -> dict[str, Any]:
        """Accepted writes since the reset, from the audit log; logins from Argo CD's own metrics.

        `argocd` counts its Secret writes: one for each token or password it was asked to change, as the sandbox counts.
        The ConfigMap that it respells along the way (argo-cd util/settings/accounts.go, saveAccount) is counted apart.
        """
        events = [one for one in self._api.events(self._writes_from, self.installed) if audit.stored_something(one)]
        own = [one["objectRef"]["resource"] for one in events if audit.user(one) == self.installed.server_user]
        return {
            "kubernetes": len(events) - len(own),
            "argocd": own.count("secrets"),
            "argocd_besides": len(own) - own.count("secrets"),
            "total": len(events),
            "logins": int(self._logins() - self._logins_from),
            "log": [audit.described_write(event) for event in events],
        }

    def requests(self) -> list[dict[str, Any]]:
        """What was asked of kube-apiserver, argocd-server's own requests aside, and of Argo CD while it was watched."""
        events = self._api.events(self._requests_from, self.installed)
        asked = [audit.described_request(one) for one in events if audit.user(one) != self.installed.server_user]
        seen = [request for request in self.watch.requests if request["path"].startswith(f"/{self.name}/argocd/")]
        return [{**request, "path": f"/{self.name}/k8s{request['path']}"} for request in asked] + seen

    def forget_requests(self) -> None:
        """From now on those of Argo CD are seen, too."""
        self._requests_from = self._api.log_length()
        self.watch.forget_requests()


def _get(url: str, ca_file: str | None = None) -> requests.Response:
    with requests.Session() as session:
        # Else requests would take a proxy and a CA bundle from the environment.
        session.trust_env = False
        return session.get(url, verify=ca_file, timeout=30)
