# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The password a task of argocd_account asks for."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from .._core.accounts import PasswordWish
from .._core.errors import InvalidInput, quoted
from .._core.record import parse_time

__all__ = ("can_be_password", "parse_password", "stored_password")

_BCRYPT_HASH = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
# Argo CD could not hash more either (golang.org/x/crypto/bcrypt, ErrPasswordTooLong).
_BCRYPT_BYTES = 72


def parse_password(params: Mapping[str, Any]) -> PasswordWish | None:
    """Return the wish, None where no password is given; raise InvalidInput naming the option, never its value."""
    wish = _wish(params)
    if wish and params["account_password_store"]:
        raise InvalidInput(
            "cannot use account_password or account_password_hash with account_password_store: a stored password is "
            "one that we make; leave one of them out"
        )
    return None if wish is None else _limited(wish, params)


def can_be_password(encoded: bytes) -> bool:
    """Whether bcrypt takes it: what does not is nobody's password, and a place named by mistake may hold anything."""
    return len(encoded) <= _BCRYPT_BYTES and b"\0" not in encoded


def stored_password(password: str, params: Mapping[str, Any]) -> PasswordWish:
    """Return the wish for a password that a place holds."""
    return _limited(_of_plain_text(password.encode(), option="account_password_store"), params)


def _limited(wish: PasswordWish, params: Mapping[str, Any]) -> PasswordWish:
    """Say when it counts as set, and which tokens may end by that."""
    return replace(
        wish, set_at=_set_at(params), known=tuple(params["known_tokens"]), end_tokens=bool(params["end_tokens"])
    )


def _set_at(params: Mapping[str, Any]) -> datetime | None:
    text = params["account_password_mtime"]
    try:
        return None if text is None else parse_time(text)
    except ValueError:
        pass
    raise InvalidInput(
        f"cannot use account_password_mtime {quoted(text)}: write, in quotes, a UTC time such as 2026-11-21T06:00:00Z"
    )


def _wish(params: Mapping[str, Any]) -> PasswordWish | None:
    wanted_hash = params["account_password_hash"]
    if wanted_hash:
        return _of_hash(wanted_hash)
    password = params["account_password"]
    return _of_plain_text(password.encode(), option="account_password") if password else None


def _of_hash(wanted_hash: str) -> PasswordWish:
    if not _BCRYPT_HASH.fullmatch(wanted_hash):
        raise InvalidInput(
            "cannot use account_password_hash: it is not a bcrypt hash ($2a$, $2b$ or $2y$, 60 characters in all); "
            "make one with `argocd account bcrypt --password ...`"
        )
    return PasswordWish(matches=lambda stored: stored == wanted_hash, make_hash=lambda: wanted_hash)


def _of_plain_text(encoded: bytes, *, option: str) -> PasswordWish:
    if importlib.util.find_spec("bcrypt") is None:
        raise InvalidInput(
            f"cannot use {option}: the Python package bcrypt is missing where this runs; install it, or give "
            "account_password_hash"
        )
    if not can_be_password(encoded):
        raise InvalidInput(
            f"cannot use {option}: bcrypt takes {_BCRYPT_BYTES} bytes at most and no NUL; choose another"
        )
    import bcrypt  # optional, and slow to load: only passwords in plain text need it

    def matches(stored: str) -> bool:
        try:
            return bool(bcrypt.checkpw(encoded, stored.encode()))
        except ValueError:
            # What is stored is no hash.
            return False

    def make_hash() -> str:
        return str(bcrypt.hashpw(encoded, bcrypt.gensalt(10)).decode())

    # Slow on purpose. After a conflict there is no time for that again, or the next writer is faster, too.
    return PasswordWish(matches=cache(matches), make_hash=cache(make_hash))
