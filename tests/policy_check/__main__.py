# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What argocd_rbac_policy writes and refuses, judged by a real argocd-server: `python -m policy_check REPORT`.

Random policies that the module accepts are written by it and must be in force; lines that it refuses are planted past
it and must break the policy or not do what was meant. Fails where the server thinks otherwise.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

from argocd_testbed.started import started

from ansible_collections.fleetops.argocd.plugins.module_utils._flows import rbac_policy

from .real_server import BROKEN, RealServer
from .texts import MARKER_ACTION, MARKER_RESOURCE, SUBJECT, Refusal, Task, random_task, refusals

PROBE = ("get", "projects", "x")
MARKER_KEY = "policy.zz-marker.csv"


def accepted(server: RealServer, chance: random.Random, wanted: int) -> dict[str, Any]:
    """Write random policies through the module until enough were accepted; every one must be in force afterwards."""
    told: Counter[str] = Counter()
    wrong: list[str] = []
    numbers = count()
    while told["accepted"] < wanted:
        number = next(numbers)
        marker = f"accepted-{number}"
        task = random_task(chance, marker)
        server.plant(task.data)
        result = server.run_module(task.options)
        if result.get("failed"):
            told[result["error"]] += 1
            wrong += [] if result["error"] == "InvalidInput" else [f"{marker}: {result['msg']}"]
            continue
        told["accepted"] += 1
        wrong += [f"{marker}: {cause}: {task}" for cause in judged(server, task, result, marker)]
        server.clear(marker)
    return {**told, "wrong": wrong}


def judged(server: RealServer, task: Task, result: dict[str, Any], marker: str) -> list[str]:
    """What is wrong with a policy that the module wrote; nothing, it is hoped."""
    causes = []
    if server.when_in_force(marker) == BROKEN or server.ask(PROBE, as_admin=True) == BROKEN:
        causes.append("the server cannot load it")
    others = {key: value for key, value in server.read().items() if key != result["key"]}
    if others != {key: value for key, value in task.data.items() if key != result["key"]}:
        causes.append("other keys changed")
    if server.run_module(task.options, check_mode=True).get("changed"):
        causes.append("it is not what was planned")
    return causes


def refused(server: RealServer, chance: random.Random, wanted: int) -> dict[str, Any]:
    """Plant what the module refuses; the server must break on it, or answer otherwise than is meant."""
    told: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    wrong: list[str] = []
    number = 0
    while told["refused"] < wanted:
        for refusal in refusals(chance):
            number += 1
            outcome = judged_refusal(server, refusal, f"refused-{number}")
            told["refused"] += 1
            told[outcome] += 1
            kinds[f"{refusal.kind}: {outcome}"] += 1
            wrong += [] if outcome in (BROKEN, "misread") else [f"{outcome}: {refusal}"]
    return {**told, "kinds": dict(sorted(kinds.items())), "wrong": wrong}


def judged_refusal(server: RealServer, refusal: Refusal, marker: str) -> str:
    server.plant(refusal.around)
    result = server.run_module({"subject": SUBJECT, **refusal.options})
    if not result.get("failed") or server.read() != refusal.around:
        return "accepted"
    marked = f"p, {SUBJECT}, {MARKER_RESOURCE}, {MARKER_ACTION}, {marker}, allow\n"
    before = refusal.around.get("policy.csv", "")
    server.plant({**refusal.around, "policy.csv": f"{before}{refusal.line}\n", MARKER_KEY: marked})
    answer = server.when_in_force(marker)
    if answer != BROKEN:
        answer = server.ask(refusal.question)
    server.clear(marker)
    return answer if answer == BROKEN else "misread" if answer != refusal.intended else "as meant"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("--accepted", type=int, default=200)
    parser.add_argument("--refused", type=int, default=100)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--info", type=Path, help="of a testbed that runs already")
    options = parser.parse_args()
    begin = time.monotonic()
    # The probe after each write pauses for servers far away.
    rbac_policy._PROBE_PAUSE = 0.0  # noqa: SLF001 # see above
    with tempfile.TemporaryDirectory() as directory:
        if options.info:
            report = checked(json.loads(options.info.read_text()), options)
        else:
            with started(Path(directory)) as info:
                report = checked(info, options)
    report["seconds"] = round(time.monotonic() - begin)
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    return 1 if report["accepted"]["wrong"] or report["refused"]["wrong"] else 0


def checked(info: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    (cluster,) = info["clusters"].values()
    server = RealServer(cluster)
    chance = random.Random(options.seed)  # noqa: S311 # to be repeated
    return {
        "server": server.version(),
        "seed": options.seed,
        "accepted": accepted(server, chance, options.accepted),
        "refused": refused(server, chance, options.refused),
    }


if __name__ == "__main__":
    sys.exit(main())
