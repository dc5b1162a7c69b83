# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sink `ansible_vault`: one vaulted variable, and its record beside it in plain text, in a variables file.

Controller only: the vault secrets are the ones Ansible itself was started with. The file is read from
disk every time, because Ansible reads an inventory variable once per run. Nothing is raised while an
error of Ansible's vault, of YAML or of a decoder is handled: those carry what they could not read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, is_encrypted

from ansible_collections.fleetops.argocd.plugins.module_utils._core.accounts import check_variable
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.port import Entry, SinkConflict, SinkError
from ansible_collections.fleetops.argocd.plugins.plugin_utils import _locked_file
from ansible_collections.fleetops.argocd.plugins.plugin_utils._reporting import reported
from ansible_collections.fleetops.argocd.plugins.plugin_utils._yaml_text import (
    FlowMapping,
    Value,
    VaultBlock,
    edit,
    lookup,
)

__all__ = ("VaultFileSink", "default_path")

_NEW_FILE = "---\n"
_PLAIN_TEXT = "stored in plain text"
# The order in which Ansible looks; it takes the first it finds (DataLoader.find_vars_files).
_HOST_FILE_EXTENSIONS = ("", ".yml", ".yaml", ".json")


def default_path(inventory_dir: str | None, hostname: str) -> str:
    """Return `host_vars/<hostname>/argocd.yml` beside the inventory, or the host's one file if that is what it has.

    As soon as there is a directory of the host's name, Ansible ignores its file without a word. Raise SinkError.
    """
    remedy = "set `file` of the sink `ansible_vault` (role variable `argocd_user_store`)"
    if inventory_dir is None:
        raise SinkError(f"cannot choose a vault file for {hostname}: its inventory has no directory; {remedy}")
    if hostname in ("", ".", "..") or "/" in hostname:
        raise SinkError(f"cannot choose a vault file for {hostname!r}: the name is no file name; {remedy}")
    host = Path(inventory_dir, "host_vars", hostname)
    if not host.is_dir():
        for extension in _HOST_FILE_EXTENSIONS:
            file = host.with_name(hostname + extension)
            if file.is_file():
                _refuse_json(file, f"cannot choose a vault file for {hostname}", remedy)
                return str(file)
    return str(host / "argocd.yml")


def _refuse_json(file: Path, what: str, remedy: str) -> None:
    if file.suffix == ".json":
        raise SinkError(f"{what}: {file} is JSON, which cannot be edited without changing the rest of it; {remedy}")


@dataclass(frozen=True)
class _Wrapping:
    """How a file is encrypted as a whole. `label` is what its header says, None for an unlabelled one."""

    label: str | None
    secret: object


@dataclass(frozen=True)
class _Content:
    """A file as read: the bytes (None: no file), the text in them, and the wrapping of an encrypted file."""

    raw: bytes | None = field(repr=False)
    text: str = field(repr=False)
    wrapping: _Wrapping | None = None


@dataclass(frozen=True)
class _Stored:
    """What a file holds for us; `labels` are the vault ids to keep, best first: the header's, then what really fits."""

    entry: Entry
    labels: tuple[str, ...]


@dataclass(frozen=True)
class _Before:
    """What one of our own writes replaced. Void as soon as somebody else writes."""

    raw: bytes | None = field(repr=False)
    entry: Entry


class VaultFileSink:
    """A token as `!vault` variable in a YAML file of the controller (see the port `Sink`).

    `secrets` are Ansible's loaded (label, secret) pairs. With `vault_id` None the label of the stored block
    is kept, else `vault_encrypt_identity` or the only loaded one is taken. `location["vault_id"]` is what
    was asked, and after the first `prepare`, `read` or `write` what is used. `lock_timeout` is in seconds.
    """

    def __init__(
        self,
        *,
        path: str,
        variable: str,
        record_variable: str,
        vault_id: str | None,
        secrets: Sequence[tuple[str, object]],
        lock_timeout: float = 60,
    ) -> None:
        for name in (variable, record_variable):
            check_variable(name)
        self.label = f"variable {variable} in {path}"
        self.location: dict[str, Any] = {
            "type": "ansible_vault",
            "file": path,
            "variable": variable,
            "vault_id": vault_id,
        }
        self._path = path
        self._variable = variable
        self._record_variable = record_variable
        self._vault_id = vault_id
        self._secrets = list(secrets or ())
        self._lock_timeout = lock_timeout
        self._created: list[Path] = []
        self._before: list[_Before] = []
        self._written: bytes | None = None

    def prepare(self) -> None:
        """Carry out a write in memory and ask the file system for the rest."""
        with self._reported("write"):
            content = self._load()
            self._edited(content, self._stored(content), Entry(token="probe", record={"probe": "probe"}))
            obstacle = _locked_file.obstacle(self._target)
        if obstacle:
            raise self._failure("write", obstacle, "make it writable, or set `file` of the sink")

    def read(self) -> Entry:
        """Return what is stored, without the lock: a file is only ever replaced as a whole."""
        with self._reported("read"):
            return self._stored(self._load()).entry

    def write(self, entry: Entry, *, expected: Entry) -> None:
        """Store under the lock. What an earlier write of this object replaced comes back byte for byte."""
        with self._reported("write"):
            if self._is_stored(entry, expected=expected):
                return
            target = self._target
            with _locked_file.exclusive(target, created=self._created, timeout=self._lock_timeout):
                self._replace(target, entry, expected=expected)

    @property
    def _target(self) -> Path:
        """The file itself: a symbolic link to it stays one."""
        return Path(os.path.realpath(self._path))

    def _failure(self, verb: str, cause: str, remedy: str) -> SinkError:
        return SinkError(f"cannot {verb} {self.label}: {cause}; {remedy}")

    @contextmanager
    def _reported(self, verb: str) -> Iterator[None]:
        with reported(
            lambda cause, remedy: self._failure(verb, cause, remedy),
            elsewhere="another `file` or `variable` of the sink",
        ):
            yield

    # -- reading

    def _load(self) -> _Content:
        raw = _locked_file.read(self._target)
        if raw is None:
            return _Content(None, "")
        if not is_encrypted(raw):
            return _Content(raw, self._decoded(raw, "the file"))
        plain, _used, secret = self._decrypted(raw, "the file")
        return _Content(raw, self._decoded(plain, "the file"), _Wrapping(_header_label(raw), secret))

    def _decrypted(self, ciphertext: bytes, what: str) -> tuple[bytes, str, object]:
        """Return plain text, label and secret of the loaded secret that fits."""
        with suppress(AnsibleError):
            plain, used, secret = VaultLib(self._secrets).decrypt_and_get_vault_id(ciphertext)
            return bytes(plain), str(used), secret
        label = _header_label(ciphertext)
        raise self._failure(
            "read",
            f"{what} cannot be decrypted (vault id in its header: {label or _unlabelled()};"
            f" loaded: {self._loaded_names()})",
            "give the right password with --vault-id or --vault-password-file",
        )

    def _decoded(self, content: bytes, what: str) -> str:
        with suppress(UnicodeDecodeError):
            return content.decode("utf-8")
        raise self._failure("read", f"{what} is not UTF-8 text", "set another `file` or `variable` of the sink")

    def _stored(self, content: _Content) -> _Stored:
        values = lookup(content.text, self._variable, self._record_variable)
        record = self._record(values.get(self._record_variable))
        outer = (content.wrapping.label or _unlabelled(),) if content.wrapping else ()
        value = values.get(self._variable)
        if value is None or value.kind == "null":
            return _Stored(Entry(record=record), outer)
        if value.kind == "vault":
            ciphertext = value.text.encode("utf-8", "replace")
            plain, used, _secret = self._decrypted(ciphertext, "the value")
            token = self._decoded(plain, "the decrypted value")
            labels: tuple[str, ...] = (_header_label(ciphertext) or _unlabelled(), used, *outer)
            stale = self._stale(labels[0], used)
        else:
            token, labels = self._plain_token(value), outer
            stale = self._stale(outer[0], outer[0]) if outer else _PLAIN_TEXT
        if self._vault_id is None and labels:
            self.location["vault_id"] = labels[0]
        return _Stored(Entry(token, record, stale) if token else Entry(record=record), labels)

    def _plain_token(self, value: Value) -> str:
        if value.kind != "text":
            raise self._failure("read", f"the value is not a string (line {value.line})", "remove it by hand")
        if "{{" in value.text or "{%" in value.text:
            remedy = "set `variable` of the sink to the one that holds the value"
            raise self._failure("read", f"the value is a template (line {value.line})", remedy)
        return value.text

    def _record(self, value: Value | None) -> dict[str, Any] | None:
        if value is None or value.kind == "null":
            return None
        if value.data is None:
            cause = f"the record {self._record_variable} is not a mapping of plain values (line {value.line})"
            raise self._failure("read", cause, "restore it from an older version of the file")
        return dict(value.data)

    def _stale(self, header: str, used: str) -> str | None:
        asked = self._vault_id
        if asked is None or (header, used) == (asked, asked):
            return None
        return f"encrypted with vault id {used if header == asked else header}, {asked} is asked"

    # -- writing

    def _is_stored(self, entry: Entry, *, expected: Entry) -> bool:
        """Tell whether there is nothing to write. Then neither a lock nor a directory is made."""
        current = self._stored(self._load()).entry
        return current.holds_same(expected) and current.holds_same(entry) and current.stale is None

    def _replace(self, target: Path, entry: Entry, *, expected: Entry) -> None:
        content = self._load()
        stored = self._stored(content)
        if not stored.entry.holds_same(expected):
            cause = "its value or record changed after it was read"
            raise SinkConflict(f"cannot write {self.label}: {cause}; run again to use what is there now")
        if content.raw != self._written:
            self._before.clear()
        undone = next((before for before in reversed(self._before) if before.entry.holds_same(entry)), None)
        raw = undone.raw if undone else self._edited(content, stored, entry)
        self._put(target, raw, instead_of=content.raw)
        self._before.append(_Before(content.raw, stored.entry))
        self._written = raw

    def _put(self, target: Path, raw: bytes | None, *, instead_of: bytes | None) -> None:
        if raw is None:
            target.unlink(missing_ok=True)
        elif raw != instead_of:
            _locked_file.replace(target, raw)

    def _edited(self, content: _Content, stored: _Stored, entry: Entry) -> bytes | None:
        """Return the file's new bytes. What is right already is not encrypted again: no two ciphertexts are alike."""
        changes: dict[str, VaultBlock | FlowMapping | None] = {}
        if entry.token != stored.entry.token or (entry.token is not None and stored.entry.stale):
            changes[self._variable] = None if entry.token is None else self._encrypted(entry.token, stored.labels)
        if entry.record != stored.entry.record:
            changes[self._record_variable] = None if entry.record is None else FlowMapping(entry.record)
        if not changes:
            return content.raw
        _refuse_json(Path(self._path), f"cannot write {self.label}", "set `file` of the sink to a YAML file")
        text = _NEW_FILE if content.raw is None else content.text
        edited = edit(text, changes, neighbours=(self._variable, self._record_variable)).encode()
        if content.wrapping is None:
            return edited
        return self._ciphertext(edited, content.wrapping.secret, content.wrapping.label)

    def _encrypted(self, token: str, labels: Sequence[str]) -> VaultBlock:
        label, secret = self._identity(labels)
        self.location["vault_id"] = label
        return VaultBlock(self._ciphertext(token.encode(), secret, label).decode("ascii"))

    def _ciphertext(self, plain: bytes, secret: object, label: str | None) -> bytes:
        with suppress(AnsibleError):
            return bytes(VaultLib(self._secrets).encrypt(plain, secret, vault_id=label))
        raise self._failure(
            "write", "Ansible's vault refuses to encrypt it", "is it encrypted already, or `cryptography` missing?"
        )

    def _identity(self, labels: Sequence[str]) -> tuple[str, object]:
        """Choose what to encrypt with: as asked, as stored, as configured, or the only one there is."""
        loaded = dict(reversed(self._secrets))  # the first of a label counts
        kept = next((label for label in labels if label in loaded), None)
        configured = constants.config.get_config_value("DEFAULT_VAULT_ENCRYPT_IDENTITY")
        chosen = self._vault_id or kept or configured or (next(iter(loaded)) if len(loaded) == 1 else None)
        if chosen is not None and chosen in loaded:
            return chosen, loaded[chosen]
        remedy = "start Ansible with --vault-id <label>@<password file> or --vault-password-file"
        if not loaded:
            raise self._failure("write", "no vault password is loaded", remedy)
        if chosen is not None:
            raise self._failure("write", f"vault id {chosen} is not loaded (loaded: {self._loaded_names()})", remedy)
        cause = f"several vault ids are loaded ({self._loaded_names()})"
        raise self._failure("write", cause, "choose one with `vault_id` of the sink or vault_encrypt_identity")

    def _loaded_names(self) -> str:
        return ", ".join(dict.fromkeys(label for label, _secret in self._secrets)) or "none"


def _header_label(ciphertext: bytes) -> str | None:
    """Return the vault id of a header `$ANSIBLE_VAULT;1.2;AES256;<label>`, None without one.

    Only of a real header: anything else could be a secret in the wrong place.
    """
    header = re.match(rb"\$ANSIBLE_VAULT;1\.2;AES256;([^\r\n]+)", ciphertext)
    return header[1].decode("utf-8", "replace").strip() if header else None


def _unlabelled() -> str:
    """Return the vault id under which Ansible loads a password given without one."""
    return str(constants.config.get_config_value("DEFAULT_VAULT_IDENTITY"))
