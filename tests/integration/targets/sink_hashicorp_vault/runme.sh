#!/usr/bin/env bash
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A real OpenBao runs beside the target, on the loopback, and is stopped by its pid.
set -euo pipefail
info="$OUTPUT_DIR/openbao/info.json"
python openbao.py "$info" &
openbao=$!
trap 'kill "$openbao"; wait "$openbao" || true' EXIT
while [ ! -f "$info" ]; do
    kill -0 "$openbao"
    sleep 0.1
done
../setup_sandbox/run.sh -e "openbao_info=$info" "$@"
