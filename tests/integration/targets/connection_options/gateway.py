# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may stand between the collection and a cluster: `gateway.py CONFIG CLUSTER FILE` serves until it is stopped.

  mutual  takes a client certificate, over TLS only, for the cluster's token
  front   takes a user's password for it; its certificate is of no authority that FILE names
  pod     the Kubernetes API as a pod sees it, at the root of an address
  proxy   CONNECT, for those who name themselves

`mutual` and `front` pass on what is below /k8s and /argocd. FILE gets the addresses, what they ask for, and `seen`: an
address that answers what came by since it was asked: [{"at", "method", "path", "user", "headers": [[name, value]]}].
"""

from __future__ import annotations

import base64
import http.client
import json
import selectors
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trustme
import yaml

USER, PASSWORD = "gateway-user", "planted-gateway-password"
NOT_PASSED_ON = ("host", "connection", "content-length", "transfer-encoding")
SEEN: list[dict[str, Any]] = []


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def note(at: str, request: BaseHTTPRequestHandler, user: str = "") -> None:
    headers = [[name.lower(), value] for name, value in request.headers.items()]
    SEEN.append({"at": at, "method": request.command, "path": request.path, "user": user, "headers": headers})


class Quiet(BaseHTTPRequestHandler):
    """Says nothing: a target counts on a quiet log."""

    def log_message(self, *_: object) -> None:
        """Leave it out."""

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def gateway(at: str, cluster: dict[str, Any], ca_file: str) -> type[Quiet]:
    """The handler of one gateway to the cluster."""
    trust = ssl.create_default_context(cafile=ca_file)
    behind = {"k8s": urlsplit(cluster["kubernetes_url"]), "argocd": urlsplit(cluster["argocd_url"])}

    class Gateway(Quiet):
        """Passes on; whoever it knows gets the cluster's token."""

        def _user(self) -> str:
            if at != "mutual":
                return USER if self.headers.get("Authorization") == basic(USER, PASSWORD) else ""
            subject = dict(part[0] for part in self.connection.getpeercert()["subject"])
            return str(subject.get("commonName", ""))

        def _pass_on(self) -> None:
            user = self._user()
            note(at, self, user)
            section, rest = ("k8s", self.path[1:]) if at == "pod" else self.path[1:].split("/", 1)
            server = behind[section]
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = http.client.HTTPSConnection(str(server.hostname), server.port, context=trust, timeout=30)
            connection.putrequest(self.command, f"{server.path}/{rest}", skip_accept_encoding=True)
            for name, value in self._passed_on(section if user else ""):
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            reply = connection.getresponse()
            kept = {name: reply.headers[name] for name in ("Content-Type", "Date") if name in reply.headers}
            self.answer(reply.status, reply.read(), kept)

        def _passed_on(self, known_at: str) -> list[tuple[str, str]]:
            left_out = (*NOT_PASSED_ON, "authorization") if known_at == "k8s" else NOT_PASSED_ON
            headers = [(name, value) for name, value in self.headers.items() if name.lower() not in left_out]
            token = [("Authorization", f"Bearer {cluster['kubernetes_token']}")] if known_at == "k8s" else []
            return headers + token

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _pass_on  # noqa: N815 # the names http.server calls

    return Gateway


class Proxy(Quiet):
    """A proxy for connections."""

    def do_CONNECT(self) -> None:  # the name http.server calls
        """Join the two ends, where the client said who it is."""
        known = self.headers.get("Proxy-Authorization") == basic(USER, PASSWORD)
        note("proxy", self, USER if known else "")
        if not known:
            self.answer(407, b"", {"Proxy-Authenticate": "Basic"})
            return
        host, port = self.path.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as server:
            self.send_response(200)
            self.end_headers()
            join(self.connection, server)
        self.close_connection = True


def join(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until either end closes."""
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _events in ready.select():
                data = key.fileobj.recv(65536)  # type: ignore[union-attr] # sockets are all that was registered
                if not data:
                    return
                key.data.sendall(data)


class Seen(Quiet):
    """Tells what came by, once."""

    def do_GET(self) -> None:  # the name http.server calls
        told, SEEN[:] = list(SEEN), []
        self.answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})


def serve(handler: type[Quiet], context: ssl.SSLContext | None = None) -> str:
    """Start a server; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"


def context_for(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def asking_for_certificates(authority: trustme.CA) -> ssl.SSLContext:
    context = context_for(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    return context


def client_files(directory: Path, authority: trustme.CA) -> dict[str, str]:
    """A client's certificate and key, and the authority, as files."""
    client = authority.issue_cert("operator@example.com", common_name="operator")
    pems = {
        "client_cert": client.cert_chain_pems[0].bytes(),
        "client_key": client.private_key_pem.bytes(),
        "ca_cert": authority.cert_pem.bytes(),
    }
    for name, pem in pems.items():
        (directory / f"{name}.pem").write_bytes(pem)
    return {name: str(directory / f"{name}.pem") for name in pems}


def main(config_file: str, cluster_name: str, file: str) -> None:
    """Serve until a signal ends the process."""
    info = json.loads(Path(yaml.safe_load(Path(config_file).read_text())["sandbox_info"]).read_text())
    cluster, ca_file = info["clusters"][cluster_name], info["ca_file"]
    authority = trustme.CA()
    target = Path(file)
    described = {
        "mutual": serve(gateway("mutual", cluster, ca_file), asking_for_certificates(authority)),
        "front": serve(gateway("front", cluster, ca_file), context_for(trustme.CA())),
        "pod": serve(gateway("pod", cluster, ca_file), context_for(authority)),
        "proxy": serve(Proxy),
        "seen": serve(Seen),
        "user": USER,
        "password": PASSWORD,
        **client_files(target.parent, authority),
    }
    # As a whole, and only now: whoever waits for the file finds everything listening.
    temporary = target.with_suffix(".new")
    temporary.write_text(json.dumps(described))
    temporary.replace(target)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
