# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes every result of a run, one JSON object a line, to the file that RECORD_RESULTS names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record_results
type: aggregate
short_description: Records results for a test
description: Writes every result of a run to the file that the environment variable RECORD_RESULTS names.
author: fleetops.argocd contributors
"""


class CallbackModule(CallbackBase):
    """As a callback gets them: what is censored for output is censored here."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "record_results"
    CALLBACK_NEEDS_ENABLED = True

    def _record(self, outcome: str, result: Any) -> None:
        # Underscored, and all that ansible-core 2.16 to 2.21 have in common.
        host, task, values = result._host, result._task, result._result  # noqa: SLF001
        line = {
            "outcome": outcome,
            "host": host.get_name(),
            "task": task.get_name(),
            "action": task.action,
            "result": {key: value for key, value in values.items() if not key.startswith("_ansible")},
        }
        with Path(os.environ["RECORD_RESULTS"]).open("a") as file:
            file.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._record("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: FBT001, FBT002 # Ansible's own
        self._record("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._record("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._record("unreachable", result)
