# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of its own, as a user starts it: ansible-playbook over this run's inventory.

Options: `playbook` (a path, or the name of one in a collection), `hosts` (default: all of the inventory), `inventory`,
`vars` (on top of what this run was given; null takes one away), `args` (of the command line), `program` (in place of
the ansible-playbook on PATH), `environment_variables`, `vault` (false: without the vault password), `fails` (true: it
must fail). The variable `run_in_process` (true): in-process, whatever this run was given.
Returns:
  exit_code, output
  results        [{outcome, host, task, action, result}] of every task that ran
  changed_tasks  {host: [task]}, the tasks that say so
  failures       [{host, task, action, msg}]
  said_warnings  all of them
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

# As the callers give them to us; see run.sh.
GIVEN = ("argocd_force_module", "controller_python", "sandbox_info")


def environment(results: Path, extra: dict[str, Any], *, vault: bool) -> dict[str, str]:
    both = {
        **os.environ,
        "ANSIBLE_CALLBACKS_ENABLED": "record_results",
        "RECORD_RESULTS": str(results),
        **{key: str(value) for key, value in extra.items()},
    }
    if not vault:
        del both["ANSIBLE_VAULT_PASSWORD_FILE"]
    return both


def read_results(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    changed: dict[str, list[str]] = {}
    for item in results:
        tasks = changed.setdefault(item["host"], [])
        if item["result"].get("changed"):
            tasks.append(item["task"])
    failed = [
        {"host": item["host"], "task": item["task"], "action": item["action"], "msg": str(item["result"].get("msg"))}
        for item in results
        if item["outcome"] in ("failed", "unreachable")
    ]
    # Not `warnings` itself: Ansible would say them again.
    said = [text for item in results for text in item["result"].get("warnings") or []]
    return {"results": results, "changed_tasks": changed, "failures": failed, "said_warnings": said}


def keep(output: str) -> None:
    """What the run said belongs to what `make leakscan` searches."""
    if "WATCHED_OUTPUT" in os.environ:
        with Path(os.environ["WATCHED_OUTPUT"]).open("a") as file:
            file.write(output)


class ActionModule(ActionBase):
    """Starts the run and reports it."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run as described above; fails where the run does not end as it must."""
        result = super().run(tmp, task_vars)
        args = self._task.args
        variables = task_vars or {}
        with tempfile.TemporaryDirectory(dir=variables["work"]) as name:
            directory = Path(name)
            command = self._command(directory, variables)
            results = directory / "results.jsonl"
            extra = args.get("environment_variables") or {}
            done = subprocess.run(
                command,
                env=environment(results, extra, vault=args.get("vault", True)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            keep(done.stdout)
            result.update({"exit_code": done.returncode, "output": done.stdout, **summary(read_results(results))})
        if (done.returncode != 0) != bool(args.get("fails", False)):
            result.update({"failed": True, "msg": f"exit code {done.returncode}:\n{done.stdout}"})
        return {**result, "changed": False}

    def _command(self, directory: Path, variables: dict[str, Any]) -> list[str]:
        args = self._task.args
        given = {name: variables[name] for name in (*GIVEN, "work", "setup") if name in variables}
        extra = directory / "variables.json"
        if args.get("in_process"):
            given["argocd_force_module"] = False
        if variables.get("run_in_process"):
            given["argocd_force_module"] = False
        wanted = {**given, **(args.get("vars") or {})}
        extra.write_text(json.dumps({key: value for key, value in wanted.items() if value is not None}))
        inventory = args.get("inventory") or f"{variables['work']}/inventory/hosts.yml"
        command = [args.get("program") or "ansible-playbook", "-i", inventory]
        command += ["-e", f"@{extra}", *(str(item) for item in args.get("args") or [])]
        if args.get("hosts"):
            command += ["--limit", args["hosts"]]
        return [*command, args["playbook"]]
