# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small file that many processes edit: one writer at a time, readers never see half of it.

The lock is a sidecar, because the file itself is replaced by rename and so changes its inode. Its name
has a leading dot: Ansible loads every other name it finds below `host_vars/<host>/`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ("exclusive", "obstacle", "read", "replace")

_POLL_SECONDS = 0.05
# What a file system, or a kernel's security module, answers where an attribute is not ours to copy.
_NOT_COPIED = (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENODATA, errno.EINVAL)


def read(path: Path) -> bytes | None:
    """Return the content, None where there is no file. Raise OSError."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise OSError(errno.EINVAL, "it is not a regular file")
        return path.read_bytes()
    return None


def obstacle(path: Path) -> str | None:
    """Tell why `path` could not be replaced, None where it could. Changes nothing."""
    directory = next(parent for parent in path.parents if os.path.lexists(parent))
    if not directory.is_dir():
        return f"{directory} is not a directory"
    if not os.access(directory, os.W_OK | os.X_OK):
        return f"the directory {directory} is not writable"
    if path.exists() and not os.access(path, os.W_OK):
        return "the file is not writable"
    lock = _lock_path(path)
    if lock.exists() and not os.access(lock, os.R_OK | os.W_OK):
        return f"its lock {lock.name} belongs to another user"
    return _foreign_owner(path)


def _foreign_owner(path: Path) -> str | None:
    if os.geteuid() == 0 or not path.exists():
        return None
    status = path.stat()
    if status.st_uid != os.geteuid():
        return f"the file belongs to another user (uid {status.st_uid}), which could not be kept"
    if status.st_gid not in (os.getegid(), *os.getgroups()):
        return f"the file belongs to a group that is not yours (gid {status.st_gid}), which could not be kept"
    return None


@contextmanager
def exclusive(path: Path, *, created: list[Path], timeout: float) -> Iterator[None]:
    """Hold the lock of `path`. Raise TimeoutError when `timeout` seconds went by in which nobody wrote it.

    Missing directories are made and appended to `created`; if in the end there is no file, those of
    `created` that are empty are removed again, and the lock with them.
    """
    handle = _acquired(path, created=created, timeout=timeout)
    try:
        yield
    finally:
        _remove_directories(path, created)
        os.close(handle)


def _lock_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _acquired(path: Path, *, created: list[Path], timeout: float) -> int:
    """Wait for as long as others get on: a fleet queues up for longer than any of its hosts takes."""
    lock, version, deadline = _lock_path(path), _version(path), time.monotonic() + timeout
    while (handle := _tried(lock, created=created)) is None:
        if (current := _version(path)) != version:
            version, deadline = current, time.monotonic() + timeout
        if time.monotonic() >= deadline:
            raise TimeoutError(errno.ETIMEDOUT, f"another process held the lock {lock.name} for {timeout:g} seconds")
        time.sleep(_POLL_SECONDS)
    return handle


def _version(path: Path) -> tuple[int, int] | None:
    """What changes whenever the file is replaced."""
    with suppress(OSError):
        status = path.stat()
        return status.st_ino, status.st_mtime_ns
    return None


def _tried(lock: Path, *, created: list[Path]) -> int | None:
    """Return a handle that holds the lock, None where another process has it or just removed it."""
    try:
        _make_directories(lock.parent, created)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:  # whoever made a directory removed it in between
        return None
    with suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), lock.stat()):
            return handle
    os.close(handle)
    return None


def _make_directories(directory: Path, created: list[Path]) -> None:
    missing = [path for path in (directory, *directory.parents) if not path.is_dir()]
    for path in reversed(missing):
        with suppress(FileExistsError):
            path.mkdir(0o700)
            created.append(path)


def _remove_directories(path: Path, created: list[Path]) -> None:
    """Remove the directories that were made for a file that is not there (any more)."""
    with suppress(OSError):  # somebody put something there: it stays, and what is above it
        if created and not path.exists():
            _lock_path(path).unlink()
            while created:
                created[-1].rmdir()
                created.pop()


def replace(path: Path, content: bytes) -> None:
    """Replace the file at once; mode, owner and extended attributes stay, a new one gets mode 0600. Raise OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            _copy_attributes(path, file.fileno())
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _copy_attributes(path: Path, handle: int) -> None:
    """Copy owner, extended attributes (SELinux context, access list) and mode: each may reset the one after it."""
    with suppress(FileNotFoundError):
        old, new = path.stat(), os.fstat(handle)
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
            os.fchown(handle, old.st_uid, old.st_gid)
        _copy_extended(path, handle)
        os.fchmod(handle, stat.S_IMODE(old.st_mode))


def _copy_extended(path: Path, handle: int) -> None:
    if not hasattr(os, "listxattr"):  # Linux only
        return
    names: list[str] = []
    with _where_possible():
        names = os.listxattr(path)
    for name in names:
        with _where_possible():
            os.setxattr(handle, name, os.getxattr(path, name))


@contextmanager
def _where_possible() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NOT_COPIED:
            raise


def _sync_directory(directory: Path) -> None:
    """Make the rename survive a power cut. Some file systems cannot, and the file is in place all the same."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
