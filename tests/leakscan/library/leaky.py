# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that leaks what it is given, in the way it is told."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Leak."""
    module = AnsibleModule(
        argument_spec={"way": {"type": "str", "required": True}, "text": {"type": "str", "no_log": True}}
    )
    # Put together anew: Ansible masks the value of a no_log option wherever it finds it.
    way, text = module.params["way"], module.params["text"]
    module.no_log_values.clear()
    if way == "warning":
        module.warn(f"logged in with {text}")
    elif way == "diff":
        module.exit_json(changed=True, diff={"before": "", "after": f"{text}\n"})
    elif way == "fact":
        module.exit_json(changed=False, ansible_facts={"leaked": text})
    elif way == "stderr":
        sys.stderr.write(text)
        sys.exit(1)
    elif way == "failure":
        module.fail_json(msg=f"cannot log in with {text}")
    elif way == "argv":
        subprocess.run(["sleep", "1", "--", text], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["sh", "-c", "sleep 1", text], check=False)
    elif way == "temporary file":
        with tempfile.NamedTemporaryFile(mode="w", delete=False) as file:
            file.write(text)
    module.exit_json(changed=True, msg=text if way == "message" else "done")


if __name__ == "__main__":
    main()
