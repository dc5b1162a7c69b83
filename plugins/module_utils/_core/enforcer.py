# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May SUBJECT do ACTION on RESOURCE OBJECT under this policy, and by which line?

Source: argo-cd util/rbac/rbac.go (enforce), server/rbacpolicy/rbacpolicy.go (EnforceClaims), assets/model.conf, and
casbin's default effector and role manager. `tests/enforcer_check` compares with casbin and with the real server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import InvalidInput
from .glob import BadGlob, GlobCrash, Matches, compile_glob
from .go_regexp import BadRegexp, compile_regexp
from .policy_text import Line, format_line, merged_lines, parse_lines, policy_keys
from .release import CORRECTED_GLOBS, Release, builtin_lines

__all__ = (
    "BUILT_IN",
    "Caller",
    "Decision",
    "Enforcer",
    "ProjectRole",
    "Rule",
    "counts",
    "groups_of",
    "local_account",
    "project_roles",
)

BUILT_IN = "built-in policy"
_PROJECT = "AppProject "
DEFAULT_ROLE, MATCH_MODE, SCOPES = "policy.default", "policy.matchMode", "scopes"
# casbin's role manager follows that many `g` lines, and no more, without a word.
_LINKS = 10
# Their objects are `project/name`, or may be (rbacpolicy.go getProjectFromRequest).
_PROJECT_SCOPED = ("applications", "applicationsets", "repositories", "clusters", "logs", "exec")


@dataclass(frozen=True)
class Rule:
    """A p line: where it stands (key or project, number from 1) and what it says.

    In `project`, `Enforcer.rules_for` names the one AppProject in which it counts for the caller; empty: everywhere.
    """

    key: str
    number: int
    subject: str
    resource: str
    action: str
    object: str
    effect: str
    project: str = ""

    @property
    def place(self) -> str:
        """Where it stands, in words; the built-in policy's lines are not counted."""
        return f"{self.key} line {self.number}" if self.number else self.key

    def __str__(self) -> str:
        return f"{self.place}: {format_line(('p', self.subject, self.resource, self.action, self.object, self.effect))}"


@dataclass(frozen=True)
class ProjectRole:
    """A role of an AppProject: its policy lines, and the groups that have it."""

    name: str
    policies: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def project_roles(objects: Iterable[Mapping[str, Any]]) -> dict[str, list[ProjectRole]]:
    """Return the roles of AppProjects, as the Kubernetes API answers these, by the projects' names."""
    return {
        item["metadata"]["name"]: [
            ProjectRole(str(role.get("name", "")), tuple(role.get("policies") or ()), tuple(role.get("groups") or ()))
            for role in (item.get("spec") or {}).get("roles") or ()
        ]
        for item in objects
    }


@dataclass(frozen=True)
class Caller:
    """Who asks: the subject of the token, and the values of the claims that `scopes` names; neither: anonymous."""

    subject: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """The answer; `rule` is the line that decides, None where no line does.

    `chain` leads from the caller to the line's subject; its first item is another than the caller where the default
    role, a group or the lines for everybody ("") decide. `broken` says why the line's pattern cannot be evaluated.
    """

    allowed: bool
    rule: Rule | None = None
    chain: tuple[str, ...] = ()
    broken: str | None = None

    @property
    def reason(self) -> str:
        """The deciding line in words, or `no rule`."""
        if self.rule is None:
            return "no rule"
        way = f" (through {' > '.join(name or 'everybody' for name in self.chain)})" if len(self.chain) > 1 else ""
        return f"{self.rule}{way}{f'; {self.broken}' if self.broken else ''}"


_NO_RULE = Decision(allowed=False)


def counts(key: str) -> bool:
    """Whether the key of argocd-rbac-cm has a part in decisions."""
    return key in (DEFAULT_ROLE, MATCH_MODE, SCOPES) or (key.startswith("policy.") and key.endswith(".csv"))


def local_account(name: str, data: Mapping[str, str]) -> Caller:
    """Return a local account as caller: of its claims only `sub` and `iss` are known before there is a token."""
    return Caller(name, groups_of({"sub": (name,), "iss": ("argocd",)}, data))


def groups_of(claims: Mapping[str, Sequence[str]], data: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of the claims that `scopes` of argocd-rbac-cm names (by default `groups`)."""
    text = data.get(SCOPES) or "[groups]"
    names = re.findall(r"[^\s\[\],\"']+", re.sub(r"(?m)^\s*-", "", text))
    return tuple(value for name in names for value in claims.get(name, ()))


class Enforcer:
    """A compiled policy: built-in, argocd-rbac-cm's `data` as composed by the server, the roles of AppProjects.

    `projects` maps the names of the projects that exist to their roles. Raises InvalidInput where a line of `data`
    does not load. Deciding raises Undecidable where a pattern that matters cannot be judged as Go would.
    """

    def __init__(
        self, data: Mapping[str, str], *, release: Release, projects: Mapping[str, Sequence[ProjectRole]] | None = None
    ) -> None:
        self._release = release
        self._projects = projects or {}
        self._default_role = data.get(DEFAULT_ROLE, "")
        patterns = _Patterns(is_regex=data.get(MATCH_MODE) == "regex", corrected=release >= CORRECTED_GLOBS)
        self._base = _Lines(patterns)
        for fields in builtin_lines(release):
            self._base.add(BUILT_IN, Line(0, "", fields))
        for key, line in _user_lines(data, release):
            if line.error:
                raise InvalidInput(f"cannot compile the policy: {key} line {line.number}: {line.error}; correct it")
            self._base.add(key, line)
        self._with_project: dict[str, _Lines] = {}

    def decide(self, caller: Caller, resource: str, action: str, target: str) -> Decision:
        """Answer in the server's order: the first question that is answered yes ends it."""
        question = (resource, action, target)
        answers = []
        for lines, subject in self._asked(caller, resource, target):
            answer = lines.decide(subject, question)
            if answer.allowed:
                return answer
            answers.append(answer)
        return next((answer for answer in answers if answer.rule), _NO_RULE)

    def rules_for(self, caller: Caller) -> Iterator[tuple[Rule, tuple[str, ...]]]:
        """Yield each p line that speaks of the caller, with the way to it; default role and projects included.

        In a project its own lines count, too, and any that its grants lead to: these say so, and come last.
        """
        reached = {subject: self._base.reach(subject) for subject in (*self._subjects(caller, self._base), "")}
        for subject in reached:
            yield from self._base.rules_for(subject)
        for project in self._projects:
            lines = self._lines_with(project)
            for subject in self._subjects(caller, lines):
                known = reached.get(subject, ())
                for rule, way in lines.rules_for(subject):
                    if rule.key == _project_key(project) or rule.subject not in known:
                        yield replace(rule, project=project), way

    def _subjects(self, caller: Caller, lines: _Lines) -> Iterable[str]:
        """Return whom the lines may be asked about, each once; a group only where it has a role."""
        everywhere = [self._default_role] if self._default_role else []
        groups = [group for group in caller.groups if group in lines.roles]
        return dict.fromkeys((*everywhere, caller.subject, *groups))

    def _asked(self, caller: Caller, resource: str, target: str) -> Iterator[tuple[_Lines, str]]:
        """Yield which lines are asked about whom, in order."""
        everywhere = [self._default_role] if self._default_role else []
        yield from ((self._base, subject) for subject in everywhere)
        project = self._project(resource, target)
        is_known = bool(caller.subject or caller.groups)
        if is_known and (project is None or _is_let_into(caller.subject, project)):
            lines = self._lines_with(project) if project else self._base
            yield from ((lines, subject) for subject in (*everywhere, caller.subject))
            if project is None or not _is_project_role(caller.subject):
                yield from ((lines, group) for group in caller.groups if group in lines.roles)
        yield self._base, ""

    def _project(self, resource: str, target: str) -> str | None:
        """Return the project whose roles count too, if it exists."""
        if resource == "projects":
            return target if target in self._projects else None
        if resource not in _PROJECT_SCOPED or "/" not in target:
            return None
        if resource == "applicationsets" and self._release < Release(3, 1):
            return None
        name = target.partition("/")[0]
        return name if name in self._projects else None

    def _lines_with(self, project: str) -> _Lines:
        if project not in self._with_project:
            lines = parse_lines("\n".join(_project_text(project, self._projects[project])))
            # Where one line does not load, the server goes on without all of the project's.
            broken = any(line.error for line in lines)
            self._with_project[project] = self._base if broken else self._base.extended(_project_key(project), lines)
        return self._with_project[project]


def _user_lines(data: Mapping[str, str], release: Release) -> Iterator[tuple[str, Line]]:
    """Overlays are read since 2.8."""
    if release >= Release(2, 8):
        yield from merged_lines(data)
    else:
        yield from merged_lines({key: data[key] for key in policy_keys(data)[:1] if key == "policy.csv"})


def _project_key(project: str) -> str:
    return f"{_PROJECT}{project}"


def _project_text(name: str, roles: Iterable[ProjectRole]) -> Iterator[str]:
    """Yield the lines as the server writes them (app_project_types.go ProjectPoliciesString)."""
    for role in roles:
        subject = f"proj:{name}:{role.name}"
        yield f"p, {subject}, projects, get, {name}, allow"
        yield from role.policies
        yield from (f"g, {group}, {subject}" for group in role.groups)


def _is_project_role(subject: str) -> bool:
    return subject.startswith("proj:") and subject.count(":") == 2


def _is_let_into(subject: str, project: str) -> bool:
    """A token of a project's role is asked about in its own project only."""
    return not _is_project_role(subject) or subject.split(":")[1] == project


class _Broken(Exception):
    """A pattern that makes the evaluation fail; the server then denies."""


@dataclass
class _Patterns:
    """Compiles each pattern once."""

    is_regex: bool
    corrected: bool
    _known: dict[str, Matches | _Broken | None] = field(default_factory=dict)

    def match(self, value: str, pattern: str) -> bool:
        if pattern not in self._known:
            self._known[pattern] = self._compile(pattern)
        compiled = self._known[pattern]
        if isinstance(compiled, _Broken):
            raise compiled
        if compiled is None:
            return False
        try:
            return compiled(value)
        except GlobCrash:
            pass
        raise _Broken(f"the server crashes on matching {value!r} with {pattern!r} and denies")

    def _compile(self, pattern: str) -> Matches | _Broken | None:
        """Return the matcher; None for a glob that does not compile, which only never matches."""
        try:
            return compile_regexp(pattern) if self.is_regex else compile_glob(pattern, corrected=self.corrected)
        except BadGlob:
            return None
        except BadRegexp as exc:
            return _Broken(f"{pattern!r} is no regular expression of Go ({exc}): the server denies")


class _Lines:
    """The loaded lines, found by subject. `roles` maps whoever is on the left of a g line to what it gives."""

    def __init__(self, patterns: _Patterns) -> None:
        self._patterns = patterns
        self._rules: dict[str, list[tuple[int, Rule]]] = {}
        self._count = 0
        self.roles: dict[str, list[str]] = {}
        self._found: dict[str, list[tuple[Rule, tuple[str, ...]]]] = {}

    def add(self, key: str, line: Line) -> None:
        """Take in one line; only p and g lines count."""
        kind, *fields = line.fields or ("",)
        if kind == "p":
            rule = Rule(key, line.number, *fields)
            self._rules.setdefault(rule.subject, []).append((self._count, rule))
            self._count += 1
        elif kind == "g":
            self.roles.setdefault(fields[0], []).append(fields[1])

    def extended(self, key: str, lines: Iterable[Line]) -> _Lines:
        """Return these lines and those."""
        other = _Lines(self._patterns)
        other._count = self._count
        other._rules = {subject: list(rules) for subject, rules in self._rules.items()}
        other.roles = {member: list(roles) for member, roles in self.roles.items()}
        for line in lines:
            other.add(key, line)
        return other

    def rules_for(self, subject: str) -> list[tuple[Rule, tuple[str, ...]]]:
        """Return the rules of the subject and of every role it has, in the order of the policy, with the way there."""
        if subject not in self._found:
            ways = self.reach(subject)
            found = [(place, rule, ways[name]) for name in ways for place, rule in self._rules.get(name, ())]
            self._found[subject] = [(rule, way) for _place, rule, way in sorted(found, key=lambda item: item[0])]
        return self._found[subject]

    def reach(self, subject: str) -> dict[str, tuple[str, ...]]:
        """Return the subject and every role it has, with the way there."""
        ways: dict[str, tuple[str, ...]] = {subject: (subject,)}
        newest = [subject]
        for _link in range(_LINKS):
            following: dict[str, tuple[str, ...]] = {}
            for name in newest:
                for role in self.roles.get(name, ()):
                    if role not in ways:
                        following.setdefault(role, (*ways[name], role))
            ways.update(following)
            newest = list(following)
        return ways

    def decide(self, subject: str, question: tuple[str, str, str]) -> Decision:
        """Deny wins; an allow counts when all lines were gone through."""
        allowing: Decision = _NO_RULE
        for rule, way in self.rules_for(subject):
            try:
                matching = self._matches(rule, question)
            except _Broken as exc:
                return Decision(allowed=False, rule=rule, chain=way, broken=str(exc))
            if matching and rule.effect == "deny":
                return Decision(allowed=False, rule=rule, chain=way)
            if matching and rule.effect == "allow" and not allowing.allowed:
                allowing = Decision(allowed=True, rule=rule, chain=way)
        return allowing

    def _matches(self, rule: Rule, question: tuple[str, str, str]) -> bool:
        patterns = (rule.resource, rule.action, rule.object)
        return all(self._patterns.match(value, pattern) for value, pattern in zip(question, patterns, strict=True))
