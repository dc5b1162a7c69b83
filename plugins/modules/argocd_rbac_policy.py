#!/usr/bin/python
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a subject its RBAC policy lines, and no more."""

from __future__ import annotations

DOCUMENTATION = r"""
module: argocd_rbac_policy
short_description: Manage the RBAC policy lines of one subject in Argo CD
version_added: 0.1.0
description:
  - Manages the policy lines of one subject in the ConfigMap C(argocd-rbac-cm), in an overlay key
    C(policy.<subject>.csv) of
    its own, or between marker lines in C(policy.csv).
  - Lines of other subjects, comments, their order and other keys stay byte for byte.
  - Compiles the whole merged policy before writing, because Argo CD validates nothing and one bad line stops everybody.
author:
  - fleetops.argocd contributors (@fleetops)
notes:
  - Needs C(get) and C(patch) on the ConfigMap C(argocd-rbac-cm). With a login to Argo CD, the server is asked after a
    write
    whether the policy compiles; if not, the previous text is put back.
options:
  subject:
    description: Name of the account, or of a role, that the lines are about.
    type: str
    required: true
  policies:
    description:
      - Each item is a line as Argo CD takes it (C(p, octopus, clusters, get, *, allow)), or the same without C(p) and
        the
        subject (C(clusters, get, *), the effect may follow).
      - A comma inside a field needs double quotes.
    type: list
    elements: str
    default: []
  roles:
    description:
      - Roles that the subject gets. Each becomes a line C(g, <subject>, <role>).
    type: list
    elements: str
    default: []
  exclusive:
    description:
      - Whether other lines of the subject are removed from the key. Lines of the subject in other keys are reported in
        RV(findings) and stay.
    type: bool
    default: true
  location:
    description:
      - V(overlay) is a key of its own, which needs Argo CD 2.8. V(policy.csv) is the classic key, between marker lines.
    type: str
    choices: [overlay, policy.csv]
    default: overlay
  overlay:
    description:
      - Name in the overlay's key C(policy.<name>.csv). The default is the subject.
    type: str
  default_role:
    description: Value of C(policy.default). If not set, it stays as it is.
    type: str
  match_mode:
    description: Value of C(policy.matchMode). If not set, it stays as it is.
    type: str
    choices: [glob, regex]
  scopes:
    description: Claims that name groups, for C(scopes). If not set, they stay as they are.
    type: list
    elements: str
  force_owner:
    description:
      - Whether to write keys that another owner of the ConfigMap would undo. An overlay key of its own survives the
        owners.
    type: bool
    default: false
  state:
    description: Whether the lines exist.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - fleetops.argocd.attributes
  - fleetops.argocd.kubernetes
  - fleetops.argocd.argocd
  - fleetops.argocd.waiting
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Give the account the rights of the vendor's page
  fleetops.argocd.argocd_rbac_policy:
    context: production
    subject: octopus
    policies:
      - p, octopus, applications, get, *, allow
      - p, octopus, clusters, get, *, allow
      - p, octopus, logs, get, */*, allow

- name: The same, shorter
  fleetops.argocd.argocd_rbac_policy:
    context: production
    subject: octopus
    policies:
      - applications, get, *
      - clusters, get, *
      - logs, get, */*

- name: Take them all away
  fleetops.argocd.argocd_rbac_policy:
    context: production
    subject: octopus
    state: absent
"""

RETURN = r"""
subject:
  description: The subject.
  returned: success
  type: str
  sample: octopus
key:
  description: The key that holds the lines.
  returned: success
  type: str
  sample: policy.octopus.csv
added:
  description: Lines added to the key.
  returned: success
  type: list
  elements: str
  sample: ["p, octopus, clusters, get, *, allow"]
removed:
  description: Lines removed from the key.
  returned: success
  type: list
  elements: str
  sample: []
permissions_gained:
  description: What the subject's own lines now say that they did not say before, in words.
  returned: success
  type: list
  elements: str
  sample: ["may get clusters *"]
permissions_lost:
  description: What they no longer say, in words.
  returned: success
  type: list
  elements: str
  sample: []
findings:
  description: Lines of the subject elsewhere in the policy.
  returned: success
  type: list
  elements: str
  sample: ["policy.csv line 3 also speaks of octopus: p, octopus, exec, create, */*, allow"]
from_environment:
  description: Names of the environment variables that options took their value from.
  returned: always
  type: list
  elements: str
  sample: [K8S_AUTH_KUBECONFIG]
"""

from ansible_collections.fleetops.argocd.plugins.module_utils._flows import rbac_policy
from ansible_collections.fleetops.argocd.plugins.module_utils._wiring import run_module
from ansible_collections.fleetops.argocd.plugins.module_utils.arguments import RBAC_POLICY


def main() -> None:
    """Run the flow as an ordinary module."""
    run_module(RBAC_POLICY, rbac_policy.run)


if __name__ == "__main__":
    main()
