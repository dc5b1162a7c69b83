# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server a task names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ("names_cluster",)


def names_cluster(options: Mapping[str, Any]) -> bool:
    """Whether the options name a Kubernetes cluster, rather than leaving it to a current context."""
    return any(options.get(option) for option in ("kubeconfig", "context", "host", "argocd_in_cluster"))
