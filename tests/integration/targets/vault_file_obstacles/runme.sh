#!/usr/bin/env bash
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `disk` is a small file system of our own where we may mount one; elsewhere a limit on the size of files stands in.
set -euo pipefail

disk="$OUTPUT_DIR/disk"
mkdir "$disk"
trap 'if mountpoint -q "$disk"; then umount "$disk"; fi' EXIT
mount -t tmpfs -o size=64k fleetops-argocd-test "$disk" 2>/dev/null || true
../setup_sandbox/run.sh -e "disk=$disk" "$@"
