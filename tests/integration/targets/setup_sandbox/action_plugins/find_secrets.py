# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look for secrets where they do not belong.

Options: `secrets` {name: value}, `tokens` (true: every JWT is one, too), `texts` {name: text or any value},
`directories`. Returns `found`: a list of "NAME in WHERE", without the value. How a secret is looked for:
leak_search.py.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

# Beside the directory of the action plugins, which is no package.
_SPEC = importlib.util.spec_from_file_location("leak_search", Path(__file__).parents[1] / "leak_search.py")
assert _SPEC is not None
assert _SPEC.loader is not None
leak_search = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(leak_search)


def places(texts: dict[str, Any], directories: list[str]) -> Iterator[tuple[str, str]]:
    for name, value in texts.items():
        yield name, value if isinstance(value, str) else json.dumps(value, default=str)
    for directory in directories:
        yield from ((str(path), text) for path, text in leak_search.files_below(Path(directory)))


class ActionModule(ActionBase):
    """Searches; never fails itself."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what was found, and how many places were searched."""
        result = super().run(tmp, task_vars)
        args = self._task.args
        searched = list(places(args.get("texts") or {}, args.get("directories") or []))
        secrets = {name: str(secret) for name, secret in args["secrets"].items()}
        search = leak_search.Search(secrets, tokens=bool(args.get("tokens", False)))
        found = [f"{name} in {where}" for where, text in searched for name in search.found_in(text)]
        return {**result, "changed": False, "found": found, "searched": len(searched)}
