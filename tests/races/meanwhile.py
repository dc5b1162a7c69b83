# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes on meanwhile: Argo CD mints, somebody rewrites its ConfigMaps, somebody uses a stored token."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import requests

from .reader import Cluster

MINTER = "background"
MARK = "races.rewritten"


class Meanwhile(ABC):
    """A thread that does one thing again and again until it is stopped."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._error: Exception | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raise what broke it."""
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self.once()
                self._stop.wait(self._pause)
        except Exception as exc:  # noqa: BLE001 # `check` raises it
            self._error = exc

    @abstractmethod
    def once(self) -> None:
        """Do it."""


@contextmanager
def going_on(*threads: Meanwhile) -> Iterator[None]:
    """While the block runs; what broke one of them is raised at its end."""
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.stop()
    for thread in threads:
        thread.check()


class Minter(Meanwhile):
    """Lets Argo CD mint for another account. `minted` are the ids that it answered with a token for."""

    def __init__(self, cluster: Cluster, *, pause: float = 0.3) -> None:
        super().__init__(pause)
        self._url = f"{cluster.shape['argocd_url']}/api/v1/account/{MINTER}/token"
        self._session = cluster.session(cluster.admin())
        self._number = 0
        self.minted: list[str] = []

    def once(self) -> None:
        """A conflict with another writer of argocd-secret is no answer: Argo CD says that nothing was minted."""
        self._number += 1
        token_id = f"{MINTER}-{self._number}"
        answer = self._session.post(self._url, json={"id": token_id}, timeout=60)
        if answer.ok:
            self.minted.append(token_id)
        elif answer.status_code != requests.codes.conflict:
            answer.raise_for_status()


class Rewriter(Meanwhile):
    """Writes a whole ConfigMap every second, as a controller does. `written` is the number it holds by then."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        super().__init__(1.0)
        self._cluster = cluster
        self.name = name
        self.written = 0

    def once(self) -> None:
        """Whoever was faster is given way to until the next second."""
        shape = self._cluster.read(self.name)
        shape["data"] = {**(shape.get("data") or {}), MARK: str(self.written + 1)}
        if self._cluster.replace(self.name, shape):
            self.written += 1


class Holder(Meanwhile):
    """Uses the stored token without a pause. `refused` counts the times that it was refused and was still stored."""

    def __init__(self, cluster: Cluster, account: str, stored: Callable[[], str | None]) -> None:
        super().__init__(0.01)
        self._cluster = cluster
        self._account = account
        self._stored = stored
        self.asked = self.refused = 0

    def once(self) -> None:
        """One that was replaced between reading and asking was no longer the stored one."""
        token = self._stored()
        if token is None:
            return
        self.asked += 1
        if not self._cluster.accepted(token, self._account) and self._stored() == token:
            self.refused += 1
