# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do what the pages of the collection say: `pages.py COLLECTION DIRECTORY SUBSTITUTES OPENBAO`.

Every fenced block of the pages is written to the file it is for, run in DIRECTORY, or handed on; one that begins with a
space goes on where the one before it ended.
One that no rule below knows is an error, and so is a rule that no block needs. SUBSTITUTES is JSON, {text: text}, for
addresses and the option that asks for a password. OPENBAO is the file that setup_sandbox/openbao.py describes: Ansible
would put a token in this task's environment into a command line. Prints {"handed_on": {rule: text}, "outputs":
{command: output}}.
"""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PAGES = ("README.md", "roles/argocd_user/README.md", "docs/from-laptop-to-awx.md")
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
ON_INVENTORY = "ansible-playbook -i inventory.yml "
PROVISION = f"{ON_INVENTORY}fleetops.argocd.provision"
OF_THE_INVENTORY = "# group_vars/argocd.yml of the inventory\n"
# Another account than the codefresh of the page: a token of that is stored elsewhere already.
IN_MANY_PLACES = f"{PROVISION} -e argocd_user_profile=codefresh -e argocd_user_name=tools"
IN_A_SECRET = f"{PROVISION} -e argocd_user_profile=octopus -e argocd_user_name=gateway -e @in_secrets.yml"

# How a block of YAML begins -> its file, and the command that tries it.
FILES = {
    "# inventory.yml": ("inventory.yml", ""),
    "- name: Install the Octopus gateway": ("gateway.yml", f"{ON_INVENTORY}gateway.yml"),
    "# ansible-playbook -i inventory.yml backstage.yml": ("backstage.yml", f"{ON_INVENTORY}backstage.yml"),
    "- name: Give Octopus its user": ("octopus.yml", f"{ON_INVENTORY}octopus.yml"),
    "argocd_user_store:": ("store.yml", f"{IN_MANY_PLACES} -e @store.yml"),
    "argocd_user_profile: codefresh_password": (
        "password.yml",
        f"{PROVISION} -e @password.yml --limit *-us",
    ),
    f"{OF_THE_INVENTORY}argocd_user_store:": ("in_secrets.yml", ""),
    "    connection:\n": ("in_tools.yml", ""),
    f"{OF_THE_INVENTORY}argocd_user_expires_in:": ("lifetimes.yml", f"{IN_A_SECRET} -e @lifetimes.yml"),
    # The README's Backstage has its token elsewhere already.
    f"{OF_THE_INVENTORY}argocd_user_name: backstage": (
        "own.yml",
        f"{PROVISION} -e @own.yml -e argocd_user_name=portal -e @in_tools.yml --limit *-us",
    ),
}
# How a block begins that test.yml looks at.
HANDED_ON = {
    "apiVersion: rbac.authorization.k8s.io/v1": "rights",
    "p, provisioner, ": "lines",
    "argocd_user_config_store:\n  type: helm_values": "values_store",
    "argocd_user_config_store:\n  type: argocd_resource": "resource_store",
}
# How a command or a block begins that is not tried here, and why.
LEFT_OUT = {
    "ansible-galaxy collection install .": "tests/unit/test_installed.py, and `make demo` installs the tarball",
    "git clone ": "needs the network",
    "cd ansible-argocd": "goes with it",
    "python3 -m venv ": "the tests run in such an environment",
    "pip install ansible-core -r requirements.txt": "it is made from it",
    "collections:": "needs the network",
    "ansible-builder build ": "`make certify` has it accepted",
    "podman push ": "needs a registry",
    "ansible-galaxy collection install awx.awx": "needs the network",
    "export CONTROLLER_HOST=": "goes with it",
    "ansible-playbook fleetops.argocd.awx ": "target awx_definitions",
    "# awx.yml": "target awx_definitions",
    "- host: production-eu": "what a job tells: tests/unit/test_awx.py",
    '{"clusters": 300, ': "what a job tells, too",
    "kubectl ": "an administrator's; every target runs under what docs/rights grants",
    "make test": "runs this",
}


@dataclass(frozen=True)
class Block:
    language: str
    text: str


class Pages:
    """What the blocks are, by the rules."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.commands: list[str] = []
        self.handed_on: dict[str, str] = {}
        self._needed: set[str] = set()
        self._last = ""

    def add(self, block: Block) -> None:
        if block.language == "bash":
            for line in block.text.splitlines():
                self._add_command(line)
        elif start := self._rule(FILES, block.text):
            file, command = FILES[start]
            self._last = self.files[file] = (self._last if block.text.startswith(" ") else "") + block.text
            self.commands += [command] if command else []
        elif start := self._rule(HANDED_ON, block.text):
            self.handed_on[HANDED_ON[start]] = block.text
        elif not self._rule(LEFT_OUT, block.text):
            sys.exit(f"cannot try a block of the pages: pages.py has no rule for\n{block.text}")

    def _add_command(self, line: str) -> None:
        if self._rule(LEFT_OUT, line):
            return
        # The first command of a page is shown once more where its inventory is explained, and works from there on.
        self.commands = [*(command for command in self.commands if command != line), line]

    def _rule(self, rules: dict[str, object] | dict[str, str], text: str) -> str:
        start = next((start for start in rules if text.startswith(start)), "")
        self._needed.add(start)
        return start

    def unneeded(self) -> set[str]:
        return {*FILES, *HANDED_ON, *LEFT_OUT} - self._needed


def read(collection: Path, substitutes: dict[str, str]) -> Pages:
    pages = Pages()
    for page in PAGES:
        text = (collection / page).read_text()
        for old, new in substitutes.items():
            text = text.replace(old, new)
        for indent, language, block in FENCE.findall(text):
            pages.add(Block(language, re.sub(f"^{indent}", "", block, flags=re.MULTILINE)))
    if pages.unneeded():
        sys.exit(f"cannot try the pages: no block begins with {sorted(pages.unneeded())}; adapt the rules of pages.py")
    return pages


def run(command: str, directory: Path) -> str:
    """Its output, at a terminal: `ansible-vault create` opens its editor nowhere else."""
    ours, terminal = pty.openpty()
    process = subprocess.Popen(["bash", "-c", command], cwd=directory, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    output = b"".join(iter(lambda: read_terminal(ours), b"")).decode()
    os.close(ours)
    if process.wait():
        sys.exit(f"cannot do what the pages say: `{command}` fails\n{output}")
    return output


def read_terminal(terminal: int) -> bytes:
    """What is there; nothing once the other side is closed, which Linux reports as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def main(collection: str, directory: str, substitutes: str, openbao: str) -> None:
    pages = read(Path(collection), json.loads(substitutes))
    work = Path(directory)
    work.mkdir()
    for file, text in pages.files.items():
        (work / file).write_text(text)
    server = json.loads(Path(openbao).read_text())
    os.environ.update(VAULT_ADDR=server["url"], VAULT_TOKEN=server["root"], VAULT_CACERT=server["ca_file"])
    outputs = {command: run(command, work) for command in pages.commands}
    print(json.dumps({"handed_on": pages.handed_on, "outputs": outputs}))


if __name__ == "__main__":
    main(*sys.argv[1:])
