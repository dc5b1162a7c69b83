# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vault file among other processes and on disks that fail: nothing is lost and nothing is left behind."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.port import Entry, SinkError
from ansible_collections.fleetops.argocd.plugins.plugin_utils import _locked_file
from ansible_collections.fleetops.argocd.plugins.plugin_utils.vault_file import VaultFileSink

TOKEN = "eyJhbGciOiJIUzI1NiJ9.SEKRET.c2ln"
BEFORE = "---\nmine: 1 # kept\n"


def sink(path: Path, *, variable: str = "tok", lock_timeout: float = 30) -> VaultFileSink:
    return VaultFileSink(
        path=str(path),
        variable=variable,
        record_variable=f"{variable}_record",
        vault_id=None,
        secrets=[("default", VaultSecret(b"password"))],
        lock_timeout=lock_timeout,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "argocd.yml"
    path.write_text(BEFORE)
    return path


@contextmanager
def held(lock: Path) -> Iterator[None]:
    """Hold a lock as another process does: flock belongs to the open file, not to the process."""
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    yield
    os.close(handle)


def failing(number: int) -> Any:
    def fail(*_args: object, **_options: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return fail


def test_twenty_processes_and_twenty_variables_in_one_new_file(tmp_path: Path) -> None:
    path = tmp_path / "host_vars" / "c1" / "argocd.yml"
    names = [f"tok{number}" for number in range(20)]
    processes = multiprocessing.get_context("fork")  # as Ansible starts its workers
    start = processes.Barrier(len(names))

    def write(name: str) -> None:
        start.wait()
        here = sink(path, variable=name)
        here.write(Entry(None, {"name": name}), expected=Entry())
        here.write(Entry(f"{TOKEN}{name}", {"name": name}), expected=Entry(None, {"name": name}))

    writers = [processes.Process(target=write, args=(name,)) for name in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * len(names)
    assert [sink(path, variable=name).read() for name in names] == [
        Entry(f"{TOKEN}{name}", {"name": name}) for name in names
    ]
    assert sorted(place.name for place in path.parent.iterdir()) == [".argocd.yml.lock", "argocd.yml"]


def test_processes_that_make_and_remove_the_same_directory(tmp_path: Path) -> None:
    """The lock goes with the directory; whoever waited for it must not hold a lock that nobody else sees."""
    directory = tmp_path / "host_vars"
    processes = multiprocessing.get_context("fork")

    def announce_and_withdraw(name: str) -> None:
        for _time in range(5):
            here = sink(directory / "argocd.yml", variable=name)
            here.write(Entry(None, {"name": name}), expected=Entry())
            here.write(Entry(), expected=Entry(None, {"name": name}))

    writers = [processes.Process(target=announce_and_withdraw, args=(f"tok{number}",)) for number in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * len(writers)
    assert sink(directory / "argocd.yml", variable="tok0").read() == Entry()


def test_lock_of_another_process_is_waited_for_and_then_named(file: Path) -> None:
    with held(file.with_name(".argocd.yml.lock")), pytest.raises(SinkError) as failed:
        sink(file, lock_timeout=0.1).write(Entry(TOKEN), expected=Entry())
    assert str(failed.value) == (
        f"cannot write variable tok in {file}: another process held the lock .argocd.yml.lock for 0.1 seconds;"
        " run again when the other run is done"
    )
    assert file.read_text() == BEFORE


def test_lock_is_waited_for_as_long_as_others_get_on(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fleet with one file: each holds the lock for a moment only, and all of them for minutes."""
    clock = [0.0]
    others = ExitStack()
    others.enter_context(held(file.with_name(".argocd.yml.lock")))

    def write_as_another(_seconds: float) -> None:
        clock[0] += 50
        _locked_file.replace(file, f"{BEFORE}written: {clock[0]:.0f}\n".encode())
        if clock[0] > 300:
            others.close()

    monkeypatch.setattr(_locked_file.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(_locked_file.time, "sleep", write_as_another)
    sink(file, lock_timeout=60).write(Entry(TOKEN), expected=Entry())
    assert sink(file).read() == Entry(TOKEN)
    assert "written: 350\n" in file.read_text()


def test_reading_needs_no_lock(file: Path) -> None:
    with held(file.with_name(".argocd.yml.lock")):
        sink(file).prepare()
        assert sink(file).read() == Entry()
        sink(file).write(Entry(), expected=Entry())


def test_lock_that_was_removed_while_waiting_is_taken_anew(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = file.with_name(".argocd.yml.lock")
    locked: list[int] = []

    def flock_of_a_removed_file(handle: int, operation: int) -> None:
        if not locked:
            lock.unlink()
        locked.append(os.fstat(handle).st_nlink)
        fcntl.lockf(handle, operation)

    monkeypatch.setattr(_locked_file.fcntl, "flock", flock_of_a_removed_file)
    sink(file).write(Entry(TOKEN), expected=Entry())
    assert locked == [0, 1]


@pytest.mark.parametrize(
    ("call", "number"), [("fsync", errno.ENOSPC), ("fchmod", errno.EROFS), ("write", errno.EDQUOT)]
)
def test_disk_that_fails_keeps_the_old_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    if call == "write":
        monkeypatch.setattr(_locked_file.os, "fdopen", lambda handle, _mode: FullDisk(handle, number))
    else:
        monkeypatch.setattr(_locked_file.os, call, failing(number))
    with pytest.raises(SinkError) as failed:
        sink(file).write(Entry(TOKEN), expected=Entry())
    assert str(failed.value) == f"cannot write variable tok in {file}: {os.strerror(number)}; solve that and run again"
    assert file.read_text() == BEFORE
    assert sorted(place.name for place in file.parent.iterdir()) == [".argocd.yml.lock", "argocd.yml"]


class FullDisk:
    """An open file on a disk without room."""

    def __init__(self, handle: int, number: int) -> None:
        self._handle = handle
        self.write = failing(number)

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._handle)


def test_rename_that_fails_keeps_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "replace", failing(errno.EIO))
    with pytest.raises(SinkError, match=os.strerror(errno.EIO)):
        sink(file).write(Entry(TOKEN), expected=Entry())
    assert file.read_text() == BEFORE
    assert sorted(place.name for place in file.parent.iterdir()) == [".argocd.yml.lock", "argocd.yml"]


def test_new_directories_go_again_when_the_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory of the host's name would make Ansible ignore the host's file."""
    monkeypatch.setattr(_locked_file.os, "fsync", failing(errno.ENOSPC))
    with pytest.raises(SinkError, match=os.strerror(errno.ENOSPC)):
        sink(tmp_path / "host_vars" / "c1" / "argocd.yml").write(Entry(TOKEN), expected=Entry())
    assert list(tmp_path.iterdir()) == []


def test_write_after_a_failed_one_can_still_be_taken_back(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = sink(file)
    here.write(Entry(None, {"a": 1}), expected=Entry())
    with monkeypatch.context() as broken:
        broken.setattr(_locked_file.os, "fsync", failing(errno.ENOSPC))
        with pytest.raises(SinkError):
            here.write(Entry(TOKEN, {"a": 1}), expected=Entry(None, {"a": 1}))
    here.write(Entry(), expected=Entry(None, {"a": 1}))
    assert file.read_text() == BEFORE


def test_directory_that_cannot_be_synced_is_no_failure(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(_locked_file.os, "fsync", fsync)
    sink(file).write(Entry(TOKEN), expected=Entry())
    assert sink(file).read() == Entry(TOKEN)


def test_attribute_that_may_not_be_copied_is_no_failure(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_locked_file.os, "listxattr", lambda _path: ["security.x"])
    monkeypatch.setattr(_locked_file.os, "getxattr", failing(errno.EPERM))
    sink(file).write(Entry(TOKEN), expected=Entry())
    assert sink(file).read() == Entry(TOKEN)


@pytest.mark.parametrize(
    ("refused", "cause"),
    [
        (".", "the directory {directory} is not writable"),
        ("argocd.yml", "the file is not writable"),
        (".argocd.yml.lock", "its lock .argocd.yml.lock belongs to another user"),
    ],
)
def test_prepare_names_what_is_not_writable(
    file: Path, monkeypatch: pytest.MonkeyPatch, refused: str, cause: str
) -> None:
    file.with_name(".argocd.yml.lock").touch()
    place = file.parent / refused
    monkeypatch.setattr(_locked_file.os, "access", lambda path, _mode: path != place)
    with pytest.raises(SinkError) as failed:
        sink(file).prepare()
    expected = cause.format(directory=file.parent)
    assert str(failed.value) == (
        f"cannot write variable tok in {file}: {expected}; make it writable, or set `file` of the sink"
    )


@pytest.mark.parametrize(("uid", "gid", "cause"), [(1, 0, "another user"), (0, 1, "a group that is not yours")])
def test_prepare_refuses_an_owner_it_could_not_keep(
    file: Path, monkeypatch: pytest.MonkeyPatch, uid: int, gid: int, cause: str
) -> None:
    if os.geteuid() == 0:  # who may keep every owner
        os.chown(file, 1234, 4321)
    status = file.stat()
    monkeypatch.setattr(_locked_file.os, "geteuid", lambda: status.st_uid + uid)
    monkeypatch.setattr(_locked_file.os, "getegid", lambda: status.st_gid + gid)
    monkeypatch.setattr(_locked_file.os, "getgroups", list)
    with pytest.raises(SinkError, match=cause):
        sink(file).prepare()


def test_file_in_the_way_of_a_directory(file: Path) -> None:
    for attempt in (sink(file / "argocd.yml").prepare, sink(file / "argocd.yml").read):
        with pytest.raises(SinkError, match="ot a directory"):
            attempt()


@pytest.mark.parametrize("kind", ["directory", "pipe", "loop"])
def test_what_is_no_file_is_an_error(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "argocd.yml"
    make = {"directory": place.mkdir, "pipe": lambda: os.mkfifo(place), "loop": lambda: place.symlink_to(place)}
    make[kind]()
    for attempt in (sink(place).prepare, sink(place).read):
        with pytest.raises(SinkError, match=r"not a regular file|symbolic links"):
            attempt()


def ansible(*arguments: str, cwd: Path) -> str:
    """Run Ansible's ad-hoc command with a home of its own."""
    command = [sys.executable, "-m", "ansible", "adhoc", *arguments]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "ANSIBLE_LOCAL_TEMP": str(cwd / "tmp"),
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("file_is", ["plain", "encrypted"])
def test_ansible_itself_reads_what_was_written(tmp_path: Path, file_is: str) -> None:
    secret = VaultSecret(b"password")
    path = tmp_path / "host_vars" / "c1" / "argocd.yml"
    (tmp_path / "password").write_text("password\n")
    (tmp_path / "hosts").write_text("c1 ansible_connection=local\n")
    here = sink(path)
    if file_is == "encrypted":
        path.parent.mkdir(parents=True)
        path.write_bytes(VaultLib([("default", secret)]).encrypt(BEFORE, secret))
    here.write(Entry(TOKEN, {"account": "octopus"}), expected=Entry())
    shown = ansible(
        "c1",
        "-i",
        "hosts",
        "--vault-password-file",
        "password",
        "-m",
        "debug",
        "-a",
        "msg='{{ tok }} {{ tok_record.account }}'",
        cwd=tmp_path,
    )
    assert f"{TOKEN} octopus" in shown
