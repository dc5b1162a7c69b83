# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the arguments of every process that a Python process starts to the file that RECORD_COMMANDS names.

Python imports this at its start where the directory is on PYTHONPATH. See sys.addaudithook and its table of events.
What only answers a question is no run, and stays quiet: who asked reads its output as a document.
"""

from __future__ import annotations

import os
import sys
from typing import Any

ANSWERS = ("ansible", "ansible-doc", "ansible-inventory", "ansible-vault")
TALKATIVE = ("ANSIBLE_DEBUG", "ANSIBLE_VERBOSITY")
STARTS = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system")


def record(event: str, details: tuple[Any, ...]) -> None:
    """All but the last item, which is the environment."""
    if event in STARTS:
        said = details if event == "os.system" else details[:2]
        with open(os.environ["RECORD_COMMANDS"], "a") as file:  # noqa: PTH123 # pathlib is not loaded yet
            file.write(f"{event} {said!r}\n")


sys.addaudithook(record)
if any(part.rpartition("/")[2] in ANSWERS for part in sys.orig_argv[:2]):
    for name in TALKATIVE:
        os.environ.pop(name, None)
