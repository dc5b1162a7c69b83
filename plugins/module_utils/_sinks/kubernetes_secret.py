# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sink `kubernetes_secret`: one key of a Secret, and its record in an annotation.

Only that key, that annotation and the labels asked for are ours; the rest of the Secret stays as it is. The API server
compares resourceVersion, so that two writers never mix.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._clients.applications import find_application
from .._clients.kubernetes import encode_text
from .._core.errors import Absent, ApiError, Conflict, InvalidInput, Refused
from .._core.ownership import find_secret_owner
from .._core.token_text import TokenFormat
from .port import Entry, SinkConflict, SinkError
from .stored_text import read_record, read_token, render_record

if TYPE_CHECKING:
    from .._clients.kubernetes import KubernetesClient

__all__ = ("KubernetesSecretSink", "SecretPlace")

RECORD_PREFIX = "record.fleetops.argocd/"
# The key is the name of the annotation, too: apimachinery pkg/util/validation, IsQualifiedName.
_KEY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_ATTEMPTS = 5
_PROBE = "probe"


@dataclass(frozen=True)
class SecretPlace:
    """Which key of which Secret. `host` is the address of its cluster, `secret_type` None for whatever is there.

    `argocd_namespace` is where an Argo CD of that cluster is looked for, which may deploy the Secret.
    """

    host: str
    name: str
    key: str
    secret_type: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    argocd_namespace: str = "argocd"


class KubernetesSecretSink:
    """A token in one key of a Secret (see the port `Sink`); the client's namespace is the Secret's."""

    def __init__(self, client: KubernetesClient, place: SecretPlace, form: TokenFormat) -> None:
        if not _KEY.fullmatch(place.key):
            raise InvalidInput(
                f"cannot use {place.key!r} as key of a Secret: use 1 to 63 of the characters A-Z a-z 0-9 . _ -, a "
                "letter or digit first and last (the record is an annotation of that name)"
            )
        self.label = f"key {place.key} of Secret {client.namespace}/{place.name} at {place.host}"
        self.location: dict[str, Any] = {
            "type": "kubernetes_secret",
            "host": place.host,
            "namespace": client.namespace,
            "name": place.name,
            "key": place.key,
            "format": form.name,
        }
        self._client = client
        self._place = place
        self._form = form
        self._annotation = RECORD_PREFIX + place.key

    def prepare(self) -> None:
        """Ask the API server for a dry run: it knows rights, admission, quota and the namespace."""
        probe = Entry(token=_PROBE, record={})
        with self._reported():
            for _attempt in range(_ATTEMPTS):
                secret = self._get()
                if secret is not None:
                    self._refuse_unwritable(secret)
                if self._put(secret, probe, dry_run=True):
                    return
        raise self._busy()

    def read(self) -> Entry:
        """Return what is stored, in whatever format."""
        with self._reported():
            return self._entry(self._get())

    def write(self, entry: Entry, *, expected: Entry) -> None:
        """Store; what somebody else changes in the rest of the Secret meanwhile does not matter."""
        with self._reported():
            for _attempt in range(_ATTEMPTS):
                secret = self._get()
                current = self._entry(secret)
                if not current.holds_same(expected):
                    raise self._conflict("its value or record changed after it was read")
                if current.holds_same(entry) and current.stale is None:
                    return
                if self._put(secret, entry):
                    return
        raise self._busy()

    def _put(self, secret: Mapping[str, Any] | None, entry: Entry, *, dry_run: bool = False) -> bool:
        """Write once; False where somebody else was first and nothing of ours happened."""
        try:
            if secret is None:
                self._client.create("secrets", self._fresh(entry), dry_run=dry_run)
            else:
                self._client.merge("secrets", self._place.name, self._changes(secret, entry), dry_run=dry_run)
        except Conflict:
            return False
        except Absent:
            if secret is None:
                raise
            # Deleted since it was read.
            return False
        return True

    def _busy(self) -> SinkConflict:
        return self._conflict(f"others wrote to the Secret {_ATTEMPTS} times in a row")

    def _conflict(self, cause: str) -> SinkConflict:
        return SinkConflict(f"cannot write {self.label}: {cause}; run again to use what is there now")

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Turn an API's error into a sink's, which the flow knows how to take."""
        told = ""
        try:
            yield
        except Absent:
            # A missing Secret is no error, so this is about what a new one would be in.
            told = f"cannot use {self.label}: there is no namespace {self._client.namespace}; create it first"
        except ApiError as exc:
            told = f"cannot use {self.label}: {exc}"
        if told:
            raise SinkError(told)

    def _get(self) -> dict[str, Any] | None:
        try:
            return self._client.get("secrets", self._place.name)
        except Absent:
            return None

    def _refuse_unwritable(self, secret: Mapping[str, Any]) -> None:
        metadata = secret["metadata"]
        argocd = self._client.in_namespace(self._place.argocd_namespace)
        owner = find_secret_owner(metadata, find_application(argocd, "Secret", metadata))
        if owner:
            raise Refused(
                f"cannot write {self.label}: the Secret belongs to {owner}, which would undo it; name another Secret"
            )
        obstacles = {
            "it is immutable": secret.get("immutable"),
            "it is being deleted": metadata.get("deletionTimestamp"),
            f"its type is {secret.get('type')} and cannot change, {self._place.secret_type} is asked": (
                self._place.secret_type and self._place.secret_type != secret.get("type")
            ),
        }
        cause = next((cause for cause, applies in obstacles.items() if applies), None)
        if cause:
            raise Refused(f"cannot write {self.label}: {cause}; name another Secret, or delete this one")

    # -- reading

    def _entry(self, secret: Mapping[str, Any] | None) -> Entry:
        if secret is None:
            return Entry()
        metadata = secret["metadata"]
        text = self._text((secret.get("data") or {}).get(self._place.key))
        token = read_token(text, label=self.label)
        record = (metadata.get("annotations") or {}).get(self._annotation)
        return Entry(
            token=token,
            record=read_record(record, label=self.label, name=f"its annotation {self._annotation}"),
            stale=self._stale(metadata, text, token) if token else None,
            version=metadata["resourceVersion"],
        )

    def _text(self, encoded: str | None) -> str:
        try:
            return base64.b64decode(encoded or "").decode()
        except (binascii.Error, UnicodeDecodeError):
            pass
        raise SinkError(f"cannot read {self.label}: its value is no text; set another key of the sink")

    def _stale(self, metadata: Mapping[str, Any], text: str, token: str) -> str | None:
        if text != self._form.render(token):
            return f"stored in another form than {self._form.name}"
        labels = metadata.get("labels") or {}
        missing = [name for name, value in self._place.labels.items() if labels.get(name) != value]
        return f"its Secret lacks label {', '.join(missing)}" if missing else None

    # -- writing

    def _fresh(self, entry: Entry) -> dict[str, Any]:
        values = self._values(entry)
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self._place.name, **_without_none(values["metadata"])},
            "type": self._place.secret_type or "Opaque",
            **_without_none({"data": values["data"]}),
        }

    def _changes(self, secret: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
        values = self._values(entry)
        version = secret["metadata"]["resourceVersion"]
        return {**values, "metadata": {**values["metadata"], "resourceVersion": version}}

    def _values(self, entry: Entry) -> dict[str, Any]:
        """Return what is ours of the object; null removes."""
        record = None if entry.record is None else render_record(entry.record)
        data = None if entry.token is None else encode_text(self._form.render(entry.token))
        labels = {} if entry == Entry() else dict(self._place.labels)
        return {
            "metadata": {"labels": labels, "annotations": {self._annotation: record}},
            "data": {self._place.key: data},
        }


def _without_none(shape: Mapping[str, Mapping[str, str | None]]) -> dict[str, dict[str, str]]:
    """Return the maps without their nulls: a new object has nothing to remove."""
    return {name: {key: value for key, value in inside.items() if value is not None} for name, inside in shape.items()}
