#!/usr/bin/env bash
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What the runme.sh of every target does: an inventory with one host per cluster, a vault password, then test.yml.
set -euo pipefail

setup="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
config="$setup/../../integration_config.yml"
work="$OUTPUT_DIR/${PWD##*/}"
python "$setup/make_inventory.py" "$config" "$work"

export ANSIBLE_CONFIG="$setup/ansible.cfg"
export ANSIBLE_ACTION_PLUGINS="$setup/action_plugins"
export ANSIBLE_FILTER_PLUGINS="$setup/filter_plugins"
export ANSIBLE_CALLBACK_PLUGINS="$setup/callback_plugins"
export ANSIBLE_CONNECTION_PLUGINS="$setup/connection_plugins"
export ANSIBLE_VAULT_PASSWORD_FILE="$work/vault-password"
# 2.16 looks for a job in the home of the passwd file, where the one who started it took $HOME, which is another here.
export ANSIBLE_ASYNC_DIR="$work/async"
export ANSIBLE_LOCALHOST_WARNING=false
export ANSIBLE_INVENTORY_UNPARSED_WARNING=false
export ANSIBLE_RETRY_FILES_ENABLED=false

exec ansible-playbook -i "$work/inventory/hosts.yml" -e "@$config" -e "work=$work" -e "setup=$setup" test.yml "$@"
