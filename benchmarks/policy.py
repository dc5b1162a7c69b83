# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reading, editing and linting a policy costs as it grows: `python benchmarks/policy.py REPORT`.

Times are seconds of this process's CPU, the best of a few runs. `growth` is the cost of a line in the longest policy
over that in the shortest: near 1 where the cost grows with the lines, 10 where it grows with their square. It fails
above MOST_GROWTH, which leaves room for what other processes disturb.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.fleetops.argocd.plugins.module_utils._core.permissions import parse_ceiling, require_below
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy import DesiredPolicy, plan_policy
from ansible_collections.fleetops.argocd.plugins.module_utils._core.release import NEWEST_KNOWN

SIZES = (1_000, 2_000, 5_000, 10_000)
RUNS = 5
MOST_GROWTH = 3
WISH = DesiredPolicy("octopus", (("p", "octopus", "applications", "get", "*/*", "allow"),), "policy.octopus.csv")
CEILING = parse_ceiling(["*, *, *"])


def of_many_subjects(size: int) -> dict[str, str]:
    """Users with roles, roles with lines, a comment now and then: what grows in years."""
    kinds = (
        "p, role:r{0}, applications, get, team-{0}/*, allow",
        "g, user-{0}, role:r{0}",
        "p, role:r{0}, applications, delete, team-{0}/prod-*, deny",
        "# about {0}",
    )
    return {"policy.csv": "".join(kinds[number % 4].format(number // 4) + "\n" for number in range(size))}


def of_one_subject(size: int) -> dict[str, str]:
    """All lines speak of one subject, and half of them deny."""
    effects = ("allow", "deny")
    lines = [f"p, bob, logs, get, team-{number}/*, {effects[number % 2]}\n" for number in range(size)]
    return {"policy.csv": "".join(lines), "policy.default": "role:readonly"}


def of_ours(size: int) -> dict[str, str]:
    """Our own overlay holds them all, and loses them."""
    lines = [f"p, octopus, logs, get, team-{number}/*, allow\n" for number in range(size)]
    return {"policy.octopus.csv": "".join(lines)}


def of_one_chain(size: int) -> dict[str, str]:
    """Each role has the next one."""
    return {"policy.csv": "".join(f"g, role:r{number}, role:r{number + 1}\n" for number in range(size))}


def seconds(data: dict[str, str]) -> float:
    def once() -> float:
        begin = time.process_time()
        change = plan_policy(data, WISH)
        for subject in ("octopus", "bob"):
            require_below(CEILING, change.data, subject, release=NEWEST_KNOWN)
        return time.process_time() - begin

    return min(once() for _run in range(RUNS))


def measured(policy: Callable[[int], dict[str, str]]) -> dict[str, Any]:
    times = {size: seconds(policy(size)) for size in SIZES}
    growth = (times[SIZES[-1]] / SIZES[-1]) / (times[SIZES[0]] / SIZES[0])
    return {"seconds": {str(size): round(took, 4) for size, took in times.items()}, "growth": round(growth, 2)}


def main() -> int:
    policies = (of_many_subjects, of_one_subject, of_ours, of_one_chain)
    report = {policy.__name__: measured(policy) for policy in policies}
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    steep = [name for name, result in report.items() if result["growth"] > MOST_GROWTH]
    print(f"grows faster than the lines: {', '.join(steep)}" if steep else "the cost grows with the lines")
    return 1 if steep else 0


if __name__ == "__main__":
    sys.exit(main())
