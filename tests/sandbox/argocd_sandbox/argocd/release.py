# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between Argo CD releases, as data."""

from __future__ import annotations

from dataclasses import dataclass

RESOURCES_2_4 = ("clusters", "projects", "applications", "repositories", "certificates", "logs", "exec")
RESOURCES_2_5 = ("clusters", "projects", "applications", "applicationsets", *RESOURCES_2_4[3:])
RESOURCES_2_14 = (
    "clusters",
    "projects",
    "applications",
    "applicationsets",
    "repositories",
    "write-repositories",
    "certificates",
    "accounts",
    "gpgkeys",
    "logs",
    "exec",
    "extensions",
)
ACTIONS = ("get", "create", "update", "delete", "sync", "override")
ACTIONS_2_14 = (*ACTIONS, "action", "invoke")
ACTIONS_3_6 = (*ACTIONS[:5], "rollback", "override", "action", "invoke")


@dataclass(frozen=True, order=True)
class Release:
    """An Argo CD version; every property names the fact it gates."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Release:
        """`3.5.0` or `v3.5.0`; raises ValueError for anything else."""
        major, minor, *patch = text.removeprefix("v").split(".")
        return cls(int(major), int(minor), int(patch[0]) if patch else 0)

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}"

    def at_least(self, major: int, minor: int, patch: int = 0) -> bool:
        return self >= Release(major, minor, patch)

    @property
    def checks_content_type(self) -> bool:
        """CVE-2024-22424 was fixed on three lines."""
        fixed = {(2, 8): 8, (2, 9): 4}.get((self.major, self.minor))
        return self.patch >= fixed if fixed is not None else self.at_least(2, 10)

    @property
    def can_i_resources(self) -> tuple[str, ...]:
        if self.at_least(2, 14):
            return RESOURCES_2_14
        return RESOURCES_2_5 if self.at_least(2, 5) else RESOURCES_2_4

    @property
    def can_i_actions(self) -> tuple[str, ...]:
        if self.at_least(3, 6):
            return ACTIONS_3_6
        return ACTIONS_2_14 if self.at_least(2, 14) else ACTIONS

    @property
    def redirect_status(self) -> int:
        """Of Go's ServeMux when it cleans a path: 307 since Go 1.26."""
        return 307 if self.at_least(3, 4) else 301
