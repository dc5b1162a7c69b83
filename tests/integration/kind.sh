#!/usr/bin/env bash
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Three kind clusters with an Argo CD each, described in build/kind/clusters.yml: kind.sh REF
# REF is a branch or tag of argo-cd: release-3.0, v3.0.5, stable.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

manifests="https://raw.githubusercontent.com/argoproj/argo-cd/$1/manifests/install.yaml"
directory="$PWD/build/kind"
mkdir -p "$directory"
printf -- '---\nclusters:\n' >"$directory/clusters.yml"
for number in 1 2 3; do
    name="argocd-$number"
    port=$((8440 + number))
    export KUBECONFIG="$directory/$name.kubeconfig"
    kind create cluster --name "$name" --wait 5m --config - <<END
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
  - role: control-plane
    extraPortMappings: [{containerPort: 30443, hostPort: $port, listenAddress: 127.0.0.1}]
END
    kubectl create namespace argocd
    kubectl apply --namespace argocd --server-side --filename "$manifests"
    # Accounts, policy and tokens take argocd-server and Redis, nothing else.
    kubectl scale --namespace argocd --replicas 0 statefulset/argocd-application-controller deployment/argocd-repo-server \
        deployment/argocd-applicationset-controller deployment/argocd-dex-server deployment/argocd-notifications-controller
    # Wrong passwords are part of the tests.
    kubectl set env --namespace argocd deployment/argocd-server ARGOCD_SESSION_FAILURE_MAX_FAIL_COUNT=10000
    kubectl patch service argocd-server --namespace argocd \
        --patch '{"spec": {"type": "NodePort", "ports": [{"name": "https", "port": 443, "nodePort": 30443}]}}'
    for deployment in argocd-redis argocd-server; do
        kubectl rollout status --namespace argocd --timeout 5m "deployment/$deployment"
    done
    printf '  c%s: {kubeconfig: "%s", argocd_url: "https://localhost:%s"}\n' "$number" "$KUBECONFIG" "$port" \
        >>"$directory/clusters.yml"
done
