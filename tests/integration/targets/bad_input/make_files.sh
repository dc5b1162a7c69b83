#!/bin/sh
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copy the files of FROM to TO, and make there what no checkout can hold: `make_files.sh FROM TO`.
set -eu
cp -r "$1" "$2"
cd "$2"
mkdir directory
mkfifo pipe
ln -s loop loop
printf 'region: \377\376\n' > not_utf8.vars
printf 'argocd_octopus_token: "\tx\n' > unfinished.vars
