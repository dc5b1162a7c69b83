# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tools behind the Makefile conclude: a step that failed must never be reported as one that passed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import certify
import integration
import make_home
import matrix
import pytest
import real
import run_steps
import setup_environment

TARGETS = ["argocd_account", "argocd_token", "role_argocd_user"]


def ran(target: str, code: int = 0, *, started: bool = True) -> integration.Ran:
    """As ansible-test ends; its words for a target that it leaves out, in colour as it writes them."""
    left_out = f"\x1b[35mWARNING: Excluding target that requires root: {target}\x1b[0m\n"
    return integration.Ran(target, code, f"Running {target} integration test script\n" if started else left_out, {})


@pytest.mark.parametrize(
    ("ended", "result", "closing_line"),
    [
        ([ran(target) for target in TARGETS], 0, "3 targets passed, 0 failed (module)"),
        ([ran(TARGETS[0]), ran(TARGETS[1], 1), ran(TARGETS[2], 1)], 1, "1 targets passed, 2 failed (module)"),
        (
            [ran(TARGETS[0]), ran(TARGETS[1], started=False), ran(TARGETS[2])],
            1,
            "2 targets passed, 0 failed, 1 skipped (module)",
        ),
        ([ran(TARGETS[0]), ran(TARGETS[1])], 1, "2 targets passed, 0 failed, 1 skipped (module)"),
    ],
)
def test_targets_are_counted(
    ended: list[integration.Ran], result: int, closing_line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failed, skipped = integration.failed_targets(ended), integration.skipped_targets(TARGETS, ended)
    assert integration.report(TARGETS, failed, skipped, way="module") == result
    assert capsys.readouterr().out.splitlines()[-1] == closing_line


class Worker(integration.Job):
    """A job without servers; `cannot` is why it does not come to its first target."""

    def __init__(self, cannot: str = "") -> None:
        self.cannot = cannot
        self.stopped = False

    def run(self, waiting: SimpleQueue[str]) -> list[integration.Ran]:
        if self.cannot:
            sys.exit(self.cannot)
        return [ran(target) for target in integration.taken_from(waiting)]

    def stop(self) -> None:
        self.stopped = True


def test_jobs_share_the_targets() -> None:
    ended = integration.run_all([Worker(), Worker()], TARGETS)
    assert sorted(one.target for one in ended) == TARGETS


def test_a_job_that_cannot_start_ends_them_all() -> None:
    jobs = [Worker(), Worker("cannot start the sandbox")]
    with pytest.raises(SystemExit, match="cannot start the sandbox"):
        integration.run_all([*jobs], TARGETS)
    assert all(job.stopped for job in jobs)


def test_the_largest_target_is_first(tmp_path: Path) -> None:
    for target, text in (("a", "-"), ("b", "- a: b")):
        directory = tmp_path / "tests/integration/targets" / target
        directory.mkdir(parents=True)
        (directory / "test.yml").write_text(text)
    assert integration.largest_first(tmp_path, ["a", "b"]) == ["b", "a"]


def test_clusters_of_ones_own_are_there_once() -> None:
    assert integration.parse(["build/integration", "--jobs", "2", "--attach", "clusters.yml"]).jobs == 1


def test_targets_may_follow_the_option() -> None:
    options = integration.parse(["build/integration", "--force-module", "argocd_token"])
    assert (options.force_module, options.targets) == (True, ["argocd_token"])


@pytest.mark.parametrize(("wanted", "expected"), [("main", ["a"]), ("edge", ["b"]), ("all", ["a", "b"])])
def test_a_set_is_told_by_the_aliases(tmp_path: Path, wanted: str, expected: list[str]) -> None:
    for target, aliases in (("a", "needs/target/setup\n"), ("b", "# in-process only: why\nedge\n")):
        directory = tmp_path / "tests/integration/targets" / target
        directory.mkdir(parents=True)
        (directory / "aliases").write_text(aliases)
    assert integration.in_set(tmp_path, ["a", "b"], wanted) == expected
    assert integration.without_in_process_only(tmp_path, ["a", "b"]) == ["a"]


def test_no_target_at_all_is_a_failure() -> None:
    assert integration.report([], [], [], way="module") == 1


def leave_result(directory: Path, way: str, **parts: list[str]) -> None:
    """As tests/tools/integration.py leaves it."""
    (directory / way).mkdir(parents=True)
    result = {"python": "3.10.13", "ansible_core": "2.16.19", "targets": TARGETS, "failed": [], "skipped": [], **parts}
    (directory / way / "result.json").write_text(json.dumps(result))


def test_a_column_of_the_matrix_passed_when_every_target_passed_both_ways(tmp_path: Path) -> None:
    for way in matrix.ways("2.16"):
        leave_result(tmp_path / "2.16", way)
    assert matrix.report(tmp_path / "matrix.json", [tmp_path / "2.16"]) == 0
    assert json.loads((tmp_path / "matrix.json").read_text()) == {
        "2.16": {"python": "3.10.13", "targets": 3, "failed": 0, "skipped": [], "ways": 2}
    }


@pytest.mark.parametrize("part", ["failed", "skipped"])
def test_a_target_that_failed_or_was_left_out_one_way_spoils_its_column(tmp_path: Path, part: str) -> None:
    leave_result(tmp_path / "2.16", "integration")
    leave_result(tmp_path / "2.16", "integration-module", **{part: ["argocd_token"]})
    assert matrix.report(tmp_path / "matrix.json", [tmp_path / "2.16"]) == 1
    column = json.loads((tmp_path / "matrix.json").read_text())["2.16"]
    assert column == {"python": "3.10.13", "targets": 3, "failed": 0, "skipped": [], "ways": 2} | (
        {"failed": 1} if part == "failed" else {"skipped": ["argocd_token"]}
    )


def test_a_column_that_did_not_run_to_its_end_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_result(tmp_path / "2.16", "integration")
    assert matrix.report(tmp_path / "matrix.json", [tmp_path / "2.16"]) == 1
    assert json.loads((tmp_path / "matrix.json").read_text()) == {}
    assert capsys.readouterr().out.splitlines()[-1] == "matrix: 0 of 1 columns passed"


SERVERS = {"argocd-server": "v3.5.3", "kube-apiserver": "v1.36.1", "etcd": "v3.6.8", "redis": "8.0.2"}


def leave_real_result(directory: Path, **parts: list[str]) -> Path:
    directory.mkdir()
    result = {"servers": SERVERS, "targets": TARGETS, "failed": [], "skipped": [], **parts}
    (directory / "result.json").write_text(json.dumps(result))
    return directory


@pytest.mark.parametrize(
    ("parts", "expected", "code"),
    [
        ({}, {"skipped": [], "failed": 0}, 0),
        ({"failed": ["argocd_token"]}, {"skipped": [], "failed": 1}, 1),
        ({"skipped": ["argocd_token"]}, {"skipped": ["argocd_token"], "failed": 0}, 1),
    ],
)
def test_the_report_of_the_real_servers(
    tmp_path: Path, parts: dict[str, list[str]], expected: dict[str, Any], code: int
) -> None:
    directories = [leave_real_result(tmp_path / "one"), leave_real_result(tmp_path / "other", **parts)]
    assert real.main(tmp_path / "real.json", directories, TARGETS) == code
    versions = {"argocd": "v3.5.3", "kubernetes": "v1.36.1", "etcd": "v3.6.8"}
    assert json.loads((tmp_path / "real.json").read_text()) == {**versions, "targets": TARGETS, **expected}


@pytest.mark.parametrize("wanted", [[*TARGETS, "transports"], TARGETS[1:]])
def test_real_servers_that_ran_other_targets_than_make_test_are_no_success(tmp_path: Path, wanted: list[str]) -> None:
    assert real.main(tmp_path / "real.json", [leave_real_result(tmp_path / "one")], wanted) == 1


def test_the_targets_of_make_test_are_those_that_are_neither_hidden_nor_of_the_edges() -> None:
    wanted = real.of_make_test()
    assert {"argocd_token", "role_argocd_user", "least_privilege", "transports"} <= set(wanted)
    assert not {"setup_sandbox", "bad_input", "examples"} & set(wanted)


def test_real_servers_that_did_not_run_to_the_end_leave_no_report(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("{}")
    directories = [leave_real_result(tmp_path / "one"), tmp_path / "other"]
    assert real.main(tmp_path / "real.json", directories, TARGETS) == 1
    assert not (tmp_path / "real.json").exists()


@pytest.mark.parametrize(
    ("column", "steps"),
    [
        ("2.16", "integration integration-module sanity unit"),
        ("2.17", "integration sanity unit"),
        ("lowest", "integration integration-module unit"),
    ],
)
def test_what_a_column_runs(column: str, steps: str) -> None:
    assert matrix.steps(column) == steps


@pytest.mark.parametrize(
    ("column", "pinned"),
    [
        ("2.19", "ansible-core~=2.19.0\n"),
        ("lowest", "kubernetes==24.2.0\nrequests==2.28.0\nansible-core==2.16.0\n"),
    ],
)
def test_what_a_column_pins(column: str, pinned: str) -> None:
    requirements = "kubernetes>=24.2.0\nrequests>=2.28.0\n"
    assert matrix.pin(column, requirements=requirements, runtime='requires_ansible: ">=2.16.0"\n') == pinned


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


def test_what_the_importer_only_logs_is_an_objection_too() -> None:
    log = "Linting collection\nWARNING: a.yml:1: no-handler: ...\nERROR: no readme\nImporter processing completed\n"
    assert certify.objections(log) == ["WARNING: a.yml:1: no-handler: ...", "ERROR: no readme"]


@pytest.mark.parametrize("lost", ["requirements.txt", "configs/a.tar.gz"])
def test_an_execution_environment_without_the_collection_or_its_requirements_is_refused(
    tmp_path: Path, lost: str
) -> None:
    built = make_context(tmp_path)
    (built / lost).unlink()
    (built / "requirements.txt").touch()
    with pytest.raises(SystemExit, match="cannot certify"):
        certify.check_context(tmp_path, Path("a.tar.gz"))


def test_an_execution_environment_with_both_is_taken(tmp_path: Path) -> None:
    make_context(tmp_path)
    certify.check_context(tmp_path, Path("a.tar.gz"))


def make_context(directory: Path) -> Path:
    """As ansible-builder makes it."""
    built = directory / "context" / "_build"
    (built / "configs").mkdir(parents=True)
    (built / "configs" / "a.tar.gz").touch()
    (built / "requirements.txt").write_text("\n".join(certify.wanted_requirements()) + "\n# of a.b\n")
    return built
