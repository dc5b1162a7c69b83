# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job's inventory: what a source of the project said when it was last read, or one slice of that, as a script."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SCRIPT = "#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint(%r)\n"


def read_source(source: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """What AWX's inventory update takes from a file or directory of the project. What is vaulted stays so."""
    output = subprocess.run(
        ["ansible-inventory", "-i", str(source), "--list", "--export"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    found: dict[str, Any] = json.loads(output)
    return found


def sliced(inventory: Mapping[str, Any], number: int, count: int) -> dict[str, Any]:
    """Every `count`-th host from the `number`-th on, by name; groups keep their variables."""
    hostvars = inventory["_meta"]["hostvars"]
    members = {host for group in inventory.values() for host in group.get("hosts", [])} | hostvars.keys()
    kept = set(sorted(members)[number - 1 :: count])
    shape: dict[str, Any] = {"_meta": {"hostvars": {host: hostvars[host] for host in hostvars if host in kept}}}
    for name, group in inventory.items():
        if name != "_meta":
            shape[name] = {**group, "hosts": [host for host in group.get("hosts", []) if host in kept]}
    return shape


def write_script(inventory: Mapping[str, Any], file: Path) -> None:
    file.parent.mkdir()
    file.touch(mode=0o700)
    file.write_text(SCRIPT % json.dumps(inventory))
