#!/usr/bin/env bash
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# As run.sh, with a real OpenBao beside the target (`openbao_info` names the file that openbao.py describes), which is stopped by its pid.
set -euo pipefail
setup="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
info="$OUTPUT_DIR/openbao-${PWD##*/}/info.json"
python "$setup/openbao.py" "$info" &
server=$!
trap 'kill "$server"; wait "$server" || true' EXIT
while [ ! -f "$info" ]; do
    kill -0 "$server"
    sleep 0.1
done
"$setup/run.sh" -e "openbao_info=$info" "$@"
