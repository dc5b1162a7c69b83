# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test that nobody runs proves nothing: every test of tests/unit is collected, and none is skipped."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parent
# Decorators that only a test carries.
OF_TESTS = frozenset({"given", "parametrize", "example"})
SKIPPING = frozenset({"skip", "skipif", "skipIf", "skipUnless", "importorskip", "xfail", "SkipTest"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(node: ast.AST) -> str:
    """The last name of `pytest.mark.parametrize(...)`: parametrize."""
    if isinstance(node, ast.Call):
        return name_of(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def is_test_like(function: Function) -> bool:
    return function.name.startswith("test") or any(name_of(one) in OF_TESTS for one in function.decorator_list)


def collected(tree: ast.Module, *, file: str) -> list[Function]:
    """The functions pytest collects with its default names; of two with one name only the last, as Python binds it."""
    if not (file.startswith("test_") and file.endswith(".py")):
        return []
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name.startswith("Test")]
    found = []
    for scope in [tree, *classes]:
        by_name = {node.name: node for node in scope.body if isinstance(node, Function)}
        found += [node for name, node in by_name.items() if name.startswith("test_")]
    return found


def uncollected(source: str, *, file: str) -> list[str]:
    tree = ast.parse(source)
    run = collected(tree, file=file)
    return [
        node.name for node in ast.walk(tree) if isinstance(node, Function) and is_test_like(node) and node not in run
    ]


def skips(source: str) -> Iterator[int]:
    """Lines that name one of pytest's or unittest's ways to leave a test out."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute | ast.Name) and name_of(node) in SKIPPING:
            yield node.lineno


FILES = sorted(UNIT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(UNIT).as_posix())
def test_every_test_of_a_file_is_collected_and_none_is_skipped(path: Path) -> None:
    source = path.read_text()
    assert uncollected(source, file=path.name) == []
    assert list(skips(source)) == []


@pytest.mark.parametrize(
    ("file", "source", "found"),
    [
        ("test_a.py", "def test_x(): ...\nclass TestA:\n    def test_y(self): ...", []),
        ("helpers.py", "def test_x(): ...", ["test_x"]),
        ("a_test.py", "def test_x(): ...", ["test_x"]),
        ("test_a.py", "def testing_x(): ...", ["testing_x"]),
        ("test_a.py", "@given(integers())\ndef holds(x): ...", ["holds"]),
        ("test_a.py", "@pytest.mark.parametrize('x', [1])\ndef holds(x): ...", ["holds"]),
        ("test_a.py", "def test_x(): ...\ndef test_x(): ...", ["test_x"]),
        ("test_a.py", "class Tokens:\n    def test_x(self): ...", ["test_x"]),
        ("test_a.py", "def outer():\n    def test_x(): ...", ["test_x"]),
    ],
)
def test_what_pytest_would_not_collect_is_found(file: str, source: str, found: list[str]) -> None:
    assert uncollected(source, file=file) == found


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.mark.skip\ndef test_x(): ...",
        "@pytest.mark.skipif(True, reason='')\ndef test_x(): ...",
        "def test_x():\n    pytest.skip('later')",
        "hvac = pytest.importorskip('hvac')",
        "@pytest.mark.xfail\ndef test_x(): ...",
    ],
)
def test_every_way_to_skip_is_found(source: str) -> None:
    assert len(list(skips(source))) == 1
