#!/usr/bin/python
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a local account of Argo CD into the wanted state."""

from __future__ import annotations

DOCUMENTATION = r"""
module: argocd_account
short_description: Manage a local account of Argo CD
version_added: 0.1.0
description:
  - Manages the keys C(accounts.<name>) of the ConfigMap C(argocd-cm), and, for passwords and removal, of the Secret
    C(argocd-secret). All other keys stay byte for byte.
  - Compares as Argo CD parses, so C(apiKey, login) and C(apiKey,login) are the same.
  - Disabling an account, or taking its C(apiKey), is how an operator stops it. This module undoes neither unless
    O(reenable) is set.
author:
  - fleetops.argocd contributors (@fleetops)
notes:
  - Needs C(get) and C(patch) on the ConfigMap C(argocd-cm), and on the Secret C(argocd-secret) for O(account_password),
    O(account_password_hash), O(account_password_store) and O(state=absent).
  - Reading C(argocd-secret) shows the signing key of Argo CD, so that right is as good as admin.
options:
  name:
    description:
      - Name of the account, 1 to 32 of the characters C(A-Z a-z 0-9 _ -).
    type: str
    required: true
  capabilities:
    description:
      - V(apiKey) allows tokens, V(login) allows the web UI and CLI. Case matters.
      - If not set, capabilities stay as they are.
    type: list
    elements: str
  enabled:
    description:
      - Whether the account is enabled. If not set, it stays as it is; a new account is enabled.
    type: bool
  account_password:
    description:
      - Password of the account. Needs the Python package C(bcrypt).
      - Written only when the stored hash does not match it, together with C(passwordMtime). This ends every API token
        issued
        before, see O(end_tokens).
    type: str
  account_password_rotate:
    description:
      - Whether to make a new password in any case, with O(account_password_store). Every run with it does.
    type: bool
    default: false
  recover:
    description:
      - Whether to make a new password although the places of O(account_password_store) and Argo CD disagree in a way no
        ordinary run explains, such as an empty place beside an account that has a password, or a record of another
        installation.
    type: bool
    default: false
  overwrite:
    description:
      - Whether to overwrite, or to remove, a value in a place of O(account_password_store) that is not the account's
        password.
    type: bool
    default: false
  account_password_mtime:
    description:
      - When a changed password counts as set, in UTC such as V(2026-11-21T06:00:00Z); now if not set.
      - A token issued at that very second stays valid. So with the RV(fleetops.argocd.argocd_token#module:issued_at) of
        a token that was
        stored just before, there is no moment without a token that works.
      - A time before the one at which the password was last changed is refused, since tokens that ended then would work
        again, and so is one in the future, until which no token and no login would work.
    type: str
  known_tokens:
    description:
      - Ids of API tokens that may end by a changed password.
    type: list
    elements: str
    default: []
  end_tokens:
    description:
      - Whether a changed password may end any API token of the account. Otherwise one that is not in O(known_tokens)
        is an error.
    type: bool
    default: false
  account_password_hash:
    description:
      - Bcrypt hash of the password, written only when it differs from the stored one.
    type: str
  reenable:
    description:
      - Whether to enable a disabled account again, or to give back a removed C(apiKey). Its old tokens then work again.
    type: bool
    default: false
  override_admin_enabled:
    description:
      - Whether to write C(accounts.admin.enabled), which overrides C(admin.enabled) set to V("false"), for the
        account C(admin).
    type: bool
    default: false
  force_owner:
    description:
      - Whether to write even though the ConfigMap belongs to an operator or to Argo CD itself, which would undo it.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait, after a change, until Argo CD shows the account as written. Needs a login to Argo CD; without
        one there
        is no wait.
    type: bool
    default: true
  state:
    description: Whether the account exists.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - fleetops.argocd.attributes
  - fleetops.argocd.kubernetes
  - fleetops.argocd.argocd
  - fleetops.argocd.sink.password_store
  - fleetops.argocd.waiting
  - fleetops.argocd.config_store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: With O(account_password_rotate) every run makes a new password.
"""

EXAMPLES = r"""
- name: Create the account of the vendor's page
  fleetops.argocd.argocd_account:
    kubeconfig: ~/.kube/config
    context: production
    name: octopus
    capabilities: [apiKey]
    enabled: true

- name: Stop an integration at once
  fleetops.argocd.argocd_account:
    context: production
    name: octopus
    enabled: false

- name: Set a password that counts as set when the stored token was issued
  fleetops.argocd.argocd_account:
    context: production
    name: octopus
    capabilities: [apiKey, login]
    account_password: "{{ octopus_password }}"
    account_password_mtime: "{{ argocd_user_token.issued_at }}"
    known_tokens: "{{ [argocd_user_token.id] + argocd_user_token.superseded }}"

- name: Create it where a chart's values are kept, for the commit that comes next
  fleetops.argocd.argocd_account:
    context: production
    name: octopus
    capabilities: [apiKey]
    config_store:
      type: helm_values
      file: argo-cd/values.yaml
      prefix: argo-cd

- name: Create it where an operator runs Argo CD, and wait until it has come to the ConfigMap
  fleetops.argocd.argocd_account:
    context: production
    name: octopus
    capabilities: [apiKey]
    config_store:
      type: argocd_resource
    settle_time: 1m

- name: Make a password, and keep it in a Secret of the cluster, as Codefresh reads it
  fleetops.argocd.argocd_account:
    context: production
    argocd_url: argocd.example.com
    name: codefresh
    capabilities: [apiKey, login]
    account_password_store:
      - type: kubernetes_secret
        namespace: argocd
        name: codefresh-argocd

- name: Remove an account with its password and tokens
  fleetops.argocd.argocd_account:
    context: production
    name: octopus
    state: absent
"""

RETURN = r"""
account:
  description: The account as Argo CD reads it after the change; empty when absent.
  returned: success
  type: dict
  sample: {"name": "octopus", "enabled": true, "capabilities": ["apiKey"]}
instance_uid:
  description: The uid of C(argocd-cm), which tells this installation from any other.
  returned: success
  type: str
  sample: 6f1c1a58-6b0c-4b52-9c0e-0a3f8d2b9a11
seen:
  description: Whether Argo CD was seen to show the account; null when not asked, where Argo CD gave no answer (a
    warning says why), and where the login is of the very account that was stopped, removed or given another password.
  returned: success
  type: bool
  sample: true
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
password_changed:
  description: Whether the password was, or would be, changed.
  returned: success
  type: bool
  sample: false
password_reason:
  description: Why the stored password was kept, set or made anew.
  returned: with O(account_password_store)
  type: str
  sample: the stored password is the one in effect
password_stored_in:
  description: Where the password is stored.
  returned: with O(account_password_store)
  type: list
  elements: dict
  sample:
    - type: kubernetes_secret
      host: https://production.example.com:6443
      namespace: argocd
      name: codefresh-argocd
      key: password
      format: raw
      label: key password of Secret argocd/codefresh-argocd at https://production.example.com:6443
helm_values:
  description: What the values of the argo-cd chart would have to say for the same account.
  returned: success
  type: str
  sample: "configs:\n  cm:\n    accounts.octopus: apiKey\n"
from_environment:
  description: Names of the environment variables that options took their value from.
  returned: always
  type: list
  elements: str
  sample: [K8S_AUTH_KUBECONFIG]
"""

from ansible_collections.fleetops.argocd.plugins.module_utils._flows import account
from ansible_collections.fleetops.argocd.plugins.module_utils._wiring import run_module
from ansible_collections.fleetops.argocd.plugins.module_utils.arguments import ACCOUNT


def main() -> None:
    """Run the flow as an ordinary module."""
    run_module(ACCOUNT, account.run)


if __name__ == "__main__":
    main()
