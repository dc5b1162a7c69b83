# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps two hosts of one play from writing to the same installation.

Each host runs in a worker of its own; what they share is Ansible's temporary directory of this very run, which
Ansible removes at its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import Refused

__all__ = ("Claims",)


_SAME = "reaches the same installation"


class Claims:
    """The claims of one play. `directory` is Ansible's temporary directory, `play` what tells plays apart."""

    def __init__(self, *, directory: str, play: Iterable[str], host: str) -> None:
        self._directory = Path(directory, "fleetops-argocd")
        self._play = "\n".join(play)
        self._host = host

    def claim(self, target: str, *, about: str, how: str = _SAME) -> None:
        """Claim the target (an object's uid and a name) for this host; raise Refused if another host claims it too.

        The role claims while it plans and again when it writes, so that all claimants of a target are refused. Where
        the uid is not known yet, it is what leads there: there may be a kubeconfig in it, and only a hash is written.
        """
        place = self._directory / _name(f"{self._play}\n{target}")
        place.mkdir(parents=True, exist_ok=True)
        (place / _name(self._host)).write_text(self._host, encoding="utf-8")
        self._refuse_others(place, about=about, how=how)

    def _refuse_others(self, place: Path, *, about: str, how: str = _SAME) -> None:
        others = sorted({path.read_text(encoding="utf-8") for path in place.iterdir()} - {self._host, ""})
        if others:
            raise Refused(
                f"cannot manage {about} for host {self._host}: host {', '.join(others)} of this play {how}"
                "; correct the connection of one of them, or leave it out"
            )

    def require_sole(self) -> None:
        """Raise Refused if any target this host has claimed is claimed by another host too."""
        mine = _name(self._host)
        for place in self._directory.glob(f"*/{mine}"):
            self._refuse_others(place.parent, about="this installation")


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
