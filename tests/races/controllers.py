# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers: each an ansible-playbook of its own, over a checkout that it has alone or shares with others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from .reader import Cluster

ROOT = Path(__file__).resolve().parents[2]
CALLBACKS = ROOT / "tests/integration/targets/setup_sandbox/callback_plugins"
VAULT_PASSWORD = "planted-vault-password"
HOST = "c1"
PROVISION = "fleetops.argocd.provision"
RUN_SECONDS = 600
# Settings of the person who runs this must not change what happens; and Ansible refuses LC_ALL=C.
FOREIGN_SETTINGS = ("ANSIBLE_", "ARGOCD_", "K8S_AUTH_", "LC_")


class _Loader(yaml.SafeLoader):
    """Reads `!vault` values as the text they are."""


_Loader.add_constructor("!vault", lambda _loader, node: str(node.value))


class Checkout:
    """An inventory with one host, and the variables beside it, as a colleague or a job of a pipeline has one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._vault = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))])

    def fill(self) -> Checkout:
        """Make the inventory. The connection is each controller's own."""
        self.directory.mkdir(parents=True)
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        self.inventory.write_text(json.dumps({"argocd": {"hosts": {HOST: local}}}))
        return self

    def copy(self, directory: Path) -> Checkout:
        """As it is now: a branch, or a backup that somebody works with later."""
        shutil.copytree(self.directory, directory)
        return Checkout(directory)

    @property
    def inventory(self) -> Path:
        return self.directory / "hosts.yml"

    def token(self, account: str) -> str | None:
        """What the vault file holds for it."""
        cipher = self._value(f"argocd_{account.replace('-', '_')}_token")
        return bytes(self._vault.decrypt(cipher.encode())).decode() if cipher else None

    def replaced(self, account: str) -> list[str]:
        """The ids that its record says were replaced, and are not due yet."""
        record = self._value(f"argocd_{account.replace('-', '_')}_token_record") or {"superseded": []}
        return [item["id"] for item in record["superseded"]]

    def _value(self, variable: str) -> Any:
        file = self.directory / "host_vars" / HOST / "argocd.yml"
        values = yaml.load(file.read_bytes(), _Loader) if file.exists() else {}  # noqa: S506 # a SafeLoader
        return values.get(variable)


@dataclass(frozen=True)
class Ended:
    """What a controller came to. `token` is what the task of argocd_token that was meant returned, or its error."""

    code: int
    output: str = field(repr=False)
    token: Mapping[str, Any]


@dataclass(frozen=True)
class Lab:
    """Where controllers run: the collection, a directory, the cluster and how they log in to it."""

    cluster: Cluster
    collections: Path
    directory: Path

    def checkout(self, name: str) -> Checkout:
        """A new one."""
        return Checkout(self.directory / name).fill()

    @cached_property
    def connection(self) -> dict[str, Any]:
        """What they log in with."""
        shape = self.cluster.shape
        return {
            "host": shape["kubernetes_url"],
            "api_key": shape["kubernetes_token"],
            "ca_cert": self.cluster.ca_file,
            "argocd_url": shape["argocd_url"],
            "argocd_ca_cert": self.cluster.ca_file,
            "argocd_username": "admin",
            "argocd_password": shape["admin_password"],
        }

    @cached_property
    def environment(self) -> dict[str, str]:
        password = self.directory / "vault-password"
        password.write_text(VAULT_PASSWORD)
        own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_SETTINGS)}
        return own | {
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_HOME": str(self.directory / "home"),
            "ANSIBLE_VAULT_PASSWORD_FILE": str(password),
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "record_results",
            "ANSIBLE_NOCOLOR": "true",
            "no_proxy": "*",
            "NO_PROXY": "*",
        }

    def controller(self, checkout: Checkout, **variables: Any) -> Controller:
        """One that manages a user, told as the role's variables without their prefix."""
        given = {f"argocd_user_{name}": value for name, value in variables.items()}
        return Controller(self, checkout, {"argocd_user_connection": self.connection, **given})

    def run(self, controllers: Sequence[Controller]) -> list[Ended]:
        """All at once."""
        for controller in controllers:
            controller.start()
        return [controller.finish() for controller in controllers]


class Controller:
    """One ansible-playbook."""

    def __init__(self, lab: Lab, checkout: Checkout, variables: Mapping[str, Any]) -> None:
        self._lab = lab
        self._directory = lab.directory / f"run-{len(list(lab.directory.glob('run-*')))}"
        self._directory.mkdir()
        self._results = self._directory / "results.jsonl"
        extra = self._directory / "variables.json"
        extra.touch(mode=0o600)
        extra.write_text(json.dumps(variables))
        self._command = ["ansible-playbook", "-i", str(checkout.inventory), "-e", f"@{extra}", PROVISION]

    def start(self) -> None:
        with (self._directory / "output").open("w") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**self._lab.environment, "RECORD_RESULTS": str(self._results)},
            )

    def finish(self) -> Ended:
        try:
            code = self._process.wait(RUN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        lines = self._results.read_text().splitlines() if self._results.exists() else []
        results = [json.loads(line) for line in lines]
        of_token = [item["result"] for item in results if item["action"] == "fleetops.argocd.argocd_token"]
        output = (self._directory / "output").read_text()
        return Ended(code, output, of_token[-1] if of_token else {})
