# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: build what is missing, start everything, tell where it is in a file, stop on a signal."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

from . import servers
from .administered import Administered
from .api_server import ApiServer, Shared
from .attached import AttachedCluster, Wish
from .build import built
from .cluster import Cluster
from .control import ControlServer
from .errors import CannotRun
from .files import Certificates, client_files, kubeconfig, make_certificates, write_json, write_private
from .installation import NAMESPACE, Installation
from .processes import Processes, free_ports

LOOK_SECONDS = 2
# Of each cluster, as the info file names them.
OWN_FILES = ("ca_file", "kubeconfig", "client_cert", "client_key")


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="testbed", description="Real Kubernetes API and Argo CD servers.")
    parser.add_argument(
        "--names",
        type=lambda text: text.split(","),
        default=["c1"],
        metavar="A,B,A/X",
        help="clusters; A/X: another Argo CD, in namespace X of A",
    )
    parser.add_argument("--replicas", type=int, default=1, metavar="N", help="argocd-servers of each cluster")
    parser.add_argument("--info", type=Path, metavar="FILE", help="written when everything is healthy")
    parser.add_argument("--attach", type=Path, metavar="FILE", help="to clusters of your own, which FILE describes")
    parser.add_argument("--build", action="store_true", help="only build the servers")
    options = parser.parse_args(arguments)
    if options.info is None and not options.build:
        parser.error("--info FILE is needed, or --build")
    return options


def check_redis() -> str:
    """Return its version."""
    if shutil.which("redis-server") is None:
        raise CannotRun(
            "cannot start Redis: no redis-server on PATH; install it, on Debian: apt-get install redis-server"
        )
    said = subprocess.run(["redis-server", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return next(word.removeprefix("v=") for word in said.split() if word.startswith("v="))


@contextlib.contextmanager
def running(directory: Path) -> Iterator[Processes]:
    processes = Processes(directory)
    try:
        yield processes
    finally:
        processes.stop()


@dataclass(frozen=True)
class Fleet:
    """What is served, and the versions of the programs in it."""

    certificates: Certificates
    clusters: Sequence[Administered]
    versions: dict[str, str]


def attach_clusters(options: argparse.Namespace, processes: Processes) -> Fleet:
    """To those that the file of --attach describes."""
    certificates = make_certificates(processes.directory)
    if not options.attach.is_file():
        raise CannotRun(f"cannot attach: no file {options.attach}; tests/integration/README.md says what is in it")
    wishes = yaml.safe_load(options.attach.read_text())["clusters"]
    clusters = [AttachedCluster(name, Wish(**wish), processes.directory, certificates) for name, wish in wishes.items()]
    return Fleet(certificates, clusters, clusters[0].versions())


def start_clusters(options: argparse.Namespace, processes: Processes) -> Fleet:
    """Each step of all clusters before the next one: most of a start is waiting."""
    redis_version = check_redis()
    binaries = built()
    certificates = make_certificates(processes.directory)
    port, peer_port = free_ports(2)
    data = processes.directory / "etcd-data"
    processes.start("etcd", servers.etcd(binaries, certificates, data, port=port, peer_port=peer_port))
    shared = Shared(processes, binaries, certificates, port, options.replicas)
    api_servers = {name: ApiServer(name, shared) for name in dict.fromkeys(map(_server_name, options.names))}
    clusters = [_cluster(name, api_servers[_server_name(name)]) for name in options.names]
    for first in (ApiServer.start, ApiServer.prepare):
        for api_server in api_servers.values():
            first(api_server)
    for step in (Cluster.install, Cluster.start_argocd, Cluster.wait_for_argocd):
        for cluster in clusters:
            step(cluster)
    return Fleet(certificates, clusters, {**binaries.versions, "redis": redis_version})


def _server_name(name: str) -> str:
    return name.partition("/")[0]


def _cluster(name: str, api_server: ApiServer) -> Cluster:
    """`c1`, or `c1/second`, which is called c1-second: an inventory takes no slash."""
    namespace = name.partition("/")[2]
    return Cluster(name.replace("/", "-"), api_server, Installation(namespace or NAMESPACE))


def describe(
    info_file: Path, clusters: Sequence[Administered], certificates: Certificates, control_port: int
) -> dict[str, Any]:
    """The description of the sandbox's info file; writes what it points to beside it.

    Each cluster has a `ca_file` of its own, which wins over the common one: the certificates that Argo CD makes for
    itself all have the same subject, and OpenSSL, finding issuers by subject, believes only the first of a bundle.
    """
    directory = info_file.resolve().parent
    url = f"https://127.0.0.1:{control_port}"
    described = {}
    ca, client = certificates.ca_file.read_text(), client_files(certificates, directory, info_file.stem)
    for cluster in clusters:
        ca_file = write_private(directory / f"{info_file.stem}-{cluster.name}-ca.pem", ca + cluster.argocd_certificate)
        namespace = cluster.installed.namespace
        config = kubeconfig(cluster.name, cluster.kubernetes_url, cluster.provisioner_token, ca_file, namespace)
        described[cluster.name] = {
            "namespace": namespace,
            "kubernetes_url": cluster.kubernetes_url,
            "kubernetes_token": cluster.kubernetes_token,
            "provisioner_token": cluster.provisioner_token,
            **client,
            "argocd_url": cluster.argocd_url,
            "admin_password": cluster.admin_password,
            "direct": cluster.direct(),
            "control_url": f"{url}/{cluster.name}/_control",
            "ca_file": str(ca_file),
            "kubeconfig": str(write_json(directory / f"{info_file.stem}-{cluster.name}.kubeconfig", config)),
        }
    common = str(write_private(directory / f"{info_file.stem}-ca.pem", ca))
    return {"pid": os.getpid(), "port": control_port, "url": url, "ca_file": common, "clusters": described}


def remove_files(info_file: Path, description: dict[str, Any]) -> None:
    own = [cluster[key] for cluster in description["clusters"].values() for key in OWN_FILES]
    for name in (info_file, description["ca_file"], *own):
        Path(name).unlink(missing_ok=True)


def serve(info: Path, fleet: Fleet, processes: Processes) -> None:
    """Until a signal unwinds it; raises CannotRun where a server ends by itself."""
    certificates, clusters = fleet.certificates, fleet.clusters
    control = ControlServer(certificates.server_context(), {cluster.name: cluster for cluster in clusters})
    threading.Thread(target=control.serve_forever, daemon=True).start()
    info.parent.mkdir(parents=True, exist_ok=True)
    description = {**describe(info, clusters, certificates, control.port), "real": True, "versions": fleet.versions}
    try:
        write_json(info, description)
        told = [f"  {name}: {one['argocd_url']}, {one['kubeconfig']}" for name, one in description["clusters"].items()]
        print("\n".join([f"healthy, described in {info}; Argo CD and kubeconfig:", *told]), flush=True)
        watch(processes)
    finally:
        control.shutdown()
        remove_files(info, description)


def watch(processes: Processes) -> None:
    while not processes.ended():
        time.sleep(LOOK_SECONDS)
    raise CannotRun(f"cannot go on: a server ended by itself, with exit code: {processes.ended()}")


def unwind(_number: int, _frame: object) -> None:
    """Leave through every `finally`; once, so that no second signal stops the stopping."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, then stop all servers and remove all files; 1, with the reason, if it cannot."""
    options = parse_arguments(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, unwind)
    try:
        if options.build:
            check_redis()
            built()
            return 0
        with tempfile.TemporaryDirectory(prefix="argocd-testbed-") as name, running(Path(name)) as processes:
            start = attach_clusters if options.attach else start_clusters
            serve(options.info, start(options, processes), processes)
    except CannotRun as error:
        print(error, file=sys.stderr)
        return 1
    except requests.HTTPError as error:
        print(f"cannot prepare the cluster: {error.response.text}", file=sys.stderr)
        return 1
    return 0
