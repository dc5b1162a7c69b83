# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of one subject: what is asked for, what that means, and the keys to set.

Source of the rules: argo-cd util/rbac/rbac.go, server/rbacpolicy/rbacpolicy.go.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .enforcer import ProjectRole
from .errors import InvalidInput, check_one_line, quoted
from .permissions import compare
from .plan import Plan, SetKeys
from .policy_faults import Server, line_faults
from .policy_lint import CONFIG_MAP, ERROR, WARNING, Finding, Surroundings, is_yaml_list, lint_policy, reads_overlays
from .policy_text import (
    POLICY_KEY,
    Line,
    broken_lines,
    format_line,
    join_lines,
    parse_fields,
    parse_lines,
    trimmed,
)
from .release import Release

__all__ = (
    "CONFIG_MAP",
    "DesiredPolicy",
    "PolicyChange",
    "choose_key",
    "edit_text",
    "overlay_key",
    "parse_policies",
    "parse_roles",
    "plan_policy",
    "replaced_lines",
)

# Patterns mean other things in other match modes and releases.
_LATER = ("broken-glob", "crashing-glob", "brace-trap", "caret-class")
_ONLY_IN_REGEXP = re.compile(r"[.+()|^$]")
_ADMIN_ROLE = "role:admin"
# The other warnings are among the findings only.
_MOST_WARNINGS = 10

Fields = tuple[str, ...]


@dataclass(frozen=True)
class DesiredPolicy:
    """What a user asks for. `key` is where our lines live: an overlay, or `policy.csv` (see `choose_key`).

    `settings` are whole keys to set (`policy.default`, `policy.matchMode`, `scopes`). `others` are keys that lines of
    ours may stand in from before: what is absent goes from there, too.
    """

    subject: str
    lines: tuple[Fields, ...]
    key: str = POLICY_KEY
    exclusive: bool = True
    present: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys to edit."""
        return (self.key,) if self.present else tuple(dict.fromkeys((self.key, *self.others)))


@dataclass(frozen=True)
class PolicyChange:
    """The plan, and what it means for the subject. `data` is the whole of argocd-rbac-cm as it will be."""

    plan: Plan
    added: tuple[str, ...]
    removed: tuple[str, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    findings: tuple[Finding, ...]
    data: Mapping[str, str]


def overlay_key(name: str) -> str:
    """Return the key of an overlay (Argo CD 2.8 and later); characters no key may have become `-`."""
    return f"policy.{re.sub(r'[^A-Za-z0-9_-]', '-', name)}.csv"


def choose_key(
    data: Mapping[str, str], subject: str, *, location: str, overlay: str | None, release: Release | None
) -> str:
    """Return the key for the subject's lines; raise InvalidInput for an overlay that the server would not read.

    With `auto` lines stay in policy.csv where they stand already, so that an update of Argo CD moves nothing.
    """
    if location == "auto":
        stays = not overlay and _section(data.get(POLICY_KEY, ""), POLICY_KEY, subject).marked
        location = POLICY_KEY if stays or not reads_overlays(release) else "overlay"
    if location == POLICY_KEY:
        return POLICY_KEY
    if not reads_overlays(release):
        raise InvalidInput(
            f"cannot use location overlay: this Argo CD is {release}, which reads {POLICY_KEY} only; leave location at "
            f"auto, or set it to {POLICY_KEY}"
        )
    return overlay_key(overlay or subject)


def parse_policies(
    items: Iterable[str], subject: str, *, option: str = "policies", regex: bool = False
) -> list[Fields]:
    """Return the fields of each wanted line.

    An item is a verbatim line of the subject (`p, octopus, clusters, get, *, allow`) or the same without
    `p` and the subject (`clusters, get, *`, with or without the effect). `regex` says that the match mode will be that.
    Raises InvalidInput naming the item.
    """
    lines = []
    for index, item in enumerate(items):
        where = f"{option}[{index}]"
        fields = _parse_policy(item, subject, where)
        _check_meaning(fields, where, item, regex=regex)
        lines.append(fields)
    return lines


def _parse_policy(item: str, subject: str, where: str) -> Fields:
    check_one_line(item, option=where)
    try:
        fields = parse_fields(trimmed(item))
    except ValueError as exc:
        raise InvalidInput(f"cannot use {where} {quoted(item)}: {exc}") from None
    if fields[0] == "p" and len(fields) >= 5:
        _check_verbatim(fields, subject, where, item)
        return fields
    if fields[0] == "g" and len(fields) == 3:
        raise InvalidInput(f"cannot use {where} {quoted(item)}: it gives a role; name the role in roles instead")
    if len(fields) in (3, 4):
        return ("p", subject, *fields, *(("allow",) if len(fields) == 3 else ()))
    raise InvalidInput(
        f"cannot use {where} {quoted(item)}: write `p, {subject}, <resource>, <action>, <object>, <allow or "
        f"deny>`, or only `<resource>, <action>, <object>`; this has {len(fields)} fields "
        f"({where.partition('[')[0]} is a list of such lines; a comma inside a field needs quotes)"
    )


def _check_verbatim(fields: Fields, subject: str, where: str, item: str) -> None:
    if len(fields) != 6:
        raise InvalidInput(
            f"cannot use {where} {quoted(item)}: a p line has 6 fields, this has {len(fields)} (a comma inside a "
            "field, as in {a,b}, needs quotes); Argo CD would refuse its WHOLE policy for it"
        )
    if fields[1] != subject:
        raise InvalidInput(
            f"cannot use {where} {quoted(item)}: it is about {fields[1]!r}, the subject is {subject!r}; give it in "
            "a task with that subject"
        )


def _check_meaning(fields: Fields, where: str, item: str, *, regex: bool) -> None:
    """Refuse what means nothing on any server; what depends on the server and on other lines is linted later."""
    faults = list(line_faults(fields, Server(regex=regex)))
    if not regex and any(_ONLY_IN_REGEXP.search(field) for field in fields[2:5]):
        # The match mode may be regex already.
        meant = {fault.code for fault in line_faults(fields, Server(regex=True))}
        faults = [fault for fault in faults if fault.code in meant]
    fault = next((fault for fault in faults if fault.fatal and fault.code not in _LATER), None)
    if fault:
        raise InvalidInput(f"cannot use {where} {quoted(item)}: {fault.why}; {fault.fix}")


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


def plan_policy(
    data: Mapping[str, str],
    desired: DesiredPolicy,
    *,
    release: Release | None = None,
    config: Mapping[str, str] | None = None,
    projects: Mapping[str, Sequence[ProjectRole]] | None = None,
    unset: Mapping[str, str] | None = None,
) -> PolicyChange:
    """Plan the keys to set so that the subject has the wanted lines in `desired.key`, or none in any key of ours.

    Other lines, comments and their order stay. What `data`, which is written, lacks of argocd-rbac-cm is `unset`: it
    stays in force, so the whole is judged. `release` (the server's), `config` (argocd-cm's data) and `projects`
    (the roles of AppProjects) are None where unknown. Raises InvalidInput where the policy, as it is or as it would be,
    does not load, and where a wanted line does not mean what it says.
    """
    standing = _standing(data, unset or {}, desired)
    check_compiles(standing)
    keys = _edits(data, desired)
    keys.update({key: value for key, value in desired.settings.items() if not _is_set(key, value, data, standing)})
    after = {key: value for key, value in {**standing, **keys}.items() if value is not None}
    around = Surroundings(
        desired.subject,
        {key: _section(after.get(key, ""), key, desired.subject).numbers() for key in desired.keys},
        release,
        config,
        exclusive=desired.exclusive or not desired.present,
        projects=projects,
    )
    findings = lint_policy(after, around)
    _require_sound(findings)
    return _describe(data, standing, after, keys, desired, findings, around)


def _edits(data: Mapping[str, str], desired: DesiredPolicy) -> dict[str, str | None]:
    """Return the keys whose lines are not as they are wanted; one that has nothing left goes."""
    edited = {key: edit_text(data.get(key, ""), replace(desired, key=key)) for key in desired.keys}
    return {key: text or None for key, text in edited.items() if text != data.get(key, "")}


def _standing(data: Mapping[str, str], unset: Mapping[str, str], desired: DesiredPolicy) -> dict[str, str]:
    """Return the whole of argocd-rbac-cm, without lines of ours that went from `data` and have not gone from there."""
    standing = {**unset, **data}
    if not desired.present:
        gone = _edits({key: unset[key] for key in desired.keys if key in unset.keys() - data.keys()}, desired)
        standing.update({key: text or "" for key, text in gone.items()})
    return {key: text for key, text in standing.items() if text or key in data}


def replaced_lines(text: str, desired: DesiredPolicy) -> list[str]:
    """Return what an edit of the key's text would keep, and is lost where the key is written without it."""
    alone = {_content(line) for line in parse_lines(edit_text("", desired))}
    kept = [line for line in parse_lines(edit_text(text, desired)) if trimmed(line.raw)]
    return [trimmed(line.raw) for line in kept if _content(line) not in alone]


def _content(line: Line) -> Fields | str:
    return line.fields or trimmed(line.raw)


def _require_sound(findings: Iterable[Finding]) -> None:
    errors = [finding for finding in findings if finding.severity == ERROR]
    if errors:
        more = f" (and {len(errors) - 1} more)" if errors[1:] else ""
        raise InvalidInput(f"cannot write the policy to {CONFIG_MAP}: {errors[0]}{more}")


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
    data: Mapping[str, str],
    standing: Mapping[str, str],
    after: Mapping[str, str],
    keys: Mapping[str, str | None],
    desired: DesiredPolicy,
    findings: list[Finding],
    around: Surroundings,
) -> PolicyChange:
    old, new = _own_lines(data, desired), _own_lines(after, desired)
    permissions = compare(standing, after, desired.subject, around.release, around.projects)
    touched = sorted(keys)
    return PolicyChange(
        plan=Plan(
            before={key: data[key] for key in touched if key in data},
            after={key: after[key] for key in touched if key in after},
            steps=(SetKeys("configmaps", CONFIG_MAP, keys),) if keys else (),
            warnings=(*_warnings(desired), *_shown(findings, around)),
        ),
        added=tuple(format_line(item) for item in new if item not in old),
        removed=tuple(format_line(item) for item in old if item not in new),
        gained=permissions.gained,
        lost=permissions.lost,
        findings=tuple(findings),
        data=after,
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


def _shown(findings: Iterable[Finding], around: Surroundings) -> list[str]:
    """Return the warnings in words; those about lines of others come last, of which there may be many."""
    warnings = [finding for finding in findings if finding.severity == WARNING]
    told = [str(finding) for finding in sorted(warnings, key=lambda finding: not around.concerns(finding))]
    more = len(told) - _MOST_WARNINGS
    return [*told[:_MOST_WARNINGS], *([f"{more} more warnings are among the findings"] if more > 0 else [])]


def _own_lines(data: Mapping[str, str], desired: DesiredPolicy) -> dict[Fields, None]:
    """Return the subject's lines that are ours, in their order (a set keeps none)."""
    sections = (_section(data.get(key, ""), key, desired.subject) for key in desired.keys)
    own = (line for section in sections for line in section.own())
    return dict.fromkeys(line.fields for line in own if line.about(desired.subject))


def _is_set(key: str, value: str, *stored: Mapping[str, str]) -> bool:
    """Whether all have the setting: where it is kept, no key may mean the default, and another one be in force."""
    return all(_same_setting(key, data.get(key), value) for data in stored)


def _same_setting(key: str, stored: str | None, wanted: str) -> bool:
    if key == "policy.matchMode":
        return (stored == "regex") == (wanted == "regex")
    if key == "scopes":
        return is_yaml_list(stored or "") and _scopes(stored or "[groups]") == _scopes(wanted)
    return (stored or "") == wanted


def _scopes(text: str) -> list[str]:
    """Read the YAML list of claim names in either of its two notations."""
    items = re.split(r"[\n,]", text.strip().removeprefix("[").removesuffix("]"))
    return [name for name in (item.strip().removeprefix("- ").strip("\"' ") for item in items) if name]


@dataclass(frozen=True)
class _Section:
    """A key's lines, and which of them are ours to change: `lines[first:last]`, in policy.csv only between markers.

    `marked` says whether a marker line stands on either side.
    """

    lines: list[Line]
    first: int
    last: int
    marked: bool

    def own(self) -> list[Line]:
        return self.lines[self.first : self.last]

    def numbers(self) -> range:
        return range(self.first + 1, self.last + 1)


def _section(text: str, key: str, subject: str) -> _Section:
    lines = parse_lines(text)
    if key != POLICY_KEY:
        return _Section(lines, 0, len(lines), marked=False)
    # Compared without spaces around, so that an editor that ends lines with CRLF does not make them foreign.
    contents = [trimmed(line.raw) for line in lines]
    begin, end = _markers(subject)
    if begin not in contents:
        return _Section(lines, len(lines), len(lines), marked=False)
    first = contents.index(begin) + 1
    if end not in contents[first:]:
        raise InvalidInput(f"cannot edit {POLICY_KEY}: the line {end!r} is missing after {begin!r}; put it back")
    return _Section(lines, first, contents.index(end, first), marked=True)


def _markers(subject: str) -> tuple[str, str]:
    return f"# BEGIN fleetops.argocd {subject}", f"# END fleetops.argocd {subject}"


def edit_text(text: str, desired: DesiredPolicy) -> str:
    """Keep what is not about the subject, byte for byte; the wanted lines that are missing go to the end of ours."""
    section = _section(text, desired.key, desired.subject)
    own = [line.raw for line in section.own()]
    edited = _edited(section.own(), desired)
    if edited == own:
        return text
    raws = [line.raw for line in section.lines]
    head, tail = raws[: section.first], raws[section.last :]
    begin, end = _markers(desired.subject)
    if section.marked and not edited:
        head, tail = head[:-1], tail[1:]
    elif desired.key == POLICY_KEY and not section.marked:
        head, tail = [*head, begin], [end, *tail]
    return join_lines([*head, *edited, *tail], ended=not text or text.endswith("\n"))


def _edited(own: list[Line], desired: DesiredPolicy) -> list[str]:
    wanted = dict.fromkeys(desired.lines if desired.present else ())
    kept = [line for line in own if _keeps(line, wanted, desired)]
    present = {line.fields for line in kept}
    return [*(line.raw for line in kept), *(format_line(fields) for fields in wanted if fields not in present)]


def _keeps(line: Line, wanted: Container[Fields], desired: DesiredPolicy) -> bool:
    if not line.about(desired.subject) or line.fields in wanted:
        return True
    return desired.present and not desired.exclusive
