#!/usr/bin/python
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask Argo CD what a token may do."""

from __future__ import annotations

DOCUMENTATION = r"""
module: argocd_can_i
short_description: Check that an Argo CD token may do exactly what it should
version_added: 0.1.0
description:
  - Asks Argo CD's C(can-i), as the token's account, every item of O(checks), and fails where an answer is not the one
    that was
    said, both for yes and for no.
  - Proves first that the server accepts the token, because with anonymous access a refused token is answered as
    anonymous.
  - With O(source=policy) it judges the policy itself instead, for any subject, and says which line decides; also a
    policy that is only planned.
author:
  - fleetops.argocd contributors (@fleetops)
notes:
  - The server answers for the caller only and takes objects literally. Sub-resource actions (C(update/*),
    C(action/...)) and
    objects with a colon after the last slash cannot be asked.
options:
  checks:
    description:
      - Questions the token must answer as said, allowed and not allowed.
    type: list
    elements: dict
    required: true
    suboptions:
      action:
        description: For example V(get), V(sync), V(delete).
        type: str
        required: true
      resource:
        description: For example V(applications), V(clusters), V(logs).
        type: str
        required: true
      object:
        description:
          - Name of the object, taken literally. V(*) asks for an object named C(*), which a policy line on C(*/*)
            does not cover; of applications, applicationsets, logs and exec ask about V(*/*).
        type: str
        default: "*"
      allowed:
        description: The answer that must come.
        type: bool
        default: true
  token:
    description: The token to ask with.
    type: str
  account:
    description:
      - Account the token must belong to. Needed with O(token_from) and O(password_from).
      - With O(source=policy), whose rights are judged; an account, a role or a group.
    type: str
  source:
    description:
      - V(server) asks Argo CD with the token. V(policy) needs none and judges C(argocd-rbac-cm) as that version would,
        with the built-in policy, and with the roles of the AppProjects where these may be listed
        (C(docs/rights/project-roles.yml)).
      - With V(policy), sub-resource actions (C(update/*), C(action/apps/Deployment/restart)) and objects with a colon
        can be asked, too. C(update/...) and C(delete/...) are answered as the version enforces them, up to Argo CD 2.14
        by the right to the whole application.
    type: str
    choices: [server, policy]
    default: server
  policy:
    description:
      - With O(source=policy), the keys of C(argocd-rbac-cm) to judge instead of those in the cluster, such as
        RV(fleetops.argocd.argocd_rbac_policy#module:policy).
    type: dict
  groups:
    description:
      - With O(source=policy), groups of the caller as an SSO login would bring them.
    type: list
    elements: str
    default: []
  argocd_version:
    description:
      - With O(source=policy), the version of Argo CD. The default is what the server of O(argocd_url) says.
    type: str
  fail_on_mismatch:
    description:
      - Whether to fail when an answer is not the one that was said.
      - If V(false), a question about a policy that only the server can answer, as of a pattern only Go understands,
        has the answer C(unknown) instead of an error.
    type: bool
    default: true
extends_documentation_fragment:
  - fleetops.argocd.attributes
  - fleetops.argocd.kubernetes
  - fleetops.argocd.argocd
  - fleetops.argocd.sink.token_from
  - fleetops.argocd.sink.password_from
  - fleetops.argocd.waiting
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Tell what the policy lets an account do, without its token, and by which line
  fleetops.argocd.argocd_can_i:
    context: production
    argocd_url: argocd.example.com
    source: policy
    account: octopus
    checks:
      - action: action/apps/Deployment/restart
        resource: applications
        object: default/shop
        allowed: false

- name: Prove what the stored token may and may not do
  fleetops.argocd.argocd_can_i:
    argocd_url: argocd.example.com
    account: octopus
    token_from:
      type: ansible_vault
    checks:
      - action: get
        resource: clusters
      - action: get
        resource: logs
        object: "*/*"
      - action: delete
        resource: applications
        object: "*/*"
        allowed: false
"""

RETURN = r"""
account:
  description: The account that was asked for.
  returned: success
  type: str
  sample: octopus
source:
  description: Where the answers come from, C(server), C(policy) (of the cluster) or C(planned policy) (of O(policy)).
  returned: success
  type: str
  sample: server
matrix:
  description: One row for each item of O(checks). With O(source=policy), C(reason) is the deciding line, or C(no rule).
  returned: success
  type: list
  elements: dict
  sample: [{"action": "get", "resource": "clusters", "object": "*", "expected": "yes", "answer": "yes", "ok": true}]
mismatches:
  description: The rows whose answer is not the one that was said.
  returned: success
  type: list
  elements: dict
  sample: []
from_environment:
  description: Names of the environment variables that options took their value from.
  returned: always
  type: list
  elements: str
  sample: [K8S_AUTH_KUBECONFIG]
"""

from ansible_collections.fleetops.argocd.plugins.module_utils._flows import can_i
from ansible_collections.fleetops.argocd.plugins.module_utils._wiring import run_module
from ansible_collections.fleetops.argocd.plugins.module_utils.arguments import CAN_I


def main() -> None:
    """Run the flow as an ordinary module."""
    run_module(CAN_I, can_i.run)


if __name__ == "__main__":
    main()
