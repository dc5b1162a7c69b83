# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The leak scan knows what of a run is ours: its processes, also in the background, and what the role's tasks say."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from leakscan.watching import Processes, is_ours, ours

MARK = "scan-of-it"
# As async_wrapper of ansible-core goes to the background; what is left has no parent of the run.
DAEMON = """
import os, pathlib, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1)
        pathlib.Path(sys.argv[1]).touch()
    os._exit(0)
"""


@pytest.fixture
def done(tmp_path: Path) -> Path:
    return tmp_path / "done"


def run_daemon(done: Path) -> None:
    subprocess.run([sys.executable, "-c", DAEMON, str(done)], env=os.environ | {"TMPDIR": f"/{MARK}"}, check=True)


def test_what_a_run_left_in_the_background_is_waited_for(done: Path) -> None:
    with Processes(MARK) as processes:
        run_daemon(done)
        processes.wait(30)
        assert done.exists()
    assert str(done) in processes.text


def test_the_wait_has_an_end(done: Path) -> None:
    with Processes(MARK) as processes:
        run_daemon(done)
        processes.wait(0.2)
        assert not done.exists()


def test_one_look_that_sees_none_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([True, False, True, False, False])
    monkeypatch.setattr(Processes, "_look", lambda _self: next(looks))
    Processes(MARK).wait(30)
    assert not list(looks)


def test_what_others_run_is_not_looked_at(done: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", str(done)])
    try:
        with Processes(MARK) as processes:
            processes.wait(30)
        assert str(done) not in processes.text
    finally:
        other.kill()
        other.wait()


SETUP = Path(__file__).parents[1] / "integration" / "targets" / "setup_sandbox"
COLLECTION = "/x/ansible_collections/fleetops/argocd"


@pytest.mark.parametrize(
    ("action", "place", "searched"),
    [
        ("set_fact", f"{COLLECTION}/roles/argocd_user/tasks/hand_over.yml:6", True),
        ("ansible.builtin.debug", f"{COLLECTION}/playbooks/summary.yml:9", True),
        ("fleetops.argocd.argocd_token", f"{COLLECTION}/tests/integration/targets/x/test.yml:3", True),
        ("ansible.builtin.debug", f"{COLLECTION}/tests/integration/targets/x/test.yml:3", False),
        ("leaky", None, True),
    ],
)
def test_what_tasks_of_the_role_and_the_playbooks_say_is_searched(
    action: str,
    place: str | None,
    searched: bool,  # noqa: FBT001 # a column of the table
) -> None:
    callback: dict[str, Any] = runpy.run_path(str(SETUP / "callback_plugins" / "watched.py"))
    name = callback["name_of"](SimpleNamespace(action=action, get_path=lambda: place))
    assert is_ours(name) == searched
    said = f"before\n{callback['MARK']} {name}\nit\n{callback['MARK']} recap\nafter\n"
    assert ours(said).strip() == ("it" if searched else "")
