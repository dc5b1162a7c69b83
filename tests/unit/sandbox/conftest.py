# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the sandbox importable, and starts one as a user would: by its path, from another directory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
SANDBOX = HERE.parents[1] / "sandbox"
sys.path[:0] = [str(SANDBOX), str(HERE)]


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The content of the info file of a running sandbox with clusters `east` and `west`."""
    directory = tmp_path_factory.mktemp("sandbox")
    info = directory / "info.json"
    command = [sys.executable, str(SANDBOX), "--names", "east,west", "--info", str(info)]
    command += ["--visible-after", "0", "--login-delay", "0", "--log", str(directory / "requests.log")]
    with subprocess.Popen(command, cwd="/", stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield json.loads(info.read_text())
        process.terminate()
    assert process.returncode == 0
    assert [path.name for path in directory.iterdir()] == ["requests.log"]
