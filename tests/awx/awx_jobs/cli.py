# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: run the job that the standard input describes, JSON with the fields of Job; print what it did."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .job import Job, run


def main(_arguments: list[str]) -> int:
    shape = json.load(sys.stdin)
    paths = {name: Path(shape[name]) for name in ("project", "directory")}
    print(json.dumps(run(Job(**{**shape, **paths}))))
    return 0
