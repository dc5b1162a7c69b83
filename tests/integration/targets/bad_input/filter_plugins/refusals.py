# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every refusal must be: one message that names what is wrong and says what to do, and never a traceback."""

from __future__ import annotations

import re
from typing import Any

# Of a mistake of ours, not of the user's.
NEVER = ("Traceback", "MODULE FAILURE", "nexpected failure", "has no attribute", "Exception", "Error:")
# Ansible's own words for what its argument spec refuses, with the collection's first words or without.
SPEC = re.compile(
    r"^(cannot run argocd_\w+: )?(Unsupported parameters|missing required|value of|argument '|Elements value"
    r"|parameters are mutually exclusive|\S+: Unsupported|\w+\. Supported parameters|.*found in \w+)",
)
MOST = 900


def objections(results: list[dict[str, Any]], cases: list[dict[str, Any]], secrets: list[str]) -> list[str]:
    """Return what is wrong with the refusals of a loop over numbers of cases; each `says` regular expressions."""
    tried = [(item, cases[int(item["case_number"])]) for item in results]
    return [f"{case['name']}: {text}" for item, case in tried for text in _objections(item, case, secrets)]


def _objections(item: dict[str, Any], case: dict[str, Any], secrets: list[str]) -> list[str]:
    message = str(item.get("msg", ""))
    told = str({key: value for key, value in item.items() if key != "invocation"})
    found = [f"does not say {wanted!r}: {message}" for wanted in case["says"] if not re.search(wanted, message)]
    found += [f"says {word!r}: {told}" for word in NEVER if word in told]
    found += ["tells a secret" for secret in secrets if secret in told]
    if not message.startswith("cannot ") and not SPEC.search(message):
        found.append(f"is not of the form `cannot <verb> <noun>: <cause>`: {message}")
    if len(message) > MOST:
        found.append(f"is {len(message)} characters long: {message[:200]}")
    if item.get("changed"):
        found.append("says that it changed something")
    return found


class FilterModule:
    """Makes it known to Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"objections": objections}
