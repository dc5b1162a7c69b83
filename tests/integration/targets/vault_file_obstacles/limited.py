#!/usr/bin/env python
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook as an ordinary user would run it: `limited.py ARGUMENT...`.

For root, the modes of files count (CAP_DAC_OVERRIDE is gone). FILE_SIZE_LIMIT is in bytes: a longer file cannot be
written. Python ignores SIGXFSZ, so that is an OSError, as a full disk is.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


def main(arguments: list[str]) -> None:
    """Give up the privilege, set the limit, and become the program."""
    if os.geteuid() == 0 and ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot drop CAP_DAC_OVERRIDE")
    limit = os.environ.pop("FILE_SIZE_LIMIT", "")
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    os.execvp("ansible-playbook", ["ansible-playbook", *arguments])  # noqa: S606 # this is what it is for


if __name__ == "__main__":
    main(sys.argv[1:])
