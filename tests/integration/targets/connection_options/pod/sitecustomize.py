# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a Python believe that it runs in a pod: a service account's files lie where POD_FILES says.

The kubernetes package has fixed places for them, which a test could only write to as root.
"""

from __future__ import annotations

import os
from pathlib import Path

from kubernetes.config import incluster_config

FILES = Path(os.environ["POD_FILES"])
incluster_config.SERVICE_TOKEN_FILENAME = str(FILES / "token")
incluster_config.SERVICE_CERT_FILENAME = str(FILES / "ca.crt")
