# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vault-file sink over real files and Ansible's own vault; the reader beside it is PyYAML and VaultLib."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.port import Entry, Sink, SinkConflict, SinkError
from ansible_collections.fleetops.argocd.plugins.plugin_utils.vault_file import (
    VaultFileSink,
    default_path,
)

TOKEN = "eyJhbGciOiJIUzI1NiJ9.SEKRET.c2ln"
OTHER = "eyJhbGciOiJIUzI1NiJ9.OTHER.c2ln"
RECORD = {"account": "octopus", "announced": "octopus-20260101T000000Z-00000000"}
VARIABLE = "argocd_octopus_token"
FOREIGN = '---\n# ours\nuser:   "x"   # kept\nlist:\n- 1\n'


def secrets(*labels: str) -> list[tuple[str, VaultSecret]]:
    return [(label, VaultSecret(f"password of {label}".encode())) for label in labels]


def encrypted(text: str, label: str) -> str:
    return bytes(VaultLib(secrets(label)).encrypt(text, secrets(label)[0][1], vault_id=label)).decode()


def stored(token: str, label: str, *, variable: str = VARIABLE) -> str:
    lines = "".join(f"          {line}\n" for line in encrypted(token, label).splitlines())
    return f"{variable}: !vault |\n{lines}"


def sink(
    path: Path, *, vault_id: str | None = None, loaded: Sequence[str] = ("default",), **more: Any
) -> VaultFileSink:
    options = {"variable": VARIABLE, "record_variable": f"{VARIABLE}_record", "secrets": secrets(*loaded), **more}
    return VaultFileSink(path=str(path), vault_id=vault_id, **options)


def loaded_by_others(text: str, *labels: str) -> dict[str, Any]:
    """Load the file as somebody else would: PyYAML, and every vault block through Ansible's VaultLib."""

    class Loader(yaml.SafeLoader):
        pass

    def vault(_loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
        return bytes(VaultLib(secrets(*labels)).decrypt(node.value)).decode()

    Loader.add_constructor("!vault", vault)
    return dict(yaml.load(text, Loader=Loader))  # noqa: S506 - a SafeLoader with one more tag


def header(path: Path) -> str:
    found = re.search(r"\$ANSIBLE_VAULT\S*", path.read_text())
    assert found
    return found[0]


def everything_below(directory: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None for path in directory.rglob("*")
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "host_vars" / "c1" / "argocd.yml"
    path.parent.mkdir(parents=True)
    path.write_text(FOREIGN)
    return path


class TestReadAndPrepare:
    def test_missing_file_is_empty(self, tmp_path: Path) -> None:
        new = sink(tmp_path / "host_vars" / "c1" / "argocd.yml")
        new.prepare()
        assert new.read() == Entry()
        assert list(tmp_path.iterdir()) == []

    def test_missing_variable_is_empty(self, file: Path) -> None:
        before = everything_below(file.parent)
        here = sink(file)
        here.prepare()
        assert here.read() == Entry()
        assert everything_below(file.parent) == before

    @pytest.mark.parametrize("value", ["", "~", "null", "''", '""  # later'])
    def test_placeholder_is_empty(self, file: Path, value: str) -> None:
        file.write_text(f"{VARIABLE}: {value}\n{VARIABLE}_record:\n")
        assert sink(file).read() == Entry()

    @pytest.mark.parametrize("token", [TOKEN, f"{TOKEN}\n", " x ", "ä"])
    def test_value_is_exact(self, file: Path, token: str) -> None:
        file.write_text(stored(token, "default") + f'{VARIABLE}_record: {{"a": [1, null]}}\n')
        assert sink(file).read() == Entry(token, {"a": [1, None]})

    def test_plain_text_is_stale(self, file: Path) -> None:
        file.write_text(f"{VARIABLE}: {TOKEN}\n")
        assert sink(file).read() == Entry(TOKEN, stale="stored in plain text")

    @pytest.mark.parametrize(
        ("label", "asked", "stale"),
        [
            ("prod", None, None),
            ("prod", "prod", None),
            ("dev", "prod", "encrypted with vault id dev, prod is asked"),
            ("default", "prod", "encrypted with vault id default, prod is asked"),
            ("default", "default", None),
        ],
    )
    def test_another_vault_id_is_stale(self, file: Path, label: str, asked: str | None, stale: str | None) -> None:
        file.write_text(stored(TOKEN, label))
        here = sink(file, vault_id=asked, loaded=("default", "dev", "prod"))
        assert here.read() == Entry(TOKEN, stale=stale)
        assert here.location["vault_id"] == asked or label

    def test_header_that_lies_is_stale(self, file: Path) -> None:
        """The label in a header is only a hint: Ansible tries every password."""
        file.write_text(stored(TOKEN, "dev").replace(";dev", ";prod"))
        here = sink(file, vault_id="prod", loaded=("dev", "prod"))
        assert here.read().stale == "encrypted with vault id dev, prod is asked"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (f"{VARIABLE}: 12345\n", "the value is not a string (line 1); remove it by hand"),
            (f"a: 1\n{VARIABLE}: [SEKRET]\n", "the value is not a string (line 2); remove it by hand"),
            (
                f'{VARIABLE}: "{{{{ SEKRET }}}}"\n',
                "the value is a template (line 1); set `variable` of the sink to the one that holds the value",
            ),
            (
                f"{VARIABLE}_record: SEKRET\n",
                (
                    f"the record {VARIABLE}_record is not a mapping of plain values (line 1);"
                    " restore it from an older version of the file"
                ),
            ),
            (
                "a: [SEKRET\n",
                "this is not valid YAML (line 2); change that by hand, or set another `file` or `variable` of the sink",
            ),
            (
                f"{VARIABLE}: !vault SEKRET\n",
                (
                    "the value cannot be decrypted (vault id in its header: default; loaded: default);"
                    " give the right password with --vault-id or --vault-password-file"
                ),
            ),
        ],
    )
    def test_unreadable_is_an_error(self, file: Path, text: str, message: str) -> None:
        file.write_text(text)
        for attempt in (sink(file).read, sink(file).prepare):
            with pytest.raises(SinkError) as failed:
                attempt()
            verb = "write" if attempt.__name__ == "prepare" and "YAML" in message else "read"
            assert str(failed.value) == f"cannot {verb} variable {VARIABLE} in {file}: {message}"

    def test_not_utf8_is_an_error(self, file: Path) -> None:
        file.write_bytes(b"a: SEKRET\xff\n")
        with pytest.raises(SinkError, match="the file is not UTF-8 text") as failed:
            sink(file).read()
        assert failed.value.__context__ is None

    def test_unknown_password_names_the_label_and_nothing_else(self, file: Path) -> None:
        file.write_text(stored(TOKEN, "prod"))
        with pytest.raises(SinkError) as failed:
            sink(file, loaded=("dev", "default")).read()
        assert str(failed.value) == (
            f"cannot read variable {VARIABLE} in {file}: the value cannot be decrypted (vault id in its header: prod;"
            " loaded: dev, default); give the right password with --vault-id or --vault-password-file"
        )
        assert failed.value.__context__ is None
        assert failed.value.__cause__ is None

    @pytest.mark.parametrize("length", [15, 25, 40, 200, -3])
    def test_damaged_ciphertext_is_an_error(self, file: Path, length: int) -> None:
        file.write_text(f"{VARIABLE}: !vault {encrypted(TOKEN, 'default')[:length]!r}\n".replace("'", '"'))
        with pytest.raises(SinkError, match="the value cannot be decrypted") as failed:
            sink(file).read()
        assert failed.value.__context__ is None

    @pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "ä", "a\n"])
    def test_variable_must_be_one(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InvalidInput, match="as a variable"):
            sink(tmp_path / "f.yml", variable=name)

    def test_location_and_label(self, file: Path) -> None:
        here: Sink = sink(file, loaded=("prod",))
        assert here.label == f"variable {VARIABLE} in {file}"
        assert here.location == {
            "type": "ansible_vault",
            "file": str(file),
            "variable": VARIABLE,
            "vault_id": None,
        }
        here.prepare()
        assert here.location["vault_id"] == "prod"

    @pytest.mark.parametrize("text", [f"{VARIABLE}: &a x\n", f"? {VARIABLE}\n: x\n", f"a: &a x\n{VARIABLE}: *a\n"])
    def test_prepare_refuses_what_write_would(self, file: Path, text: str) -> None:
        file.write_text(text)
        with pytest.raises(SinkError, match=r"^cannot write"):
            sink(file).prepare()
        with pytest.raises(SinkError, match=r"^cannot write"):
            sink(file).write(Entry(TOKEN), expected=Entry("x"))
        assert file.read_text() == text

    def test_json_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "c1.json"
        with pytest.raises(SinkError, match="is JSON, which cannot be edited"):
            sink(path).prepare()
        assert not path.exists()


class TestVaultId:
    @pytest.mark.parametrize(
        ("loaded", "asked", "block", "configured", "chosen"),
        [
            (("default",), None, None, None, "$ANSIBLE_VAULT;1.1;AES256"),
            (("prod",), None, None, None, "$ANSIBLE_VAULT;1.2;AES256;prod"),
            (("dev", "prod"), "prod", None, None, "$ANSIBLE_VAULT;1.2;AES256;prod"),
            (("dev", "prod"), None, "prod", None, "$ANSIBLE_VAULT;1.2;AES256;prod"),
            (("dev", "prod"), None, "prod", "dev", "$ANSIBLE_VAULT;1.2;AES256;prod"),
            (("dev", "prod"), "dev", "prod", "prod", "$ANSIBLE_VAULT;1.2;AES256;dev"),
            (("dev", "prod"), None, None, "prod", "$ANSIBLE_VAULT;1.2;AES256;prod"),
            (("prod", "prod"), None, None, None, "$ANSIBLE_VAULT;1.2;AES256;prod"),
            (("dev", "default"), None, "default", None, "$ANSIBLE_VAULT;1.1;AES256"),
        ],
    )
    def test_choice(
        self,
        file: Path,
        monkeypatch: pytest.MonkeyPatch,
        loaded: Sequence[str],
        asked: str | None,
        block: str | None,
        configured: str | None,
        chosen: str,
    ) -> None:
        if configured:
            monkeypatch.setenv("ANSIBLE_VAULT_ENCRYPT_IDENTITY", configured)
        file.write_text(FOREIGN + (stored(OTHER, block) if block else ""))
        here = sink(file, vault_id=asked, loaded=loaded)
        here.prepare()
        here.write(Entry(TOKEN), expected=here.read())
        assert header(file) == chosen
        assert here.location["vault_id"] == (chosen.split(";")[3:] or ["default"])[0]
        assert sink(file, vault_id=asked, loaded=loaded).read() == Entry(TOKEN)

    @pytest.mark.parametrize(
        ("loaded", "asked", "configured", "cause"),
        [
            ((), None, None, "no vault password is loaded;"),
            ((), "prod", None, "no vault password is loaded;"),
            (("dev", "prod"), None, None, "several vault ids are loaded (dev, prod);"),
            (("dev", "prod"), "test", None, "vault id test is not loaded (loaded: dev, prod);"),
            (("dev", "prod"), None, "test", "vault id test is not loaded (loaded: dev, prod);"),
        ],
    )
    def test_no_choice(
        self,
        file: Path,
        monkeypatch: pytest.MonkeyPatch,
        loaded: Sequence[str],
        asked: str | None,
        configured: str | None,
        cause: str,
    ) -> None:
        if configured:
            monkeypatch.setenv("ANSIBLE_VAULT_ENCRYPT_IDENTITY", configured)
        with pytest.raises(SinkError, match=re.escape(cause)):
            sink(file, vault_id=asked, loaded=loaded).prepare()
        assert file.read_text() == FOREIGN

    def test_first_password_of_a_label_is_taken(self, file: Path) -> None:
        """As Ansible does: with --vault-id prod@new --vault-id prod@old."""
        new, old = VaultSecret(b"new"), VaultSecret(b"old")
        sink(file, secrets=[("prod", new), ("prod", old)]).write(Entry(TOKEN), expected=Entry())
        assert sink(file, secrets=[("prod", new)]).read() == Entry(TOKEN)

    def test_vault_id_that_fits_is_kept_where_the_header_names_none_that_is_loaded(self, file: Path) -> None:
        file.write_text(stored(OTHER, "dev").replace(";dev", ";old"))
        here = sink(file, loaded=("prod", "dev"))
        here.write(Entry(TOKEN), expected=Entry(OTHER))
        assert header(file) == "$ANSIBLE_VAULT;1.2;AES256;dev"

    def test_value_that_is_encrypted_already_is_refused(self, file: Path) -> None:
        with pytest.raises(SinkError, match="Ansible's vault refuses to encrypt it") as failed:
            sink(file).write(Entry(encrypted(TOKEN, "default")), expected=Entry())
        assert failed.value.__context__ is None
        assert file.read_text() == FOREIGN

    @pytest.mark.parametrize("text", [f"{VARIABLE}: {TOKEN}\n", stored(TOKEN, "dev")])
    def test_stale_form_is_written_again(self, file: Path, text: str) -> None:
        file.write_text(text)
        here = sink(file, vault_id="prod", loaded=("dev", "prod"))
        here.write(here.read(), expected=here.read())
        assert header(file) == "$ANSIBLE_VAULT;1.2;AES256;prod"
        assert here.read() == Entry(TOKEN)


class TestWrite:
    def test_new_file(self, tmp_path: Path) -> None:
        path = tmp_path / "host_vars" / "c1" / "argocd.yml"
        here = sink(path)
        here.write(Entry(TOKEN, RECORD), expected=Entry())
        assert path.read_text().startswith(f"---\n{VARIABLE}: !vault |\n          $ANSIBLE_VAULT;1.1;AES256\n")
        assert loaded_by_others(path.read_text(), "default") == {VARIABLE: TOKEN, f"{VARIABLE}_record": RECORD}
        modes = [stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent, path.parent.parent)]
        assert modes == [0o600, 0o700, 0o700]
        assert sorted(place.name for place in path.parent.iterdir()) == [".argocd.yml.lock", "argocd.yml"]

    @pytest.mark.parametrize(
        "before", [FOREIGN, FOREIGN.replace("\n", "\r\n"), "\ufeff" + FOREIGN, stored("x", "a", variable="b")]
    )
    def test_rest_of_the_file_stays(self, file: Path, before: str) -> None:
        file.write_bytes(before.encode())
        here = sink(file)
        here.write(Entry(TOKEN, RECORD), expected=Entry())
        assert file.read_bytes().startswith(before.encode())
        sink(file).write(Entry(), expected=Entry(TOKEN, RECORD))
        assert file.read_bytes() == before.encode()

    def test_what_is_there_is_not_written_again(self, file: Path) -> None:
        sink(file).write(Entry(TOKEN, RECORD), expected=Entry())
        (file.parent / ".argocd.yml.lock").unlink()
        before = (file.stat(), everything_below(file.parent))
        sink(file).write(Entry(TOKEN, dict(RECORD)), expected=Entry(TOKEN, RECORD))
        assert (file.stat(), everything_below(file.parent)) == before

    def test_nothing_for_nobody(self, tmp_path: Path) -> None:
        sink(tmp_path / "host_vars" / "c1" / "argocd.yml").write(Entry(), expected=Entry())
        assert list(tmp_path.iterdir()) == []

    def test_token_is_not_encrypted_again_for_a_new_record(self, file: Path) -> None:
        sink(file).write(Entry(TOKEN), expected=Entry())
        before = file.read_text()
        sink(file).write(Entry(TOKEN, RECORD), expected=Entry(TOKEN))
        assert file.read_text().startswith(before)

    @pytest.mark.parametrize(
        "expected",
        [Entry(), Entry(OTHER, RECORD), Entry(TOKEN), Entry(TOKEN, {"account": "octopus"}), Entry(None, RECORD)],
    )
    def test_conflict(self, file: Path, expected: Entry) -> None:
        sink(file).write(Entry(TOKEN, RECORD), expected=Entry())
        before = file.read_bytes()
        with pytest.raises(
            SinkConflict, match=r"^cannot write .*: its value or record changed after it was read; run again"
        ):
            sink(file).write(Entry(OTHER, RECORD), expected=expected)
        assert file.read_bytes() == before

    def test_conflict_leaves_no_directory(self, tmp_path: Path) -> None:
        with pytest.raises(SinkConflict):
            sink(tmp_path / "host_vars" / "c1.yml").write(Entry(TOKEN), expected=Entry(OTHER))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("entry", [Entry(TOKEN), Entry(None, RECORD), Entry()])
    def test_parts_are_removed(self, file: Path, entry: Entry) -> None:
        sink(file).write(Entry(TOKEN, RECORD), expected=Entry())
        sink(file).write(entry, expected=Entry(TOKEN, RECORD))
        assert sink(file).read() == entry
        assert file.read_text().startswith(FOREIGN)

    def test_link_mode_owner_and_attributes_stay(self, file: Path, tmp_path: Path) -> None:
        owner = (1234, 4321) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
        os.chown(file, *owner)
        file.chmod(0o640)
        with suppress(OSError):  # not every file system has them
            os.setxattr(file, "user.note", b"kept")
        attributes = os.listxattr(file)
        link = tmp_path / "link.yml"
        link.symlink_to(os.path.relpath(file, tmp_path))
        sink(link).write(Entry(TOKEN), expected=Entry())
        assert link.is_symlink()
        assert loaded_by_others(file.read_text(), "default")[VARIABLE] == TOKEN
        status = file.stat()
        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o640, *owner)
        assert os.listxattr(file) == attributes
        assert sorted(place.name for place in tmp_path.iterdir()) == ["host_vars", "link.yml"]

    def test_link_to_nowhere_makes_its_target(self, tmp_path: Path) -> None:
        link = tmp_path / "link.yml"
        link.symlink_to("below/real.yml")
        sink(link).write(Entry(TOKEN), expected=Entry())
        assert link.is_symlink()
        assert (tmp_path / "below" / "real.yml").is_file()


class TestUndo:
    """What an object wrote itself it takes back byte for byte, so a withdrawn announcement leaves no trace."""

    ANNOUNCED = Entry(None, RECORD)

    @pytest.mark.parametrize("before", ["", "a: 1", "a: |\n  x", f"{VARIABLE}: ~ # to come\n", "b: |+\n  x\n\n"])
    def test_bytes_come_back(self, file: Path, before: str) -> None:
        file.write_text(before)
        here = sink(file)
        here.write(self.ANNOUNCED, expected=Entry())
        here.write(Entry(TOKEN, RECORD), expected=self.ANNOUNCED)
        here.write(Entry(), expected=Entry(TOKEN, RECORD))
        assert file.read_text() == before

    def test_ciphertext_comes_back(self, file: Path) -> None:
        file.write_text(FOREIGN + stored(TOKEN, "default"))
        before = file.read_bytes()
        here = sink(file)
        here.write(Entry(OTHER, RECORD), expected=Entry(TOKEN))
        here.write(Entry(TOKEN), expected=Entry(OTHER, RECORD))
        assert file.read_bytes() == before

    def test_steps_are_taken_back_one_by_one(self, file: Path) -> None:
        here = sink(file)
        here.write(self.ANNOUNCED, expected=Entry())
        announced = file.read_bytes()
        here.write(Entry(TOKEN, RECORD), expected=self.ANNOUNCED)
        here.write(self.ANNOUNCED, expected=Entry(TOKEN, RECORD))
        assert file.read_bytes() == announced
        here.write(Entry(), expected=self.ANNOUNCED)
        assert file.read_text() == FOREIGN

    def test_new_file_and_directories_go_again(self, tmp_path: Path) -> None:
        here = sink(tmp_path / "host_vars" / "c1" / "argocd.yml")
        here.write(self.ANNOUNCED, expected=Entry())
        here.write(Entry(), expected=self.ANNOUNCED)
        assert list(tmp_path.iterdir()) == []
        here.write(self.ANNOUNCED, expected=Entry())
        assert sink(tmp_path / "host_vars" / "c1" / "argocd.yml").read() == self.ANNOUNCED

    def test_new_file_in_an_old_directory_goes_again(self, tmp_path: Path) -> None:
        here = sink(tmp_path / "argocd.yml")
        here.write(self.ANNOUNCED, expected=Entry())
        here.write(Entry(), expected=self.ANNOUNCED)
        assert [place.name for place in tmp_path.iterdir()] == [".argocd.yml.lock"]

    def test_directory_with_a_foreign_file_stays(self, tmp_path: Path) -> None:
        path = tmp_path / "host_vars" / "c1" / "argocd.yml"
        here = sink(path)
        here.write(self.ANNOUNCED, expected=Entry())
        (path.parent / "mine.yml").write_text("a: 1\n")
        here.write(Entry(), expected=self.ANNOUNCED)
        assert [place.name for place in path.parent.iterdir()] == ["mine.yml"]

    def test_foreign_edit_in_between_stays(self, tmp_path: Path) -> None:
        path = tmp_path / "host_vars" / "argocd.yml"
        here = sink(path)
        here.write(self.ANNOUNCED, expected=Entry())
        sink(path, variable="other").write(Entry(OTHER, RECORD), expected=Entry(None, RECORD))
        path.write_text(path.read_text() + "mine: 1\n")
        here.write(Entry(), expected=self.ANNOUNCED)
        assert loaded_by_others(path.read_text(), "default") == {"other": OTHER, "mine": 1}

    def test_withdrawn_announcement_does_not_bring_back_a_form_replaced_before(self, file: Path) -> None:
        file.write_text(f"{VARIABLE}: {TOKEN}\n")
        here = sink(file)
        here.write(Entry(TOKEN), expected=Entry(TOKEN))
        before = file.read_bytes()
        here.write(Entry(TOKEN, RECORD), expected=Entry(TOKEN))
        here.write(Entry(TOKEN), expected=Entry(TOKEN, RECORD))
        assert file.read_bytes() == before
        assert TOKEN.encode() not in before

    def test_stale_form_does_not_come_back_by_itself(self, file: Path) -> None:
        file.write_text(f"{VARIABLE}: {TOKEN}\n")
        here = sink(file)
        for _time in range(2):
            here.write(Entry(TOKEN), expected=Entry(TOKEN))
            assert sink(file).read() == Entry(TOKEN)


class TestWhollyEncrypted:
    INNER = FOREIGN

    def wrapped(self, path: Path, text: str, label: str) -> None:
        path.write_text(encrypted(text, label))

    def unwrapped(self, path: Path, *labels: str) -> str:
        return bytes(VaultLib(secrets(*labels)).decrypt(path.read_bytes())).decode()

    @pytest.mark.parametrize("label", ["default", "prod"])
    def test_inner_text_is_edited(self, file: Path, label: str) -> None:
        self.wrapped(file, self.INNER, label)
        outer = header(file)
        here = sink(file, loaded=("dev", label))
        here.prepare()
        here.write(Entry(TOKEN, RECORD), expected=Entry())
        assert header(file) == outer
        inner = self.unwrapped(file, label)
        assert inner.startswith(self.INNER + VARIABLE)
        assert loaded_by_others(inner, label)[VARIABLE] == TOKEN
        assert here.location["vault_id"] == label
        assert sink(file, loaded=("dev", label)).read() == Entry(TOKEN, RECORD)

    def test_unchanged_is_the_same_bytes(self, file: Path) -> None:
        self.wrapped(file, f"{VARIABLE}: {TOKEN}\n", "prod")
        before = file.read_bytes()
        here = sink(file, loaded=("prod",))
        assert here.read() == Entry(TOKEN)
        here.write(Entry(TOKEN), expected=Entry(TOKEN))
        assert file.read_bytes() == before

    def test_withdrawn_is_the_same_bytes(self, file: Path) -> None:
        self.wrapped(file, self.INNER, "prod")
        before = file.read_bytes()
        here = sink(file, loaded=("prod",))
        here.write(Entry(None, RECORD), expected=Entry())
        here.write(Entry(), expected=Entry(None, RECORD))
        assert file.read_bytes() == before

    def test_another_vault_id_goes_inside(self, file: Path) -> None:
        self.wrapped(file, f"{VARIABLE}: {TOKEN}\n", "dev")
        here = sink(file, vault_id="prod", loaded=("dev", "prod"))
        assert here.read().stale == "encrypted with vault id dev, prod is asked"
        here.write(Entry(TOKEN), expected=Entry(TOKEN))
        assert header(file) == "$ANSIBLE_VAULT;1.2;AES256;dev"
        assert "$ANSIBLE_VAULT;1.2;AES256;prod" in self.unwrapped(file, "dev")

    def test_unknown_password(self, file: Path) -> None:
        self.wrapped(file, self.INNER, "prod")
        with pytest.raises(
            SinkError, match=r"the file cannot be decrypted \(vault id in its header: prod; loaded: dev\)"
        ):
            sink(file, loaded=("dev",)).prepare()


class TestDefaults:
    @pytest.mark.parametrize(
        ("existing", "chosen"),
        [
            ([], "c1/argocd.yml"),
            (["c2.yml"], "c1/argocd.yml"),
            (["c1"], "c1"),
            (["c1.yml"], "c1.yml"),
            (["c1.yaml"], "c1.yaml"),
            (["c1.yml", "c1.json"], "c1.yml"),
            (["c1/other.yml"], "c1/argocd.yml"),
            (["c1/other.yml", "c1.yml"], "c1/argocd.yml"),
        ],
    )
    def test_path_is_where_ansible_looks(self, tmp_path: Path, existing: list[str], chosen: str) -> None:
        for name in existing:
            place = tmp_path / "host_vars" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        assert default_path(str(tmp_path), "c1") == str(tmp_path / "host_vars" / chosen)

    def test_path_refuses_json(self, tmp_path: Path) -> None:
        (tmp_path / "host_vars").mkdir()
        (tmp_path / "host_vars" / "c1.json").touch()
        with pytest.raises(SinkError, match=r"c1\.json is JSON, .*; set `file` of the sink `ansible_vault`"):
            default_path(str(tmp_path), "c1")

    @pytest.mark.parametrize("hostname", ["", ".", "..", "../c1", "/etc"])
    def test_path_stays_below_host_vars(self, tmp_path: Path, hostname: str) -> None:
        with pytest.raises(SinkError, match="the name is no file name"):
            default_path(str(tmp_path), hostname)

    def test_path_needs_an_inventory(self) -> None:
        with pytest.raises(SinkError) as failed:
            default_path(None, "c1")
        assert str(failed.value) == (
            "cannot choose a vault file for c1: its inventory has no directory;"
            " set `file` of the sink `ansible_vault` (role variable `argocd_user_store`)"
        )
