# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of its own, as a user starts it: ansible-playbook over this run's inventory.

With `searched` it is as talkative as Ansible can be, and all it leaves behind is searched for secrets: its output, log
and results, its fact cache, its temporary directories and the arguments of its processes. One that is found fails the
task.

Options: `playbook` (a path, or the name of one in a collection), `hosts` (default: all of the inventory), `inventory`,
`vars` (on top of what this run was given; null takes one away), `args` (of the command line), `program` (in place of
the ansible-playbook on PATH), `environment_variables`, `vault` (false: without the vault password), `fails` (true: it
must fail), `searched` (see above; by default where it must fail, since errors are what leaks), `secrets` ({name:
value}, besides those of the inventory, the vault password and every JWT), `tells` (true: what is found is returned
only). The run itself may write to the directory of its variable `leavings`, and is searched there too.
Returns:
  exit_code, output
  found, searched  as of find_secrets, of a run that is searched
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
VAULT_PASSWORD = "ANSIBLE_VAULT_PASSWORD_FILE"
WATCH = Path(__file__).parents[1] / "watch"
# Of a cluster, in an inventory of make_inventory.py.
SECRETS_OF_A_CLUSTER = ("admin_password", "provisioner_token", "kubernetes_token")


def talkative(leavings: Path, temporary: str) -> dict[str, str]:
    """All that a run can say and leave, in the two directories."""
    path = [str(WATCH), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "ANSIBLE_VERBOSITY": "4",
        "ANSIBLE_DIFF_ALWAYS": "true",
        "ANSIBLE_INJECT_INVOCATION": "true",
        "ANSIBLE_LOG_PATH": f"{leavings}/ansible.log",
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": f"{leavings}/cache",
        "ANSIBLE_LOCAL_TEMP": f"{leavings}/local",
        "ANSIBLE_REMOTE_TMP": f"{leavings}/remote",
        "ANSIBLE_RETRY_FILES_ENABLED": "true",
        "ANSIBLE_RETRY_FILES_SAVE_PATH": f"{leavings}/local",
        "TMPDIR": temporary,
        "RECORD_COMMANDS": f"{leavings}/commands",
        "PYTHONPATH": os.pathsep.join(path),
    }


def environment(leavings: Path, extra: dict[str, Any], *, vault: bool) -> dict[str, str]:
    both = {
        **os.environ,
        "ANSIBLE_CALLBACKS_ENABLED": "record_results",
        "RECORD_RESULTS": f"{leavings}/results.jsonl",
        **{key: str(value) for key, value in extra.items()},
    }
    if not vault:
        del both[VAULT_PASSWORD]
    return both


def planted(variables: dict[str, Any]) -> dict[str, str]:
    """What no run may tell: the secrets of the inventory's clusters, and the vault password."""
    secrets = {"the vault password": Path(os.environ[VAULT_PASSWORD]).read_text().strip()}
    for name, host in variables["hostvars"].items():
        cluster = host.get("cluster", {})
        of_host = {part: cluster[part] for part in SECRETS_OF_A_CLUSTER if part in cluster}
        if "client_key" in cluster:
            of_host["client_key"] = Path(cluster["client_key"]).read_text()
        secrets.update({f"{part} of {name}": secret for part, secret in of_host.items()})
    return secrets


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
        # Short: Ansible has a socket there, whose path may have 107 bytes.
        with tempfile.TemporaryDirectory(dir=variables["work"]) as name, tempfile.TemporaryDirectory() as temporary:
            directory = Path(name)
            leavings = directory / "leavings"
            for place in ("local", "remote", "cache"):
                (leavings / place).mkdir(parents=True)
            command = self._command(directory, leavings, variables)
            searched = bool(args.get("searched", args.get("fails", False)))
            extra = {
                **(talkative(leavings, temporary) if searched else {}),
                **(args.get("environment_variables") or {}),
            }
            done = subprocess.run(
                command,
                env=environment(leavings, extra, vault=args.get("vault", True)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            keep(done.stdout)
            results = read_results(leavings / "results.jsonl")
            result.update({"exit_code": done.returncode, "output": done.stdout, **summary(results)})
            if searched:
                result.update(self._search(done.stdout, [str(leavings), temporary], variables))
        if (done.returncode != 0) != bool(args.get("fails", False)):
            result.update({"failed": True, "msg": f"exit code {done.returncode}:\n{done.stdout}"})
        elif result.get("found") and not args.get("tells", False):
            result.update({"failed": True, "msg": f"the run tells secrets: {result['found']}"})
        return {**result, "changed": False}

    def _search(self, output: str, directories: list[str], variables: dict[str, Any]) -> dict[str, Any]:
        task = self._task.copy()
        secrets = {**planted(variables), **(self._task.args.get("secrets") or {})}
        task.args = {"secrets": secrets, "tokens": True, "texts": {"the output": output}, "directories": directories}
        search = self._shared_loader_obj.action_loader.get(
            "find_secrets",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        result = search.run(task_vars=variables)
        return {name: result[name] for name in ("found", "searched")}

    def _command(self, directory: Path, leavings: Path, variables: dict[str, Any]) -> list[str]:
        args = self._task.args
        given = {name: variables[name] for name in (*GIVEN, "work", "setup") if name in variables}
        given["leavings"] = str(leavings)
        extra = directory / "variables.json"
        wanted = {**given, **(args.get("vars") or {})}
        extra.write_text(json.dumps({key: value for key, value in wanted.items() if value is not None}))
        inventory = args.get("inventory") or f"{variables['work']}/inventory/hosts.yml"
        command = [args.get("program") or "ansible-playbook", "-i", inventory]
        command += ["-e", f"@{extra}", *(str(item) for item in args.get("args") or [])]
        if args.get("hosts"):
            command += ["--limit", args["hosts"]]
        return [*command, args["playbook"]]
