# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argocd_rbac_policy in the controller's own process; see plugin_utils/in_process.py."""

from __future__ import annotations

from ansible_collections.fleetops.argocd.plugins.module_utils._flows import rbac_policy
from ansible_collections.fleetops.argocd.plugins.module_utils.arguments import RBAC_POLICY
from ansible_collections.fleetops.argocd.plugins.plugin_utils.in_process import FlowAction


class ActionModule(FlowAction):
    """The flow of argocd_rbac_policy."""

    SPEC = RBAC_POLICY
    FLOW = rbac_policy.run
