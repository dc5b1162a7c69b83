# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long to wait."""

from __future__ import annotations


class ModuleDocFragment:
    """The option wait_timeout."""

    DOCUMENTATION = r"""
options:
  wait_timeout:
    description:
      - Seconds to wait until Argo CD has seen what was written and answers accordingly.
      - Argo CD learns of a changed ConfigMap or Secret by watching it, each replica for itself.
    type: int
    default: 30
"""
