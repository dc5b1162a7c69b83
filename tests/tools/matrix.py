# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns of `make test-matrix`: which versions each takes, and what they found.

`matrix.py pin COLUMN` prints the requirements of one: `2.16` is the newest release of that ansible-core beside the
newest of everything else, `lowest` the oldest release of all that requirements.txt and meta/runtime.yml allow.
`matrix.py steps COLUMN` prints the make targets it runs.
`matrix.py report FILE DIRECTORY...` writes FILE from what tests/tools/integration.py left in each column's directory:
{"2.16": {"python": "3.10.13", "targets": N, "failed": 0, "skipped": [], "ways": 2}, ...}; a target failed if it failed
either way.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
IN_PROCESS, AS_MODULES = "integration", "integration-module"
# Running the ordinary modules takes longest, and what differs there is Ansible's own machinery for them, which is one
# before 2.19 and another since then: it is tried at both ends, and with the oldest libraries.
BOTH_WAYS = ("2.16", "2.21", "lowest")


def pin(column: str, *, requirements: str, runtime: str) -> str:
    """Requirements for the column, from the texts of requirements.txt and meta/runtime.yml."""
    if column != "lowest":
        return f"ansible-core~={column}.0\n"
    oldest = re.search(r'requires_ansible: ">=([\d.]+)"', runtime)
    if oldest is None:
        sys.exit('cannot tell the oldest ansible-core: meta/runtime.yml has no `requires_ansible: ">=..."`')
    return requirements.replace(">=", "==") + f"ansible-core=={oldest.group(1)}\n"


def ways(column: str) -> tuple[str, ...]:
    """The steps that run the integration targets."""
    return (IN_PROCESS, AS_MODULES) if column in BOTH_WAYS else (IN_PROCESS,)


def steps(column: str) -> str:
    """All steps; ansible-test sanity wants tools newer than the oldest libraries."""
    return " ".join([*ways(column), *(["sanity"] if column != "lowest" else []), "unit"])


def combined(results: list[dict[str, Any]]) -> dict[str, Any]:
    """One column from its results, one for each way the modules can run."""

    def named(part: str) -> list[str]:
        return sorted({name for result in results for name in result[part]})

    return {
        "python": results[0]["python"],
        "targets": len(named("targets")),
        "failed": len(named("failed")),
        "skipped": named("skipped"),
        "ways": len(results),
    }


def read_column(directory: Path) -> list[dict[str, Any]]:
    """Its results; none where a way has not run to its end."""
    files = [directory / way / "result.json" for way in ways(directory.name)]
    return [json.loads(file.read_text()) for file in files] if all(file.is_file() for file in files) else []


def report(file: Path, directories: list[Path]) -> int:
    """Write the matrix and print it as a table; 1 unless every target of every column passed."""
    matrix, missing = {}, []
    for directory in directories:
        results = read_column(directory)
        if not results:
            missing.append(directory.name)
            continue
        column = matrix[directory.name] = combined(results)
        versions = f"ansible-core {results[0]['ansible_core']}, Python {column['python']}"
        way = "both ways" if column["ways"] > 1 else "in-process"
        counts = f"{column['targets']} targets {way}, {column['failed']} failed, {len(column['skipped'])} skipped"
        print(f"  {directory.name:<8}{versions:<40}{counts}")
    file.write_text(json.dumps(matrix, indent=2) + "\n")
    for name in missing:
        print(f"  {name:<8}has no result: its tests did not run to their end")
    passed = [name for name, column in matrix.items() if not column["failed"] and not column["skipped"]]
    print(f"matrix: {len(passed)} of {len(directories)} columns passed")
    return 0 if len(passed) == len(directories) else 1


def main(action: str, *arguments: str) -> int:
    if action == "pin":
        requirements = (ROOT / "requirements.txt").read_text()
        print(pin(arguments[0], requirements=requirements, runtime=(ROOT / "meta/runtime.yml").read_text()), end="")
        return 0
    if action == "steps":
        print(steps(arguments[0]))
        return 0
    return report(Path(arguments[0]), [Path(name) for name in arguments[1:]])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
