# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the testbed says to its user."""

from __future__ import annotations


class CannotRun(Exception):
    """A message for the user: what cannot be done, why, and what to do."""
