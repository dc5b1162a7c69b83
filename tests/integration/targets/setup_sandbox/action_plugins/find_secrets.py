# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look for secrets where they do not belong.

Options: `secrets` {name: value}, `texts` {name: text or any value}, `directories`. Returns `found`: a list of
"NAME in WHERE", without the value. A secret is looked for as it is, as JSON writes it, and in base64, as a Kubernetes
Secret would show it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


def forms(secret: str) -> tuple[str, ...]:
    return secret, json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode().rstrip("=")


def places(texts: dict[str, Any], directories: list[str]) -> Iterator[tuple[str, str]]:
    for name, value in texts.items():
        yield name, value if isinstance(value, str) else json.dumps(value, default=str)
    for directory in directories:
        for path in sorted(Path(directory).rglob("*")):
            if path.is_file():
                yield str(path), path.read_text(errors="replace")


class ActionModule(ActionBase):
    """Searches; never fails itself."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what was found, and how many places were searched."""
        result = super().run(tmp, task_vars)
        args = self._task.args
        searched = list(places(args.get("texts") or {}, args.get("directories") or []))
        found = [
            f"{name} in {where}"
            for where, text in searched
            for name, secret in args["secrets"].items()
            if any(form in text for form in forms(str(secret)))
        ]
        return {**result, "changed": False, "found": found, "searched": len(searched)}
