# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store `helm_values`: `configs.cm` and `configs.rbac` of a values file of the argo-cd chart, on the controller.

Only the file is written; who commits it and when Argo CD gets it is the user's business.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import Conflict, StoreError
from ansible_collections.fleetops.argocd.plugins.module_utils._core.fragments import HELM_PATHS
from ansible_collections.fleetops.argocd.plugins.module_utils._core.plan import SetKeys
from ansible_collections.fleetops.argocd.plugins.plugin_utils import _locked_file
from ansible_collections.fleetops.argocd.plugins.plugin_utils._reporting import reported
from ansible_collections.fleetops.argocd.plugins.plugin_utils._yaml_text import Document, NotEditable
from ansible_collections.fleetops.argocd.plugins.plugin_utils._yaml_values import edit_texts, read_texts

__all__ = ("HelmValuesFile",)

# Of `sops --encrypt`: an edit breaks its checksum.
_SOPS = "sops"


class HelmValuesFile:
    """A values file (see the port `Source`). `prefix` are the keys above `configs`, as an umbrella chart has them."""

    metadata: Mapping[str, Any] | None = None

    def __init__(self, *, path: str, prefix: tuple[str, ...], lock_timeout: float = 60) -> None:
        self.label = f"Helm values {path}"
        self._path = path
        self._prefix = prefix
        self._lock_timeout = lock_timeout
        self._raw = b""

    def holds(self, name: str, key: str) -> bool:  # noqa: ARG002 # every key of the ConfigMaps
        """Whether the ConfigMap's key is kept here."""
        return name in HELM_PATHS

    def leaves(self, name: str) -> bool:  # noqa: ARG002 # neither ConfigMap
        """Never: a key that is not here is another values file's, the chart's, or gone with the next release."""
        return False

    def read(self, name: str) -> dict[str, str]:
        """Return the ConfigMap's keys, without the lock: a file is only ever replaced as a whole."""
        with self._reported("read"):
            self._raw = self._load()
            return read_texts(_text(self._raw), self._inside(name))

    def write(self, step: SetKeys, *, dry_run: bool) -> None:
        """Set the keys, under the lock, if the file is still as it was read. Raises Conflict."""
        with self._reported("write"):
            target = Path(os.path.realpath(self._path))
            edited = edit_texts(_text(self._raw), self._inside(step.name), step.values).encode()
            if dry_run:
                self._require_writable(target)
                return
            with _locked_file.exclusive(target, created=[], timeout=self._lock_timeout):
                if self._load() != self._raw:
                    raise Conflict(f"cannot write {self.label}: it goes on changing; run again")
                _locked_file.replace(target, edited)
            self._raw = edited

    def _require_writable(self, target: Path) -> None:
        obstacle = _locked_file.obstacle(target)
        if obstacle:
            raise self._failure("write", obstacle, "make it writable, or set `file` of config_store")

    def _inside(self, name: str) -> tuple[str, ...]:
        return (*self._prefix, *HELM_PATHS[name])

    def _load(self) -> bytes:
        raw = _locked_file.read(Path(os.path.realpath(self._path)))
        if raw is None:
            raise self._failure("read", "there is no such file", "create it, or set `file` of config_store")
        return raw

    def _failure(self, verb: str, cause: str, remedy: str) -> StoreError:
        return StoreError(f"cannot {verb} {self.label}: {cause}; {remedy}")

    @contextmanager
    def _reported(self, verb: str) -> Iterator[None]:
        with reported(
            lambda cause, remedy: self._failure(verb, cause, remedy),
            elsewhere="another `file` or `prefix` of config_store",
        ):
            yield


def _text(raw: bytes) -> str:
    text = None
    with suppress(UnicodeDecodeError):
        text = raw.decode("utf-8")
    if text is None:
        raise NotEditable("it is not UTF-8 text")
    if Document(text).entry(_SOPS):
        raise NotEditable("it is encrypted by SOPS, whose checksum an edit would break")
    return text
