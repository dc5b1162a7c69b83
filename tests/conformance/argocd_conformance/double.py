# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox in this process, on a port of its own, so that a plant can change it."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import trustme
from argocd_sandbox.argocd.release import Release
from argocd_sandbox.cli import tls_context
from argocd_sandbox.cluster import Behaviour, Cluster
from argocd_sandbox.server import SandboxServer

from .server import Server

NAME = "c1"


@contextlib.contextmanager
def sandbox(version: str) -> Iterator[Server]:
    """One cluster whose Argo CD sees changes at once: that it may see them late is no deviation."""
    authority = trustme.CA()
    cluster = Cluster(NAME, Behaviour(0.0, 0.0, Release.parse(version)))
    server = SandboxServer(0, tls_context(authority), {NAME: cluster}, None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as directory:
        ca_file = Path(directory) / "ca.pem"
        authority.cert_pem.write_to_path(ca_file)
        try:
            yield Server(_described(f"https://127.0.0.1:{server.port}/{NAME}", cluster), str(ca_file))
        finally:
            server.shutdown()
            server.server_close()


def _described(url: str, cluster: Cluster) -> dict[str, str]:
    return {
        "argocd_url": f"{url}/argocd",
        "kubernetes_url": f"{url}/k8s",
        "control_url": f"{url}/_control",
        "kubernetes_token": cluster.kubernetes_token,
        "provisioner_token": cluster.provisioner_token,
        "admin_password": cluster.admin_password,
    }
