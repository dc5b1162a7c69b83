# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time of one cluster; the control API can move it."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from email.utils import formatdate


class Clock:
    """Unix time plus an offset; delays between processes keep using the real, monotonic time."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        return time.time() + self.offset

    def rfc3339(self) -> str:
        return rfc3339(self.now())

    def http_date(self) -> str:
        return formatdate(self.now(), usegmt=True)


def rfc3339(seconds: float) -> str:
    """Second precision, UTC, as Go's time.RFC3339 prints it."""
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
