# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our enforcer with something taken out or done wrong, as data: patches of the module, by name.

FEATURES: how many answers hang on each (they differ without it). PLANTED: mistakes one could make; each must be caught.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

from ansible_collections.fleetops.argocd.plugins.module_utils._core import enforcer
from ansible_collections.fleetops.argocd.plugins.module_utils._core.enforcer import (
    Caller,
    Decision,
    Enforcer,
    Rule,
    groups_of,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.glob import BadGlob, GlobCrash, compile_glob
from ansible_collections.fleetops.argocd.plugins.module_utils._core.go_regexp import BadRegexp, compile_regexp
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy_text import Line, merged_lines
from ansible_collections.fleetops.argocd.plugins.module_utils._core.release import Release

from .scenarios import Question, Scenario

RELEASE = Release(3, 5)
Patch = Callable[[], contextlib.AbstractContextManager[Any]]


def caller(question: Question, data: Mapping[str, str]) -> Caller:
    claims = {"sub": (question.account,), "iss": ("argocd",), "groups": question.groups}
    return Caller(question.account, groups_of(claims, data))


def our_answers(scenario: Scenario) -> list[bool]:
    """One answer for each question."""
    judge = Enforcer(scenario.data, release=RELEASE, projects=scenario.projects)
    return [
        judge.decide(caller(question, scenario.data), question.resource, question.action, question.object).allowed
        for question in scenario.questions
    ]


def _module(name: str, value: object) -> Patch:
    return lambda: mock.patch.object(enforcer, name, value)


def _lines(name: str, value: object) -> Patch:
    return lambda: mock.patch.object(enforcer._Lines, name, value)  # noqa: SLF001 # planted inside on purpose


def _globs(compile_one: Callable[..., object]) -> Patch:
    return _module("compile_glob", compile_one)


def _regexps(compile_one: Callable[..., object]) -> Patch:
    return _module("compile_regexp", compile_one)


def _data(change: Callable[[dict[str, str]], dict[str, str]]) -> Patch:
    """Changes what the enforcer is given of argocd-rbac-cm."""
    real = Enforcer.__init__

    def init(self: Enforcer, data: Mapping[str, str], **options: Any) -> None:
        real(self, change(dict(data)), **options)

    return lambda: mock.patch.object(Enforcer, "__init__", init)


def _without(*keys: str) -> Patch:
    return _data(lambda data: {key: value for key, value in data.items() if key not in keys})


def _callers(change: Callable[[Caller], Caller]) -> Patch:
    real = Enforcer.decide

    def decide(self: Enforcer, asking: Caller, resource: str, action: str, target: str) -> Decision:
        return real(self, change(asking), resource, action, target)

    return lambda: mock.patch.object(Enforcer, "decide", decide)


def _projects(change: Callable[[Any], Any]) -> Patch:
    real = Enforcer.__init__

    def init(self: Enforcer, data: Mapping[str, str], *, projects: Any, **options: Any) -> None:
        real(self, data, projects=change(projects), **options)

    return lambda: mock.patch.object(Enforcer, "__init__", init)


def _rules(change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Patch:
    """Changes the fields of each line as it is taken in."""
    real = enforcer._Lines.add  # noqa: SLF001 # planted inside on purpose

    def add(self: Any, key: str, line: Line) -> None:
        real(self, key, replace(line, fields=change(line.fields)))

    return _lines("add", add)


def _rewritten(rewrite: Callable[[str], str]) -> Patch:
    """Globs read as another pattern."""
    return _globs(lambda pattern, *, corrected: compile_glob(rewrite(pattern), corrected=corrected))


def _escape(characters: str) -> Callable[[str], str]:
    return lambda pattern: re.sub(f"([{re.escape(characters)}])", r"\\\1", pattern)


def _stops_at_slashes(pattern: str, *, corrected: bool) -> Callable[[str], bool]:
    matches = compile_glob(pattern, corrected=corrected)
    return lambda value: matches(value) and (value.count("/") == pattern.count("/") or "*" not in pattern)


def _broken_matches(pattern: str, *, corrected: bool) -> Callable[[str], bool]:
    try:
        return compile_glob(pattern, corrected=corrected)
    except BadGlob:
        return lambda _value: True


def _no_crash(pattern: str, *, corrected: bool) -> Callable[[str], bool]:
    matches = compile_glob(pattern, corrected=corrected)

    def never_crashes(value: str) -> bool:
        with contextlib.suppress(GlobCrash):
            return matches(value)
        return False

    return never_crashes


def _anchored(pattern: str) -> Callable[[str], bool]:
    return compile_regexp(f"^(?:{pattern})$")


def _broken_never_matches(pattern: str) -> Callable[[str], bool]:
    with contextlib.suppress(BadRegexp):
        return compile_regexp(pattern)
    return lambda _value: False


def _fits(lines: Any, rule: Rule, question: tuple[str, str, str]) -> bool:
    try:
        return bool(lines._matches(rule, question))  # noqa: SLF001 # for what stands in for a method
    except enforcer._Broken:  # noqa: SLF001 # as above
        return False


def _allow_wins(self: Any, subject: str, question: tuple[str, str, str]) -> Decision:
    for rule, way in self.rules_for(subject):
        if rule.effect == "allow" and _fits(self, rule, question):
            return Decision(allowed=True, rule=rule, chain=way)
    return Decision(allowed=False)


def _last_wins(self: Any, subject: str, question: tuple[str, str, str]) -> Decision:
    found = [rule for rule, _way in self.rules_for(subject) if _fits(self, rule, question)]
    return Decision(allowed=bool(found) and found[-1].effect == "allow")


def _one_deny_ends_all(self: Enforcer, asking: Caller, resource: str, action: str, target: str) -> Decision:
    answers = [
        lines.decide(subject, (resource, action, target))
        for lines, subject in self._asked(asking, resource, target)  # stands in for a method
    ]
    denied = any(answer.rule and answer.rule.effect == "deny" for answer in answers)
    return Decision(allowed=not denied and any(answer.allowed for answer in answers))


def _policy_csv_only(data: Mapping[str, str], _release: Release) -> Iterator[tuple[str, Line]]:
    yield from merged_lines({key: text for key, text in data.items() if key == "policy.csv"})


def _unquoted(data: Mapping[str, str], release: Release) -> Iterator[tuple[str, Line]]:
    """Fields cut at every comma, quotes taken as text."""
    for key, line in _user_lines(data, release):
        fields = tuple(part.strip() for part in line.raw.strip().split(",")) if line.fields else ()
        yield key, line if len(fields) == len(line.fields) and '"' not in line.raw else replace(line, fields=())


_user_lines = enforcer._user_lines  # noqa: SLF001 # wrapped above


def _no_builtin(_release: Release) -> Sequence[tuple[str, ...]]:
    return ()


FEATURES: dict[str, Patch] = {
    "roles": _module("_LINKS", 0),
    "chains": _module("_LINKS", 1),
    "denies": _lines("decide", _allow_wins),
    "default_role": _without("policy.default"),
    "project_roles": _projects(lambda projects: {name: [] for name in projects}),
    "groups": _callers(lambda asking: Caller(asking.subject)),
    "everybody": _rules(lambda fields: ("p", "\0", *fields[2:]) if fields[:2] == ("p", "") else fields),
    "built_in_policy": _module("builtin_lines", _no_builtin),
    "overlays": _module("_user_lines", _policy_csv_only),
    "quoted_csv": _module("_user_lines", _unquoted),
    "regex_mode": _without("policy.matchMode"),
    "glob_star": _rewritten(_escape("*")),
    "glob_question_mark": _rewritten(_escape("?")),
    "glob_two_stars": _rewritten(lambda pattern: pattern.replace("**", "\\*\\*")),
    "glob_brackets": _rewritten(_escape("[")),
    "glob_negation": _rewritten(lambda pattern: pattern.replace("[!", "[")),
    "glob_range": _rewritten(lambda pattern: re.sub(r"(\w)-(\w\])", r"\1\2", pattern)),
    "glob_braces": _rewritten(_escape("{")),
    "glob_backslash": _rewritten(lambda pattern: pattern.replace("\\", "")),
}
PLANTED: dict[str, Patch] = {
    "nine links of roles, as pycasbin by itself": _module("_LINKS", 9),
    "eleven links of roles": _module("_LINKS", 11),
    "the last line wins": _lines("decide", _last_wins),
    "a deny of the account takes what default role or group give": lambda: mock.patch.object(
        Enforcer, "decide", _one_deny_ends_all
    ),
    "a star stops at a slash": _globs(_stops_at_slashes),
    "globs without the library's mistakes": _globs(
        lambda pattern, *, corrected: compile_glob(pattern, corrected=not corrected)
    ),
    "a broken glob matches": _globs(_broken_matches),
    "a crash of the matcher is no match": _globs(_no_crash),
    "regular expressions are anchored": _regexps(_anchored),
    "a broken regular expression is no match": _regexps(_broken_never_matches),
}
