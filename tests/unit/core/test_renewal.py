# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of a renewal that fit each other, and a fleet that does not renew in one night."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.fleetops.argocd.plugins.module_utils._core.renewal import (
    Renewal,
    check_renewal,
    spread_over,
)

DAY = 86_400
ONCE = "a new token would be due at once; make"


@pytest.mark.parametrize(
    "renewal",
    [
        Renewal(),
        Renewal(DAY),
        Renewal(DAY, renew_before=DAY - 1),
        Renewal(DAY, renew_before=1, spread=DAY - 2),
        Renewal(DAY, renew_after=DAY - 1),
        Renewal(renew_after=DAY, spread=DAY - 1),
        Renewal(DAY, renew_before=10, renew_after=20, spread=5),
    ],
)
def test_times_that_fit(renewal: Renewal) -> None:
    check_renewal(renewal)


@pytest.mark.parametrize(
    ("renewal", "message"),
    [
        (
            Renewal(renew_before=DAY),
            "cannot use renew_before 1d without expires_in: a token that never expires has no end; set both",
        ),
        (
            Renewal(DAY, renew_before=DAY),
            f"cannot use renew_before 1d with expires_in 1d: {ONCE} it shorter",
        ),
        (
            Renewal(3 * DAY, renew_before=DAY, spread=2 * DAY),
            f"cannot use renew_before 1d and renew_spread 2d with expires_in 3d: {ONCE} it shorter",
        ),
        (
            Renewal(DAY, renew_after=DAY),
            "cannot use renew_after 1d with expires_in 1d: the token would expire before; make it shorter",
        ),
        (
            Renewal(renew_after=DAY, spread=DAY),
            f"cannot use renew_after 1d and renew_spread 1d: {ONCE} renew_spread shorter",
        ),
        (Renewal(DAY, spread=1), "cannot use renew_spread without renew_before or renew_after: set one of them"),
    ],
)
def test_times_that_would_renew_in_every_run_or_never_are_refused(renewal: Renewal, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_renewal(renewal)
    assert str(caught.value) == message


def share(instance: str, spread: int = DAY) -> int:
    return spread_over(spread, instance=instance, account="octopus", token_name="octopus")


@given(st.text(), st.integers(0, 400 * DAY))
def test_a_share_is_fixed_and_within_the_spread(instance: str, spread: int) -> None:
    assert 0 <= share(instance, spread) == share(instance, spread) <= spread


def test_the_shares_of_a_fleet_are_spread_evenly() -> None:
    hours = [share(f"uid-{number}") * 24 // (DAY + 1) for number in range(2400)]
    assert all(60 <= hours.count(hour) <= 140 for hour in range(24))
