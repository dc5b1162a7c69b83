# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the collection: a closed family, each made to be shown to a user as it is.

Messages read `cannot <verb> <noun> <name>: <cause>` and say what to do. They never hold a token, a
password or the body of an answer that may hold one: ansible-core 2.19 and later print error texts
even where `no_log` is set.
"""

from __future__ import annotations

_MOST_QUOTED = 100


def quoted(text: str) -> str:
    """Return the text in quotes for a message, cut where it is long."""
    return repr(text) if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]!r}... ({len(text)} characters)"


class FleetopsError(Exception):
    """Base of every error a user may see."""


class InvalidInput(FleetopsError):
    """An option or a stored text that cannot mean what it says; raised before any write."""


class Undecidable(InvalidInput):
    """A question about a policy that we cannot answer as the server would; guessing would be worse."""


def check_one_line(text: str, *, option: str) -> str:
    """Return the text; raise InvalidInput where it has a control character.

    A line end inside a value would become a line of its own in a policy or a variables file.
    """
    if all(character.isprintable() for character in text):
        return text
    raise InvalidInput(
        f"cannot use {option} {quoted(text)}: it has a line end or another control character; remove it, a list takes "
        "one line per item"
    )


class Refused(FleetopsError):
    """A write that we could do and will not do; the message names the option that allows it."""


class Lost(Refused):
    """A sink and the server disagree in a way no ordinary run explains (see `recover`)."""


class Mismatch(FleetopsError):
    """Argo CD goes on answering something else than was asked for: to a can-i question, of an account just written."""


class SinkError(FleetopsError):
    """A place for tokens cannot be read or written. It is never taken for an empty one."""


class Overtaken(FleetopsError):
    """Another run for the same token was faster: look again at what it left."""


class SinkConflict(SinkError, Overtaken):
    """Compare-and-set lost: the sink no longer holds what was read from it."""


class StoreError(FleetopsError):
    """A file that keeps account and policy keys cannot be read or written."""


class ApiError(FleetopsError):
    """An answer (or none) of a server. `status` is None where no answer came."""

    def __init__(self, message: str, *, status: int | None = None, code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Unreachable(ApiError):
    """No answer came. `sent` tells whether the request may have been carried out."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class Unauthenticated(ApiError):
    """401: these credentials are not accepted. Never retried: Argo CD counts failed logins."""


class Denied(ApiError):
    """403: known, and not allowed."""


class Absent(ApiError):
    """404: no such object."""


class Conflict(ApiError):
    """409: somebody else wrote first; nothing of ours happened."""


class UnexpectedReply(ApiError):
    """Anything else: another status, or a body that is not what the route answers."""
