# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make test-real` found: `real.py FILE DIRECTORY...` writes FILE from what integration.py left, one way each:
{"argocd", "kubernetes", "etcd": versions, "targets": [names], "skipped": [names], "failed": N}.

A target failed, or was skipped, if it was so either way. The targets are those of `make test`, or it is no success.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import copy_collection
import integration

# As the testbed names its programs.
PROGRAMS = {"argocd": "argocd-server", "kubernetes": "kube-apiserver", "etcd": "etcd"}


def combined(results: list[dict[str, Any]]) -> dict[str, Any]:
    """One report of the results of all ways."""

    def named(part: str) -> list[str]:
        return sorted({name for result in results for name in result[part]})

    versions = {name: results[0]["servers"][program] for name, program in PROGRAMS.items()}
    return {**versions, "targets": named("targets"), "skipped": named("skipped"), "failed": len(named("failed"))}


def of_make_test() -> list[str]:
    """Its targets, read from their files."""
    root = copy_collection.ROOT
    names = sorted(file.parent.name for file in root.glob("tests/integration/targets/*/aliases"))
    return integration.in_set(
        root, [name for name in names if "hidden" not in integration.read_aliases(root, name)], "main"
    )


def main(file: Path, directories: list[Path], wanted: list[str]) -> int:
    """Write the report; 1, and no report, where a way has not run to its end, 1 too unless all of `wanted` passed."""
    file.unlink(missing_ok=True)
    missing = [directory for directory in directories if not (directory / "result.json").is_file()]
    for directory in missing:
        print(f"{directory.name} has no result: its tests did not run to their end")
    if missing:
        return 1
    report = combined([json.loads((directory / "result.json").read_text()) for directory in directories])
    file.write_text(json.dumps(report, indent=2) + "\n")
    versions = ", ".join(f"{name} {report[name]}" for name in PROGRAMS)
    counts = f"{len(report['targets'])} targets, {report['failed']} failed, {len(report['skipped'])} skipped"
    print(f"real servers ({versions}): {counts}")
    for name in sorted(set(wanted) ^ set(report["targets"])):
        print(f"{name}: run by only one of make test and make test-real")
    return 0 if report["targets"] == wanted and not report["failed"] and not report["skipped"] else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]], of_make_test()))
