# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is secret inside of options: of a kubeconfig, of a sink's connection, of an address, of a path that is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ("ADDRESSES", "FILES_WITH_KEYS", "is_content", "secrets_of")

# Options, and keys of a kubeconfig, whose value may be user:password@host.
ADDRESSES = ("argocd_url", "host", "proxy", "proxy-url", "server", "url")
# Options, with their aliases, that name a file with a key in it.
FILES_WITH_KEYS = (
    *("kubeconfig", "client_key", "key_file", "client_cert", "cert_file"),
    *("argocd_client_key", "argocd_client_cert"),
)
# Keys of a kubeconfig, and options that may stand in a sink's connection.
_SECRET_KEYS = (
    *("token", "password", "client-key-data", "id-token", "access-token", "refresh-token", "client-secret"),
    *("api_key", "basic_auth", "proxy_basic_auth", "secret_id"),
)
_SECRET_NAME = r"token|secret|password|(?:access|api|private)[_-]?key"
# Of the variables and the arguments that a kubeconfig gives its exec plugin, those with such a name.
_SECRET_VARIABLE = re.compile(rf"(?i){_SECRET_NAME}")
_SECRET_ARGUMENT = re.compile(rf"(?i)^--?[\w-]*(?:{_SECRET_NAME})[\w-]*=(.+)$")
_IN_ADDRESS = (re.compile(r"^(?:[\w+.-]+://)?[^/@:]*:([^/@]+)@"), re.compile(r"\?(.+)$"))
# As `client-key-data` has a key, and a Secret a whole kubeconfig; a path of that length has a dot, - or _ somewhere.
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]{200,}")


def is_content(path: str) -> bool:
    """Whether it is what stands in a file, given for the file's name. That may be a key, so it is never shown."""
    text = path.strip()
    return any(part in text for part in ("\n", "{", ": ", "-----BEGIN")) or _BASE64.fullmatch(text) is not None


def secrets_of(shape: Any) -> set[str]:
    """Return every secret in there; none is empty."""
    return {str(found) for found in _found_in(shape) if found not in (None, "")}


def _found_in(shape: Any) -> Iterator[Any]:
    if isinstance(shape, list):
        for item in shape:
            yield from _SECRET_ARGUMENT.findall(item) if isinstance(item, str) else _found_in(item)
    if not isinstance(shape, Mapping):
        return
    for key, value in shape.items():
        if isinstance(value, (Mapping, list)):
            yield from _found_in(value)
        elif key in _SECRET_KEYS or (key == "value" and _SECRET_VARIABLE.search(str(shape.get("name")))):
            yield value
        elif isinstance(value, str) and key in ADDRESSES:
            for pattern in _IN_ADDRESS:
                yield from pattern.findall(value)
        elif isinstance(value, str) and key in FILES_WITH_KEYS and is_content(value):
            yield value
