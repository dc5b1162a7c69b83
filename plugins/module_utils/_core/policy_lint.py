# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole policy does not mean: every finding with its line, the reason, and what to write instead.

Source: argo-cd util/rbac/rbac.go, server/rbacpolicy/rbacpolicy.go, docs/operator-manual/rbac.md; casbin's role manager.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .enforcer import DEFAULT_ROLE, MATCH_MODE, SCOPES, Caller, Enforcer, ProjectRole, Rule
from .errors import quoted
from .policy_faults import Fault, Server, covers, line_faults, may_match
from .policy_text import POLICY_KEY, Line, merged_lines, policy_keys, trimmed
from .release import NEWEST_KNOWN, Release

__all__ = ("ERROR", "NOTE", "WARNING", "Finding", "Surroundings", "is_yaml_list", "lint_policy", "reads_overlays")

ERROR, WARNING, NOTE = "error", "warning", "note"
CONFIG_MAP = "argocd-rbac-cm"
_ADMIN_ROLES = ("role:admin", "role:readonly")
_OVERLAYS_SINCE = Release(2, 8)
_SETTINGS = (DEFAULT_ROLE, MATCH_MODE, SCOPES)
# What argocd-cm holds and argocd-rbac-cm does not (docs/operator-manual/argocd-cm.yaml).
_OF_ARGOCD_CM = re.compile(r"(accounts\..*|admin\.enabled|users\..*|url|dex\.config|oidc\.config)")
# Shown of a key that is read elsewhere or nowhere: what it holds is no policy, and may be the secret of a client.
_NOT_SHOWN = f"({CONFIG_MAP})"
_SSO = ("dex.config", "oidc.config")
# casbin follows that many g lines.
_LINKS = 10
# So many denials are tried on each line of their subject: what it takes grows with the lines, not with their square.
_MOST_DENIALS = 50

# So many chains are followed to their end, which is enough to find what is wrong with them.
_MOST_STARTS = 50
# Who may do something with these, and not get applications, has forgotten that.
_WORKED_WITH = ("applications", "clusters", "logs")

Place = tuple[str, Line]


@dataclass(frozen=True)
class Finding:
    """One finding. `number` is the line in `key`, None where it is about the key.

    `text` is what stands there, of a whole key that is no setting, only the ConfigMap.
    """

    code: str
    severity: str
    key: str
    number: int | None
    text: str
    why: str
    fix: str

    def __str__(self) -> str:
        line = "" if self.number is None else f" line {self.number}"
        return f"{self.key}{line}: {quoted(self.text)}: {self.why}; {self.fix}"

    def describe(self) -> dict[str, Any]:
        """Return it as a user gets it."""
        return asdict(self)


@dataclass(frozen=True)
class Surroundings:
    """What else decides the meaning. `config` is argocd-cm's data, None where it may not be read.

    The lines of `subject` with the numbers `own[key]` are those that we manage; with `exclusive` no others should speak
    of it. `projects` are the roles of each AppProject, None where these were not read.
    """

    subject: str
    own: Mapping[str, Container[int]] = field(default_factory=dict)
    release: Release | None = None
    config: Mapping[str, str] | None = None
    exclusive: bool = False
    projects: Mapping[str, Sequence[ProjectRole]] | None = None

    def is_ours(self, place: Place) -> bool:
        key, line = place
        return line.about(self.subject) and line.number in self.own.get(key, ())

    def concerns(self, finding: Finding) -> bool:
        """Whether it is about a key, about our lines, or about others that speak of our subject."""
        ours = finding.number is None or finding.number in self.own.get(finding.key, ())
        return ours or finding.code == "elsewhere"


def reads_overlays(release: Release | None) -> bool:
    """Whether the server reads `policy.<name>.csv`; an unknown one is taken for a new one."""
    return release is None or release >= _OVERLAYS_SINCE


def lint_policy(data: Mapping[str, str], around: Surroundings) -> list[Finding]:
    """Return all findings: those about keys, those about lines in the order of the policy, those about the subject."""
    server = Server(around.release, regex=data.get(MATCH_MODE) == "regex")
    places = list(merged_lines(data))
    findings = [*_key_findings(data, around), *_setting_findings(data)]
    for place in places:
        findings += _line_findings(place, around, server)
    if not any(line.error for _key, line in places):
        findings += _Whole(data, places, around, server).findings()
    return findings


def _about_key(code: str, key: str, text: str, why: str, fix: str, *, severity: str = WARNING) -> Finding:
    return Finding(code, severity, key, None, text, why, fix)


def _key_findings(data: Mapping[str, str], around: Surroundings) -> Iterator[Finding]:
    for key in sorted(around.config or ()):
        if key in _SETTINGS or policy_keys({key: ""}):
            why = f"it stands in argocd-cm, and is read from {CONFIG_MAP} only"
            yield _about_key("wrong-config-map", key, "(argocd-cm)", why, f"move it to {CONFIG_MAP}")
    known = {*_SETTINGS, *policy_keys(data)}
    for key in sorted(set(data) - known):
        if _OF_ARGOCD_CM.fullmatch(key):
            why = f"it stands in {CONFIG_MAP}, and is read from argocd-cm only"
            yield _about_key("wrong-config-map", key, _NOT_SHOWN, why, "move it to argocd-cm")
        elif key.startswith("policy."):
            fix = f"name it policy.<name>.csv, or one of {', '.join(_SETTINGS)}"
            yield _about_key("unread-key", key, _NOT_SHOWN, "the server reads no such key", fix)
    for key in policy_keys(data):
        if key != POLICY_KEY and not reads_overlays(around.release):
            why = f"overlays are read from Argo CD {_OVERLAYS_SINCE} on, this is {around.release}"
            yield _about_key("unread-key", key, _NOT_SHOWN, why, f"move its lines to {POLICY_KEY}")


def _setting_findings(data: Mapping[str, str]) -> Iterator[Finding]:
    default, mode, scopes = (data.get(key, "") for key in _SETTINGS)
    if default != trimmed(default):
        why = "the spaces or the line end around it belong to the name, so it is another role, which does not exist"
        yield _about_key("default-role-spaces", DEFAULT_ROLE, default, why, "write it without, as with `|-` in YAML")
    if mode == "regex":
        why = (
            "the built-in roles do not work in it: their * and */* are no regular expressions, and admin is locked out"
        )
        yield _about_key("regex-mode", MATCH_MODE, mode, why, "use glob, or roles of your own for everybody")
    elif mode not in ("", "glob"):
        yield _about_key("match-mode", MATCH_MODE, mode, "anything but regex means glob", "write glob or regex")
    if not is_yaml_list(scopes):
        why = "it is no YAML list, and then the server takes no change of the policy, and does not start again"
        yield _about_key("scopes", SCOPES, scopes, why, 'write a list, as "[groups]"', severity=ERROR)


def is_yaml_list(scopes: str) -> bool:
    """Whether the value is a list in one of YAML's two notations, or nothing."""
    lines = [trimmed(line.partition(" #")[0]) for line in scopes.splitlines()]
    lines = [line for line in lines if line and line != "---" and not line.startswith("#")]
    flow = bool(lines) and lines[0].startswith("[") and lines[-1].endswith("]")
    return flow or all(line == "-" or line.startswith("- ") for line in lines)


def _line_findings(place: Place, around: Surroundings, server: Server) -> Iterator[Finding]:
    line = place[1]
    if line.error:
        fault = _broken(line)
        yield _finding(fault, place, ERROR)
    elif line.fields and line.fields[0] in ("p", "g"):
        for fault in line_faults(line.fields, server):
            yield _finding(fault, place, ERROR if fault.fatal and around.is_ours(place) else WARNING)


def _finding(fault: Fault, place: Place, severity: str) -> Finding:
    key, line = place
    return Finding(fault.code, severity, key, line.number, trimmed(line.raw), fault.why, fault.fix)


def _broken(line: Line) -> Fault:
    why = f"{line.error}; while it stands Argo CD answers 500 to everybody"
    if not line.fields:
        return Fault("quotes", why, "put the whole field in double quotes, or none of it, and double those inside")
    if line.fields[0] not in ("p", "g"):
        return Fault("line-type", why, "start it with p, g or #")
    if any("{" in part for part in line.fields):
        return Fault("unquoted-braces", why, 'put the field in double quotes, as "{a,b}"')
    return Fault("field-count", why, "write p, subject, resource, action, object, effect or g, member, role")


class _Whole:
    """What only the whole policy shows: roles, chains, what denials and the default role do to lines."""

    def __init__(self, data: Mapping[str, str], places: list[Place], around: Surroundings, server: Server) -> None:
        self._around = around
        self._server = server
        self._default = data.get(DEFAULT_ROLE, "")
        self._grants = [place for place in places if place[1].fields[:1] == ("g",)]
        self._lines = [place for place in places if place[1].fields[:1] == ("p",)]
        self._enforcer = Enforcer(data, release=around.release or NEWEST_KNOWN, projects=around.projects)
        self._roles = {fields[1] for _key, line in places if (fields := line.fields) and fields[0] in ("p", "g")}
        self._roles.update(_ADMIN_ROLES)
        projects = (around.projects or {}).items()
        self._roles.update(f"proj:{project}:{role.name}" for project, roles in projects for role in roles)

    def findings(self) -> Iterator[Finding]:
        if self._default and self._default == trimmed(self._default) and not self._exists(self._default):
            why = "no line gives anything to this role, so it is as if it were empty"
            yield _about_key("no-such-role", DEFAULT_ROLE, self._default, why, "correct the name, or give it lines")
        yield from self._grant_findings()
        yield from self._long_chains()
        yield from self._denial_findings()
        yield from self._subject_findings()

    def _exists(self, role: str) -> bool:
        """Whether anything is given to the role; one of an AppProject that was not read may be there."""
        return role in self._roles or (self._around.projects is None and role.startswith("proj:"))

    def _grant_findings(self) -> Iterator[Finding]:
        for place in self._grants:
            _kind, member, role = place[1].fields
            if role == trimmed(role) and "#" not in role and not self._exists(role):
                why = f"no line gives anything to {role!r}, so the grant gives nothing"
                yield _finding(Fault("no-such-role", why, "correct the name, or give the role lines"), place, WARNING)
            if self._around.is_ours(place) and any((self._around.config or {}).get(key) for key in _SSO):
                why = f"single sign-on is set up, and a group or user of it called {member!r} gets this role, too"
                fix = "list in policies what is needed, or name the account as no group can be named"
                yield _finding(Fault("also-a-group", why, fix), place, WARNING)

    def _long_chains(self) -> Iterator[Finding]:
        """Find the grants that lie behind the last link that counts, from where the longest chains begin."""
        links: dict[str, list[Place]] = {}
        for place in self._grants:
            links.setdefault(place[1].fields[1], []).append(place)
        starts = set(links)
        for _link in range(_LINKS):
            starts = {member for member in links if any(line.fields[2] in starts for _key, line in links[member])}
        inner = {line.fields[2] for _key, line in self._grants}
        told: set[tuple[str, int]] = set()
        for member in sorted(starts - inner)[:_MOST_STARTS]:
            for key, line in _behind(member, links):
                if (key, line.number) not in told:
                    told.add((key, line.number))
                    why = f"it is more than {_LINKS} grants away from {member!r}, and Argo CD follows no more than that"
                    fix = f"give {member!r} the role {line.fields[2]!r} more directly"
                    yield _finding(Fault("long-chain", why, fix), (key, line), WARNING)

    def _denial_findings(self) -> Iterator[Finding]:
        denials: dict[str, list[Rule]] = {}
        for key, line in self._lines:
            if line.fields[5] == "deny":
                denials.setdefault(line.fields[1], []).append(_rule(key, line))
        own = [rule for rule in self._reached(self._around.subject) if rule.effect == "deny"]
        granted = [rule for rule in self._reached(self._default) if rule.effect == "allow"] if self._default else []
        for key, line in self._lines:
            subject, effect = line.fields[1], line.fields[5]
            against = own if subject == self._around.subject else denials.get(subject, [])
            if effect == "allow":
                yield from self._shadowed((key, line), against[:_MOST_DENIALS])
            elif effect == "deny":
                yield from self._useless((key, line), granted[:_MOST_DENIALS])

    def _reached(self, subject: str) -> list[Rule]:
        """Return the p lines that count wherever the subject is asked about, its roles' too."""
        found = self._enforcer.rules_for(Caller(subject))
        return [rule for rule, way in found if way[0] == subject and not rule.project]

    def _shadowed(self, place: Place, denials: Iterable[Rule]) -> Iterator[Finding]:
        rule = _rule(*place)
        denial = next((denial for denial in denials if self._covers(denial, rule)), None)
        if denial:
            why = f"all it allows is denied by {denial.key} line {denial.number}, and a denial wins"
            yield _finding(Fault("shadowed", why, "remove it, or narrow the denial"), place, WARNING)

    def _useless(self, place: Place, granted: Iterable[Rule]) -> Iterator[Finding]:
        rule = _rule(*place)
        allowed = next((each for each in granted if self._covers(each, rule) or self._covers(rule, each)), None)
        if allowed:
            right = f"{allowed.action} {allowed.resource} {allowed.object}"
            why = f"policy.default is {self._default}, which may {right}: it is asked first, and no denial undoes that"
            fix = "narrow policy.default, and give its rights to those who need them"
            yield _finding(Fault("useless-denial", why, fix), place, WARNING)

    def _covers(self, outer: Rule, inner: Rule) -> bool:
        pairs = ((outer.resource, inner.resource), (outer.action, inner.action), (outer.object, inner.object))
        return all(covers(one, other, self._server) for one, other in pairs)

    def _subject_findings(self) -> Iterator[Finding]:
        subject = self._around.subject
        severity = self._sees_nothing(subject)
        if severity:
            why = f"{subject} may work with Argo CD, but not get applications: it connects and finds an empty list"
            fix = "allow applications, get, */*"
            yield _about_key("empty-application-list", CONFIG_MAP, subject, why, fix, severity=severity)
        for place in (*self._lines, *self._grants):
            if place[1].about(subject) and not self._around.is_ours(place):
                why = f"this line speaks of {subject}, too, and is not one that this task manages"
                severity = WARNING if self._around.exclusive else NOTE
                yield _finding(Fault("elsewhere", why, "remove it there if it should not count"), place, severity)

    def _sees_nothing(self, subject: str) -> str | None:
        """The symptom of Octopus Deploy and others: everything works, and the list of applications is empty."""
        if subject.startswith(("role:", "proj:")):
            return None
        rules = [(rule, way) for rule, way in self._enforcer.rules_for(Caller(subject)) if rule.effect == "allow"]
        own = {rule.resource for rule, way in rules if way[0] == subject}
        works = [known for known in _WORKED_WITH if any(may_match(each, known, self._server) for each in own)]
        if not works or any(self._gets_applications(rule) for rule, _way in rules):
            return None
        return NOTE if works == ["clusters"] else WARNING

    def _gets_applications(self, rule: Rule) -> bool:
        return may_match(rule.resource, "applications", self._server) and may_match(rule.action, "get", self._server)


def _rule(key: str, line: Line) -> Rule:
    return Rule(key, line.number, *line.fields[1:])


def _behind(member: str, links: Mapping[str, list[Place]]) -> list[Place]:
    """Return the grants to roles that are one link further away than counts."""
    seen, newest = {member}, [member]
    for _link in range(_LINKS):
        roles = dict.fromkeys(line.fields[2] for name in newest for _key, line in links.get(name, ()))
        newest = [role for role in roles if role not in seen]
        seen.update(newest)
    return [place for name in newest for place in links.get(name, ()) if place[1].fields[2] not in seen]
