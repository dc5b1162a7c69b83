# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kube-apiserver with the custom resources of Argo CD, for one installation or several, each in its namespace."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import requests

from . import audit, installation, servers
from .build import Binaries
from .door import Identity
from .files import Certificates, write_json, write_private
from .installation import MANAGER, PROVISIONER, Installation
from .kubernetes import Kubernetes
from .processes import Processes, free_ports

# The tests' own reader, and ours, whom nothing counts.
USER, CONTROL = "testbed-user", "testbed-control"


@dataclass(frozen=True)
class Shared:
    """What all clusters of a testbed have in common."""

    processes: Processes
    binaries: Binaries
    certificates: Certificates
    etcd_port: int
    replicas: int = 1


class ApiServer:
    """`installations` are those in it, each of which counts its own writes and requests only."""

    def __init__(self, name: str, shared: Shared) -> None:
        self.name, self.shared = name, shared
        self.process = f"{name}-kube-apiserver"
        self._directory = shared.processes.directory / self.process
        self._directory.mkdir(mode=0o700)
        (self.port,) = free_ports(1)
        self.url = f"https://127.0.0.1:{self.port}"
        self.user_token, self.provisioner_token, control_token = (secrets.token_urlsafe(32) for _token in range(3))
        self.kubernetes = Kubernetes(self.url, control_token, shared.certificates.ca_file)
        self.installations: list[Installation] = []
        self._files = self._write_files(control_token)

    def _write_files(self, control_token: str) -> servers.ApiServerFiles:
        tokens = [
            f'{self.user_token},{USER},1,"system:masters"',
            f'{control_token},{CONTROL},2,"system:masters"',
            f"{self.provisioner_token},{PROVISIONER},3",
        ]
        return servers.ApiServerFiles(
            write_private(self._directory / "tokens.csv", "\n".join([*tokens, ""])),
            write_json(self._directory / "audit-policy.json", audit.policy([CONTROL, "system:apiserver"])),
            self._directory / "audit.log",
        )

    @property
    def identity(self) -> Identity:
        own = self.shared.certificates
        return Identity(own.certificate, own.key, own.ca_file)

    def start(self) -> None:
        shared = self.shared
        command = servers.kube_apiserver(
            shared.binaries,
            shared.certificates,
            self._files,
            name=self.name,
            port=self.port,
            etcd_port=shared.etcd_port,
        )
        shared.processes.start(self.process, command)

    def prepare(self) -> None:
        """Wait until it is there, and serves the custom resources."""
        self.shared.processes.wait_until(self.process, self.kubernetes.ready)
        custom = [installation.custom_resource(kind, plural) for kind, plural in installation.CUSTOM.items()]
        for item in (*custom, installation.operator_resource()):
            self.kubernetes.create(item, MANAGER)
        self.shared.processes.wait_until(self.process, self._custom_resources_served)

    def _custom_resources_served(self) -> bool:
        try:
            served = self.kubernetes.call("GET", "/apis/argoproj.io/v1alpha1")["resources"]
            self.kubernetes.call("GET", "/apis/argoproj.io/v1beta1")
        except requests.HTTPError:
            return False
        return {item["name"] for item in served} >= set(installation.CUSTOM.values())

    def neighbours(self, own: Installation) -> list[Installation]:
        return [other for other in self.installations if other != own]

    def log_length(self) -> int:
        return len(self._log())

    def events(self, begin: int, own: Installation) -> list[audit.Event]:
        """The finished requests of the audit log from `begin` on, without those of and to the neighbours."""
        others = self.neighbours(own)
        namespaces = {other.namespace for other in others}
        users = {other.server_user for other in others}
        return [
            event
            for event in audit.completed(self._log()[begin:])
            if audit.user(event) not in users and audit.namespace(event) not in namespaces
        ]

    def _log(self) -> str:
        return self._files.audit_log.read_text() if self._files.audit_log.exists() else ""
