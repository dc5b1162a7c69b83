#!/usr/bin/env python
# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory script: a host for each cluster of the project's clusters.json, {name: address of its Argo CD}."""

from __future__ import annotations

import json
from pathlib import Path


def main() -> None:
    """Print all of it; hosts have no more to be asked for."""
    clusters = json.loads(Path(__file__).parents[1].joinpath("clusters.json").read_text())
    hostvars = {name: {"argocd_address": address} for name, address in clusters.items()}
    print(json.dumps({"argocd": {"hosts": list(clusters)}, "_meta": {"hostvars": hostvars}}))


if __name__ == "__main__":
    main()
