# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a stored token is written down for its reader: by itself, as a cookie, or as an env file.

The names of the env file are those of the argocd CLI (argo-cd docs/user-guide/environment-variables.md); it takes the
server without a scheme, and a root path as an option only.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ("FORMATS", "NotReadable", "TokenFormat", "parse_text")

FORMATS = ("raw", "cookie", "env")
# argo-cd: common/common.go, AuthCookieName.
_COOKIE = "argocd.token="
_SERVER, _TOKEN, _ROOT = "ARGOCD_SERVER=", "ARGOCD_AUTH_TOKEN=", "ARGOCD_OPTS=--grpc-web-root-path="


class NotReadable(Exception):
    """The text has parts that none of the formats has. Carries no part of it."""


@dataclass(frozen=True)
class TokenFormat:
    """One of FORMATS; `server` is the address of Argo CD, which an env file names."""

    name: str = "raw"
    server: str = ""

    def render(self, token: str) -> str:
        """Return the text to store."""
        if self.name == "cookie":
            return _COOKIE + token
        if self.name == "env":
            return "".join(f"{line}\n" for line in self._lines(token))
        return token

    def _lines(self, token: str) -> list[str]:
        address = self.server.partition("://")[2] or self.server
        host, _slash, root = address.strip("/").partition("/")
        return [_SERVER + host, _TOKEN + token, *([f"{_ROOT}/{root}"] if root else [])]


def parse_text(text: str) -> str:
    """Return the token in the text, whatever its format: what is asked for may have changed since it was stored.

    Raises NotReadable for an env file with lines of somebody else, which would be lost.
    """
    lines = text.split()
    if not any(line.startswith(_TOKEN) for line in lines):
        return text.strip().removeprefix(_COOKIE)
    if not all(line.startswith((_SERVER, _TOKEN, _ROOT)) for line in lines):
        raise NotReadable
    return next(line.removeprefix(_TOKEN) for line in lines if line.startswith(_TOKEN))
