# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that compare what check mode said with what then happened."""

from __future__ import annotations

from typing import Any

UNKNOWN = "(known after the run)"
ADDED_BY_ANSIBLE = ("exception", "failed_when_result", "failed_when_suppressed_exception", "invocation")


def differences(predicted: Any, real: Any, where: str = "") -> list[str]:
    """Return the places where `real` is not as predicted; what check mode could not know matches anything."""
    if predicted == UNKNOWN:
        return []
    if isinstance(predicted, dict) and isinstance(real, dict):
        keys = [*predicted, *(key for key in real if key not in predicted)]
        return [text for key in keys for text in differences(predicted.get(key), real.get(key), f"{where}.{key}")]
    if isinstance(predicted, list) and isinstance(real, list) and len(predicted) == len(real):
        pairs = enumerate(zip(predicted, real, strict=True))
        return [text for index, (old, new) in pairs for text in differences(old, new, f"{where}[{index}]")]
    return [] if predicted == real else [f"{where}: predicted {predicted!r}, was {real!r}"]


def unpredicted(check: dict[str, Any], real: dict[str, Any]) -> list[str]:
    """Return where a check run's `changed` and diff are not those of the real run."""
    parts = ("changed", "diff")
    return differences({part: check.get(part) for part in parts}, {part: real.get(part) for part in parts})


def unpredicted_tasks(check: list[dict[str, Any]], real: list[dict[str, Any]]) -> list[str]:
    """Return what `unpredicted` finds, over the results of two whole runs (see run_playbook), task by task.

    A skipped task predicts nothing: the preflight of a real run plans what a check run does anyway.
    """
    found = {(item["host"], item["task"]): item["result"] for item in real}
    texts = []
    for item in check:
        if item["outcome"] == "skipped":
            continue
        key = (item["host"], item["task"])
        texts += [f"{key}{text}" for text in unpredicted(item["result"], found.get(key, {}))]
    return texts


def same_values(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[str]:
    """Return where two runs of the same tasks (see run_playbook) differ in what the collection returned."""
    return differences([_returned(item) for item in one], [_returned(item) for item in other])


def _returned(item: dict[str, Any]) -> dict[str, Any]:
    values = {key: value for key, value in item["result"].items() if key not in ADDED_BY_ANSIBLE}
    return {"task": item["task"], "outcome": item["outcome"], **values}


class FilterModule:
    """Makes them known to Ansible."""

    def filters(self) -> dict[str, Any]:
        filters = (differences, same_values, unpredicted, unpredicted_tasks)
        return {function.__name__: function for function in filters}
