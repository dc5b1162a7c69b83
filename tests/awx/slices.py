# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet in slices, as a workflow of AWX provisions it: `slices.py BUILD_DIRECTORY [--clusters N] [--slices N]`.

The jobs run at the same time, each with every n-th host, and then one that sums up what they said; after that all of it
once more. Works in BUILD_DIRECTORY/slices; writes BUILD_DIRECTORY/slices.json. What happened is read from the servers.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AWX = Path(__file__).resolve().parent
ROOT = AWX.parents[1]
sys.path[:0] = [str(ROOT / "tests" / "tools"), str(ROOT / "tests" / "demo")]

import copy_collection  # noqa: E402 # scripts in directories of their own, not packages
import integration  # noqa: E402
import readers  # noqa: E402

PROJECT = ROOT / "tests" / "integration" / "targets" / "awx_job" / "project"
SECRET = "argocd-token"  # as the project's inventory says
FIRST_JOB = 100


class Fleet:
    """The sandbox's clusters: made ready, and read."""

    def __init__(self, info: dict[str, Any]) -> None:
        self._shapes = info["clusters"]
        self.ca_file = Path(info["ca_file"])
        self._doors = {name: Door(shape, info["ca_file"]) for name, shape in self._shapes.items()}

    def addresses(self) -> dict[str, str]:
        return {name: shape["argocd_url"] for name, shape in self._shapes.items()}

    def share_the_login(self) -> str:
        """Every Argo CD gets the password of the first one's admin, so that one credential serves all; return it."""
        first, *others = self._doors.values()
        password = first.find("argocd-secret")["data"]["admin.password"]
        for door in others:
            secret = door.find("argocd-secret")
            secret["data"]["admin.password"] = password
            secret["metadata"].pop("resourceVersion")
            door.control("PUT", "/objects", secret)
        return str(next(iter(self._shapes.values()))["admin_password"])

    def kubeconfig(self) -> str:
        authority = base64.b64encode(self.ca_file.read_bytes()).decode()
        shapes = self._shapes.items()
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [
                    {
                        "name": name,
                        "cluster": {"server": shape["kubernetes_url"], "certificate-authority-data": authority},
                    }
                    for name, shape in shapes
                ],
                "users": [{"name": name, "user": {"token": shape["provisioner_token"]}} for name, shape in shapes],
                "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name, _shape in shapes],
            }
        )

    def writes(self) -> int:
        return sum(door.writes() for door in self._doors.values())

    def conflicts(self) -> int:
        return sum(door.conflicts() for door in self._doors.values())

    def provisioned_once(self) -> int:
        """Clusters where one token was minted, which is the only one listed, is stored, and is accepted."""
        return sum(door.provisioned_once() for door in self._doors.values())


class Door(readers.Cluster):
    """The reader of the demo, and the control API."""

    def control(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        raw = None if body is None else json.dumps(body).encode()
        request = readers.urllib.request.Request(self._shape["control_url"] + path, data=raw, method=method)
        with self._opener.open(request, timeout=readers.TIMEOUT_SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def find(self, name: str) -> dict[str, Any]:
        objects = self.control("GET", "/state")["objects"]
        return next(item for item in objects if item["kind"] == "Secret" and item["metadata"]["name"] == name)

    def conflicts(self) -> int:
        return sum(item["status"] == 409 for item in self.control("GET", "/requests")["requests"])

    def provisioned_once(self) -> bool:
        requests = self.control("GET", "/requests")["requests"]
        minted = [item for item in requests if (item["method"], item["status"]) == ("POST", 200)]
        minted = [item for item in minted if item["path"].endswith("/account/octopus/token")]
        token = base64.b64decode(self.find(SECRET)["data"]["token"]).decode()
        listed = json.loads(base64.b64decode(self.find("argocd-secret")["data"]["accounts.octopus.tokens"]))
        stored = readers.identity(token)[0]
        return len(minted) == 1 and [item["id"] for item in listed] == [stored] and self.user_of(token) == "octopus"


class Workflow:
    """The jobs of one workflow, as tests/awx runs them."""

    def __init__(self, directory: Path, fleet: Fleet, count: int) -> None:
        self._directory = directory
        self._count = count
        project = directory / "project"
        shutil.copytree(PROJECT, project)
        (project / "clusters.json").write_text(json.dumps(fleet.addresses()))
        credentials = [
            {
                "type": "Argo CD target clusters",
                "inputs": {"kubeconfig": fleet.kubeconfig(), "ca_certificate": fleet.ca_file.read_text()},
            },
            {"type": "Argo CD login", "inputs": {"username": "admin", "password": fleet.share_the_login()}},
        ]
        self._provision = {
            "playbook": "provision.yml",
            "credentials": credentials,
            "arguments": ["--forks=2"],
            "extra_vars": {"argocd_user_profile": "octopus"},
        }

    def run(self, first_job: int) -> dict[str, Any]:
        """Run the slices side by side, then the summary; return what they changed and what it says."""
        jobs = [first_job + number for number in range(self._count)]
        print(f"jobs {jobs[0]} to {jobs[-1]}: their output is in {self._directory}/<job>/artifacts", flush=True)
        started = time.monotonic()
        with contextlib.ExitStack() as stack:
            processes = [
                stack.enter_context(self._started(job, {**self._provision, "slice": [number, self._count]}))
                for number, job in enumerate(jobs, start=1)
            ]
            results = [self._finish(process) for process in processes]
        seconds = time.monotonic() - started
        told: dict[str, Any] = {}
        for result in results:
            # As AWX does: by name, the later one wins.
            told.update(result["artifacts"])
        with self._started(first_job + self._count, {"playbook": "summary.yml", "extra_vars": told}) as process:
            summary = self._finish(process)
        hosts = [len(result["hosts"]) for result in results]
        print(f"{sum(hosts)} hosts in {seconds:.0f} s", flush=True)
        return {
            "hosts": hosts,
            "changed_hosts": sum(len(result["changed"]) for result in results),
            "seconds": round(seconds, 1),
            "summary": summary["artifacts"]["argocd_user_summary"],
        }

    @contextlib.contextmanager
    def _started(self, number: int, job: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
        directory = self._directory / str(number)
        common = {"id": number, "project": str(self._directory / "project"), "directory": str(directory)}
        process = subprocess.Popen(
            [sys.executable, str(AWX)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment(),
            start_new_session=True,
        )
        with integration.stopped_at_the_end(process):
            assert process.stdin is not None
            process.stdin.write(json.dumps({**common, "inventory_source": "inventory", **job}))
            process.stdin.close()
            yield process

    def _finish(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout is not None
        output = process.stdout.read()
        if process.wait():
            sys.exit("cannot run a job, see above")
        job: dict[str, Any] = json.loads(output)
        if job["status"] != "successful":
            sys.exit(f"a job ended {job['status']}: {job['failures'][:3]}")
        return job

    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "ANSIBLE_COLLECTIONS_PATH": str(self._directory / "collections")}


def measure(directory: Path, info: dict[str, Any], count: int) -> dict[str, Any]:
    fleet = Fleet(info)
    workflow = Workflow(directory, fleet, count)
    before = fleet.writes()
    first = workflow.run(FIRST_JOB)
    once, conflicts, writes = fleet.provisioned_once(), fleet.conflicts(), fleet.writes()
    second = workflow.run(FIRST_JOB + count + 1)
    return {
        "clusters": len(info["clusters"]),
        "slices": count,
        "provisioned_once": once,
        "conflicts": conflicts,
        "summary": first["summary"],
        "hosts_of_the_slices": first["hosts"],
        "seconds": first["seconds"],
        "writes": writes - before,
        "second_run": {
            "changed": second["changed_hosts"],
            "writes": fleet.writes() - writes,
            "seconds": second["seconds"],
            "summary": second["summary"],
        },
    }


def as_promised(result: dict[str, Any]) -> bool:
    every = result["clusters"]
    second = result["second_run"]
    wanted = {"clusters": every, "provisioned": every, "missing": [], "pending": [], "twice": []}
    return (
        (result["provisioned_once"], result["conflicts"], sum(result["hosts_of_the_slices"])) == (every, 0, every)
        and result["summary"] == {**wanted, "actions": {"minted": every}}
        and second["summary"] == {**wanted, "actions": {"kept": every}}
        and (second["changed"], second["writes"]) == (0, 0)
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Provision a fleet in slices.")
    parser.add_argument("build", type=Path)
    parser.add_argument("--clusters", type=int, default=300)
    parser.add_argument("--slices", type=int, default=4)
    options = parser.parse_args(arguments)
    directory = options.build.absolute() / "slices"
    report = options.build.absolute() / "slices.json"
    report.unlink(missing_ok=True)
    shutil.rmtree(directory, ignore_errors=True)
    copy_collection.main(str(directory / "collections"))
    info = directory / "sandbox" / "info.json"
    names = ",".join(f"s{number:03}" for number in range(1, options.clusters + 1))
    with integration.running(integration.SANDBOX, info, ["--names", names]):
        result = measure(directory, json.loads(info.read_text()), options.slices)
    report.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))
    return 0 if as_promised(result) else 1


if __name__ == "__main__":
    # So that being stopped unwinds, and the sandbox with it.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    sys.exit(main(sys.argv[1:]))
