# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argo CD's settings manager: reads ConfigMaps and Secrets through the snapshot, writes whole objects back.

Source: argo-cd util/settings/settings.go, util/settings/accounts.go.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Mapping

from ..clock import Clock
from ..installation import NAMESPACE
from ..managed_fields import record_update
from ..snapshot import Snapshot
from ..store import Key, Object, ObjectStore
from .accounts import Account, parse_accounts, save_account
from .errors import ABORTED, NOT_FOUND, UNKNOWN, GrpcError, KubernetesError, wrapped
from .release import Release

CONFIG = Key("ConfigMap", NAMESPACE, "argocd-cm")
SECRET = Key("Secret", NAMESPACE, "argocd-secret")
PART_OF = "app.kubernetes.io/part-of"
# client-go retry.DefaultBackoff: four tries, 10 ms growing by 5 (seconds).
BACKOFF = (0.01, 0.05, 0.25)
MANAGER = "argocd-server"


class Conflict(Exception):
    """The cached object is not the stored one any more."""


class SettingsManager:
    """`pause` waits some seconds without holding the cluster's lock."""

    def __init__(
        self, store: ObjectStore, snapshot: Snapshot, clock: Clock, release: Release, pause: Callable[[float], object]
    ) -> None:
        self._store = store
        self._snapshot = snapshot
        self._clock = clock
        self._release = release
        self._pause = pause

    def config(self) -> Mapping[str, str]:
        """The data of argocd-cm; raises KubernetesError where Argo CD cannot see it."""
        return self._config_map().get("data") or {}

    def secret(self) -> Mapping[str, str]:
        """The decoded data of argocd-secret."""
        data = self._secret().get("data") or {}
        return {key: base64.b64decode(value).decode("utf-8", "replace") for key, value in data.items()}

    def signing_key(self) -> bytes:
        """Raises KubernetesError or GrpcError where the settings as a whole cannot be read."""
        for name, read in ((CONFIG.name, self._config_map), (SECRET.name, self._secret)):
            try:
                read()
            except KubernetesError as error:
                raise wrapped(error, f"error retrieving {name}") if self._release.at_least(2, 5) else error from error
        key = self.secret().get("server.secretkey", "")
        if not key:
            raise KubernetesError(UNKNOWN, "server.secretkey is missing")
        return key.encode()

    def accounts(self) -> dict[str, Account]:
        return parse_accounts(self.config(), self.secret())

    def account(self, name: str) -> Account:
        account = self.accounts().get(name)
        if account is None:
            raise GrpcError(NOT_FOUND, f"account '{name}' does not exist")
        return account

    def update_account(self, name: str, change: Callable[[Account], None]) -> None:
        """Read, change and save; a conflict is tried again from the cache, up to four times since 2.6."""
        for pause in BACKOFF if self._release.at_least(2, 6) else ():
            try:
                return self._change_and_save(name, change)
            except Conflict:
                self._pause(pause)
        try:
            return self._change_and_save(name, change)
        except Conflict as error:
            code = ABORTED if self._release.at_least(2, 8) else UNKNOWN
            raise KubernetesError(code, str(error)) from error

    def _change_and_save(self, name: str, change: Callable[[Account], None]) -> None:
        account = self.account(name)
        change(account)
        config_map, secret = self._config_map(), self._secret()
        config, secret_data = save_account(account, self.config(), self.secret())
        self._put(CONFIG, config_map, dict(config))
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in secret_data.items()}
        self._put(SECRET, secret, encoded)

    def _put(self, key: Key, cached: Object, data: dict[str, str]) -> None:
        """A full Update with the cached resourceVersion, if the data differ."""
        if data == (cached.get("data") or {}):
            return
        stored = self._store.get(key)
        if stored is None or stored["metadata"]["resourceVersion"] != cached["metadata"]["resourceVersion"]:
            plural = f"{key.kind.lower()}s"
            raise Conflict(
                f'Operation cannot be fulfilled on {plural} "{key.name}": the object has been modified; '
                "please apply your changes to the latest version and try again"
            )
        after = copy.deepcopy(cached)
        after["data"] = data
        after["metadata"]["managedFields"] = record_update(cached, after, MANAGER, self._clock.rfc3339())
        self._store.put(after)
        self._snapshot.resync()

    def _config_map(self) -> Object:
        item = self._snapshot.get(CONFIG)
        if item is None or (item["metadata"].get("labels") or {}).get(PART_OF) != "argocd":
            raise KubernetesError(NOT_FOUND, 'configmap "argocd-cm" not found')
        return item

    def _secret(self) -> Object:
        item = self._snapshot.get(SECRET)
        if item is None:
            raise KubernetesError(NOT_FOUND, 'secret "argocd-secret" not found')
        return item
