#!/bin/sh
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Stands in for Helm: writes down its arguments and what it is given to read.
printf '%s\n' "$*" >>"$HOME/helm.arguments"
cat >>"$HOME/helm.read"
