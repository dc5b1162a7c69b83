# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of the ConfigMaps as the YAML that says the same elsewhere: Helm values, the operator's resource, a manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

__all__ = ("HELM_PATHS", "RESOURCE_PATHS", "as_yaml", "config_keys", "in_resource", "resource_keys", "scalar_lines")

# Where the chart argo-cd has a ConfigMap's keys (its values.yaml).
HELM_PATHS = {"argocd-cm": ("configs", "cm"), "argocd-rbac-cm": ("configs", "rbac")}
# Where the operator's resource has them (argocd-operator: api/v1beta1/argocd_types.go), and under which names.
RESOURCE_PATHS = {"argocd-cm": ("spec", "extraConfig"), "argocd-rbac-cm": ("spec", "rbac")}
_RBAC_FIELDS = {
    "policy.csv": "policy",
    "policy.default": "defaultPolicy",
    "policy.matchMode": "policyMatcherMode",
    "scopes": "scopes",
}
# What no reader of YAML 1.1 or 1.2 takes for anything but this text.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(,[A-Za-z0-9_./-]+)*")
_NOT_TEXT = frozenset(("true", "false", "yes", "no", "on", "off", "y", "n", "null"))
# JSON allows these bare within a string. YAML 1.1 takes them for line breaks, or not at all.
_NOT_BARE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")


def scalar_lines(text: str, header: str = "", *, blank_below: bool = False) -> list[str]:
    """Return the text as a scalar, as people write it: what stands behind the key, then the lines of a literal block.

    Several lines make a block, and a block, with this `header`, stays one. `blank_below`: blank lines follow, which
    would become part of one that keeps its line ends.
    """
    if _is_literal(text) and (header or "\n" in text):
        chomping = _chomping(text, header)
        if chomping != "+" or not blank_below:
            return [f"|{chomping}", *text.removesuffix("\n").split("\n")]
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return [text]
    return [_NOT_BARE.sub(lambda char: f"\\u{ord(char[0]):04x}", json.dumps(text, ensure_ascii=False))]


def _is_literal(text: str) -> bool:
    """Whether a literal block gives the text back as it is, and its last line is to be seen."""
    last = text.rstrip("\n").rpartition("\n")[2]
    shown = bool(last.strip()) and not text[0].isspace()
    return shown and not _NOT_BARE.search(text) and not _CONTROL.search(text)


def _chomping(text: str, header: str) -> str:
    """Return what says how a block ends. With one line end to keep both `|` and `|+` do: as it was."""
    if not text.endswith("\n"):
        return "-"
    return "+" if text.endswith("\n\n") or "+" in header else ""


def as_yaml(path: Sequence[str], keys: Mapping[str, str | None]) -> str:
    """Return the keys as YAML below the path; a key of None is one to be removed there."""
    indent = "  " * len(path)
    lines = ["  " * depth + f"{part}:" for depth, part in enumerate(path)]
    for key, text in keys.items():
        lines += [indent + line for line in _entry(key, text)]
    return "\n".join([*lines, ""])


def _entry(key: str, text: str | None) -> list[str]:
    if text is None:
        return [f"# without {key}"]
    first, *content = scalar_lines(text)
    return [f"{key}: {first}", *(f"  {line}" if line else "" for line in content)]


def in_resource(name: str, key: str) -> bool:
    """Whether the operator's resource has a place for the key. An overlay of the policy survives in its ConfigMap."""
    return name == "argocd-cm" or (name == "argocd-rbac-cm" and key in _RBAC_FIELDS)


def resource_keys(name: str, keys: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the keys under the names that the operator's resource has for them.

    Where a field of spec.rbac is missing the operator leaves the ConfigMap's key as it is (reconcileRBACConfigMap), so
    a key is removed there by an empty text.
    """
    if name == "argocd-cm":
        return dict(keys)
    return {_RBAC_FIELDS[key]: text or "" for key, text in keys.items() if key in _RBAC_FIELDS}


def config_keys(name: str, fields: Mapping[str, object]) -> dict[str, str]:
    """Return the ConfigMap's keys that the resource's fields stand for."""
    names = {key: key for key in fields} if name == "argocd-cm" else {field: key for key, field in _RBAC_FIELDS.items()}
    return {names[field]: str(text) for field, text in fields.items() if field in names and text is not None}
