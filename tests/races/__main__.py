# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers that run at once, on the sandbox and on real servers with two replicas: `python -m races REPORT`.

Meanwhile Argo CD mints for another account, and somebody rewrites its ConfigMaps every second. The report:
{"controllers", "lost_updates", "working_tokens", "orphans", "refused_while_stored", "uses", "seconds"} of the sandbox,
the same of the real servers as "real", and "planted": the updates that are lost where the collection writes without
resourceVersion, which shows that such a loss is found. Fails where anything is lost, orphaned or refused, where a
controller ends otherwise than it should, or where its user is left without a token that works.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import integration

from . import scenarios
from .controllers import Lab
from .meanwhile import MARK, MINTER, Minter, Rewriter, going_on
from .reader import Cluster
from .scenarios import Tally

RACES: dict[str, Callable[[Lab], Tally]] = {
    "20 users": scenarios.twenty_users,
    "5 for one user, one vault file": lambda lab: scenarios.one_user(lab, secret=False),
    "5 for one user, one Secret": lambda lab: scenarios.one_user(lab, secret=True),
    "2 places at once": lambda lab: scenarios.two_places(lab, at_once=True),
    "2 places, one later": lambda lab: scenarios.two_places(lab, at_once=False),
    "an old copy": scenarios.old_copy,
    "5 rotations": scenarios.rotations,
    "passwords": scenarios.password,
}
PLANTED = "planted"
# A directory for files, and where the collection is.
Place = tuple[Path, Path]
VERSIONED, UNVERSIONED = '{"metadata": {"resourceVersion": resource_version}, "data": data}', '{"data": data}'


def race(lab: Lab, only: re.Pattern[str]) -> Tally:
    """The races on one cluster, and what goes on meanwhile."""
    cluster, tally = lab.cluster, Tally()
    prepare(cluster)
    cluster.set("argocd-cm", {f"accounts.{MINTER}": "apiKey"})
    cluster.wait_for_account(MINTER)
    key = cluster.data("argocd-secret")["server.secretkey"]
    minter, rewriters = Minter(cluster), [Rewriter(cluster, name) for name in ("argocd-cm", "argocd-rbac-cm")]
    with going_on(minter, *rewriters):
        for name, scenario in RACES.items():
            if only.search(name):
                tally.add(told(name, scenario, lab))
    listed = cluster.listed(MINTER)
    tally.lost += [f"argocd-secret: {token_id}" for token_id in minter.minted if token_id not in listed]
    tally.lost += [one.name for one in rewriters if cluster.data(one.name).get(MARK) != str(one.written)]
    if cluster.data("argocd-secret")["server.secretkey"] != key or not minter.minted:
        tally.wrong.append("the signing key changed, or nothing was minted meanwhile")
    print(f"meanwhile {len(minter.minted)} minted, {sum(one.written for one in rewriters)} rewritten", flush=True)
    return tally


def prepare(cluster: Cluster) -> None:
    """Lines of others in the key that some users share."""
    cluster.set("argocd-rbac-cm", {"policy.csv": scenarios.OTHERS_LINES})


def told(name: str, scenario: Callable[[Lab], Tally], lab: Lab) -> Tally:
    begin = time.monotonic()
    tally = scenario(lab)
    seconds = time.monotonic() - begin
    print(f"{name}: {tally.controllers} controllers, {tally.working} tokens that work, {seconds:.0f} s", flush=True)
    return tally


def on(servers: integration.Servers, which: list[str], only: re.Pattern[str], place: Place) -> dict[str, Any]:
    """Race on the servers that the program starts; the first cluster is for that, another for what is planted."""
    directory, collections = place
    begin = time.monotonic()
    directory.mkdir(parents=True)
    info = directory / "info.json"
    with integration.running(servers, info, which):
        shape = json.loads(info.read_text())
        clusters = [Cluster(name, one, shape["ca_file"]) for name, one in shape["clusters"].items()]
        tally = race(lab(clusters[0], collections, directory), only)
        wanted = len(clusters) > 1 and only.search(PLANTED)
        planted = {PLANTED: plant(clusters[1], collections, directory)} if wanted else {}
    return {**summary(tally), **planted, "seconds": round(time.monotonic() - begin)}


def lab(cluster: Cluster, collections: Path, directory: Path) -> Lab:
    place = directory / f"{cluster.name}-{collections.name}"
    place.mkdir()
    return Lab(cluster, collections, place)


def summary(tally: Tally) -> dict[str, Any]:
    return {
        "controllers": tally.controllers,
        "lost_updates": len(tally.lost),
        "working_tokens": tally.working,
        "orphans": len(tally.orphans),
        "refused_while_stored": tally.refused,
        "uses": tally.asked,
        "wrong": [*tally.lost, *tally.orphans, *tally.wrong],
    }


def plant(cluster: Cluster, collections: Path, directory: Path) -> dict[str, int]:
    """The same race by the collection as it is, and by a copy that writes without resourceVersion."""
    prepare(cluster)
    careful = scenarios.one_key(lab(cluster, collections, directory), "careful")
    prepare(cluster)
    careless = scenarios.one_key(lab(cluster, unversioned(collections, directory / "careless"), directory), "careless")
    return {"lost_updates": len(careless.lost), "lost_without_it": len(careful.lost)}


def unversioned(collections: Path, target: Path) -> Path:
    """A copy of the collection with the bug."""
    shutil.copytree(collections, target, ignore=shutil.ignore_patterns(".git", "tests"))
    file = target / "ansible_collections/fleetops/argocd/plugins/module_utils/_clients/kubernetes.py"
    text = file.read_text()
    if text.count(VERSIONED) != 1:
        sys.exit("cannot plant the bug: the patch is written otherwise by now")
    file.write_text(text.replace(VERSIONED, UNVERSIONED))
    return target


def failures(name: str, found: dict[str, Any]) -> list[str]:
    """What must not be, in words."""
    bad = [f"{name}: {text}" for text in found["wrong"]]
    if found["working_tokens"] != found["controllers"]:
        bad.append(f"{name}: {found['controllers']} controllers, {found['working_tokens']} tokens that work")
    if found["refused_while_stored"]:
        bad.append(f"{name}: of {found['uses']} uses of a stored token {found['refused_while_stored']} were refused")
    planted = found.get(PLANTED)
    if planted and (planted["lost_without_it"] or not planted["lost_updates"]):
        bad.append(f"{name}: the planted bug is not what loses updates: {planted}")
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("--collections", type=Path, required=True)
    parser.add_argument("--on", choices=["sandbox", "real"], help="only there")
    parser.add_argument("--only", type=re.compile, default=re.compile(""), metavar="REGEX", help="some races")
    options = parser.parse_args()
    integration.unwind_when_stopped()
    report, collections = options.report.absolute(), options.collections.absolute()
    directory = report.with_suffix("")
    shutil.rmtree(directory, ignore_errors=True)
    found = {}
    if options.on != "real":
        place = directory / "sandbox", collections
        found["sandbox"] = on(integration.SANDBOX, ["--names", "c1,c2"], options.only, place)
    if options.on != "sandbox":
        place = directory / "real", collections
        found["real"] = on(integration.TESTBED, ["--names", "c1", "--replicas", "2"], options.only, place)
    bad = [text for name, one in found.items() for text in failures(name, one)]
    shown = {name: {key: value for key, value in one.items() if key != "wrong"} for name, one in found.items()}
    result = {**shown.get("sandbox", {}), **({"real": shown["real"]} if "real" in shown else {})}
    report.write_text(json.dumps(result, indent=2) + "\n")
    print("\n".join([*bad, json.dumps(result, indent=2)]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
