#!/usr/bin/env bash
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs the test.yml of the current directory with gateway.py between it and the cluster; `gateway_file` says where.
set -euo pipefail

gateway="$OUTPUT_DIR/gateway.json"
python "$(dirname "${BASH_SOURCE[0]}")/gateway.py" ../../integration_config.yml c1 "$gateway" &
gateway_pid=$!
trap 'kill "$gateway_pid"' EXIT
for _ in $(seq 100); do
    [ -f "$gateway" ] && break
    sleep 0.1
done

../setup_sandbox/run.sh -e "gateway_file=$gateway" "$@"
