# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of ours: certificates, tokens, kubeconfigs. All are secret: the directory is 0700, each file 0600."""

from __future__ import annotations

import json
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme


def write_private(path: Path, content: str | bytes) -> Path:
    """Write as a whole, and never readable by others, not even for a moment."""
    raw = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(raw)
    return temporary.replace(path)


@dataclass(frozen=True)
class Certificates:
    """One authority for everything of a testbed, and one pair that serves as server's and as client's."""

    authority: trustme.CA
    ca_file: Path
    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_certificates(directory: Path) -> Certificates:
    authority = trustme.CA()
    pair = authority.issue_cert("127.0.0.1", "localhost")
    chain = b"".join(blob.bytes() for blob in pair.cert_chain_pems)
    return Certificates(
        authority,
        write_private(directory / "ca.pem", authority.cert_pem.bytes()),
        write_private(directory / "server.pem", chain),
        write_private(directory / "server.key", pair.private_key_pem.bytes()),
    )


def client_files(certificates: Certificates, directory: Path, stem: str) -> dict[str, str]:
    """Certificate and key of an administrator, whom kube-apiserver knows by their names alone."""
    pair = certificates.authority.issue_cert(
        "operator@example.com", common_name="operator", organization_name="system:masters"
    )
    return {
        "client_cert": str(write_private(directory / f"{stem}-client.pem", pair.cert_chain_pems[0].bytes())),
        "client_key": str(write_private(directory / f"{stem}-client.key", pair.private_key_pem.bytes())),
    }


def kubeconfig(name: str, server: str, token: str, ca_file: Path, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority": str(ca_file)}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
    }


def write_json(path: Path, content: Any) -> Path:
    """JSON is YAML, so kubeconfigs and policies are written so too."""
    return write_private(path, json.dumps(content, indent=2) + "\n")
