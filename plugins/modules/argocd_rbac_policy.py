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
  - Lints the whole merged policy before writing, because Argo CD validates nothing and one bad line stops everybody. A
    policy that would not load, and a line of the task that does not mean what it says, are refused; what is wrong with
    other lines is returned in RV(findings) and shown as a warning.
author:
  - fleetops.argocd contributors (@fleetops)
notes:
  - Needs C(get) and C(patch) on the ConfigMap C(argocd-rbac-cm). With C(get) on C(argocd-cm), too, keys that stand in
    the wrong one of the two, and grants that single sign-on shares with a group, are among the findings. With C(list)
    on AppProjects (C(docs/rights/project-roles.yml)) their roles count, too.
  - With a login to Argo CD, the server is asked after a write whether the policy compiles; if not, the previous text is
    put back, and the line is named. Where the login is refused, a warning says that it was not asked.
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
      - Whether other lines of the subject are removed from the key. Lines of the subject in other keys stay, and
        are reported in RV(findings) with a warning.
    type: bool
    default: true
  location:
    description:
      - V(overlay) is a key of its own, which needs Argo CD 2.8; it is refused where the server says that it is older.
      - V(policy.csv) is the classic key, between marker lines.
      - V(auto) is V(overlay), but V(policy.csv) where the server says that it is older than 2.8, or where marker lines
        for the subject stand there already and O(overlay) is not set. The server is asked if O(argocd_url) is set.
      - With O(config_store) V(argocd_resource), V(auto) is V(policy.csv), which becomes its C(spec.rbac.policy), unless
        O(overlay) is set; an overlay goes to the ConfigMap.
      - With O(state) V(absent), V(auto) removes the lines from both places, wherever they were put before, unless
        O(overlay) is set. A place that is named is the only one.
    type: str
    choices: [auto, overlay, policy.csv]
    default: auto
  overlay:
    description:
      - Name in the overlay's key C(policy.<name>.csv). The default is the subject.
      - An overlay that is named is a part for itself. With O(state) V(absent) only its lines go; others of the subject
        are warned of.
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
  max_permissions:
    description:
      - What the subject may be able to do at most, each item C(<resource>, <action>, <object>) with patterns as in a
        policy line. An empty list is nothing at all; if not set, there is no such limit.
      - The task fails before any write if the subject's permissions after it, by its own lines, its roles,
        C(policy.default), lines for everybody and the roles of AppProjects (where these may be listed), are not
        certainly covered.
    type: list
    elements: str
  force_owner:
    description:
      - Whether to write keys that another owner of the ConfigMap would undo. An overlay key of its own survives the
        owners.
    type: bool
    default: false
  state:
    description:
      - Whether the lines exist.
      - V(absent) removes those of the overlay and those between the marker lines of C(policy.csv), or of the one that
        O(location) names. Lines of the subject elsewhere stay, and are warned of.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - fleetops.argocd.attributes
  - fleetops.argocd.kubernetes
  - fleetops.argocd.argocd
  - fleetops.argocd.waiting
  - fleetops.argocd.config_store
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

- name: Give a role, as long as that is no more than reading
  fleetops.argocd.argocd_rbac_policy:
    context: production
    subject: octopus
    roles: [role:readonly]
    max_permissions:
      - "*, get, *"

- name: Give them where a chart's values are kept, for the commit that comes next
  fleetops.argocd.argocd_rbac_policy:
    context: production
    subject: octopus
    policies:
      - clusters, get, *
    config_store:
      type: helm_values
      file: argo-cd/values.yaml

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
  description: Lines removed from the key, or from both.
  returned: success
  type: list
  elements: str
  sample: []
upstream:
  description: Where the keys are kept, if not in the ConfigMap itself; see O(config_store).
  returned: success
  type: str
  sample: ""
pending:
  description:
    - Whether the ConfigMap has not been made from O(config_store) yet, so that Argo CD does not know of it. In check
      mode it would be so right after the write.
  returned: success
  type: bool
  sample: false
permissions_gained:
  description:
    - What the subject may do that it could not do before, in words, through its roles too. C(is no longer denied)
      tells of a deny that is gone.
  returned: success
  type: list
  elements: str
  sample: ["may get clusters *", "may get logs */* (through role:readonly)"]
permissions_lost:
  description: What it may no longer do, in words. C(may not) tells of a new deny.
  returned: success
  type: list
  elements: str
  sample: []
policy:
  description:
    - The keys of C(argocd-rbac-cm) that decide, as they are after the task, or would be in check mode.
    - For O(fleetops.argocd.argocd_can_i#module:policy).
  returned: success
  type: dict
  sample: {"policy.octopus.csv": "p, octopus, clusters, get, *, allow\n"}
findings:
  description:
    - What the policy, as it will be, does not mean although it loads, and where else it speaks of the subject.
    - Up to ten warnings among them are shown as warnings, too.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description:
        - The kind of finding.
        - Of a line, C(also-a-group), C(brace-trap), C(broken-glob), C(broken-regexp), C(caret-class),
          C(comment-after-line), C(crashing-glob), C(dead-effect), C(elsewhere), C(empty-subject), C(long-chain),
          C(never-asked), C(never-matches), C(no-such-role), C(shadowed), C(trailing-space), C(unknown-action),
          C(unknown-resource), C(unknown-to-version), C(useless-denial).
        - Of a key, C(default-role-spaces), C(match-mode), C(no-such-role), C(regex-mode), C(unread-key),
          C(wrong-config-map).
        - Of the subject, C(empty-application-list).
      type: str
    severity:
      description: V(warning), or V(note). A finding that is an error fails the task instead.
      type: str
    key:
      description: The key it is about.
      type: str
    number:
      description: The number of the line in that key, none where it is about the whole key.
      type: int
    text:
      description: What stands there; of a whole key that is no setting, only the ConfigMap.
      type: str
    why:
      description: What is wrong with it.
      type: str
    fix:
      description: What to do.
      type: str
  sample:
    - code: dead-effect
      severity: warning
      key: policy.csv
      number: 3
      text: p, role:ops, applications, sync, */*, Allow
      why: effect 'Allow' is neither allow nor deny, so the line does nothing
      fix: write allow or deny, in small letters
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
