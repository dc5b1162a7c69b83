# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seven bugs, each planted into a copy of the collection: whoever judges must see them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

PLACE = Path("ansible_collections", "fleetops", "argocd")
UTILS = "plugins/module_utils"


@dataclass(frozen=True)
class Edit:
    """`old` must be there, once."""

    file: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        file = root / UTILS / self.file
        text = file.read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"cannot plant a bug into {self.file}: it has {text.count(self.old)} times {self.old!r}")
        file.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True)
class Bug:
    """`case` and `faults`, regular expressions, are where it is looked for first: names as they are printed."""

    name: str
    case: str
    faults: str
    edits: tuple[Edit, ...]


BUGS = (
    Bug(
        "revoke before store",
        "^renew ansible_vault in-process$",
        "^killed",
        (
            Edit(
                "_flows/minting.py",
                "        expected = [announced, *entries[1:]] if entries else []\n",
                "        expected = [announced, *entries[1:]] if entries else []\n"
                "        for item in record.superseded:\n"
                "            self._issuer.delete(item.id, bearer=proven.token)\n",
            ),
        ),
    ),
    Bug(
        "no read-back",
        "^renew kubernetes_secret in-process$",
        "^undone",
        (
            Edit(
                "_flows/storing.py",
                "(wanted, expected=entry)\n                _require_read_back(sink, wanted)\n",
                "(wanted, expected=entry)\n",
            ),
        ),
    ),
    Bug(
        "prefix match of token names",
        "^cold ansible_vault in-process$",
        "^killed",
        (
            Edit(
                "_core/decision.py",
                "token.live(now) and parse_token_id(token.id) == token_name",
                "token.live(now) and token.id.startswith(token_name)",
            ),
        ),
    ),
    Bug(
        "reused id",
        "^cold kubernetes_secret in-process$",
        "^killed",
        (
            Edit(
                "_core/tokens.py",
                'return f"{name}-{now.astimezone(timezone.utc).strftime(_ID_TIME)}-{suffix}"',
                'return f"{name}-20260101T000000Z-00000000"',
            ),
        ),
    ),
    Bug(
        "no resourceVersion",
        "^renew_signed ansible_vault in-process$",
        "^meanwhile",
        (
            Edit(
                "_clients/kubernetes.py",
                'body = {"metadata": {"resourceVersion": resource_version}, "data": data}',
                'body = {"data": data}',
            ),
        ),
    ),
    Bug(
        "mint on an unreadable sink",
        "^cold kubernetes_secret in-process$",
        "^403 for ever",
        (
            Edit(
                "_flows/storing.py",
                "        self._read = [sink.read() for sink in self._sinks]\n",
                "        try:\n"
                "            self._read = [sink.read() for sink in self._sinks]\n"
                "        except SinkError:\n"
                "            self._read = [Entry() for _sink in self._sinks]\n",
            ),
            Edit(
                "_flows/storing.py",
                "            self._sinks[0].write(entry, expected=expected)\n",
                "            try:\n"
                "                self._sinks[0].write(entry, expected=expected)\n"
                "            except SinkError:\n"
                "                pass\n",
            ),
        ),
    ),
    Bug(
        "revoke after an ambiguous store",
        "^renew kubernetes_secret in-process$",
        "^reset after",
        (
            Edit(
                "_flows/minting.py",
                "if wanted.token and self._places.may_hold(wanted.token):",
                "if wanted.token is None:",
            ),
        ),
    ),
)


def plant(bug: Bug, collections: Path, directory: Path) -> Path:
    """A copy of the collection with the bug in it: the directory for ANSIBLE_COLLECTIONS_PATH."""
    shutil.copytree(
        collections / PLACE, directory / PLACE, ignore=shutil.ignore_patterns(".git", "__pycache__", "tests", "docs")
    )
    for edit in bug.edits:
        edit.apply(directory / PLACE)
    return directory
