# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sink `hashicorp_vault`: a key of a secret in a KV engine of version 2, and its record in the key beside it.

HashiCorp Vault and OpenBao. Each write is a new version of the whole secret; the server compares the version that it
replaces (`cas`). Source: openbao.org/api-docs/secret/kv/kv-v2.

A standby forwards writes to the active node and answers reads by itself, from what has come to it: a read may be older
than the write before it, even at one address. So a version lower than one that this task has written or seen is none
to go by: it is read again for a while, and then is an error, never what the place holds. Sources: "Eventual
consistency" at openbao.org/docs/concepts/consistency and developer.hashicorp.com/vault/docs/enterprise/consistency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .._core.errors import ApiError, Denied, InvalidInput
from .._core.token_text import TokenFormat
from .port import Entry, SinkConflict, SinkError
from .stored_text import read_record, read_token, render_record

if TYPE_CHECKING:
    from .._clients.vault import VaultClient

__all__ = ("HashicorpVaultSink", "VaultPlace")

_ATTEMPTS = 5
# Seconds before a read is repeated: a standby is behind by milliseconds, unless it is overloaded.
_PAUSES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
_NEEDED = {"read", "create", "update"}


@dataclass(frozen=True)
class VaultPlace:
    """Which key of which secret."""

    engine_mount_point: str
    path: str
    key: str


@dataclass(frozen=True)
class _Version:
    """The latest version of a secret: 0 and no data where there is none; a deleted one has a number and no data."""

    number: int
    data: Mapping[str, Any] = field(repr=False)


class HashicorpVaultSink:
    """A token in one key of a secret (see the port `Sink`). `connect` is called when the sink is first used."""

    def __init__(
        self,
        connect: Callable[[], VaultClient],
        place: VaultPlace,
        form: TokenFormat,
        *,
        where: str,
        sleep: Callable[[float], None],
    ) -> None:
        self._mount, self._path = (_check_path(part) for part in (place.engine_mount_point, place.path))
        self.label = f"key {place.key} of {self._mount}/{self._path} in Vault at {where}"
        self.location: dict[str, Any] = {
            "type": "hashicorp_vault",
            "url": where,
            "engine_mount_point": self._mount,
            "path": self._path,
            "key": place.key,
            "format": form.name,
        }
        self._connect = connect
        self._sleep = sleep
        # The highest version that was written or seen: numbers only go up, unless all of the secret is deleted.
        self._known = 0
        # The version that a write may have made whose answer was lost.
        self._possible = 0
        self._client: VaultClient | None = None
        self._key = place.key
        self._form = form
        self._record_key = f"{place.key}_record"

    def prepare(self) -> None:
        """Ask for the engine's version, and what the token may do."""
        with self._reported():
            reply = self._send("get", f"sys/internal/ui/mounts/{quote(self._mount)}")
            mount = (reply.json_or_none() or {}).get("data") or {}
            if mount.get("type") != "kv" or (mount.get("options") or {}).get("version") != "2":
                raise SinkError(
                    f"cannot use {self.label}: {self._mount} is no KV engine of version 2; check engine_mount_point"
                )
            self._require_rights()

    def read(self) -> Entry:
        """Return what is stored, in whatever format."""
        with self._reported():
            return self._entry(self._get())

    def write(self, entry: Entry, *, expected: Entry) -> None:
        """Store as a new version; what somebody else changes in the other keys meanwhile does not matter."""
        refused = -1
        with self._reported():
            for _attempt in range(_ATTEMPTS):
                version = self._get(at_least=refused + 1)
                current = self._entry(version)
                if not current.holds_same(expected):
                    raise self._conflict("its value or record changed after it was read")
                if current.holds_same(entry) and current.stale is None:
                    return
                if version.number == refused:
                    raise SinkError(
                        f"cannot use {self.label}: Vault refuses the write (HTTP 400); is the value too large, or is "
                        "url a standby that lags?"
                    )
                if self._put(version, entry):
                    return
                refused = version.number
        raise self._conflict(f"others wrote to the secret {_ATTEMPTS} times in a row")

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        if self._client is None:
            self._client = self._connect()
        return self._client.send(method, path, about=f"cannot use {self.label}", body=body)

    @property
    def _data_path(self) -> str:
        return f"{quote(self._mount)}/data/{quote(self._path)}"

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Turn an API's error into a sink's, which the flow knows how to take."""
        told = ""
        try:
            yield
        except ApiError as exc:
            told = str(exc)
        if told:
            raise SinkError(told)

    def _conflict(self, cause: str) -> SinkConflict:
        return SinkConflict(f"cannot write {self.label}: {cause}; run again to use what is there now")

    def _require_rights(self) -> None:
        path = f"{self._mount}/data/{self._path}"
        try:
            reply = self._send("post", "sys/capabilities-self", {"paths": [path]})
        except Denied:
            # A token without the policy `default` may not ask; the first write will tell.
            return
        held = set(((reply.json_or_none() or {}).get("data") or {}).get("capabilities") or [])
        missing = sorted(_NEEDED - held) if "root" not in held else []
        if missing:
            raise SinkError(
                f"cannot use {self.label}: the login lacks {', '.join(missing)} on {path}; add that to its policy"
            )

    # -- reading

    def _get(self, *, at_least: int = 0) -> _Version:
        """Return what is there now. A version below `at_least` is returned only after it was waited for."""
        version = self._await(max(at_least, self._known, self._possible))
        # What nobody shows by now was not carried out, as far as can be told.
        self._possible = 0
        if version.number < self._known:
            raise SinkError(
                f"cannot read {self.label}: Vault still answers with version {version.number} after "
                f"{sum(_PAUSES):.0f} s, though version {self._known} was written or read before; is url a standby that "
                "lags, or was the secret deleted meanwhile? Name the active node in url, or run again"
            )
        self._known = version.number
        return version

    def _await(self, number: int) -> _Version:
        """Read until there is a version of that number or a later one, or the time is up; return the last answer."""
        version = self._ask()
        for pause in _PAUSES:
            if version.number >= number:
                break
            self._sleep(pause)
            version = self._ask()
        return version

    def _ask(self) -> _Version:
        reply = self._send("get", self._data_path)
        shape = reply.json(about=f"cannot read {self.label}")
        found = shape.get("data") if reply.status in (200, 404) else None
        if found:
            # Also of a version that was deleted or destroyed: 404, with its metadata and no data.
            return _Version(found["metadata"]["version"], found["data"] or {})
        if reply.status == 404 and not shape.get("errors"):
            return _Version(0, {})
        raise SinkError(
            f"cannot read {self.label}: Vault answers HTTP {reply.status}; check engine_mount_point and namespace"
        )

    def _entry(self, version: _Version) -> Entry:
        text = version.data.get(self._key)
        if not isinstance(text, (str, type(None))):
            raise SinkError(f"cannot read {self.label}: its value is no text; set another key of the sink")
        token = read_token(text or "", label=self.label)
        record = version.data.get(self._record_key)
        return Entry(
            token=token,
            record=read_record(record, label=self.label, name=f"key {self._record_key}"),
            stale=f"stored in another form than {self._form.name}"
            if token and text != self._form.render(token)
            else None,
            version=str(version.number),
        )

    # -- writing

    def _put(self, version: _Version, entry: Entry) -> bool:
        """Write once; False where the server compared and refused, or refuses the value."""
        ours = {
            self._key: None if entry.token is None else self._form.render(entry.token),
            self._record_key: None if entry.record is None else render_record(entry.record),
        }
        data = {key: value for key, value in {**version.data, **ours}.items() if key not in ours or value is not None}
        self._possible = version.number + 1
        reply = self._send("post", self._data_path, {"data": data, "options": {"cas": version.number}})
        if reply.status == 400:
            self._possible = 0
            return False
        if reply.status != 200:
            raise SinkError(f"cannot use {self.label}: Vault answers HTTP {reply.status} to the write")
        # The server compared: ours is the version after that one.
        self._known = version.number + 1
        return True


def _check_path(path: str) -> str:
    parts = path.strip("/").split("/")
    if all(part not in ("", ".", "..") and part.isprintable() for part in parts):
        return "/".join(parts)
    raise InvalidInput(f"cannot use {path!r} as path or mount point in Vault: it has an empty part, or . or ..")
