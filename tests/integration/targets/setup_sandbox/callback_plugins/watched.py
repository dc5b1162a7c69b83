# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The default output, with a mark before each task that says what runs it, for `make leakscan`.

What a test's own tasks say is theirs: only what comes behind the mark of a task of the collection is searched, be it
one of its modules or any task of its role and playbooks. Each result of such a task is also written as JSON, as a
callback for machines would, to the file that WATCHED_RESULTS names.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from ansible.plugins.callback.default import CallbackModule as Default

DOCUMENTATION = """
name: watched
type: stdout
short_description: The default output with marks
description: The default output, with a mark before each task.
author: fleetops.argocd contributors
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""

MARK = "@@watched"
OURS = re.compile(r"/(ansible_collections/fleetops/argocd/(?:roles|playbooks)/.*)")


def name_of(task: Any) -> str:
    """Return which action it is; of the role or a playbook of the collection also where it stands."""
    place = OURS.search(str(task.get_path()))
    return f"fleetops.argocd.{place[1]} {task.action}" if place else str(task.action)


class CallbackModule(Default):
    """As the default one, and a little more."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "watched"

    def v2_playbook_on_task_start(self, task: Any, is_conditional: Any) -> None:
        """Say which action is about to run."""
        self._display.display(f"{MARK} {name_of(task)}")
        super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The last task is over."""
        self._display.display(f"{MARK} recap")
        super().v2_playbook_on_stats(stats)

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write(result)
        super().v2_runner_on_ok(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: FBT001, FBT002 # Ansible's own
        self._write(result)
        super().v2_runner_on_failed(result, ignore_errors=ignore_errors)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write(result)
        super().v2_runner_on_unreachable(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._write(result)
        super().v2_runner_on_skipped(result)

    def v2_runner_retry(self, result: Any) -> None:
        self._write(result)
        super().v2_runner_retry(result)

    def _write(self, result: Any) -> None:
        # Underscored, and all that ansible-core 2.16 to 2.21 have in common.
        line = json.dumps({"action": name_of(result._task), "result": result._result}, default=str)  # noqa: SLF001
        with Path(os.environ["WATCHED_RESULTS"]).open("a") as file:
            file.write(line + "\n")
