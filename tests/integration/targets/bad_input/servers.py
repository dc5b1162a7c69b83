# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that are not what their address promises: `servers.py FILE` serves until it is stopped.

FILE gets, as a whole and once all of them listen, the addresses by kind and `ca_file`, which signed their certificates;
but for `self_signed`, whose certificate is `self_signed_file`.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import socket
import ssl
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PAGE = b"<!doctype html><title>Sign in</title><form>user, password</form>"
# Kind -> status, headers, body.
ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "page": (200, {"Content-Type": "text/html"}, PAGE),
    "gateway": (502, {"Content-Type": "text/html"}, PAGE),
    "redirect": (302, {"Location": "https://login.example.com/"}, b""),
    "list": (200, {"Content-Type": "application/json"}, b"[]"),
    "text": (200, {"Content-Type": "application/json"}, b'"ok"'),
    "other_object": (200, {"Content-Type": "application/json"}, b'{"status": "ok"}'),
    "truncated": (200, {"Content-Type": "application/json"}, b'{"token": "ey'),
}


def handler(kind: str) -> type[BaseHTTPRequestHandler]:
    status, headers, body = ANSWERS[kind]

    class Handler(BaseHTTPRequestHandler):
        """Answers everything alike."""

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer  # noqa: N815 # the names http.server calls

        def log_message(self, *_: object) -> None:
            """Say nothing: the tests count on a quiet log."""

    return Handler


def serve(kind: str, context: ssl.SSLContext | None) -> str:
    """Start a server and return its address; without a context it speaks plain http."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(kind))
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"127.0.0.1:{server.server_port}"


def context_for(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def expired(authority: trustme.CA) -> trustme.LeafCert:
    yesterday = dt.datetime.now(dt.timezone.utc) - dt.timedelta(days=1)
    return authority.issue_cert("127.0.0.1", not_after=yesterday)


def self_signed() -> tuple[bytes, bytes]:
    """Return key and certificate, which is its own issuer and no authority: what argocd-server makes for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Argo CD")])
    now, day = dt.datetime.now(dt.timezone.utc), dt.timedelta(days=1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
    builder = builder.add_extension(address, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    pem = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    return pem, builder.sign(key, hashes.SHA256()).public_bytes(encoding)


def self_signed_context(certificate_file: Path) -> ssl.SSLContext:
    """Write the certificate there; the key goes with its file."""
    key, certificate = self_signed()
    certificate_file.write_bytes(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(key)
        file.flush()
        context.load_cert_chain(certificate_file, file.name)
    return context


def closed_port() -> str:
    """Return an address where nobody listens, and nobody will: the socket stays bound for as long as this runs."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    KEPT.append(bound)
    return f"127.0.0.1:{bound.getsockname()[1]}"


KEPT: list[socket.socket] = []


def start_all(authority: trustme.CA) -> dict[str, str]:
    trusted = context_for(authority.issue_cert("127.0.0.1"))
    addresses = {kind: serve(kind, trusted) for kind in ANSWERS}
    addresses["plain"] = serve("other_object", None)
    addresses["expired"] = serve("other_object", context_for(expired(authority)))
    addresses["other_name"] = serve("other_object", context_for(authority.issue_cert("argocd.example.com")))
    addresses["nobody"] = closed_port()
    return addresses


def main(file: str) -> None:
    """Serve until a signal ends the process."""
    target = Path(file)
    authority = trustme.CA()
    ca_file = target.with_suffix(".ca.pem")
    ca_file.write_bytes(authority.cert_pem.bytes())
    own_file = target.with_suffix(".own.pem")
    own = serve("other_object", self_signed_context(own_file))
    described = {**start_all(authority), "ca_file": str(ca_file), "self_signed": own, "self_signed_file": str(own_file)}
    temporary = target.with_suffix(".new")
    temporary.write_text(json.dumps(described))
    temporary.replace(target)
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1])
