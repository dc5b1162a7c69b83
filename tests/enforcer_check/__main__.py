# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare our enforcer with casbin and with the real argocd-server: `python -m enforcer_check REPORT [--questions N]`.

Writes {"questions", "yes_share", "features", "mismatches_pycasbin", "questions_real", "mismatches_real",
"planted_caught"} and fails where an answer differs, a feature decides too little or a planted bug goes unnoticed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from .comparing import SHARDS, Difference, Tally, with_casbin, with_the_real_server
from .variants import FEATURES, PLANTED

FEATURE_DECIDES = 300
PLANTED_BUGS = 10
YES_SHARE = (0.3, 0.7)


def report(casbin: Tally, real: Tally) -> dict[str, Any]:
    return {
        "questions": casbin.questions,
        "yes_share": round(casbin.yes / casbin.questions, 3),
        "features": {name: casbin.differs[name] for name in FEATURES},
        "mismatches_pycasbin": len(casbin.mismatches),
        "questions_real": real.questions,
        "mismatches_real": len(real.mismatches),
        "planted_caught": sum(1 for name in PLANTED if casbin.differs[name]),
    }


def shortcomings(
    result: dict[str, Any], planted: Mapping[str, int], questions: int, questions_real: int
) -> Iterator[str]:
    """What makes the check fail; `planted` says how many answers each planted bug changes."""
    if result["questions"] < questions or result["questions_real"] < questions_real:
        yield "too few questions were asked"
    if not YES_SHARE[0] <= result["yes_share"] <= YES_SHARE[1]:
        yield f"{result['yes_share']:.0%} of the answers are yes"
    for name, count in result["features"].items():
        if count < FEATURE_DECIDES:
            yield f"only {count} answers hang on {name}"
    yield from (f"planted and not caught: {name}" for name, count in planted.items() if not count)
    if result["planted_caught"] < PLANTED_BUGS:
        yield f"fewer than {PLANTED_BUGS} bugs are planted and caught"
    if result["mismatches_pycasbin"] or result["mismatches_real"]:
        yield "answers differ"


def explain(difference: Difference) -> str:
    whom, scenario, question, answer = difference
    told = f"{whom} says {'yes' if answer else 'no'} to {question}"
    return f"{told}\n  data: {scenario.data}\n  projects: {scenario.projects}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--real", type=int, default=2_000, help="how many of them to the real server")
    options = parser.parse_args()
    begin = time.monotonic()
    with ProcessPoolExecutor(SHARDS, multiprocessing.get_context("spawn")) as pool:
        shards = [pool.submit(with_casbin, number, -(-options.questions // SHARDS)) for number in range(SHARDS)]
        real = with_the_real_server(options.real) if options.real else Tally()
        casbin = Tally()
        for shard in shards:
            casbin.add(shard.result())
    result = report(casbin, real)
    planted = {name: casbin.differs[name] for name in PLANTED}
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    print(f"planted: {json.dumps(planted, indent=2)}")
    print(f"{real.yes} of the {real.questions} real answers are yes; {time.monotonic() - begin:.0f} s")
    for difference in (casbin.mismatches + real.mismatches)[:5]:
        print(explain(difference))
    failures = list(shortcomings(result, planted, options.questions, options.real))
    print("\n".join(failures) or "enforcer: casbin, the real server and ours agree")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
