# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bugs that tests/faults plants can still be planted: who changes their text changes them, too."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest
from faults.__main__ import cases
from faults.planted import BUGS, PLACE, UTILS, Bug, Edit, plant

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is planted into, at the place of an installed collection."""
    directory = tmp_path_factory.mktemp("collections")
    shutil.copytree(ROOT / UTILS, directory / PLACE / UTILS, ignore=shutil.ignore_patterns("__pycache__"))
    return directory


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_bug_is_in_its_copy_and_nowhere_else(bug: Bug, collections: Path, tmp_path: Path) -> None:
    copy = plant(bug, collections, tmp_path)
    changed = {
        path.relative_to(copy / PLACE / UTILS).as_posix()
        for path in copy.rglob("*.py")
        if path.read_bytes() != (collections / path.relative_to(copy)).read_bytes()
    }
    assert changed == {edit.file for edit in bug.edits}
    for name in changed:
        ast.parse((copy / PLACE / UTILS / name).read_text())


def test_a_text_that_is_not_there_any_more_is_an_error(collections: Path) -> None:
    with pytest.raises(ValueError, match="it has 0 times 'no such text'"):
        Edit("_core/record.py", "no such text", "").apply(collections / PLACE)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_bug_is_looked_for_in_one_case(bug: Bug) -> None:
    assert len(cases(bug.case)) == 1
