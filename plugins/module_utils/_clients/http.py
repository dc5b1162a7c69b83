# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP stack for both APIs: sending, retrying and naming what went wrong. Knows neither API."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol

from .._core.errors import UnexpectedReply, Unreachable

if TYPE_CHECKING:
    import requests as requests_types

try:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3._collections import HTTPHeaderDict  # public only since 2.0, and requests takes 1.26 too

    # 1.26 compares names itself, and raises this.
    from urllib3.connection import CertificateError  # type: ignore[attr-defined] # its own place moved within 1.26
    from urllib3.exceptions import NewConnectionError

    HAS_REQUESTS = True
except ImportError:
    # The shells say what to install (arguments.missing_library).
    HAS_REQUESTS = False

__all__ = (
    "HAS_REQUESTS",
    "HttpClient",
    "Reply",
    "Sender",
    "TlsOptions",
    "cause_of",
    "header_auth",
    "new_session",
    "redirects",
)

# A read may be sent again after these: the server said, or showed, that it did not work on it.
_TRANSIENT = (429, 502, 503, 504)
_READS = ("GET", "HEAD")


@dataclass(frozen=True)
class Reply:
    """A server's answer. `text` may hold a secret, so it is not in the repr and never in an error."""

    status: int
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    def json(self, *, about: str) -> Any:
        """Return the parsed body; raise UnexpectedReply where it is no JSON (a proxy's page, say)."""
        try:
            return json.loads(self.text)
        except ValueError:
            kind = self.headers.get("Content-Type", "no content type")
        raise UnexpectedReply(
            f"{about}: the answer (HTTP {self.status}, {kind}) is not JSON; is this the right address, and is a proxy "
            "or a login page in between?",
            status=self.status,
        )

    def json_or_none(self) -> Any:
        """Return the parsed body, None where it is no JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    @property
    def date(self) -> datetime | None:
        """The server's clock when it answered."""
        try:
            moment = parsedate_to_datetime(self.headers["Date"])
        except (KeyError, ValueError):
            return None
        # Two headers joined by a proxy, or a zone that is left out, parse as a naive time; it is GMT (RFC 9110, 5.6.7).
        return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class TlsOptions:
    """The user's words for the files of a TLS connection, for messages."""

    ca: str = "the CA option"
    cert: str = "the client certificate"

    def __str__(self) -> str:
        """Return both."""
        return f"{self.ca} or {self.cert}"


def header_auth(
    headers: Mapping[str, str | list[str]],
) -> Callable[[requests_types.PreparedRequest], requests_types.PreparedRequest]:
    """Return an auth callable that sets headers; a list becomes one header line per item.

    Set any other way, an `Authorization` header loses to an entry of ~/.netrc (requests, `trust_env`).
    """

    def apply(request: requests_types.PreparedRequest) -> requests_types.PreparedRequest:
        lines = HTTPHeaderDict(request.headers)
        for name, value in headers.items():
            lines.discard(name)
            for item in [value] if isinstance(value, str) else value:
                lines.add(name, item)
        # requests' own dictionary cannot hold a header twice; what it hands on to urllib3 can.
        request.headers = lines  # type: ignore[assignment]
        return request

    return apply


def new_session(
    *,
    verify: bool | str = True,
    cert: tuple[str, str] | str | None = None,
    server_name: str | None = None,
    proxy_headers: Mapping[str, str] | None = None,
) -> requests_types.Session:
    """Return a session. `verify` is a CA file or a switch; `server_name` is checked instead of the URL's host."""
    session = requests.Session()
    session.verify = verify
    session.cert = cert
    adapter = HTTPAdapter()
    if server_name:
        adapter.init_poolmanager(1, 10, server_hostname=server_name, assert_hostname=server_name)
    if proxy_headers:
        adapter.proxy_headers = _constant(proxy_headers)  # type: ignore[method-assign, assignment] # the hook requests offers
    session.mount("https://", adapter)
    return session


def _constant(headers: Mapping[str, str]) -> Callable[[str], dict[str, str]]:
    def proxy_headers(proxy: str) -> dict[str, str]:  # noqa: ARG001 # requests names it
        return dict(headers)

    return proxy_headers


class Sender(Protocol):
    """What sends requests to a server, whichever way; HttpClient goes the direct one."""

    name: str

    @property
    def server_time(self) -> datetime | None:
        """The server's clock at its latest answer."""

    def send(
        self,
        method: str,
        path: str,
        *,
        about: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        auth: Mapping[str, str | list[str]] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """As HttpClient.send."""

    def reconnect(self) -> None:
        """Send the next request on a new connection: behind a load balancer another replica may get it."""

    def close(self) -> None:
        """Close every connection."""


class HttpClient:
    """Sends requests below one base URL. `name` is the server's name in messages."""

    def __init__(
        self,
        *,
        name: str,
        base_url: str,
        session: requests_types.Session,
        sleep: Callable[[float], None],
        timeout: float = 30,
        attempts: int = 3,
        options: TlsOptions | None = None,
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.server_time: datetime | None = None
        self._session = session
        self._sleep = sleep
        self._timeout = timeout
        self._attempts = attempts
        self._options = options or TlsOptions()

    def reconnect(self) -> None:
        """Send the next request on a new connection: behind a load balancer another replica may get it."""
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._session.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        about: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        auth: Mapping[str, str | list[str]] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request and return the answer, whatever its status. `about` is `cannot <verb> <noun>`.

        Reads are tried again on a passing fault, writes never: only the caller can tell what a lost answer means.
        Raises Unreachable.
        """
        attempts = self._attempts if method in _READS else 1
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            try:
                reply = self._once(method, path, about, body, headers or {}, auth or {}, params)
            except Unreachable:
                if last:
                    raise
            else:
                if last or reply.status not in _TRANSIENT:
                    return reply
            self._sleep(0.2 * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    def _once(
        self,
        method: str,
        path: str,
        about: str,
        body: Any,
        headers: Mapping[str, str],
        auth: Mapping[str, str | list[str]],
        params: Mapping[str, str] | None,
    ) -> Reply:
        cause: tuple[str, bool] | None = None
        try:
            response = self._session.request(
                method,
                self.base_url + path,
                data=None if body is None else json.dumps(body).encode(),
                headers=dict(headers),
                params=params,
                auth=header_auth(auth),
                timeout=self._timeout,
                # Said for each request: the session's own setting loses to REQUESTS_CA_BUNDLE (requests issue 3829).
                verify=self._session.verify,
                # A followed redirect would take credentials to another place, or turn a POST into a GET.
                allow_redirects=False,
            )
        except (requests.exceptions.RequestException, OSError, ValueError) as exc:
            cause = cause_of(exc, self._options)
        if cause is not None:
            hint = "; does it speak https?" if cause[0] == _CLOSED and self.base_url.startswith("http:") else ""
            raise Unreachable(f"{about}: {self.name} {cause[0]}{hint}", sent=cause[1])
        reply = Reply(response.status_code, response.text, response.headers)
        self.server_time = reply.date or self.server_time
        if 300 <= reply.status < 400:
            raise UnexpectedReply(f"{about}: {self.name} {redirects(reply.status)}", status=reply.status)
        return reply


def redirects(status: int) -> str:
    """Return what a server does whose redirect is not followed, in words that come after its name."""
    return (
        f"redirects (HTTP {status}); give the address it redirects to: check http or https, the host and the root path"
    )


def _chain(exc: BaseException | None) -> list[BaseException]:
    """Return the exception and everything it wraps, outermost first."""
    found: list[BaseException] = []
    while exc is not None and exc not in found:
        found.append(exc)
        inner = getattr(exc, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in exc.args if isinstance(arg, BaseException)), None)
        exc = inner if isinstance(inner, BaseException) else exc.__cause__ or exc.__context__
    return found


def cause_of(exc: BaseException, options: TlsOptions) -> tuple[str, bool]:
    """Return what happened in words, and whether the request may have reached the server.

    The texts of the libraries are not passed on: they may quote a proxy's credentials.
    """
    chain = _chain(exc)
    told = _header_cause(exc) or _tls_cause(chain, options) or _file_cause(exc, options) or _connection_cause(chain)
    told = told or _proxy_cause(exc, chain)
    if told:
        return told, False
    for kind, words, sent in _CAUSES:
        if isinstance(exc, getattr(requests.exceptions, kind)):
            return words, sent
    return _CLOSED, True


_CLOSED = "closed the connection before it answered"


# Name in requests.exceptions, words, whether the request may have reached the server; the first that fits counts.
_CAUSES = (
    ("ConnectTimeout", "does not answer (connecting timed out); check the address and the way there", False),
    ("Timeout", "did not answer in time; look at its load, or wait longer (argocd_timeout for Argo CD)", True),
    ("InvalidURL", "has no usable address; write https://host[:port][/path]", False),
    ("InvalidSchema", "has no usable address; write https://host[:port][/path]", False),
)


def _header_cause(exc: BaseException) -> str:
    """http.client raises a plain ValueError whose text is the header, token and all."""
    known = isinstance(exc, requests.exceptions.RequestException)
    if isinstance(exc, requests.exceptions.InvalidHeader) or (isinstance(exc, ValueError) and not known):
        return "cannot be asked: a token, password or header has a line end or another character no header can hold"
    return ""


def _tls_cause(chain: list[BaseException], options: TlsOptions) -> str:
    for item in chain:
        if isinstance(item, ssl.SSLCertVerificationError):
            remedy = _CERTIFICATE_REMEDIES.get(item.verify_code, f"set {options.ca} to the CA file that signed it")
            return f"has a certificate that is not trusted ({item.verify_message.rstrip('.')}); {remedy}"
        if isinstance(item, CertificateError):
            return f"has a certificate that is not valid for this host; {_CERTIFICATE_REMEDIES[_OTHER_HOST]}"
        if not isinstance(item, ssl.SSLError):
            continue
        if not isinstance(item, _OF_CONNECTION) and (item.reason is None or item.reason in _FILE_REASONS):
            return f"cannot be asked: {options} is no certificate file, or its key is missing or another's"
        if item.reason in _HANDSHAKE_REASONS:
            return f"does not speak TLS as expected ({item.reason}); is it plain http?"
    return ""


# SSLErrors that are about a connection, never about loading a file.
_OF_CONNECTION = (ssl.SSLEOFError, ssl.SSLSyscallError, ssl.SSLZeroReturnError)
# OpenSSL, x509_vfy.h.
_EXPIRED, _NOT_YET_VALID, _OTHER_HOST, _OTHER_ADDRESS = 10, 9, 62, 64
_CERTIFICATE_REMEDIES = {
    _EXPIRED: "renew it on the server",
    _NOT_YET_VALID: "check the clocks of both sides",
    _OTHER_HOST: "give the host it was issued for",
    _OTHER_ADDRESS: "give the host it was issued for",
}
# Of our own files, before anything is sent; a certificate without its key has no reason at all (`PEM lib`).
_FILE_REASONS = ("NO_CERTIFICATE_OR_CRL_FOUND", "PEM_LIB", "NO_START_LINE", "KEY_VALUES_MISMATCH", "BAD_BASE64_DECODE")
# Any other TLS error may come after the request was sent.
_HANDSHAKE_REASONS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "SSLV3_ALERT_HANDSHAKE_FAILURE", "UNSUPPORTED_PROTOCOL")


def _file_cause(exc: BaseException, options: TlsOptions) -> str:
    """requests raises a plain OSError for a file it cannot use."""
    if isinstance(exc, requests.exceptions.RequestException) or not isinstance(exc, OSError):
        return ""
    return f"cannot be asked: {exc.strerror or 'no such file'}; check {options}"


def _connection_cause(chain: list[BaseException]) -> str:
    if not any(isinstance(item, NewConnectionError) for item in chain):
        return ""
    system = next((item.strerror for item in chain if isinstance(item, OSError) and item.strerror), "no connection")
    return f"cannot be reached ({system}); check the address and the way there"


def _proxy_cause(exc: BaseException, chain: list[BaseException]) -> str:
    """What came before the request was sent: http.client raises a plain OSError where the proxy refuses CONNECT.

    urllib3 says ProxyError, too, of a connection that ended after it, since its `close()` forgets it was connected.
    """
    refused = any(item.__class__ is OSError and item.errno is None for item in chain)
    return "cannot be reached through the proxy" if refused and isinstance(exc, requests.exceptions.ProxyError) else ""
