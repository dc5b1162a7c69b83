# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the checkout to `DIRECTORY/ansible_collections/fleetops/argocd`: `copy_collection.py DIRECTORY`.

ansible-test, ansible-lint and antsibull-docs only believe in a collection at such a path, and ansible-test wants a
real directory there. What git tracks or does not ignore is copied; unchanged files are left alone, vanished ones go.
"""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# `tests/output` is ansible-test's own; `.git` is ours, see make_repository.
KEPT = (".git", "tests/output")


def listed_files() -> set[str]:
    """Paths of the checkout's files, relative to its root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in answer.stdout.split("\0") if name and (ROOT / name).is_file()}


def remove_vanished(target: Path, wanted: set[str]) -> None:
    for path in sorted(target.rglob("*"), reverse=True):
        name = path.relative_to(target).as_posix()
        if name.startswith(KEPT):
            continue
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif name not in wanted:
            path.unlink()


def copy_changed(target: Path, wanted: set[str]) -> None:
    for name in sorted(wanted):
        source, copy = ROOT / name, target / name
        if copy.is_file() and filecmp.cmp(source, copy) and source.stat().st_mode == copy.stat().st_mode:
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copy)


def make_repository(target: Path) -> None:
    """For ansible-test and ansible-lint, which ask git what counts; the outer repository ignores all of build/."""
    if not (target / ".git").exists():
        subprocess.run(["git", "init", "--quiet", str(target)], check=True)


def main(directory: str) -> None:
    target = Path(directory).absolute() / "ansible_collections" / "fleetops" / "argocd"
    target.mkdir(parents=True, exist_ok=True)
    wanted = listed_files()
    remove_vanished(target, wanted)
    copy_changed(target, wanted)
    make_repository(target)


if __name__ == "__main__":
    main(sys.argv[1])
