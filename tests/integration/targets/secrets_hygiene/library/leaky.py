# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that leaks what it is given, every way a module can."""

from __future__ import annotations

import subprocess
import tempfile

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Leave the secret in a file and in the arguments of a process; warn of it, show it in the diff, return or fail."""
    spec = {"secret": {"type": "str", "no_log": False}, "fails": {"type": "bool", "default": False}}
    module = AnsibleModule(argument_spec=spec)
    secret = module.params["secret"]
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(secret.encode())
    subprocess.run(["true", secret], check=True)
    module.warn(f"logged in with {secret}")
    if module.params["fails"]:
        module.fail_json(msg=f"cannot log in with {secret}")
    module.exit_json(changed=True, diff={"before": "", "after": secret}, msg=f"logged in with {secret}")


if __name__ == "__main__":
    main()
