# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection that is not local by name, and needs no other machine."""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = """
name: elsewhere
short_description: The controller under another name
description: What the connection local does, for tests of what happens with another connection.
author: fleetops.argocd contributors
extends_documentation_fragment: connection_pipelining
"""


class Connection(LocalConnection):
    """Local, but for its name."""

    transport = "elsewhere"
