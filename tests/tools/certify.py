# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do with the tarball what a certification does: `certify.py DIRECTORY TARBALL`.

galaxy-importer must have nothing to object, and ansible-builder must find the collection's requirements and take them
into an execution environment. Run by the Python of tests/requirements-certify.txt; DIRECTORY takes what comes of it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
EXECUTION_ENVIRONMENT = ROOT / "playbooks" / "files" / "awx" / "execution-environment.yml"
# The importer fails for little; what ansible-lint and its other checks find it only logs, as warnings.
OBJECTION = re.compile(r"^(WARNING|ERROR|CRITICAL|Traceback)\b")
TAGS_OF_CERTIFIED_CONTENT = {"GALAXY_IMPORTER_CHECK_REQUIRED_TAGS": "true"}


def run(*command: str, cwd: Path, also: dict[str, str] | None = None) -> str:
    """The output of a command of this environment, passed on; exits where it fails."""
    tools = Path(sys.executable).parent
    environment = {**os.environ, **(also or {}), "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(done.stdout, end="", flush=True)
    if done.returncode:
        sys.exit(f"cannot certify the collection: `{' '.join(command[:3])}` failed, see above")
    return done.stdout


def objections(log: str) -> list[str]:
    """The lines of the importer's log that are more than information."""
    return [line for line in log.splitlines() if OBJECTION.match(line)]


def import_tarball(directory: Path, tarball: Path) -> None:
    log = run(sys.executable, "-m", "galaxy_importer.main", str(tarball), cwd=directory, also=TAGS_OF_CERTIFIED_CONTENT)
    found = objections(log)
    if found:
        sys.exit(f"cannot certify the collection: galaxy-importer objects {len(found)} times, see above")


def definition(tarball: str, requirements: list[str]) -> dict[str, Any]:
    """The one for AWX, with this tarball for the published collection, and its requirements as they were found."""
    shape: dict[str, Any] = yaml.safe_load(EXECUTION_ENVIRONMENT.read_text())
    dependencies = shape["dependencies"]
    dependencies["python"] += requirements
    dependencies["galaxy"] = {"collections": [{"name": f"configs/{tarball}", "type": "file"}]}
    return {**shape, "additional_build_files": [{"src": tarball, "dest": "configs"}]}


def build_context(directory: Path, tarball: Path) -> None:
    """From the installed collection to the directory that a container is built from."""
    collections = directory / "collections"
    install = ("ansible-galaxy", "collection", "install", "--force", "-p", str(collections), str(tarball))
    run(*install, cwd=directory, also={"ANSIBLE_COLLECTIONS_PATH": str(collections)})
    run("ansible-builder", "introspect", "--write-pip", "python.txt", str(collections), cwd=directory)
    found = requirement_lines((directory / "python.txt").read_text())
    shutil.copy(tarball, directory)
    (directory / "execution-environment.yml").write_text(yaml.safe_dump(definition(tarball.name, found)))
    run("ansible-builder", "create", "--context", "context", cwd=directory)
    run("ansible-builder", "create", "-f", str(EXECUTION_ENVIRONMENT), "--context", "context-for-awx", cwd=directory)


def requirement_lines(text: str) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return sorted(line for line in lines if line)


def wanted_requirements() -> list[str]:
    """Those of the collection, and the optional ones that the environment for AWX adds."""
    optional = yaml.safe_load(EXECUTION_ENVIRONMENT.read_text())["dependencies"]["python"]
    return sorted([*requirement_lines((ROOT / "requirements.txt").read_text()), *optional])


def check_context(directory: Path, tarball: Path) -> None:
    """It holds the collection and exactly what is asked for."""
    built = directory / "context" / "_build"
    wanted = wanted_requirements()
    found = requirement_lines((built / "requirements.txt").read_text())
    if found != wanted or not (built / "configs" / tarball.name).is_file():
        sys.exit(f"cannot certify the collection: the execution environment has {found}, not it and {wanted}")


def main(directory: Path, tarball: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    import_tarball(directory, tarball)
    build_context(directory, tarball)
    check_context(directory, tarball)
    print("galaxy-importer: no objections; ansible-builder: takes the execution environment")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
