# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as AWX runs them, through ansible-runner, without AWX.

What AWX does between its database and ansible-runner, after its awx/main/tasks/jobs.py, awx/main/models/credential.py
and awx/main/models/inventory.py: the private data directory, the copy of the project, what credentials inject, vault
passwords by prompt, the variables of a survey, the inventory of a slice. The container is left out, as is the database.
"""
