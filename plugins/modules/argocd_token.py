#!/usr/bin/python
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a stored token of an account, or mint, prove and store a new one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: argocd_token
short_description: Keep an Argo CD account's token stored and working
version_added: 0.1.0
description:
  - Reads the token from the first place in O(store). A token that Argo CD accepts is kept.
  - Otherwise announces a new id in the record beside it, mints, proves the token (it logs in, and every item of
    O(checks)
    is answered as said), stores it, reads it back, and settles the record. Only then is it in effect.
  - A token that works is renewed when O(renew_before), O(renew_after), a changed O(expires_in) or O(rotate) ask for
    it. It mints its successor by itself.
  - A token that cannot be proven is revoked and no place is touched.
  - What it replaced is revoked after O(revoke_after). No token that the record does not know is ever revoked, unless
    it is
    named in O(revoke_unknown).
  - The token never leaves this task unless O(return_token) is set or O(store) ends with a V(fact).
author:
  - fleetops.argocd contributors (@fleetops)
notes:
  - The first token needs a login to Argo CD with C(accounts, get) and C(accounts, update) on the account, and so does
    one after a loss. A stored token that works is kept, and renews itself, without any other login.
  - The clock of Argo CD decides what has expired. Where it and the one of this machine are more than 60 seconds apart
    the
    module warns; more than an hour is an error.
  - A place that cannot be read is an error, never taken for an empty one. Where the place and the server disagree in
    a way no
    ordinary run explains, the module fails unless O(recover) or O(overwrite) is set, so that a wrong path cannot mint
    anew for
    a whole fleet.
  - With a place on the controller, a C(fact) or O(return_token) the task runs on the controller, whatever the
    connection, and not with C(async).
options:
  account:
    description: The account. It must exist, be enabled and have the capability C(apiKey).
    type: str
    required: true
  token_name:
    description:
      - Name of the slot on the account. Ids are C(<token_name>-<time>-<random>) and never used again.
      - The default is the account's name.
    type: str
  method:
    description:
      - V(api) asks Argo CD for tokens.
      - V(kubernetes) needs no login to Argo CD, and is never taken by itself, because it is as good as admin. It signs
        with
        C(server.secretkey) of C(argocd-secret) and puts the id into the account's list there, with C(get) and
        C(patch) on that
        Secret. The token is proven as ever before it is stored, so O(argocd_url) is needed all the same.
    type: str
    choices: [api, kubernetes]
    default: api
  expires_in:
    description:
      - Lifetime of a new token, such as V(90d), V(12h), V(30m) or seconds. If not set it never expires, as is Argo
        CD's own
        default.
      - A stored token is renewed where another lifetime was asked for when it was minted.
    type: str
  renew_before:
    description:
      - How long before its end a token is renewed, such as V(30d). It must be shorter than O(expires_in), and longer
        than the
        time between two runs. If not set a token is replaced only after it has expired.
    type: str
  renew_after:
    description:
      - The age at which a token is renewed, such as V(60d).
    type: str
  renew_spread:
    description:
      - Renewals are brought forward by a part of this, which is always the same for one token of one installation.
        So a fleet
        does not renew all its tokens in one night.
    type: str
  rotate:
    description:
      - Whether to renew a token that works in any case. Every run with it does.
    type: bool
    default: false
  revoke_after:
    description:
      - How long a token goes on working after its successor was stored, such as V(7d) or V(0). Then it is revoked, and
        proven
        to be refused. So whoever reads a place only now and then is not cut off.
      - Only ids of the record beside the stored token are revoked, also those that a run announced and never stored.
        One that
        has expired is revoked at once.
    type: str
    default: 7d
  revoke_unknown:
    description:
      - Ids of the account to revoke although the record does not know them, such as RV(unknown) names; those of the
        record
        before they are due. The one that is stored is never revoked.
    type: list
    elements: str
    default: []
  checks:
    description:
      - Questions the token must answer as said, allowed and not allowed.
      - Asked of a new token before it is stored.
    type: list
    elements: dict
    default: []
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
            does not cover.
        type: str
        default: "*"
      allowed:
        description: The answer that must come.
        type: bool
        default: true
  instance_uid:
    description:
      - The uid of C(argocd-cm), as M(fleetops.argocd.argocd_account) returns it. If not set, it is read from
        Kubernetes.
    type: str
  recover:
    description:
      - Whether to mint a new token although the server lists a live one of this name that the place lost, or refuses
        the stored
        one, or the record is of another installation.
    type: bool
    default: false
  overwrite:
    description:
      - Whether to overwrite a stored value that is not an Argo CD token of this account.
    type: bool
    default: false
  return_token:
    description:
      - Whether to return a newly minted token. The result is then hidden from the output, but whoever reads the
        registered variable has the token.
      - ansible-core before 2.16.13, and 2.17 before 2.17.6, would show it all the same. There the task needs
        C(no_log=true).
    type: bool
    default: false
  state:
    description:
      - V(absent) revokes every token that the record beside the stored one names, and that one itself, proves that
        they are
        refused, and only then removes token and record from every place of O(store).
      - It needs no other login while the stored token works, and none where C(argocd-cm) has no such account any
        more.
    type: str
    choices: [present, absent]
    default: present
  force_owner:
    description:
      - With O(method=kubernetes), whether to write the account's list of tokens although External Secrets or Sealed
        Secrets own C(argocd-secret) and would undo it.
    type: bool
    default: false
  planned:
    description:
      - Says that an earlier step of the same run would change the account or its policy, or remove it with
        O(state=absent). Only looked at in check mode, where the server then cannot tell yet.
    type: bool
    default: false
extends_documentation_fragment:
  - fleetops.argocd.attributes
  - fleetops.argocd.kubernetes
  - fleetops.argocd.argocd
  - fleetops.argocd.sink
  - fleetops.argocd.waiting
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: With O(rotate) every run renews.
"""

EXAMPLES = r"""
- name: Keep the token of the account in a vaulted variable
  fleetops.argocd.argocd_token:
    context: production
    argocd_url: argocd.example.com
    argocd_username: admin
    argocd_password: "{{ argocd_admin_password }}"
    account: octopus
    checks:
      - action: get
        resource: clusters
      - action: delete
        resource: applications
        object: "*/*"
        allowed: false
    store:
      - type: ansible_vault

- name: A token that lives 90 days and is renewed 30 days before its end, by itself
  fleetops.argocd.argocd_token:
    context: production
    argocd_url: argocd.example.com
    account: octopus
    expires_in: 90d
    renew_before: 30d
    renew_spread: 7d
    store:
      - type: ansible_vault

- name: A token that expires, in a file and variable of one's own
  fleetops.argocd.argocd_token:
    context: production
    argocd_url: argocd.example.com
    argocd_username: admin
    argocd_password: "{{ argocd_admin_password }}"
    account: ci
    token_name: nightly
    expires_in: 90d
    store:
      - type: ansible_vault
        file: group_vars/all/tokens.yml
        variable: ci_argocd_token
        vault_id: prod

- name: In a Secret beside Argo CD, as argocd-image-updater reads it
  fleetops.argocd.argocd_token:
    context: production
    argocd_url: argocd.example.com
    argocd_username: admin
    argocd_password: "{{ argocd_admin_password }}"
    account: image-updater
    store:
      - type: kubernetes_secret
        namespace: argocd
        name: argocd-image-updater-secret
        key: argocd.token

- name: In a vaulted variable, and in a Secret of another cluster as an env file
  fleetops.argocd.argocd_token:
    context: production
    argocd_url: argocd.example.com
    argocd_username: admin
    argocd_password: "{{ argocd_admin_password }}"
    account: ci
    store:
      - type: ansible_vault
      - type: kubernetes_secret
        namespace: ci
        name: argocd-production
        key: env
        format: env
        labels:
          app.kubernetes.io/part-of: ci
        connection:
          # AWX injects the path, which a place does not take by itself. Empty is that of KUBECONFIG, or ~/.kube/config.
          kubeconfig: "{{ lookup('ansible.builtin.env', 'K8S_AUTH_KUBECONFIG') }}"
          context: tools

- name: In HashiCorp Vault or OpenBao, with the login of VAULT_TOKEN
  fleetops.argocd.argocd_token:
    context: production
    argocd_url: argocd.example.com
    argocd_username: admin
    argocd_password: "{{ argocd_admin_password }}"
    account: backstage
    store:
      - type: hashicorp_vault
        path: argocd/production
        connection:
          url: https://vault.example.com:8200

- name: Revoke the tokens, and remove them from where they are stored
  fleetops.argocd.argocd_token:
    context: production
    argocd_url: argocd.example.com
    account: backstage
    store:
      - type: hashicorp_vault
        path: argocd/production
        connection:
          url: https://vault.example.com:8200
    state: absent
"""

RETURN = r"""
account:
  description: The account.
  returned: success
  type: str
  sample: octopus
token_name:
  description: The slot on the account.
  returned: success
  type: str
  sample: octopus
instance_uid:
  description: The uid of C(argocd-cm).
  returned: success
  type: str
  sample: 6f1c1a58-6b0c-4b52-9c0e-0a3f8d2b9a11
action:
  description:
    - What was done, V(kept), V(minted) in place of none that works, or V(renewed).
    - V(revoked) or V(absent) where O(state=absent).
  returned: success
  type: str
  sample: kept
reason:
  description: Why.
  returned: success
  type: str
  sample: the server accepts the stored token
id:
  description: Id of the token in effect; null where only the real run can know it.
  returned: success
  type: str
  sample: octopus-20261121T060000Z-1a2b3c4d
issued_at:
  description: When it was issued.
  returned: success
  type: str
  sample: "2026-11-21T06:00:00Z"
expires_at:
  description: When it expires; null for never, or where only the real run can know it.
  returned: success
  type: str
  sample: "2027-02-19T06:00:00Z"
superseded:
  description: Ids of the record that are still to be revoked, when they are due.
  returned: success
  type: list
  elements: str
  sample: [octopus-20260822T060000Z-5e6f7a8b]
revoked:
  description: Ids that this task revoked.
  returned: success
  type: list
  elements: str
  sample: []
unknown:
  description: Ids of the account that the record does not know, with their age in seconds. They are
    revoked only when named in O(revoke_unknown).
  returned: success
  type: list
  elements: dict
  sample: [{"id": "made-by-hand", "age": 86400, "expired": false}]
matrix:
  description: What a newly minted token was answered; one row for each item of O(checks).
  returned: success
  type: list
  elements: dict
  sample: [{"action": "get", "resource": "clusters", "object": "*", "expected": "yes", "answer": "yes", "ok": true}]
stored_in:
  description: The places that hold the token; C(label) says in words where it is.
  returned: success
  type: list
  elements: dict
  sample:
    - type: ansible_vault
      file: /inventory/host_vars/c1/argocd.yml
      variable: argocd_octopus_token
      vault_id: default
      label: variable argocd_octopus_token in /inventory/host_vars/c1/argocd.yml
token:
  description: The token. The result is then hidden from the output.
  returned: when O(return_token) is set and a token was minted, or O(store) ends with a C(fact)
  type: str
from_environment:
  description: Names of the environment variables that options took their value from.
  returned: always
  type: list
  elements: str
  sample: [K8S_AUTH_KUBECONFIG]
"""

from ansible_collections.fleetops.argocd.plugins.module_utils._flows import token
from ansible_collections.fleetops.argocd.plugins.module_utils._wiring import run_module
from ansible_collections.fleetops.argocd.plugins.module_utils.arguments import TOKEN


def main() -> None:
    """Run the flow as an ordinary module."""
    run_module(TOKEN, token.run)


if __name__ == "__main__":
    main()
