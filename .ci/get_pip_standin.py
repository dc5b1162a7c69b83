# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for the get-pip script that ansible-test downloads, where its file host cannot be reached.

Takes pip from the Python itself and then the requested packages from the package index.
"""

from __future__ import annotations

import subprocess
import sys

# Options of the official script that pip does not know; a Python brings neither package by itself any more.
OF_GET_PIP_ONLY = ("--no-setuptools", "--no-wheel")


def main() -> int:
    subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True, stdout=subprocess.DEVNULL)
    wanted = [argument for argument in sys.argv[1:] if argument not in OF_GET_PIP_ONLY]
    return subprocess.run([sys.executable, "-m", "pip", "install", *wanted], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
