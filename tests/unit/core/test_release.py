# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases of Argo CD, and what each has built in."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.fleetops.argocd.plugins.module_utils._core.release import Release, builtin_lines, parse_release

# How many lines assets/builtin-policy.csv has at the tag.
COUNTS = {Release(2, 4): 32, Release(2, 14): 42, Release(3, 0): 42, Release(3, 5): 43, Release(3, 6): 44}


@pytest.mark.parametrize("text", ["3.5", "v3.5", "v3.5.3", "3.5.3+abc", "v3.5.0-rc1", " 3.5 "])
def test_a_version_is_read(text: str) -> None:
    assert parse_release(text) == Release(3, 5)


@pytest.mark.parametrize("text", ["", "3", "latest", "2.3", "v1.8.7"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"cannot use argocd_version .*: give a version of Argo CD from 2\.4 on"):
        parse_release(text)


def test_releases_are_in_order() -> None:
    assert Release(2, 14) < Release(3, 0) < Release(3, 10)


@pytest.mark.parametrize(("release", "count"), COUNTS.items(), ids=str)
def test_the_built_in_policy_grew(release: Release, count: int) -> None:
    lines = list(builtin_lines(release))
    assert len(lines) == len(set(lines)) == count
    assert lines[-2:] == [("g", "role:admin", "role:readonly"), ("g", "admin", "role:admin")]
