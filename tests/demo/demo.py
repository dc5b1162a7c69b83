# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole job on three sandbox clusters, twice, from the built and installed tarball: `demo.py BUILD_DIRECTORY`.

Works in BUILD_DIRECTORY/demo, which it makes anew, and writes what it measured to BUILD_DIRECTORY/demo.json. What the
playbook did is read back by other means: urllib against the servers, the `ansible-vault` command for the token.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import readers
import yaml

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tests" / "tools"
sys.path.insert(0, str(TOOLS))

import integration  # noqa: E402 # the tools are scripts in a directory of their own, not a package

ACCOUNT = "octopus"
VARIABLE = f"argocd_{ACCOUNT}_token"
# The vendor's own questions and answers: https://octopus.com/docs/argo-cd/instances/argo-user
PAGE = {"get clusters *": "yes", "get applications *": "yes", "get logs */*": "yes", "delete applications *": "no"}
PASSWORD_FROM = (
    "{{{{ (lookup('ansible.builtin.file', '{info}') | from_json).clusters[inventory_hostname].admin_password }}}}"
)
# Settings of the person who runs this must not change what is shown; and Ansible refuses LC_ALL=C.
FOREIGN_SETTINGS = ("ANSIBLE_", "ARGOCD_", "K8S_AUTH_", "LC_")


class Demo:
    """One run: where its files are, and its steps in order."""

    def __init__(self, build: Path) -> None:
        self.result_file = build / "demo.json"
        self._directory = build / "demo"
        self._source = self._directory / "source"
        self._inventory = self._directory / "inventory.yml"
        self._password_file = self._directory / "vault-password"
        self.info_file = self._directory / "sandbox" / "info.json"
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._started:5.1f} s] {text}", flush=True)

    def clear(self) -> None:
        """Remove what an earlier demo left; nothing else is in these places."""
        self.result_file.unlink(missing_ok=True)
        if self._directory.exists():
            shutil.rmtree(self._directory)
        self._directory.mkdir(parents=True)

    def install(self) -> None:
        """Build the tarball and install it, as a user would, into a place of its own."""
        self._call("python", TOOLS / "copy_collection.py", self._source)
        copy = self._source / "ansible_collections" / "fleetops" / "argocd"
        self._call("ansible-galaxy", "collection", "build", "--output-path", self._directory, copy)
        # Only the installed one is left to be found.
        shutil.rmtree(self._source)
        (tarball,) = self._directory.glob("fleetops-argocd-*.tar.gz")
        self._call(
            "ansible-galaxy", "collection", "install", "--offline", "-p", self._directory / "collections", tarball
        )
        self.say(f"built and installed {tarball.name}")

    def write_inventory(self, info: dict[str, Any]) -> None:
        """One host per cluster. The admin passwords stay in the sandbox's own file, which goes with the sandbox."""
        hosts = {
            name: {
                "argocd_user_connection": {
                    "kubeconfig": cluster["kubeconfig"],
                    "context": name,
                    "argocd_url": cluster["argocd_url"],
                    "argocd_ca_cert": info["ca_file"],
                    "argocd_username": "admin",
                    "argocd_password": PASSWORD_FROM.format(info=self.info_file),
                }
            }
            for name, cluster in info["clusters"].items()
        }
        self._inventory.write_text(yaml.safe_dump({"argocd": {"hosts": hosts}}, sort_keys=False, width=1000))
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_hex(16) + "\n")

    def provision(self, title: str) -> dict[str, bool]:
        """Run the playbook; return whether it changed anything, by host."""
        profile = f"argocd_user_profile={ACCOUNT}"
        command = ("ansible-playbook", "-i", self._inventory, "fleetops.argocd.provision", "-e", profile)
        output = self._call(*command, "--vault-password-file", self._password_file)
        changed = readers.changed_hosts(output)
        self.say(f"{title} run of the playbook: {sum(changed.values())} of {len(changed)} clusters changed")
        return changed

    def vault_file(self, host: str) -> Path:
        """The role's default place; exits where nothing is there."""
        path = self._directory / "host_vars" / host / "argocd.yml"
        if not path.is_file():
            sys.exit(
                f"cannot find the token of {host}: the playbook passed, but wrote no {os.path.relpath(path, ROOT)}"
            )
        return path

    def decrypt(self, host: str) -> str:
        """The stored token, by the ansible-vault command."""
        sealed = readers.vaulted_value(self.vault_file(host), VARIABLE)
        return self._call("ansible-vault", "decrypt", "--vault-password-file", self._password_file, stdin=sealed)

    def finish(self, clusters: list[dict[str, Any]]) -> None:
        result = {"clusters": clusters, "seconds": round(time.monotonic() - self._started, 1)}
        self.result_file.write_text(json.dumps(result, indent=2) + "\n")

    def _call(self, command: object, *arguments: object, stdin: str = "") -> str:
        """Run a command of this environment; return its output. What it said is shown only where it failed."""
        words = [str(Path(sys.executable).with_name(str(command))), *map(str, arguments)]
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False, env=self._environment())
        if done.returncode:
            name = " ".join(Path(word).name for word in words[:3])
            sys.exit(f"{done.stdout}{done.stderr}cannot go on: `{name}` failed with code {done.returncode}, see above")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        """Ansible with its own defaults, its home below our directory."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_SETTINGS)}
        configuration = self._directory / "ansible.cfg"
        configuration.touch()
        return own | {
            "ANSIBLE_CONFIG": str(configuration),
            "ANSIBLE_HOME": str(self._directory / "home"),
            "ANSIBLE_COLLECTIONS_PATH": str(self._directory / "collections"),
            "ANSIBLE_NOCOLOR": "true",
            # A proxy of the environment knows no loopback address; requests reads the first of the two.
            "no_proxy": "*",
            "NO_PROXY": "*",
        }


def ask_the_page(cluster: readers.Cluster, token: str) -> dict[str, Any]:
    """The vendor's questions, answered for this token."""
    can_i = {question: cluster.can_i(question, token) for question in PAGE}
    return {"can_i": can_i, "mismatches": sum(can_i[question] != answer for question, answer in PAGE.items())}


def show(cluster: readers.Cluster, token: str, result: dict[str, Any]) -> None:
    """The summary of one cluster. The token itself is not shown."""
    account = cluster.config_map("argocd-cm")
    capabilities, enabled = account.get(f"accounts.{ACCOUNT}"), account.get(f"accounts.{ACCOUNT}.enabled")
    token_id, expires = readers.identity(token)
    print(f"\n{result['name']}")
    print(f"  account  {ACCOUNT}: {capabilities}, enabled: {enabled}")
    for line in cluster.config_map("argocd-rbac-cm").get(f"policy.{ACCOUNT}.csv", "").splitlines():
        print(f"  policy   {line}")
    print(f"  token    {token_id}, expires: {expires}, accepted by the server: {result['token_works']}")
    print(f"  stored   {VARIABLE} in {result['vault_file']}, encrypted")
    for question, answer in result["can_i"].items():
        print(f"  can-i    {question:<24}{answer:<5}{'as asked' if answer == PAGE[question] else 'WRONG'}")
    print(f"  2nd run  changed: {result['second_changed']}, writes: {result['second_writes']}")


def broken_promises(result: dict[str, Any], *, file_changed: bool) -> list[str]:
    """In words; empty where all is as the README says."""
    found = {
        "the first run changed nothing": not result["first_changed"],
        "the second run changed something": result["second_changed"],
        "the second run wrote to the servers": result["second_writes"] != 0,
        "the second run wrote the vault file": file_changed,
        "a can-i answer is not the one of the vendor's page": result["mismatches"] != 0,
        "the server does not accept the stored token": not result["token_works"],
    }
    return [f"{result['name']}: {words}" for words, broken in found.items() if broken]


def run(demo: Demo, info: dict[str, Any]) -> list[str]:
    """Provision twice, measure, show; return the broken promises."""
    clusters = {name: readers.Cluster(shape, info["ca_file"]) for name, shape in info["clusters"].items()}
    demo.write_inventory(info)
    first_changed = demo.provision("first")
    writes = {name: cluster.writes() for name, cluster in clusters.items()}
    stored = {name: demo.vault_file(name).read_bytes() for name in clusters}
    second_changed = demo.provision("second")
    results, broken = [], []
    for name, cluster in clusters.items():
        token = demo.decrypt(name)
        result: dict[str, Any] = {
            "name": name,
            "first_changed": first_changed[name],
            "second_changed": second_changed[name],
            "second_writes": cluster.writes() - writes[name],
            **ask_the_page(cluster, token),
            "vault_file": os.path.relpath(demo.vault_file(name), ROOT),
            "token_works": cluster.user_of(token) == ACCOUNT,
        }
        show(cluster, token, result)
        broken += broken_promises(result, file_changed=demo.vault_file(name).read_bytes() != stored[name])
        results.append(result)
    demo.finish(results)
    return broken


def main(build: str) -> int:
    demo = Demo(Path(build).absolute())
    demo.clear()
    demo.install()
    with integration.running(integration.SANDBOX, demo.info_file, ["--names", "c1,c2,c3"]):
        info = json.loads(demo.info_file.read_text())
        demo.say(f"sandbox with {len(info['clusters'])} clusters is up")
        broken = run(demo, info)
    print()
    demo.say(f"sandbox stopped; the numbers are in {os.path.relpath(demo.result_file, ROOT)}")
    for words in broken:
        print(f"NOT AS PROMISED {words}")
    return 1 if broken else 0


if __name__ == "__main__":
    # So that being stopped unwinds, and the sandbox with it.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    sys.exit(main(*sys.argv[1:]))
