# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argo CD's releases, and the policy each has built in.

Source: argo-cd assets/builtin-policy.csv of the tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import InvalidInput, quoted

__all__ = ("CORRECTED_GLOBS", "NEWEST_KNOWN", "OLD_GLOBS", "Release", "builtin_lines", "parse_release")


@dataclass(frozen=True, order=True)
class Release:
    """What decides about behaviour; patch releases do not."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


NEWEST_KNOWN = Release(3, 6)
# From 3.6 on globs are those of gobwas/glob v1.0.0, without the mistakes of v0.2.3 (go.mod).
OLD_GLOBS, CORRECTED_GLOBS = Release(3, 5), Release(3, 6)
_OLDEST = Release(2, 4)
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:[.+-].*)?")


def parse_release(text: str, *, option: str = "argocd_version") -> Release:
    """Return the release of `3.5`, `v3.5.3` or `v3.5.3+abc`; raise InvalidInput for anything else."""
    found = _VERSION.fullmatch(text.strip())
    release = Release(int(found[1]), int(found[2])) if found else None
    if release is None or release < _OLDEST:
        raise InvalidInput(f"cannot use {option} {quoted(text)}: give a version of Argo CD from {_OLDEST} on, as 3.5")
    return release


_CRUD = ("create", "update", "delete")
# Of each resource the object, and since when.
_READONLY = {
    "applications": ("*/*", _OLDEST),
    "applicationsets": ("*/*", Release(3, 2)),
    "certificates": ("*", _OLDEST),
    "clusters": ("*", _OLDEST),
    "repositories": ("*", _OLDEST),
    "write-repositories": ("*", Release(2, 14)),
    "projects": ("*", _OLDEST),
    "accounts": ("*", _OLDEST),
    "gpgkeys": ("*", _OLDEST),
    "logs": ("*/*", _OLDEST),
}
# Of each resource the object, since when, and the actions.
_ADMIN = {
    "applicationsets": ("*/*", Release(2, 5), ("get", *_CRUD)),
    "certificates": ("*", _OLDEST, _CRUD),
    "clusters": ("*", _OLDEST, _CRUD),
    "repositories": ("*", _OLDEST, _CRUD),
    "write-repositories": ("*", Release(2, 14), _CRUD),
    "projects": ("*", _OLDEST, _CRUD),
    "accounts": ("*", _OLDEST, ("update",)),
    "gpgkeys": ("*", _OLDEST, ("create", "delete")),
    "exec": ("*/*", _OLDEST, ("create",)),
}
# Since when each action on applications.
_ADMIN_APPLICATIONS = {
    "create": _OLDEST,
    "update": _OLDEST,
    "update/*": Release(2, 14),
    "delete": _OLDEST,
    "delete/*": Release(2, 14),
    "sync": _OLDEST,
    "rollback": Release(3, 6),
    "override": _OLDEST,
    "action/*": _OLDEST,
}


def builtin_lines(release: Release) -> Iterator[tuple[str, ...]]:
    """Yield the fields of each line, in the order of the file: readonly, admin, who has them."""
    for resource, (target, since) in _READONLY.items():
        if release >= since:
            yield "p", "role:readonly", resource, "get", target, "allow"
    for action, since in _ADMIN_APPLICATIONS.items():
        if release >= since:
            yield "p", "role:admin", "applications", action, "*/*", "allow"
    for resource, (target, since, actions) in _ADMIN.items():
        if release >= since:
            yield from (("p", "role:admin", resource, action, target, "allow") for action in actions)
    yield "g", "role:admin", "role:readonly"
    yield "g", "admin", "role:admin"
