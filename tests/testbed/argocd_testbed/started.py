# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A testbed for another program: `with started(directory, replicas=2) as info:`.

Started as a process of its own, by the Python that asks; needs nothing but the standard library here.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).resolve().parents[1]
# Servers that are built; what has to be built first takes as long as README says.
START_SECONDS = 300
STOP_SECONDS = 30


@contextlib.contextmanager
def started(
    directory: Path, names: Sequence[str] = ("c1",), *, replicas: int = 1, seconds: float = START_SECONDS
) -> Iterator[dict[str, Any]]:
    """What the info file says once all is healthy; stopped at the end.

    `names` are those of --names, `directory` takes the info file and the log. If it does not start, the program ends
    with that log.
    """
    info, log = directory / "testbed.json", directory / "testbed.log"
    info.unlink(missing_ok=True)
    options = ["--names", ",".join(names), "--replicas", str(replicas), "--info", str(info)]
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, str(PROGRAM), *options], stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + seconds
        while not info.is_file():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"cannot start the testbed: see below\n{log.read_text(errors='replace')}")
            time.sleep(0.1)
        yield json.loads(info.read_text())
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
