# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: every group on both sides, then on every planted sandbox; the report, and whether it is clean."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from argocd_testbed.started import started

from .compare import Difference, differences, run, run_patiently
from .double import sandbox
from .plants import PLANTS, Plant
from .script import Group, read_groups
from .server import Answer, Server

HERE = Path(__file__).resolve().parents[1]

Answers = Mapping[str, Sequence[Answer]]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conformance", description="Compares the sandbox with real servers.")
    parser.add_argument("--report", type=Path, metavar="FILE", help="JSON: requests, differences, planted_found")
    parser.add_argument("--real", type=Path, metavar="FILE", help="info file of a running testbed; else one is started")
    parser.add_argument("groups", nargs="*", help="only these groups, and no plants")
    return parser.parse_args(arguments)


def compare(groups: Sequence[Group], real: Server, version: str) -> tuple[Answers, list[Difference]]:
    """The real answers, and every difference."""
    answers, found = {}, []
    with sandbox(version) as double:
        for group in groups:
            expected = run(group, double)
            answers[group.name] = run_patiently(group, real, expected)
            different = differences(group, answers[group.name], expected)
            print(f"{group.name}: {len(group.asked)} requests, {len(different)} differences", flush=True)
            found += different
    return answers, found


def is_found(plant: Plant, groups: Sequence[Group], answers: Answers, version: str) -> bool:
    """Does the group that is about it differ, with the sandbox changed so?"""
    group = next(group for group in groups if group.name == plant.group)
    with plant.planted(), sandbox(version) as double:
        return differences(group, answers[group.name], run(group, double)) != []


def examine(options: argparse.Namespace, info: Mapping[str, Any]) -> int:
    groups = read_groups(HERE / "groups")
    wanted = [group for group in groups if not options.groups or group.name in options.groups]
    cluster = info["clusters"][next(iter(info["clusters"]))]
    version = info["versions"]["argocd-server"]
    answers, found = compare(wanted, Server(cluster, info["ca_file"]), version)
    for difference in found:
        print(f"DIFFERENT {difference}")
    plants = () if options.groups else PLANTS
    missed = [plant for plant in plants if not is_found(plant, groups, answers, version)]
    for plant in missed:
        print(f"MISSED {plant.name}: group {plant.group} did not find it")
    asked = sum(len(group.asked) for group in wanted)
    report = {"requests": asked, "differences": len(found), "planted_found": len(plants) - len(missed)}
    print(json.dumps(report))
    if options.report is not None:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text(json.dumps(report) + "\n", encoding="utf-8")
    return 1 if found or missed else 0


def main(arguments: list[str]) -> int:
    """0 where both sides answer alike and every plant is found."""
    options = parse_arguments(arguments)
    # Argo CD's keys have 44 bytes, and some tokens are signed with a longer digest on purpose.
    warnings.filterwarnings("ignore", message="The HMAC key is")
    # So that being stopped unwinds, and the servers with it.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="argocd-conformance-") as directory, contextlib.ExitStack() as stack:
        if options.real:
            return examine(options, json.loads(options.real.read_text(encoding="utf-8")))
        return examine(options, stack.enter_context(started(Path(directory))))
