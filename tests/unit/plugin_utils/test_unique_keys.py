# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key given twice in a text that becomes a dictionary is refused: one of the two would be lost without a word."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.fleetops.argocd.plugins.module_utils.arguments import TOKEN
from ansible_collections.fleetops.argocd.plugins.plugin_utils.unique_keys import require_unique_keys


@pytest.mark.parametrize(
    ("args", "key"),
    [
        ({"argocd_headers": '{"X-A": "1", "X-A": "2"}'}, "X-A"),
        ({"argocd_headers": "{'X-A': '1', 'X-A': '2'}"}, "X-A"),
        ({"argocd_headers": "{X-A: 1, X-A: 2}"}, "X-A"),
        ({"proxy_headers": ' {"a": {"b": 1, "b": 2}}'}, "b"),
        ({"store": [{"file": "x"}, '{"file": "a", "file": "b"}']}, "file"),
        ({"store": '[{"file": "a", "file": "b"}]'}, "file"),
    ],
)
def test_a_key_given_twice_is_refused(args: dict[str, Any], key: str) -> None:
    (option,) = args
    with pytest.raises(InvalidInput) as caught:
        require_unique_keys(args, TOKEN.argument_spec)
    assert str(caught.value) == f"cannot use {option}: it has the key {key!r} twice; leave one out"


@pytest.mark.parametrize(
    "args",
    [
        {"argocd_headers": '{"X-A": "1", "X-B": {"X-A": "2"}}'},
        {"argocd_headers": {"X-A": "1"}},
        {"argocd_headers": '{"X-A'},
        {"argocd_headers": "X-A=1"},
        {"argocd_password": '{"a": 1, "a": 2}'},
        {"no_such_option": '{"a": 1, "a": 2}'},
        {"store": None},
    ],
)
def test_everything_else_is_left_to_ansible(args: dict[str, Any]) -> None:
    require_unique_keys(args, TOKEN.argument_spec)
