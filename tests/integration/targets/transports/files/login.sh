#!/bin/sh
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A login helper, as the clouds have them: `login.sh SECONDS` thinks that long and prints the token of TOKEN_FILE.
set -eu
sleep "$1"
printf '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "%s"}}' \
    "$(cat "$TOKEN_FILE")"
