# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a request: what each server can answer in place of the truth, and what a kill is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from argocd_sandbox.faults import Dropped, Fault, Faults, Touch
from argocd_sandbox.http import Response

from .world import World

# The id of a token, and the cluster's own path in OpenBao.
VARYING = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}$|(?<=/secret/data/)\w+$")
Handle = Callable[[], Response]
Disturb = Callable[[Touch], None]
# gRPC code by HTTP status, as Argo CD's gateway has them (grpc-gateway runtime/errors.go).
ARGOCD = {400: 3, 401: 16, 403: 7, 404: 5, 408: 1, 409: 10, 429: 8, 500: 13, 501: 12, 503: 14, 504: 4}
# apimachinery pkg/apis/meta/v1, StatusReason.
KUBERNETES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Gone",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
# openbao.org/api-docs, HTTP status codes.
VAULT = (400, 403, 404, 405, 412, 429, 472, 473, 500, 502, 503)
PAGE = "<html><body>502 Bad Gateway</body></html>"
# What each answers to whoever wrote second: Argo CD where argocd-secret was written meanwhile, Kubernetes by
# resourceVersion, OpenBao by `cas`.
SECOND = {"argocd": 409, "k8s": 409, "vault": 400}
# How long a run waits for an answer where one is too slow, and how slow that is.
HURRIED_SECONDS, SLOW_SECONDS = 1, 2
FOR_EVER = 10**6


def plain_fault(**wish: Any) -> Fault:
    return Fault.parse(wish)


class Deed(Fault):
    """Does what it is given in the place of handling the request."""

    def __init__(self, deed: Callable[[Handle], Response]) -> None:
        super().__init__(**vars(Fault.parse({})))
        self._deed = deed

    def apply(self, handle: Handle, touch: Disturb) -> Response:  # noqa: ARG002 # the signature is Fault's
        return self._deed(handle)


def killed(kill: Callable[[], None], *, after: bool) -> Fault:
    """The run dies: before the server works on the request, or after it and before the answer."""

    def deed(handle: Handle) -> Response:
        if after:
            handle()
        kill()
        raise Dropped

    return Deed(deed)


def delayed(until: Callable[[], None]) -> Fault:
    """The request is handled after something else has happened."""

    def deed(handle: Handle) -> Response:
        until()
        return handle()

    return Deed(deed)


def undone(world: World) -> Fault:
    """The write is answered as done, and undone by somebody before the next look."""

    def deed(handle: Handle) -> Response:
        saved = world.place.save()
        answer = handle()
        world.place.undo(saved)
        return answer

    return Deed(deed)


def meanwhile(world: World) -> Fault:
    """Just before the write somebody else mints a token of the same account."""
    return delayed(world.mint_as_somebody_else)


class Watch(Faults):
    """Shows every request, before it is handled, to `look`; what happens to it says `act`."""

    def __init__(self, look: Callable[[], None], act: Callable[[int, str, str], Fault | None]) -> None:
        super().__init__()
        self._look = look
        self._act = act

    def take(self, method: str, path: str) -> Fault | None:
        self.seen += 1
        self._look()
        return self._act(self.seen, method, path)


@dataclass(frozen=True)
class Injection:
    """One way for one request to go wrong; `lasting` is for this and every later one of the same method and path.

    `hurried` is the run that must not wait for long.
    """

    name: str
    make: Callable[[World], Fault]
    lasting: bool = False
    hurried: bool = False


@dataclass(frozen=True)
class Asked:
    """A request of the trace; its path is below that of the cluster."""

    number: int
    method: str
    path: str

    @property
    def section(self) -> str:
        """Which server it was for."""
        return self.path.split("/", 2)[1]

    @property
    def of_sink(self) -> bool:
        return self.section == "vault" or "/namespaces/default/" in self.path

    def is_like(self, method: str, path: str) -> bool:
        """Whether that is the same request, perhaps of another world; its path has that of the cluster."""
        below = "/" + path.split("/", 2)[2]
        return (self.method, VARYING.sub("", self.path)) == (method, VARYING.sub("", below))

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD")


def injections(asked: Asked) -> Iterator[Injection]:
    """Everything that can happen to this request."""
    for status, body in answers(asked.section):
        yield _answered(f"{status}", status, body)
    yield _answered("502 of a proxy", 502, PAGE)
    yield _answered("503 for ever", 503, dict(answers(asked.section))[503], lasting=True)
    yield _answered("403 for ever", 403, dict(answers(asked.section))[403], lasting=True)
    for name, wish in {
        "truncated": {"truncate": True},
        "reset before": {"drop_before": True},
        "reset after": {"drop_after": True},
    }.items():
        yield Injection(name, lambda _world, wish=wish: plain_fault(**wish))  # type: ignore[misc] # bound on purpose
    yield Injection("slow", lambda _world: plain_fault(delay=SLOW_SECONDS), hurried=True)
    status = SECOND[asked.section]
    yield _answered(f"{status} for ever", status, dict(answers(asked.section))[status], lasting=True)
    if asked.writes and asked.of_sink:
        yield Injection("undone", undone)
    if asked.method == "PATCH" and re.search("/secrets/argocd-secret$", asked.path):
        yield Injection("meanwhile a token", meanwhile)


def _answered(name: str, status: int, body: Any, *, lasting: bool = False) -> Injection:
    return Injection(name, lambda _world: plain_fault(status=status, body=body, times=FOR_EVER), lasting)


def answers(section: str) -> list[tuple[int, Any]]:
    """Status and body as the server of that section writes them."""
    if section == "argocd":
        return [(status, {"error": "planted", "code": code, "message": "planted"}) for status, code in ARGOCD.items()]
    if section == "vault":
        return [(status, {"errors": ["planted"]}) for status in VAULT]
    return [
        (
            status,
            {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "reason": reason,
                "code": status,
                "message": "planted",
            },
        )
        for status, reason in KUBERNETES.items()
    ]
