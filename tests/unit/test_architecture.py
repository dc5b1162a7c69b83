# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The import rule of ARCHITECTURE.md: which ring of plugins/ may import which, and what from outside."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = ("ansible_collections", "fleetops", "argocd")

# The parts of the standard library that neither do I/O nor know the time or chance.
PURE = frozenset(
    {"__future__", "collections", "contextlib", "dataclasses", "enum", "functools", "itertools", "keyword", "typing"}
    | {"base64", "binascii", "csv", "hashlib", "hmac", "io", "json", "re", "string", "textwrap"}
    | {"datetime", "fnmatch", "math", "urllib.parse"}
)
# datetime is pure but for these.
CLOCK_METHODS = frozenset({"now", "today", "utcnow"})
ANY_OF_THE_STANDARD_LIBRARY = frozenset(sys.stdlib_module_names)
INNER = frozenset({"_core", "_clients", "_stores", "_sinks", "_flows", "arguments", "shell"})


@dataclass(frozen=True)
class Ring:
    """What the files of one ring may import: other rings, and top-level packages."""

    rings: frozenset[str]
    packages: frozenset[str] = ANY_OF_THE_STANDARD_LIBRARY


def ring(rings: str, packages: str = "") -> Ring:
    return Ring(frozenset(rings.split()), ANY_OF_THE_STANDARD_LIBRARY | frozenset(packages.split()))


# `shell` is every other file directly in module_utils: what the ordinary modules share.
RINGS = {
    "_core": Ring(frozenset({"_core"}), PURE),
    "_clients": ring("_core _clients", "hvac kubernetes requests urllib3 websocket yaml"),
    "_stores": ring("_core _clients _stores"),
    "_sinks": ring("_core _clients _sinks"),
    "_flows": ring("_core _clients _stores _sinks _flows", "bcrypt"),
    "arguments": ring("_core arguments", "ansible"),
    "shell": Ring(INNER, ANY_OF_THE_STANDARD_LIBRARY | {"ansible"}),
    "plugin_utils": Ring(INNER | {"plugin_utils"}, ANY_OF_THE_STANDARD_LIBRARY | {"ansible", "yaml"}),
    "modules": ring("_flows arguments shell", "ansible"),
    "action": ring("_flows arguments shell plugin_utils", "ansible"),
    "doc_fragments": ring(""),
}


def ring_of(parts: tuple[str, ...]) -> str:
    """The ring of a dotted path below plugins/, such as ("module_utils", "_core", "policy")."""
    if parts[0] != "module_utils":
        return parts[0]
    name = parts[1] if len(parts) > 1 else "module_utils"
    return name if name in RINGS else "shell"


def absolute(module: str, *, level: int, package: tuple[str, ...]) -> tuple[str, ...]:
    """The dotted path an import names; `package` is the package of the importing file."""
    base = package[: len(package) - level + 1] if level else ()
    return base + tuple(module.split(".") if module else ())


def imported(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Every import of a file, wherever it stands (also under TYPE_CHECKING: a ring is about knowing, not loading)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            path = absolute(node.module or "", level=node.level, package=package)
            yield from ((*path, alias.name) for alias in node.names)


def forbidden(source: str, parts: tuple[str, ...]) -> list[str]:
    """The imports of a file that its ring does not allow; `parts` is its dotted path below plugins/."""
    rule = RINGS[ring_of(parts)]
    found = []
    for path in imported(ast.parse(source), (*COLLECTION, "plugins", *parts[:-1])):
        inside = path[:3] == COLLECTION
        outside = {path[0], ".".join(path[:2])}
        allowed = ring_of(path[4:]) in rule.rings if inside else bool(outside & rule.packages)
        if not allowed:
            found.append(".".join(path[4:] if inside else path))
    return found


def plugin_files() -> list[tuple[str, ...]]:
    paths = sorted((ROOT / "plugins").rglob("*.py"))
    return [path.relative_to(ROOT / "plugins").with_suffix("").parts for path in paths]


@pytest.mark.parametrize("parts", plugin_files(), ids="/".join)
def test_a_file_imports_only_what_its_ring_allows(parts: tuple[str, ...]) -> None:
    source = ROOT.joinpath("plugins", *parts).with_suffix(".py").read_text()
    assert forbidden(source, parts) == []


def test_the_core_never_asks_a_clock() -> None:
    calls = {
        (path.name, node.lineno)
        for path in (ROOT / "plugins" / "module_utils" / "_core").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_METHODS
    }
    assert calls == set()


@pytest.mark.parametrize(
    ("parts", "source", "found"),
    [
        ("module_utils._core.policy", "import re\nfrom .errors import Refused\nfrom . import plan", []),
        ("module_utils._core.policy", "import os, json", ["os"]),
        ("module_utils._core.policy", "def later():\n    import time", ["time"]),
        ("module_utils._core.policy", "import yaml", ["yaml"]),
        ("module_utils._core.policy", "from .._clients import http", ["module_utils._clients.http"]),
        ("module_utils._clients.http", "import os, requests\nfrom .._core.errors import Absent", []),
        ("module_utils._clients.http", "from .._flows.token import run", ["module_utils._flows.token.run"]),
        ("module_utils._clients.http", "from ansible.errors import AnsibleError", ["ansible.errors.AnsibleError"]),
        ("module_utils._sinks.port", "from .._stores import port", ["module_utils._stores.port"]),
        ("module_utils._flows.token", "import requests", ["requests"]),
        ("module_utils._flows.token", "from ..arguments import SPEC", ["module_utils.arguments.SPEC"]),
        ("modules.argocd_token", "from ..module_utils._flows import token\nfrom ..module_utils import arguments", []),
        ("modules.argocd_token", "from ..module_utils._core import tokens", ["module_utils._core.tokens"]),
        (
            "modules.argocd_token",
            "from ansible_collections.fleetops.argocd.plugins.plugin_utils.runner import run",
            ["plugin_utils.runner.run"],
        ),
        ("action.argocd_token", "from ansible_collections.fleetops.argocd.plugins.plugin_utils.runner import run", []),
        (
            "action.argocd_token",
            "from ansible_collections.kubernetes.core.plugins import x",
            ["ansible_collections.kubernetes.core.plugins.x"],
        ),
    ],
)
def test_the_rule_finds_what_is_forbidden(parts: str, source: str, found: list[str]) -> None:
    assert forbidden(source, tuple(parts.split("."))) == found
