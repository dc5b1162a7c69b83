# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: start the server, tell where it is in a file, stop on a signal."""

from __future__ import annotations

import argparse
import json
import os
import signal
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trustme

from .argocd.release import Release
from .cluster import Behaviour, Cluster
from .secrets_seen import SecretsSeen
from .server import SandboxServer, unseen


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox", description="N clusters with Argo CD on one TLS port.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--clusters", type=int, default=1, metavar="N", help="clusters c1 to cN")
    which.add_argument("--names", type=lambda text: text.split(","), metavar="A,B,C", help="clusters by name")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--info", type=Path, required=True, metavar="FILE", help="written when listening")
    parser.add_argument("--visible-after", type=float, default=0.3, metavar="SECONDS")
    parser.add_argument("--login-delay", type=float, default=0.05, metavar="SECONDS")
    parser.add_argument("--argocd-version", type=Release.parse, default=Release(3, 5, 0), metavar="3.5.0")
    parser.add_argument("--log", type=Path, metavar="FILE", help="one line per request: time method path status")
    parser.add_argument("--secrets", type=Path, metavar="FILE", help="one line per password or token that was sent")
    return parser.parse_args(arguments)


def tls_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    authority.issue_cert("127.0.0.1", "localhost", "argocd-server.argocd.svc").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def write_private(path: Path, text: str) -> None:
    """Atomically, and never readable by others, not even for a moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)


def kubeconfig(name: str, server: str, token: str, ca_file: Path) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority": str(ca_file)}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "argocd"}}],
    }


def private_files(info_file: Path, url: str, authority: trustme.CA, clusters: Mapping[str, Cluster]) -> dict[Path, str]:
    """What to write, the info file last: it says that everything else is there."""
    directory = info_file.resolve().parent
    ca_file = directory / f"{info_file.stem}-ca.pem"
    client = authority.issue_cert("operator@example.com", common_name="operator")
    client_cert, client_key = (directory / f"{info_file.stem}-client.{kind}" for kind in ("pem", "key"))
    files = {
        ca_file: authority.cert_pem.bytes().decode(),
        client_cert: client.cert_chain_pems[0].bytes().decode(),
        client_key: client.private_key_pem.bytes().decode(),
    }
    described: dict[str, Any] = {}
    for name, cluster in clusters.items():
        config_file = directory / f"{info_file.stem}-{name}.kubeconfig"
        kubernetes_url = f"{url}/{name}/k8s"
        # JSON is YAML.
        files[config_file] = json.dumps(kubeconfig(name, kubernetes_url, cluster.provisioner_token, ca_file), indent=2)
        described[name] = {
            "kubernetes_url": kubernetes_url,
            "kubernetes_token": cluster.kubernetes_token,
            "provisioner_token": cluster.provisioner_token,
            "client_cert": str(client_cert),
            "client_key": str(client_key),
            "argocd_url": f"{url}/{name}/argocd",
            "admin_password": cluster.admin_password,
            "control_url": f"{url}/{name}/_control",
            "kubeconfig": str(config_file),
        }
    info = {"pid": os.getpid(), "port": int(url.rsplit(":", 1)[1]), "url": url, "ca_file": str(ca_file)}
    return {**files, info_file: json.dumps({**info, "clusters": described}, indent=2)}


def remove_own(files: Mapping[Path, str]) -> None:
    """Another sandbox may have written the same paths since; its files stay."""
    for path, text in files.items():
        if path.is_file() and path.read_text() == text:
            path.unlink()


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT; then removes the files it wrote, which hold secrets, and returns 0."""
    options = parse_arguments(arguments)
    behaviour = Behaviour(options.visible_after, options.login_delay, options.argocd_version)
    names = options.names or [f"c{number}" for number in range(1, options.clusters + 1)]
    clusters = {name: Cluster(name, behaviour) for name in names}
    authority = trustme.CA()
    see = SecretsSeen(options.secrets).note if options.secrets else unseen
    server = SandboxServer(options.port, tls_context(authority), clusters, options.log, see)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_signal: stop.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options.info.parent.mkdir(parents=True, exist_ok=True)
    url = f"https://127.0.0.1:{server.port}"
    files = private_files(options.info, url, authority, clusters)
    for path, text in files.items():
        write_private(path, text)
    print(f"listening at {url}, described in {options.info}", flush=True)
    stop.wait()
    server.shutdown()
    server.server_close()
    remove_own(files)
    return 0
