# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make or refresh the environment of this checkout: `setup_environment.py DIRECTORY [REQUIREMENTS...]`.

Runs with any Python 3.8 or newer, finds the newest one our tools support, and does nothing when a stamp says
that the environment was made from these very requirements.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

# ansible-core 2.20 and later need 3.12 on the controller; with 3.11 pip picks an older one. Newest first.
VERSIONS = ("3.13", "3.12", "3.11")
# The real path, so that an environment is never made from another environment, which may be this one.
PROBE = "import ensurepip, os, sys, venv; print(os.path.realpath(sys.executable), *sys.version_info[:2], sep='\\n')"


def usable(command: str, version: str) -> str | None:
    """The real path behind `command`, if it runs, is `version` and can make environments.

    A pyenv shim is on PATH for every version ever installed and fails for those that are not active.
    """
    try:
        answer = subprocess.run([command, "-c", PROBE], capture_output=True, text=True, check=False)
    except OSError:
        return None
    path, _newline, found = answer.stdout.strip().partition("\n")
    return path if answer.returncode == 0 and found == version.replace(".", "\n") else None


def pyenv_pythons(version: str) -> list[str]:
    """Every interpreter of that version that pyenv holds, newest patch release first."""
    if shutil.which("pyenv") is None:
        return []
    root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False).stdout.strip()
    found = Path(root, "versions").glob(version + ".*/bin/python" + version)
    return [str(path) for path in sorted(found, key=lambda path: _patch_level(path.parts[-3]), reverse=True)]


def _patch_level(version: str) -> int:
    patch = version.rpartition(".")[2]
    return int(patch) if patch.isdigit() else -1


def find_python(wanted: str | None = None) -> str:
    """Path of the newest usable Python, or of the `wanted` version ("3.12"); exits with advice where there is none."""
    versions = (wanted,) if wanted else VERSIONS
    for version in versions:
        for command in ["python" + version, *pyenv_pythons(version), sys.executable]:
            path = usable(command, version)
            if path:
                return path
    sys.exit(
        f"cannot find Python {' or '.join(versions)}: install one of them, with its venv module, or add it to PATH"
    )


def fingerprint(python: str, requirements: list[Path]) -> str:
    """What the environment is made from, in one hash."""
    digest = hashlib.sha256(python.encode())
    for path in requirements:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def make(directory: Path, python: str, requirements: list[Path]) -> None:
    """A fresh environment with the requirements in it."""
    print(f"setup: {directory.name} with {Path(python).name}", flush=True)
    subprocess.run([python, "-m", "venv", "--clear", str(directory)], check=True)
    arguments = [argument for path in requirements for argument in ("-r", str(path))]
    pip = [str(directory / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, "install", "--quiet", *arguments], check=True)


def main(arguments: list[str]) -> None:
    directory, requirements = Path(arguments[0]).absolute(), [Path(name) for name in arguments[1:]]
    python = find_python(os.environ.get("TEST_PYTHON"))
    stamp, wanted = directory / "stamp", fingerprint(python, requirements)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_name(directory.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        try:
            make(directory, python, requirements)
        except subprocess.CalledProcessError as failure:
            sys.exit(f"cannot set up {directory.name}: `{' '.join(failure.cmd[:5])}` failed, see above")
        stamp.write_text(wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
