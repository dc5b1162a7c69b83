# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable as `ansible_collections.fleetops.argocd`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def _namespace(name: str, *, path: list[str]) -> None:
    """Register `name` as a namespace package over `path`, as Ansible's collection loader would."""
    module = ModuleType(name)
    module.__path__ = path
    sys.modules[name] = module
    parent, _dot, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


def _found() -> bool:
    """True where somebody else, such as `ansible-test units`, already made the collection importable."""
    try:
        return importlib.util.find_spec("ansible_collections.fleetops.argocd.plugins") is not None
    except ModuleNotFoundError:
        return False


if not _found():
    _namespace("ansible_collections", path=[])
    _namespace("ansible_collections.fleetops", path=[])
    _namespace("ansible_collections.fleetops.argocd", path=[str(ROOT)])
