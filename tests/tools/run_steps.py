# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run make targets as the steps of one test, two at a time: `run_steps.py LOG_DIRECTORY MAKE STEP...`.

Every step prints a heading, its result and its seconds when it ends, and its own closing line; the log of a step that
failed is printed as a whole. Steps start in the order given: name the long ones first.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

AT_A_TIME = 2
MAKE_NOTE = re.compile(r"make(\[\d+\])?: ")


def say(text: str) -> None:
    """One write, so that lines of steps that run at once never mix."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Result:
    step: str
    code: int
    seconds: float
    log: str

    @property
    def word(self) -> str:
        return "failed" if self.code else "passed"

    @property
    def closing_line(self) -> str:
        """The last line the step's tool had to say: what it counted."""
        lines = [line.strip(" =") for line in self.log.splitlines() if not MAKE_NOTE.match(line)]
        return next((line for line in reversed(lines) if line), "")[:110]


class Steps:
    """The processes of the steps, so that a stopped run stops them too."""

    def __init__(self, make: str, logs: Path) -> None:
        self._make = make
        self._logs = logs
        self._processes: list[subprocess.Popen[bytes]] = []

    def run(self, step: str) -> Result:
        say(f"--- {step}: started")
        path = self._logs / f"{step}.log"
        started = time.monotonic()
        with path.open("wb") as log:
            command = [self._make, "--no-print-directory", "--silent", step, "PREPARED=1"]
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"NO_COLOR": "1"},
            )
            self._processes.append(process)
            code = process.wait()
        return Result(step, code, time.monotonic() - started, path.read_text(errors="replace"))

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()


def show(result: Result) -> None:
    """A failed step's whole log, and what a reader needs of the others."""
    if result.code:
        say(f"--- {result.step}: its log\n{result.log}")
    say(f"--- {result.step}: {result.word} in {result.seconds:.0f} s; {result.closing_line}")


def summary(results: list[Result]) -> str:
    """One row per step, then the plain count of steps."""
    rows = [f"  {one.step:<24}{one.word:<8}{one.seconds:>6.0f} s  {one.closing_line}" for one in results]
    failed = sum(1 for one in results if one.code)
    return "\n".join(["", "steps:", *rows, f"{len(results) - failed} passed, {failed} failed"])


def main(logs: Path, make: str, names: list[str]) -> int:
    logs.mkdir(parents=True, exist_ok=True)
    steps, results = Steps(make, logs), []
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        futures = [pool.submit(steps.run, name) for name in names]
        try:
            for future in as_completed(futures):
                results.append(future.result())
                show(results[-1])
        except (KeyboardInterrupt, SystemExit):
            pool.shutdown(wait=False, cancel_futures=True)
            steps.stop()
            raise
    say(summary(sorted(results, key=lambda one: names.index(one.step))))
    return 1 if any(one.code for one in results) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
