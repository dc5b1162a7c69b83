# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was changed, by which API: the proof that a run wrote nothing, or exactly what it planned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KUBERNETES = "kubernetes"
ARGOCD = "argocd"


@dataclass
class Ledger:
    """Counts successful state changes; logins change nothing that is stored and are counted apart."""

    counts: dict[str, int] = field(default_factory=lambda: {KUBERNETES: 0, ARGOCD: 0})
    logins: int = 0
    log: list[dict[str, str]] = field(default_factory=list)

    def write(self, side: str, *, method: str, path: str, what: str) -> None:
        """`what` names keys and ids, never values."""
        self.counts[side] += 1
        self.log.append({"method": method, "path": path, "what": what})

    def report(self) -> dict[str, Any]:
        return {**self.counts, "total": sum(self.counts.values()), "logins": self.logins, "log": list(self.log)}
