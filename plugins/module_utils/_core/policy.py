# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of one subject: what is asked for, what that means, and the keys to set.

Source of the rules: argo-cd util/rbac/rbac.go, server/rbacpolicy/rbacpolicy.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .checks import ACTIONS, RESOURCES
from .errors import InvalidInput, check_one_line, quoted
from .plan import Plan, SetKeys
from .policy_text import POLICY_KEY, Line, broken_lines, format_line, merged_lines, parse_fields, parse_lines

__all__ = ("DesiredPolicy", "PolicyChange", "overlay_key", "parse_policies", "parse_roles", "plan_policy")

CONFIG_MAP = "argocd-rbac-cm"
EFFECTS = ("allow", "deny")
_ADMIN_ROLE = "role:admin"
# Objects of these are `project/name`: a literal without a slash never names one (rbac.md).
_PROJECT_SCOPED = ("applications", "applicationsets", "logs", "exec")
# 3.6 knows rollback too; policy loading itself accepts anything.
_POLICY_ACTIONS = (*ACTIONS, "rollback")
_GLOB = re.compile(r"[*?\[{\\]")

Fields = tuple[str, ...]


@dataclass(frozen=True)
class DesiredPolicy:
    """What a user asks for. `key` is where our lines live: an overlay, or `policy.csv`.

    `settings` are whole keys to set (`policy.default`, `policy.matchMode`, `scopes`).
    """

    subject: str
    lines: tuple[Fields, ...]
    key: str
    exclusive: bool = True
    present: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PolicyChange:
    """The plan, and what it means for the subject."""

    plan: Plan
    added: tuple[str, ...]
    removed: tuple[str, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    findings: tuple[str, ...]


def overlay_key(name: str) -> str:
    """Return the key of an overlay (Argo CD 2.8 and later); characters no key may have become `-`."""
    return f"policy.{re.sub(r'[^A-Za-z0-9_-]', '-', name)}.csv"


def parse_policies(items: Iterable[str], subject: str, *, option: str = "policies") -> list[Fields]:
    """Return the fields of each wanted line.

    An item is a verbatim line of the subject (`p, octopus, clusters, get, *, allow`) or the same without
    `p` and the subject (`clusters, get, *`, with or without the effect). Raises InvalidInput naming the item.
    """
    return [_parse_policy(item, subject, f"{option}[{index}]") for index, item in enumerate(items)]


def _parse_policy(item: str, subject: str, where: str) -> Fields:
    check_one_line(item, option=where)
    try:
        fields = parse_fields(item.strip())
    except ValueError as exc:
        raise InvalidInput(f"cannot use {where} {quoted(item)}: {exc}") from None
    if fields[0] == "p" and len(fields) >= 5:
        _check_verbatim(fields, subject, where, item)
    elif fields[0] == "g" and len(fields) == 3:
        raise InvalidInput(f"cannot use {where} {quoted(item)}: it gives a role; name the role in roles instead")
    elif len(fields) in (3, 4):
        fields = ("p", subject, *fields, *(("allow",) if len(fields) == 3 else ()))
    else:
        raise InvalidInput(
            f"cannot use {where} {quoted(item)}: write `p, {subject}, <resource>, <action>, <object>, <allow or "
            f"deny>`, or only `<resource>, <action>, <object>`; this has {len(fields)} fields "
            f"({where.partition('[')[0]} is a list of such lines; a comma inside a field needs quotes)"
        )
    _check_meaning(fields, where, item)
    return fields


def _check_verbatim(fields: Fields, subject: str, where: str, item: str) -> None:
    if len(fields) != 6:
        raise InvalidInput(
            f"cannot use {where} {quoted(item)}: a p line has 6 fields, this has {len(fields)} (a comma inside a "
            "field, as in {a,b}, needs quotes); Argo CD would refuse its WHOLE policy for it"
        )
    if fields[1] != subject:
        raise InvalidInput(f"cannot use {where} {quoted(item)}: it is about {fields[1]!r}, the subject is {subject!r}")


def _check_meaning(fields: Fields, where: str, item: str) -> None:
    _kind, _subject, resource, action, target, effect = fields
    problem = None
    if effect not in EFFECTS:
        problem = f"effect {effect!r} is neither allow nor deny, so the line would do nothing"
    elif any(part != part.strip() for part in fields):
        problem = "a field ends with a space, and would then never match"
    elif not _GLOB.search(resource) and resource not in RESOURCES:
        problem = f"resource {resource!r} does not exist; known are {', '.join(RESOURCES)}"
    elif not _GLOB.search(action) and action.split("/")[0] not in _POLICY_ACTIONS:
        problem = f"action {action!r} does not exist; known are {', '.join(_POLICY_ACTIONS)}"
    elif resource in _PROJECT_SCOPED and "/" not in target and not _GLOB.search(target):
        problem = f"object {target!r} can never match: {resource} are named project/name"
    if problem:
        raise InvalidInput(f"cannot use {where} {quoted(item)}: {problem}")


def parse_roles(roles: Iterable[str], subject: str, *, option: str = "roles") -> list[Fields]:
    """Return the fields of `g, subject, role` for each role; raise InvalidInput naming the item."""
    grants: list[Fields] = []
    for index, role in enumerate(roles):
        check_one_line(role, option=f"{option}[{index}]")
        if not role.strip() or role != role.strip():
            raise InvalidInput(f"cannot use {option}[{index}] {role!r}: a role name has no spaces around it")
        grants.append(("g", subject, role))
    return grants


def check_subject(subject: str) -> str:
    """Return the subject; an empty one would match every caller, anonymous too."""
    check_one_line(subject, option="subject")
    if not subject.strip() or subject != subject.strip():
        raise InvalidInput(
            f"cannot use subject {subject!r}: it must not be empty (that matches everyone) or have spaces around it"
        )
    return subject


def plan_policy(data: Mapping[str, str], desired: DesiredPolicy) -> PolicyChange:
    """Plan the keys to set so that the subject has the wanted lines in `desired.key`.

    Other lines, comments and their order stay. The merged policy is compiled before and after: raises
    InvalidInput where the present one is broken already, naming key and line.
    """
    check_compiles(data)
    keys: dict[str, str | None] = {}
    text = data.get(desired.key)
    edited = _edit_key(text or "", desired)
    if edited != (text or ""):
        keys[desired.key] = edited or None
    keys.update({key: value for key, value in desired.settings.items() if not _same_setting(key, data.get(key), value)})
    after = {key: value for key, value in {**data, **keys}.items() if value is not None}
    check_compiles(after)
    return _describe(data, after, keys, desired)


def check_compiles(data: Mapping[str, str]) -> None:
    """Raise InvalidInput naming the first line for which Argo CD would refuse its whole policy."""
    broken = broken_lines(data)
    if broken:
        key, line = broken[0]
        raise InvalidInput(
            f"cannot compile the policy of {CONFIG_MAP}: {key} line {line.number}: {line.error}; while it stands "
            "Argo CD answers 500 to everybody; correct that line first"
        )


def _describe(
    data: Mapping[str, str], after: Mapping[str, str], keys: Mapping[str, str | None], desired: DesiredPolicy
) -> PolicyChange:
    old, new = _section_lines(data, desired), _section_lines(after, desired)
    had, has = _effective(data, desired.subject), _effective(after, desired.subject)
    touched = sorted(keys)
    return PolicyChange(
        plan=Plan(
            before={key: data[key] for key in touched if key in data},
            after={key: after[key] for key in touched if key in after},
            steps=(SetKeys("configmaps", CONFIG_MAP, keys),) if keys else (),
            warnings=_warnings(desired),
        ),
        added=tuple(format_line(item) for item in new if item not in old),
        removed=tuple(format_line(item) for item in old if item not in new),
        gained=tuple(_in_words(item) for item in has if item not in had),
        lost=tuple(_in_words(item) for item in had if item not in has),
        findings=tuple(_elsewhere(after, desired)),
    )


def _warnings(desired: DesiredPolicy) -> tuple[str, ...]:
    """Full admin is asked for by some vendors' pages; nobody should get it unnoticed."""
    if not desired.present or ("g", desired.subject, _ADMIN_ROLE) not in desired.lines:
        return ()
    warning = (
        f"{desired.subject} gets {_ADMIN_ROLE}, which may do everything on this Argo CD; to narrow it, take the role "
        "out of `roles` and list in `policies` what is needed, on top of role:readonly perhaps"
    )
    return (warning,)


def _section_lines(data: Mapping[str, str], desired: DesiredPolicy) -> list[Fields]:
    text = data.get(desired.key, "")
    own = _own_numbers(text, desired)
    return [line.fields for line in parse_lines(text) if line.number in own and line.about(desired.subject)]


def _own_numbers(text: str, desired: DesiredPolicy) -> range:
    """Return the numbers of the lines that are ours to change: in policy.csv only those between our markers."""
    if desired.key != POLICY_KEY:
        return range(1, len(parse_lines(text)) + 1)
    head, ours, _tail = _marked(text, desired.subject)
    first = len(parse_lines(head)) + 2
    return range(first, first + len(parse_lines(ours)))


def _effective(data: Mapping[str, str], subject: str) -> list[Fields]:
    return list(dict.fromkeys(line.fields for _key, line in merged_lines(data) if line.about(subject)))


def _in_words(fields: Fields) -> str:
    if fields[0] == "g":
        return f"has everything {fields[2]} has"
    verb = "may" if fields[5] == "allow" else "may not"
    return f"{verb} {fields[3]} {fields[2]} {fields[4]}"


def _elsewhere(data: Mapping[str, str], desired: DesiredPolicy) -> Iterable[str]:
    """Report the subject's lines that are not ours to change."""
    own = _own_numbers(data.get(desired.key, ""), desired)
    for key, line in merged_lines(data):
        if line.about(desired.subject) and not (key == desired.key and line.number in own):
            yield f"{key} line {line.number} also speaks of {desired.subject}: {line.raw.strip()}"


def _same_setting(key: str, stored: str | None, wanted: str) -> bool:
    if key == "policy.matchMode":
        return (stored == "regex") == (wanted == "regex")
    if key == "scopes":
        return _scopes(stored or "[groups]") == _scopes(wanted)
    return (stored or "") == wanted


def _scopes(text: str) -> list[str]:
    """Read the YAML list of claim names in either of its two notations."""
    items = re.split(r"[\n,]", text.strip().removeprefix("[").removesuffix("]"))
    return [name for name in (item.strip().removeprefix("- ").strip("\"' ") for item in items) if name]


def _edit_key(text: str, desired: DesiredPolicy) -> str:
    if desired.key != POLICY_KEY:
        return _edit_lines(text, desired)
    head, ours, tail = _marked(text, desired.subject)
    begin, end = _markers(desired.subject)
    edited = _edit_lines(ours, desired)
    if not edited:
        return head + tail
    return f"{_ended(head)}{begin}{_ended(edited)}{end}{tail}"


def _markers(subject: str) -> tuple[str, str]:
    return f"# BEGIN fleetops.argocd {subject}\n", f"# END fleetops.argocd {subject}\n"


def _marked(text: str, subject: str) -> tuple[str, str, str]:
    """Split policy.csv into what is before, between and after our markers."""
    begin, end = _markers(subject)
    head, found, rest = text.partition(begin)
    if not found:
        return text, "", ""
    ours, closed, tail = rest.partition(end)
    if not closed:
        raise InvalidInput(
            f"cannot edit {POLICY_KEY}: the line {end.strip()!r} is missing after {begin.strip()!r}; put it back"
        )
    return head, ours, tail


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _edit_lines(text: str, desired: DesiredPolicy) -> str:
    """Keep what is not about the subject, byte for byte; the wanted lines that are missing go to the end."""
    wanted = list(dict.fromkeys(desired.lines)) if desired.present else []
    lines = parse_lines(text)
    kept = [line for line in lines if _keeps(line, wanted, desired)]
    present = {line.fields for line in kept}
    missing = "".join(format_line(fields) + "\n" for fields in wanted if fields not in present)
    result = "".join(line.raw for line in kept)
    return _ended(result) + missing if missing else result


def _keeps(line: Line, wanted: list[Fields], desired: DesiredPolicy) -> bool:
    if not line.about(desired.subject) or line.fields in wanted:
        return True
    return desired.present and not desired.exclusive
