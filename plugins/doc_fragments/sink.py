# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place for a token, as argocd_token writes it and argocd_can_i reads it."""

from __future__ import annotations

from textwrap import indent

_SUBOPTIONS = r"""
type:
  description:
    - V(ansible_vault) is a vaulted variable in a variables file on the controller.
    - V(kubernetes_secret) is a key of a Secret in any cluster. Everything else in the Secret stays as it is; it is
      created where it does not exist. One that somebody else writes (an owner reference, External Secrets, Sealed
      Secrets, an Argo CD Application) or that is immutable is refused before anything is minted. Needs C(get),
      C(create) and C(patch) on Secrets there.
    - An Application is known by its annotation. One that marks by a label, the default before Argo CD 3.0, is looked
      for in O(argocd_namespace) of the Secret's cluster, since charts set the same label, and counts where its status
      lists the Secret. It is seen where the login has C(get) on Applications there, and C(get) on C(argocd-cm) where
      C(application.instanceLabelKey) renames the label. One of another namespace, or of an Argo CD in another cluster,
      is not seen.
    - V(hashicorp_vault) is a key of a secret in a KV engine of version 2 of HashiCorp Vault or OpenBao. The other keys
      stay as they are, and nothing is written where nothing changes. Where C(url) leads to standbys that answer reads
      themselves, what was written is read again for a few seconds, until they show it. Needs the Python package C(hvac)
      where the task runs, and C(read), C(create) and C(update) on the path.
    - V(fact) is no place but an output, only as the last item of C(store). The token, kept or new, is returned as
      C(token), and the role makes it a fact for the rest of the play, which is never cached.
  type: str
  choices: [ansible_vault, kubernetes_secret, hashicorp_vault, fact]
  default: ansible_vault
file:
  description:
    - The variables file. A relative path starts at the inventory's directory.
    - The default is C(host_vars/<inventory_hostname>/argocd.yml) beside the inventory, or the one file that the host
      has there already (C(host_vars/<inventory_hostname>.yml), for example), because Ansible ignores that file once a
      directory of the host's name exists.
  type: path
variable:
  description:
    - The variable, or the name of the fact. With V(ansible_vault) the record is stored beside it as
      C(<variable>_record), in plain text.
    - The default is C(argocd_<account>_token), with C(_) for characters a variable cannot have.
  type: str
vault_id:
  description:
    - Vault id to encrypt with. Needed only where several are loaded and none is the default for encrypting.
  type: str
namespace:
  description: Namespace of the Secret. Needed with V(kubernetes_secret).
  type: str
name:
  description: Name of the Secret. Needed with V(kubernetes_secret).
  type: str
key:
  description:
    - The key in the Secret, or in the secret of the KV engine.
    - The record is in the annotation C(record.fleetops.argocd/<key>) of the Secret, or in the key C(<key>_record)
      beside it, in plain text.
  type: str
  default: token
format:
  description:
    - How the value is written. V(raw) is the token itself, V(cookie) is C(argocd.token=<token>).
    - V(env) is an env file with C(ARGOCD_SERVER) and C(ARGOCD_AUTH_TOKEN), and C(ARGOCD_OPTS) where Argo CD has a root
      path.
    - A value in another of these formats is read, and written anew as asked.
  type: str
  choices: [raw, cookie, env]
  default: raw
secret_type:
  description:
    - Type of the Secret. A new one is C(Opaque) if not set; the type of one that exists cannot be changed.
  type: str
labels:
  description: Labels that the Secret must have. Others stay.
  type: dict
engine_mount_point:
  description: Where the KV engine is mounted.
  type: str
  default: secret
path:
  description: Path of the secret in the KV engine. Needed with V(hashicorp_vault).
  type: str
connection:
  description:
    - With V(kubernetes_secret), how to reach another cluster than that of Argo CD. The options of this module for
      Kubernetes, by the same names, such as C(kubeconfig) and C(context). Nothing of the environment is used, and it
      must name the cluster and a login. If not set, the Secret is in the cluster of Argo CD.
    - With V(hashicorp_vault), options of community.hashi_vault by their names, C(url), C(auth_method) (V(token) or
      V(approle)), C(token), C(role_id), C(secret_id), C(mount_point), C(namespace), C(ca_cert) and C(validate_certs).
      What is not set comes from its environment variables, E(VAULT_ADDR), E(VAULT_TOKEN), E(VAULT_NAMESPACE),
      E(VAULT_CACERT), and before these E(ANSIBLE_HASHI_VAULT_ADDR) and so on for each. E(VAULT_SKIP_VERIFY) is the
      opposite of C(validate_certs), and counts where neither that nor E(ANSIBLE_HASHI_VAULT_VALIDATE_CERTS) is set; a
      value of it that is no switch, such as an empty one, leaves certificates verified, as there.
  type: dict
"""

# What is not said of a place for a password: it has no form, and is no output.
_FACT = _SUBOPTIONS[_SUBOPTIONS.index("    - V(fact)") : _SUBOPTIONS.index("  type: str\n  choices: [ansible_vault")]
_FORMAT = _SUBOPTIONS[_SUBOPTIONS.index("format:\n") : _SUBOPTIONS.index("secret_type:\n")]
_PASSWORD_SUBOPTIONS = (
    _SUBOPTIONS.replace(_FACT, "")
    .replace(_FORMAT, "")
    .replace(", fact]", "]")
    .replace("default: token\n", "default: password\n")
    .replace("C(argocd_<account>_token)", "C(argocd_<account>_password)")
    .replace("before anything is minted", "before anything is written")
    .replace("The variable, or the name of the fact.", "The variable.")
)


class ModuleDocFragment:
    """The option `store` of argocd_token, `token_from` of argocd_can_i, and the same for a password."""

    # Annotated, because ansible-test's yamllint fails on a plain assignment of anything but a literal.
    DOCUMENTATION: str = rf"""
options:
  store:
    description:
      - Where the token is stored. The first place is read; the others are brought in line with it.
    type: list
    elements: dict
    default: []
    suboptions:
{indent(_SUBOPTIONS, " " * 6)}
"""

    TOKEN_FROM: str = rf"""
options:
  token_from:
    description: Where to read the token instead.
    type: dict
    suboptions:
{indent(_SUBOPTIONS, " " * 6)}
"""

    PASSWORD_STORE: str = rf"""
options:
  account_password_store:
    description:
      - Where a password that is made here is stored, instead of one that is given. Needs the Python package C(bcrypt),
        and C(get) and C(patch) on the Secret C(argocd-secret).
      - The first place is read; the others are brought in line with it. A stored password that is the one in effect is
        kept, run after run. Otherwise a new one, which matches C(passwordPattern) of C(argocd-cm), is stored, then set,
        read back, and, where O(argocd_url) is set, logged in with.
      - While the account is disabled, or RV(pending), it cannot log in. Then that is left out, with a warning, and no
        later run makes up for it; M(fleetops.argocd.argocd_can_i) does, with its option C(password_from).
      - With O(state=absent) what is stored is removed after the account.
    type: list
    elements: dict
    default: []
    suboptions:
{indent(_PASSWORD_SUBOPTIONS, " " * 6)}
"""

    PASSWORD_FROM: str = rf"""
options:
  password_from:
    description:
      - Where to read the password of O(account), to ask by a login of the account itself, instead of a token. One that
        is refused is not tried again, because Argo CD counts.
    type: dict
    suboptions:
{indent(_PASSWORD_SUBOPTIONS, " " * 6)}
"""
