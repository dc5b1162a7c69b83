# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a home directory for ansible-test: `make_home.py DIRECTORY`.

ansible-test keeps environments and downloads under `$HOME/.ansible` and hands its pip nothing of the caller's
environment but HOME and PATH. So the home gets a pip.conf with what pip knows here about reaching its index.
"""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from pathlib import Path

REACHING_AN_INDEX = (
    "cert",
    "client-cert",
    "extra-index-url",
    "find-links",
    "index-url",
    "proxy",
    "timeout",
    "trusted-host",
)


def pip_settings(listing: str) -> dict[str, str]:
    """The settings that say how to reach the index, from `pip config list` (`global.cert='...'`, `:env:.cert='...'`).

    pip sorts what it lists, so the environment (`:env:`), which beats the files, comes first.
    """
    settings: dict[str, str] = {}
    for line in listing.splitlines():
        name, _equals, value = line.partition("=")
        key = name.rpartition(".")[2].removeprefix("default-")
        if key in REACHING_AN_INDEX:
            settings.setdefault(key, str(ast.literal_eval(value)))
    return settings


def main(directory: str) -> None:
    home = Path(directory).absolute()
    config = home / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    parser = configparser.RawConfigParser()
    parser["global"] = pip_settings(listing)
    # An index address may carry a password.
    config.touch(mode=0o600)
    with config.open("w") as file:
        parser.write(file)


if __name__ == "__main__":
    main(sys.argv[1])
