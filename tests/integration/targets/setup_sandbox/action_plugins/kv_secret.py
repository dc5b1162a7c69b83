# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The independent reader of a secret in the KV engine, and what a test puts there behind the collection's back.

Options: `openbao` (the info file's content), `mount` (secret), `path`, `namespace`, `plant` (data of a new version) and
`delete` (true: the latest version). Returns `data` (null where there is none), `version` (0) and `deleted`.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Plants or deletes, and reads."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do as described above."""
        result = super().run(tmp, task_vars)
        args = self._task.args
        path = f"/v1/{args.get('mount') or 'secret'}/data/{args['path']}"
        if "plant" in args:
            self._call("POST", path, {"data": args["plant"]})
        if args.get("delete"):
            self._call("DELETE", path)
        found = self._call("GET", path).get("data") or {"data": None, "metadata": {"version": 0, "deletion_time": ""}}
        metadata = found["metadata"]
        said = {"data": found["data"], "version": metadata["version"], "deleted": bool(metadata["deletion_time"])}
        return {**result, **said, "changed": False}

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        args = self._task.args
        openbao = args["openbao"]
        headers = {"X-Vault-Token": openbao["root"]}
        if args.get("namespace"):
            headers["X-Vault-Namespace"] = args["namespace"]
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(openbao["url"] + path, data=raw, headers=headers, method=method)  # noqa: S310 # the test's own address
        tls = ssl.create_default_context(cafile=openbao["ca_file"])
        try:
            with urllib.request.urlopen(request, context=tls, timeout=30) as reply:  # noqa: S310 # as above
                return json.loads(reply.read() or b"{}")
        except urllib.error.HTTPError as refusal:
            # 404 is also the answer for a version that was deleted, with its metadata.
            if refusal.code == 404:
                return json.loads(refusal.read())
            raise
