# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of servers."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

from .errors import InvalidInput

__all__ = ("check_address", "check_proxy")


def check_address(url: str, *, option: str) -> str:
    """Return the URL without a slash at its end; raise InvalidInput where no request can be made of it."""
    remedy = "write https://host[:port][/root path]"
    problem = ""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
        # Requests does the same, and names with empty or long parts raise there.
        host.encode("idna")
        if parts.scheme not in ("https", "http") or not host:
            problem = "it has no host, or another scheme"
        elif parts.username is not None or parts.query or parts.fragment or url.endswith(("?", "#")):
            problem = "it must hold no user, password, query or fragment"
        elif any(character.isspace() or not character.isprintable() for character in url):
            problem = "it has a space or a line end"
    except ValueError:
        problem = "its host or port is none"
    if problem:
        # Not quoted: a password may be in it, wherever the user put it.
        raise InvalidInput(f"cannot use {option}: {problem}; {remedy}")
    return url.rstrip("/")


def check_proxy(proxy: str) -> str:
    """Return it with a scheme, as `requests` takes it; never quoted, since a password may be in it."""
    full = proxy if "://" in proxy else f"http://{proxy}"
    usable = False
    # A port that is no number.
    with suppress(ValueError):
        parts = urlsplit(full)
        usable = bool(parts.hostname) and parts.port != 0
    if not usable:
        raise InvalidInput("cannot use proxy: it has no host, or its port is none; write http://host:port")
    return full
