#!/usr/bin/env bash
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# The whole run is as talkative as can be, and search.yml looks for the planted secrets in all that it left.
set -euo pipefail

servers="$OUTPUT_DIR/servers.json"
python servers.py "$servers" &
server_pid=$!
trap 'kill "$server_pid"; rm -rf "${temporary:-}"' EXIT
for _ in $(seq 100); do
    [ -f "$servers" ] && break
    sleep 0.1
done

planted="$OUTPUT_DIR/planted.json"
python -c 'import json, secrets; print(json.dumps({name: secrets.token_hex(16) for name in ("password", "api_key", "token", "header")}))' >"$planted"
run=(../setup_sandbox/run.sh -vvvv --diff -e "servers_file=$servers" -e "planted_file=$planted" "$@")
if [ -n "${WATCHED_OUTPUT:-}" ]; then
    # `make leakscan` searches what is said and left, and with ANSIBLE_DEBUG knows which task said it.
    "${run[@]}"
    exit
fi

leavings="$OUTPUT_DIR/leavings"
mkdir -p "$leavings/tmp" "$leavings/remote"
# Short: Ansible has a socket there, whose path may have 107 bytes.
temporary="$(mktemp -d)"
export ANSIBLE_LOG_PATH="$leavings/ansible.log" ANSIBLE_LOCAL_TEMP="$leavings/tmp" ANSIBLE_REMOTE_TMP="$leavings/remote"
export ANSIBLE_CALLBACKS_ENABLED=record_results RECORD_RESULTS="$leavings/results.jsonl"
export ANSIBLE_INJECT_INVOCATION=true TMPDIR="$temporary"
export RECORD_COMMANDS="$OUTPUT_DIR/leavings/commands" PYTHONPATH="$PWD/../setup_sandbox/watch${PYTHONPATH:+:$PYTHONPATH}"
status=0
"${run[@]}" >"$leavings/output" 2>&1 || status=$?
grep -E -A 30 '^(fatal|failed|\[ERROR\]|ERROR|PLAY RECAP)' "$leavings/output" || true
[ "$status" = 0 ] || exit "$status"

unset TMPDIR ANSIBLE_LOG_PATH ANSIBLE_CALLBACKS_ENABLED ANSIBLE_LOCAL_TEMP ANSIBLE_REMOTE_TMP
export ANSIBLE_ACTION_PLUGINS="$PWD/../setup_sandbox/action_plugins"
ansible-playbook -i "$OUTPUT_DIR/${PWD##*/}/inventory/hosts.yml" -e "leavings=$leavings" -e "temporary=$temporary" -e "planted_file=$planted" \
    -e "password_file=$OUTPUT_DIR/${PWD##*/}/vault-password" search.yml
