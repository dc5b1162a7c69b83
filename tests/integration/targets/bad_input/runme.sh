#!/usr/bin/env bash
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail

servers="$OUTPUT_DIR/servers.json"
python servers.py "$servers" &
server_pid=$!
trap 'kill "$server_pid"' EXIT
for _ in $(seq 100); do
    [ -f "$servers" ] && break
    sleep 0.1
done

../setup_sandbox/run.sh -e "servers_file=$servers" "$@"
