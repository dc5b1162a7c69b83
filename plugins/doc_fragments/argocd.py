# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to reach and log in to Argo CD."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of the Argo CD API."""

    DOCUMENTATION = r"""
options:
  argocd_url:
    description:
      - Address of Argo CD, with or without C(https://), with its root path if it has one.
      - The proxy variables of the environment (E(HTTPS_PROXY), E(NO_PROXY)) count for Argo CD.
      - Not needed with another O(argocd_transport) than V(direct), and then not connected to. If set, its root path
        counts nevertheless, and with V(port_forward) its host is the name that the certificate is checked for.
      - If not set, the environment variable E(ARGOCD_SERVER) is used. A play with more than one host refuses that,
        since it would be the Argo CD of all of them.
    type: str
  argocd_auth_token:
    description:
      - Token to log in to Argo CD with. Needs C(accounts, get) and C(accounts, update) on the account.
      - If not set, the environment variable E(ARGOCD_AUTH_TOKEN) is used.
    type: str
  argocd_username:
    description:
      - Name to log in to Argo CD with, for example V(admin).
      - If not set, the environment variable E(ARGOCD_AUTH_USERNAME) is used.
    type: str
  argocd_password:
    description:
      - Password that goes with O(argocd_username). A refused login is never tried again.
      - If not set, the environment variable E(ARGOCD_AUTH_PASSWORD) is used.
    type: str
  argocd_ca_cert:
    description: Path of the CA certificate of Argo CD.
    type: path
  argocd_client_cert:
    description: Path of a client certificate for a proxy before Argo CD.
    type: path
  argocd_client_key:
    description: Path of the key that goes with O(argocd_client_cert).
    type: path
  argocd_validate_certs:
    description: Whether to verify the certificate of Argo CD.
    type: bool
    default: true
  argocd_headers:
    description: More headers for every request to Argo CD, as an identity-aware proxy may want. Treated as secrets.
    type: dict
  argocd_timeout:
    description: Seconds to wait for one answer of Argo CD.
    type: int
    default: 30
  argocd_namespace:
    description: Namespace of Argo CD.
    type: str
    default: argocd
  argocd_in_cluster:
    description:
      - Whether to use the service account of the pod this runs in for the Kubernetes API.
      - Says so explicitly. A play with more than one host refuses to guess the cluster.
    type: bool
    default: false
  argocd_transport:
    description:
      - V(direct) connects to O(argocd_url). The other two need no address, ingress or route of Argo CD, only the
        Kubernetes API.
      - V(kubernetes_proxy) goes through the service proxy of the API server. The token travels in the cookie
        C(argocd.token), as the API server keeps the C(Authorization) header for itself. The API server does not verify
        the certificate of Argo CD, so O(argocd_ca_cert), O(argocd_client_cert) and O(argocd_validate_certs) do not
        count. Needs C(get), C(create) and C(delete) on C(services/proxy).
      - V(port_forward) forwards a port of a pod of O(argocd_service), and speaks TLS with Argo CD inside of it, end to
        end. Without O(argocd_url) the name in the certificate must be C(<service>.<namespace>.svc), as in the one that
        Argo CD makes for itself. Needs C(get) on C(services), C(list) on C(pods), C(get) and C(create) on
        C(pods/portforward).
    type: str
    choices: [direct, kubernetes_proxy, port_forward]
    default: direct
  argocd_service:
    description:
      - Service of Argo CD's API in O(argocd_namespace), for O(argocd_transport=kubernetes_proxy) and
        O(argocd_transport=port_forward). Either its name, for its port named V(https), or
        C(<scheme>:<name>:<port>) as the Kubernetes API writes it, for example V(http:argocd-server:http) where Argo CD
        runs with C(--insecure).
      - If not set, the one Service with a port V(https) or V(http) that is labelled
        C(app.kubernetes.io/part-of=argocd,app.kubernetes.io/component=server). It needs C(list) on C(services). None,
        or several, is an error that names them.
    type: str
"""
