#!/usr/bin/env bash
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# As run.sh, with a fleet of its own besides: so many clusters as the first argument says, in one sandbox, which is stopped with
# this script.
set -euo pipefail

clusters="$1"
shift
fleet="$OUTPUT_DIR/fleet/info.json"
# ansible-test runs a copy of the targets, without the rest of the collection.
for root in ${ANSIBLE_COLLECTIONS_PATH//:/ }; do
    sandbox="$root/ansible_collections/fleetops/argocd/tests/sandbox"
    [ -d "$sandbox" ] && break
done
python "$sandbox" --clusters "$clusters" --info "$fleet" ${WATCHED_OUTPUT:+--secrets "$OUTPUT_DIR/fleet-secrets"} &
sandbox_pid=$!
trap 'kill "$sandbox_pid"' EXIT
for _ in $(seq 600); do
    [ -f "$fleet" ] && break
    sleep 0.1
done

# `make leakscan` looks for these, too, and the sandbox takes its files along.
[ -z "${WATCHED_OUTPUT:-}" ] || cp "$fleet" "$OUTPUT_DIR/fleet.json"

../setup_sandbox/run.sh -e "fleet_info=$fleet" "$@"
