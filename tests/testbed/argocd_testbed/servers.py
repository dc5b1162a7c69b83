# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command lines of the real servers: on the loopback, in a directory of their own, no secret in the arguments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .build import Binaries
from .files import Certificates


@dataclass(frozen=True)
class ApiServerFiles:
    """What kube-apiserver reads, and where it writes its audit log."""

    tokens: Path
    audit_policy: Path
    audit_log: Path


def etcd(binaries: Binaries, certificates: Certificates, data: Path, *, port: int, peer_port: int) -> list[str]:
    """Without fsync: what it holds need not outlive the machine."""
    url, peer_url = f"https://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    return [
        binaries.path("etcd"),
        f"--data-dir={data}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        f"--cert-file={certificates.certificate}",
        f"--key-file={certificates.key}",
        f"--trusted-ca-file={certificates.ca_file}",
        "--client-cert-auth",
        "--unsafe-no-fsync",
    ]


def kube_apiserver(
    binaries: Binaries, certificates: Certificates, files: ApiServerFiles, *, name: str, port: int, etcd_port: int
) -> list[str]:
    """Clusters share one etcd, each below a prefix of its own; no address of the machine is advertised."""
    return [
        binaries.path("kube-apiserver"),
        f"--etcd-servers=https://127.0.0.1:{etcd_port}",
        f"--etcd-prefix=/{name}",
        f"--etcd-cafile={certificates.ca_file}",
        f"--etcd-certfile={certificates.certificate}",
        f"--etcd-keyfile={certificates.key}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={certificates.certificate}",
        f"--tls-private-key-file={certificates.key}",
        f"--client-ca-file={certificates.ca_file}",
        f"--token-auth-file={files.tokens}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={certificates.key}",
        f"--service-account-signing-key-file={certificates.key}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",
        f"--audit-policy-file={files.audit_policy}",
        f"--audit-log-path={files.audit_log}",
        "--profiling=false",
    ]


def redis(port: int, password: str) -> tuple[list[str], bytes]:
    """The command and its configuration, which goes to standard input because the password is in it."""
    lines = ["bind 127.0.0.1", f"port {port}", f"requirepass {password}", 'save ""', "appendonly no"]
    return ["redis-server", "-"], "\n".join([*lines, ""]).encode()


def argocd_server(
    binaries: Binaries,
    kubeconfig: Path,
    *,
    namespace: str,
    root_path: str,
    port: int,
    metrics_port: int,
    redis_port: int,
) -> list[str]:
    """No repo-server and no Dex run: what they are for is not part of accounts, policy and tokens."""
    return [
        binaries.path("argocd-server"),
        f"--kubeconfig={kubeconfig}",
        f"--namespace={namespace}",
        f"--rootpath={root_path}",
        # Not the loopback alone, which Kubernetes refuses as the endpoint of a Service.
        "--address=0.0.0.0",
        f"--port={port}",
        "--metrics-address=127.0.0.1",
        f"--metrics-port={metrics_port}",
        f"--redis=127.0.0.1:{redis_port}",
        "--repo-server=127.0.0.1:1",
        "--dex-server=http://127.0.0.1:1",
    ]
