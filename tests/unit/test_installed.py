# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ansible-galaxy collection install .` in a checkout, README's first command: the collection, not what lies about."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("plugins", "roles", "meta", "playbooks")
FILES = ("galaxy.yml", "README.md", "LICENSE", "requirements.txt")
# Of a line of .gitignore that is no path from the top, where such a file would be.
ANYWHERE = {
    "__pycache__/": "plugins/modules/__pycache__/argocd_token.txt",
    "*.py[cod]": "plugins/modules/argocd_token.pyo",
    "*.swp": "roles/argocd_user/tasks/.main.yml.swp",
}
# Of the workshop, beside what git ignores.
OF_GIT = (".git/config", ".github/workflows/ci.yml", "tests/unit/conftest.py", "Makefile", "pyproject.toml")


def left_behind() -> list[str]:
    """A file for every line of .gitignore."""
    lines = [line for line in (ROOT / ".gitignore").read_text().splitlines() if line and not line.startswith("#")]
    return [ANYWHERE.get(line) or (line.strip("/") + ("/planted" if line.endswith("/") else "")) for line in lines]


def of_build_ignore() -> list[str]:
    """A file for everything else that galaxy.yml leaves out by its name."""
    ignored = yaml.safe_load((ROOT / "galaxy.yml").read_text())["build_ignore"]
    names = [name for name in ignored if "*" not in name]
    known = [*left_behind(), *OF_GIT]
    return [name for name in names if not any(Path(path).is_relative_to(name) for path in known)]


PLANTED = sorted({*left_behind(), *OF_GIT, *of_build_ignore()})


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    directory = tmp_path / "checkout"
    for name in SHIPPED:
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "*.swp"))
    for name in FILES:
        shutil.copy(ROOT / name, directory / name)
    for name in PLANTED:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("planted")
    return directory


def galaxy(checkout: Path, *arguments: str) -> None:
    """Run ansible-galaxy in the checkout, without a network and away from the user's home."""
    home = checkout.with_name("home")
    environment = {**os.environ, "HOME": str(home), "ANSIBLE_HOME": str(home / ".ansible")}
    command = [sys.executable, "-m", "ansible", "galaxy", "collection", *arguments]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def built(checkout: Path) -> set[str]:
    galaxy(checkout, "build", "--output-path", str(checkout.with_name("built")))
    (tarball,) = checkout.with_name("built").iterdir()
    with tarfile.open(tarball) as archive:
        return {member.name for member in archive if member.isfile()}


def installed(checkout: Path) -> set[str]:
    galaxy(checkout, "install", ".", "--offline", "--collections-path", str(checkout.with_name("collections")))
    top = checkout.with_name("collections") / "ansible_collections" / "fleetops" / "argocd"
    return {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}


@pytest.mark.parametrize("contents", [built, installed])
def test_what_lies_about_in_a_checkout_is_not_taken_along(checkout: Path, contents: Callable[[Path], set[str]]) -> None:
    taken = contents(checkout)
    files = {str(path.relative_to(checkout)) for name in SHIPPED for path in (checkout / name).rglob("*")}
    shipped = {name for name in files if (checkout / name).is_file()} - set(PLANTED)
    assert sorted(taken & set(PLANTED)) == []
    assert sorted(shipped - taken) == []
    assert sorted(taken - shipped) == sorted({*FILES, "MANIFEST.json", "FILES.json"} - {"galaxy.yml"})
    assert {"plugins/modules/argocd_token.py", "roles/argocd_user/tasks/main.yml"} <= shipped


def test_every_line_of_gitignore_has_a_file_that_it_is_about() -> None:
    assert [name for name in left_behind() if set("*[]?") & set(name)] == []
