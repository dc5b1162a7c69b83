# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tools behind the Makefile conclude: a step that failed must never be reported as one that passed."""

from __future__ import annotations

from pathlib import Path

import integration
import make_home
import pytest
import run_steps
import setup_environment

FAILURE = """ERROR: Command "./runme.sh" returned exit status 2.
\x1b[31mFATAL: The 2 integration test(s) listed below (out of 3) failed. See error output above for details:
argocd_account
role_argocd_user\x1b[0m
WARNING: Reviewing previous 1 warning(s):
"""


@pytest.mark.parametrize(
    ("code", "output", "result", "closing_line"),
    [
        (0, "", 0, "3 targets passed, 0 failed (module)"),
        (1, FAILURE, 1, "1 targets passed, 2 failed (module)"),
        (1, "FATAL: out of luck\n", 1, "0 targets passed, 3 failed (module)"),
    ],
)
def test_targets_are_counted(
    code: int, output: str, result: int, closing_line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = ["argocd_account", "argocd_token", "role_argocd_user"]
    assert integration.report(targets, code, output, way="module") == result
    assert capsys.readouterr().out.splitlines()[-1] == closing_line


def test_no_target_at_all_is_a_failure() -> None:
    assert integration.report([], 0, "", way="module") == 1


@pytest.mark.parametrize(
    ("log", "closing_line"),
    [
        ("collected 2 items\n\n===== 2 passed in 0.1s =====\n\n", "2 passed in 0.1s"),
        ("2 failed\nmake[1]: *** [Makefile:48: unit] Error 1\n", "2 failed"),
        ("", ""),
    ],
)
def test_the_closing_line_of_a_step_is_what_its_tool_said_last(log: str, closing_line: str) -> None:
    assert run_steps.Result("unit", 0, 1.0, log).closing_line == closing_line


def test_the_summary_counts_steps() -> None:
    results = [run_steps.Result("unit", 0, 1.0, "1 passed"), run_steps.Result("lint", 2, 1.0, "E501")]
    assert run_steps.summary(results).splitlines()[-1] == "1 passed, 1 failed"


def test_steps_run_and_a_failed_one_shows_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\necho "log of $3"\ntest "$3" != bad\n')
    make.chmod(0o700)
    assert run_steps.main(tmp_path / "logs", str(make), ["good", "bad"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "1 passed, 1 failed"
    assert "--- bad: its log" in lines
    assert "--- good: its log" not in lines


def test_how_pip_reaches_its_index_is_kept_and_nothing_else() -> None:
    listing = """:env:.cert='/from/the/environment'
:env:.default-timeout='180'
global.cert='/from/a/file'
global.index-url='https://user:secret@index.example/simple'
install.user='true'
"""
    assert make_home.pip_settings(listing) == {
        "cert": "/from/the/environment",
        "timeout": "180",
        "index-url": "https://user:secret@index.example/simple",
    }


def test_an_environment_is_made_anew_when_its_requirements_or_its_python_change(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("requests\n")
    first = setup_environment.fingerprint("python3.13", [requirements])
    assert setup_environment.fingerprint("python3.13", [requirements]) == first
    assert setup_environment.fingerprint("python3.12", [requirements]) != first
    requirements.write_text("requests>=2\n")
    assert setup_environment.fingerprint("python3.13", [requirements]) != first
