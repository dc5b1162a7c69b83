# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of where the keys of the ConfigMaps are kept, shared by the modules that write them."""

from __future__ import annotations


class ModuleDocFragment:
    """The options config_store and settle_time."""

    DOCUMENTATION = r"""
options:
  config_store:
    description:
      - Where the keys of C(argocd-cm) and C(argocd-rbac-cm) are kept. Passwords and tokens are in C(argocd-secret) in
        any case.
      - Elsewhere than in the ConfigMaps they count only once somebody has made the ConfigMaps anew from there; until
        then the result has RV(pending).
      - What is not set there counts as the ConfigMaps have it. Where a key of C(argocd-rbac-cm) is not there and would
        replace lines of others, V(argocd_resource) takes these over with a warning, since the operator has left them
        alone until then, and V(helm_values) is refused, since they may be another values file's.
    type: dict
    suboptions:
      type:
        description:
          - V(configmaps) are the ConfigMaps themselves.
          - V(helm_values) is a values file of the argo-cd chart on the controller, its C(configs.cm) and
            C(configs.rbac). Comments and every other byte stay. The file is only edited; committing it, or running
            C(helm upgrade), is yours. Such a task runs in Ansible's own process.
          - V(argocd_resource) is the operator's resource of kind ArgoCD, its C(spec.extraConfig) and C(spec.rbac). It
            needs C(get) and C(patch) on C(argocds.argoproj.io). It has no place for overlays of the policy, which the
            operator leaves alone in the ConfigMap.
        type: str
        choices: [configmaps, helm_values, argocd_resource]
        default: configmaps
      file:
        description: For V(helm_values), the file. A relative path starts at the inventory. It must exist.
        type: path
      prefix:
        description:
          - For V(helm_values), the keys above C(configs), with dots between, such as V(argo-cd) for a chart that has
            the argo-cd chart as a dependency.
        type: str
      name:
        description: For V(argocd_resource), its name. The default is the owner of C(argocd-cm).
        type: str
  settle_time:
    description:
      - How long, such as V(30s) or V(5m), after a write. V(0) is not at all.
      - With the ConfigMaps, look again after that time, and fail where somebody has changed a key back, naming who as
        far as the API server has recorded it.
      - With another O(config_store), wait at most so long until the ConfigMap has been made from it, also in a run
        that finds nothing to write.
    type: str
    default: "0"
"""
