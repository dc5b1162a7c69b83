# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every decision of the core comes down to: before, after, and the steps between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ("HIDDEN", "UNKNOWN", "Plan", "SetKeys")

# Stands in a diff for a value that is secret.
HIDDEN = "(hidden)"
# Stands in a diff for a value only the real run can know, such as a token id.
UNKNOWN = "(known after the run)"


@dataclass(frozen=True)
class SetKeys:
    """Set keys of one Kubernetes object's `data`; a value of None removes the key.

    `kind` is the plural of the route: `configmaps` or `secrets`. Values are plain text also for Secrets.
    """

    kind: str
    name: str
    values: Mapping[str, str | None] = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """`changed`, the diff and check mode all come from here; check mode is 'do not run the steps'.

    `before` and `after` are what a user is shown: secrets are masked already.
    """

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    steps: tuple[SetKeys, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether applying the plan writes anything."""
        return bool(self.steps)
