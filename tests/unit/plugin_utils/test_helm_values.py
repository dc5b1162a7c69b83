# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store helm_values on a real file: compare and set under a lock, mode and links kept, refused where unsafe."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import Conflict, StoreError
from ansible_collections.fleetops.argocd.plugins.module_utils._core.plan import SetKeys
from ansible_collections.fleetops.argocd.plugins.plugin_utils import _locked_file
from ansible_collections.fleetops.argocd.plugins.plugin_utils.helm_values import HelmValuesFile

TEXT = "configs:\n  cm:\n    url: x # ours\n"
KEY = "accounts.octopus"
WRITTEN = f"{TEXT}    {KEY}: apiKey\n"


def step(values: Mapping[str, str | None] | None = None, name: str = "argocd-cm") -> SetKeys:
    return SetKeys("configmaps", name, values or {KEY: "apiKey"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "values.yaml"
    file.write_text(TEXT)
    file.chmod(0o640)
    return file


def opened(path: Path, *prefix: str) -> HelmValuesFile:
    return HelmValuesFile(path=str(path), prefix=prefix, lock_timeout=5)


def test_keys_are_read_and_written_and_mode_and_link_stay(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    values = opened(link)
    assert values.read("argocd-cm") == {"url": "x"}
    values.write(step(), dry_run=True)
    assert path.read_text() == TEXT
    values.write(step(), dry_run=False)
    assert path.read_text() == WRITTEN
    assert (stat.S_IMODE(path.stat().st_mode), link.is_symlink()) == (0o640, True)
    values.write(step({"policy.csv": "g, a, b\n"}, "argocd-rbac-cm"), dry_run=False)
    assert values.read("argocd-rbac-cm") == {"policy.csv": "g, a, b\n"}
    assert values.label == f"Helm values {link}"


def test_the_secret_is_not_kept_here(path: Path) -> None:
    values = opened(path)
    assert values.holds("argocd-cm", "x")
    assert values.holds("argocd-rbac-cm", "policy.x.csv")
    assert not values.holds("argocd-secret", "x")


def test_what_somebody_else_wrote_in_between_is_not_overwritten(path: Path) -> None:
    values = opened(path)
    values.read("argocd-cm")
    path.write_text("configs: {}\n")
    with pytest.raises(Conflict, match=r"^cannot write Helm values .*: it goes on changing; run again$"):
        values.write(step(), dry_run=False)
    assert path.read_text() == "configs: {}\n"


def test_many_that_write_at_once_lose_nothing(path: Path) -> None:
    def add(number: int) -> None:
        values = opened(path)
        while True:
            values.read("argocd-cm")
            try:
                values.write(step({f"accounts.a{number}": "login"}), dry_run=False)
            except Conflict:
                continue
            return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    assert opened(path).read("argocd-cm") == {"url": "x", **{f"accounts.a{number}": "login" for number in range(24)}}


REFUSED = {
    "sops": (b"configs: {}\nsops:\n  mac: x\n", "it is encrypted by SOPS, whose checksum an edit would break"),
    "a-vault": (b"$ANSIBLE_VAULT;1.1;AES256\n6162\n", "the document is not a block mapping of variables (line 1)"),
    "another-encoding": (b"configs: {a: \xff}\n", "it is not UTF-8 text"),
    "json": (b'{"configs": {}}\n', "the document is not a block mapping of variables (line 1)"),
}


@pytest.mark.parametrize(("content", "cause"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_cannot_be_edited_is_an_error(path: Path, content: bytes, cause: str) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        opened(path).read("argocd-cm")
    assert str(caught.value) == (
        f"cannot read Helm values {path}: {cause}; change that by hand, or set another `file` or `prefix` of "
        "config_store"
    )
    assert caught.value.__cause__ is None
    assert path.read_bytes() == content


def test_a_file_that_is_not_there_is_an_error_and_none_is_made(tmp_path: Path) -> None:
    missing = tmp_path / "values" / "values.yaml"
    with pytest.raises(StoreError, match="there is no such file; create it, or set `file` of config_store"):
        opened(missing).read("argocd-cm")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_closed_is_found_by_a_dry_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = opened(path)
    values.read("argocd-cm")
    # Root may write everywhere.
    monkeypatch.setattr(_locked_file, "obstacle", lambda _path: "the file is not writable")
    with pytest.raises(StoreError, match="the file is not writable; make it writable, or set `file` of config_store"):
        values.write(step(), dry_run=True)


def test_a_file_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="it is not a regular file; solve that and run again"):
        opened(tmp_path).read("argocd-cm")
