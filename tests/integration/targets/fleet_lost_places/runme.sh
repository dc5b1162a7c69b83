#!/usr/bin/env bash
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
clusters=$(sed -n 's/.*"large_fleet": \([0-9]*\).*/\1/p' ../../integration_config.yml)
exec ../setup_sandbox/run_with_fleet.sh "${clusters:-300}" "$@"
