# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of one's own with Argo CD in it, on kind for example, for the same tests.

It must be there for nothing else: a reset takes away what was made since we came. It does not restart Argo CD, whose
signing key stays. No audit log is read: writes are counted as they come through the doors.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from kubernetes import client, config

from . import seen
from .administered import CHANGEABLE, Administered
from .door import Door, Identity, Watch
from .errors import CannotRun
from .files import Certificates, write_private
from .installation import NAMESPACE, PROVISIONER, RBAC
from .kubernetes import Kubernetes, Object

TESTS = "argocd-testbed"
USER = "testbed-user"
SEEN_SECONDS = 60
CONFIGURATION = (("ConfigMap", "argocd-cm"), ("ConfigMap", "argocd-rbac-cm"), ("Secret", "argocd-secret"))
GIVEN_BY_SERVER = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "selfLink")


@dataclass(frozen=True)
class Wish:
    """A cluster, as tests/integration/integration_config.yml.sample describes it."""

    kubeconfig: str
    argocd_url: str
    context: str | None = None
    admin_password: str | None = None
    argocd_ca_cert: str | None = None


def administrator(wish: Wish) -> tuple[str, Kubernetes, Path]:
    """Address of the API server, calls of it as the user of the kubeconfig, and whom to trust for it."""
    found = client.Configuration()
    config.load_kube_config(str(Path(wish.kubeconfig).expanduser()), wish.context, client_configuration=found)
    # Its only key, under a name that depends on the release of the package.
    token = str(next(iter(found.api_key.values()), "")).removeprefix("Bearer ")
    certificate = (found.cert_file, found.key_file) if found.cert_file else None
    ca_file = Path(found.ssl_ca_cert)
    return found.host, Kubernetes(found.host, token, ca_file, certificate), ca_file


class AttachedCluster(Administered):
    """Its doors always watch: certificates are ours on their outer side."""

    def __init__(self, name: str, wish: Wish, directory: Path, certificates: Certificates) -> None:
        host, kubernetes, ca_file = administrator(wish)
        super().__init__(name, kubernetes, Watch(self.touch, always=True))
        self._directory = directory / name
        self._directory.mkdir(mode=0o700)
        self._direct = {"kubernetes_url": host, "argocd_urls": [wish.argocd_url]}
        self.provisioner = self._subject(PROVISIONER)
        self._make_users()
        self.argocd_certificate = ""
        self.admin_password = wish.admin_password or self._secret_value("argocd-initial-admin-secret", "password")
        self._argocd_ca = self._certificate(wish)
        self.kubernetes_url = self._open("k8s", host, ca_file, certificates)
        self.argocd_url = self._open("argocd", wish.argocd_url, self._argocd_ca, certificates)
        self._found = {_key(item): item for item in self.state()}
        self._session = ""
        self._accounts = self._seen_accounts()
        self._grant()

    def _certificate(self, wish: Wish) -> Path:
        """Whom to trust for Argo CD; if nothing is said, the certificate that it made for itself."""
        if wish.argocd_ca_cert:
            return Path(wish.argocd_ca_cert).expanduser()
        return write_private(self._directory / "argocd.pem", self._secret_value("argocd-secret", "tls.crt"))

    def _subject(self, account: str) -> Object:
        return {"kind": "ServiceAccount", "name": account, "namespace": TESTS}

    def _make_users(self) -> None:
        """One who may do anything, for the tests' own reader, and the one of the kubeconfig."""
        binding = {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": TESTS},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [self._subject(USER)],
        }
        self.plant({"kind": "Namespace", "metadata": {"name": TESTS}})
        for name in (USER, PROVISIONER):
            self.plant({"kind": "ServiceAccount", "metadata": {"name": name, "namespace": TESTS}})
        self.plant(binding)
        self.kubernetes_token, self.provisioner_token = (
            self._kubernetes.service_account_token(TESTS, name) for name in (USER, PROVISIONER)
        )

    def _open(self, section: str, url: str, ca_file: Path, certificates: Certificates) -> str:
        """A door to the URL; its address."""
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise CannotRun(f"cannot attach to {url}: an https address is needed")
        identity = Identity(certificates.certificate, certificates.key, ca_file)
        door = Door(f"/{self.name}/{section}", self.watch, [(parts.hostname, parts.port or 443)], identity)
        return f"https://localhost:{door.port}{parts.path.rstrip('/')}"

    def direct(self) -> dict[str, Any]:
        """As described there."""
        return self._direct

    def versions(self) -> dict[str, str]:
        """As the testbed names its own programs."""
        kubernetes = self._kubernetes.call("GET", "/version")["gitVersion"]
        return {"kube-apiserver": kubernetes, "argocd-server": self._ask("GET", "/api/version").json()["Version"]}

    def reset(self) -> None:
        """The configuration as it was found, with new uids, and nothing else that was made since."""
        for item in self.state():
            if item["kind"] in CHANGEABLE and _key(item) not in self._found:
                self.uproot(*_key(item))
        for kind, name in CONFIGURATION:
            found = self._found[(kind, NAMESPACE, name)]
            # A Secret is put back as it was: without it argocd-server would make another.
            if kind == "ConfigMap":
                self.uproot(kind, NAMESPACE, name)
            self.plant(_anew(found))
        self._grant()
        self._wait_until_seen()
        self.watch.clear()

    def _wait_until_seen(self) -> None:
        deadline = time.monotonic() + SEEN_SECONDS
        while self._seen_accounts() != self._accounts:
            if time.monotonic() > deadline:
                raise CannotRun(f"cannot reset {self.name}: Argo CD does not see its configuration")
            time.sleep(0.1)

    def _seen_accounts(self) -> list[str]:
        """The accounts that Argo CD knows; none while it does not let us in."""
        answer = self._ask("GET", "/api/v1/account")
        if answer.status_code == 401:
            login = self._ask("POST", "/api/v1/session", {"username": "admin", "password": self.admin_password})
            self._session = login.json().get("token", "")
            answer = self._ask("GET", "/api/v1/account")
        return sorted(item["name"] for item in answer.json().get("items") or [])

    def _ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        with requests.Session() as session:
            # Else requests would take a proxy and a CA bundle from the environment.
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {self._session}"
            url = self._direct["argocd_urls"][0].rstrip("/") + path
            return session.request(method, url, json=body, verify=str(self._argocd_ca), timeout=30)

    def writes(self) -> dict[str, Any]:
        """Accepted writes that came through the doors since the reset."""
        return seen.writes(self.watch.seen)

    def requests(self) -> list[dict[str, Any]]:
        """Those that came through the doors."""
        return self.watch.requests

    def forget_requests(self) -> None:
        """From now on."""
        self.watch.forget_requests()


def _key(item: Object) -> tuple[str, str, str]:
    return item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _anew(item: Object) -> Object:
    metadata = {name: value for name, value in item["metadata"].items() if name not in GIVEN_BY_SERVER}
    return {**item, "metadata": metadata}
