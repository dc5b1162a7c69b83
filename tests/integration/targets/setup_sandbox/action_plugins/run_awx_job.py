# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job as AWX runs it, through ansible-runner: tests/awx, where the variable `awx` points.

Options: `job`, the fields of Job in there; `status`, the one it must end with (successful). Returns what the job did;
`changed_tasks` {host: number}.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Starts the job and reports it."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run as described above; fails where the job does not end as it must."""
        result = super().run(tmp, task_vars)
        args = self._task.args
        wanted = args.get("status", "successful")
        command = [sys.executable, str((task_vars or {})["awx"])]
        done = subprocess.run(command, input=json.dumps(args["job"]), capture_output=True, text=True, check=False)
        if done.returncode:
            return {**result, "failed": True, "msg": f"cannot run the job:\n{done.stderr}"}
        job = json.loads(done.stdout)
        if job["status"] != wanted:
            result.update({"failed": True, "msg": f"the job ended {job['status']}: {job['failures']}\n{done.stderr}"})
        # Not `changed` itself: to Ansible that is whether this task did.
        return {**result, **job, "changed": False, "changed_tasks": job["changed"]}
