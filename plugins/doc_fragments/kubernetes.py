# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of kubernetes.core, under the same names."""

from __future__ import annotations


class ModuleDocFragment:
    """How to reach the Kubernetes API."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of a kubeconfig, or a kubeconfig as a dictionary.
      - Without it, O(context) and O(host), the modules use the cluster they run in, else what E(KUBECONFIG) names, else
        C(~/.kube/config).
      - If not set, the environment variable E(K8S_AUTH_KUBECONFIG) is used.
    type: raw
  context:
    description:
      - Name of the context in the kubeconfig.
      - If not set, the environment variable E(K8S_AUTH_CONTEXT) is used.
    type: str
  host:
    description:
      - URL of the Kubernetes API.
      - If not set, the environment variable E(K8S_AUTH_HOST) is used. Either counts more than the server of a
        kubeconfig, so a play with more than one host refuses the variable.
    type: str
  api_key:
    description:
      - Bearer token for the Kubernetes API.
      - If not set, the environment variable E(K8S_AUTH_API_KEY) is used.
    type: str
  username:
    description:
      - Name for an API that takes HTTP basic authentication.
      - If not set, the environment variable E(K8S_AUTH_USERNAME) is used.
    type: str
  password:
    description:
      - Password that goes with O(username).
      - If not set, the environment variable E(K8S_AUTH_PASSWORD) is used.
    type: str
  validate_certs:
    description:
      - Whether to verify the certificate of the Kubernetes API.
      - If not set, the environment variable E(K8S_AUTH_VERIFY_SSL) is used.
    type: bool
    aliases: [verify_ssl]
  ca_cert:
    description:
      - Path of the CA certificate of the Kubernetes API.
      - If not set, the environment variable E(K8S_AUTH_SSL_CA_CERT) is used.
    type: path
    aliases: [ssl_ca_cert]
  client_cert:
    description:
      - Path of a client certificate for the Kubernetes API.
      - If not set, the environment variable E(K8S_AUTH_CERT_FILE) is used.
    type: path
    aliases: [cert_file]
  client_key:
    description:
      - Path of the key that goes with O(client_cert).
      - If not set, the environment variable E(K8S_AUTH_KEY_FILE) is used.
    type: path
    aliases: [key_file]
  proxy:
    description:
      - URL of an HTTP proxy to the Kubernetes API. The usual proxy variables of the environment do not count.
      - If not set, the environment variable E(K8S_AUTH_PROXY) is used.
    type: str
  no_proxy:
    description:
      - Comma-separated hosts that are reached without the proxy.
      - If not set, the environment variable E(K8S_AUTH_NO_PROXY) is used.
    type: str
  proxy_headers:
    description: Headers for the proxy.
    type: dict
    suboptions:
      proxy_basic_auth:
        description:
          - C(user:password) for the proxy.
          - If not set, the environment variable E(K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH) is used.
        type: str
      basic_auth:
        description:
          - C(user:password) for the server, sent to the proxy.
          - If not set, the environment variable E(K8S_AUTH_PROXY_HEADERS_BASIC_AUTH) is used.
        type: str
      user_agent:
        description:
          - The user agent to name.
          - If not set, the environment variable E(K8S_AUTH_PROXY_HEADERS_USER_AGENT) is used.
        type: str
  persist_config:
    description:
      - Whether to write refreshed tokens back to the kubeconfig.
      - If not set, the environment variable E(K8S_AUTH_PERSIST_CONFIG) is used.
    type: bool
  impersonate_user:
    description:
      - User to act as on the Kubernetes API.
      - If not set, the environment variable E(K8S_AUTH_IMPERSONATE_USER) is used.
    type: str
  impersonate_groups:
    description:
      - Groups to act as on the Kubernetes API.
      - If not set, the environment variable E(K8S_AUTH_IMPERSONATE_GROUPS) is used, with commas between groups.
    type: list
    elements: str
requirements:
  - kubernetes >= 24.2.0
  - requests
"""
