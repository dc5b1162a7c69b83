#!/usr/bin/env bash
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
# ansible-test runs a target in a copy of the tests alone; its output is in the collection.
collection="${OUTPUT_DIR%/tests/output/*}"
exec ../setup_sandbox/run_with_openbao.sh -e "ready_rights=$collection/docs/rights" "$@"
