# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a caller may do, as statements: compared before and after a change, and held against a ceiling.

Whether one pattern covers another is only ever said where it is certain; what is in doubt counts as not covered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .checks import RESOURCES
from .enforcer import MATCH_MODE, Caller, Enforcer, ProjectRole, Rule, local_account
from .errors import InvalidInput, Refused, Undecidable, check_one_line, quoted
from .glob import BadGlob, GlobCrash, compile_glob
from .glob_syntax import parse_glob
from .go_regexp import BadRegexp, compile_regexp
from .gobwas import AnyOf, Contains, Matcher, Prefix, PrefixSuffix, Suffix, Super, Text, compile_tree
from .policy_text import parse_fields
from .release import CORRECTED_GLOBS, NEWEST_KNOWN, OLD_GLOBS, Release

__all__ = ("Ceiling", "PermissionDiff", "compare", "parse_ceiling", "require_below")

_MOST_TOLD = 5
# Each with each: beyond that a statement is told although a wider one may cover it, or a denial take it.
_MOST_COMPARED = 200
_ANYTHING = ("", ".*")
_Statement = tuple[Rule, tuple[str, ...]]


@dataclass(frozen=True)
class Ceiling:
    """One item of what may be allowed at most: patterns for resource, action and object."""

    resource: str
    action: str
    object: str


@dataclass(frozen=True)
class PermissionDiff:
    """In words, each `may ACTION RESOURCE OBJECT` with the role it comes through."""

    gained: tuple[str, ...]
    lost: tuple[str, ...]


def parse_ceiling(items: Iterable[str], *, option: str = "max_permissions") -> list[Ceiling]:
    """Return the ceiling of `resource, action, object` items; raise InvalidInput naming the item."""
    return [_parse_item(item, f"{option}[{index}]") for index, item in enumerate(items)]


def _parse_item(item: str, where: str) -> Ceiling:
    check_one_line(item, option=where)
    try:
        fields = tuple(field.strip() for field in parse_fields(item.strip()))
    except ValueError as exc:
        raise InvalidInput(f"cannot use {where} {quoted(item)}: {exc}") from None
    if len(fields) != 3 or not all(fields):
        raise InvalidInput(
            f"cannot use {where} {quoted(item)}: write `<resource>, <action>, <object>`, each a pattern as in a policy "
            "line (a comma inside one needs quotes)"
        )
    return Ceiling(*fields)


def compare(
    before: Mapping[str, str],
    after: Mapping[str, str],
    subject: str,
    release: Release | None,
    projects: Mapping[str, Sequence[ProjectRole]] | None = None,
) -> PermissionDiff:
    """Say what the subject gains and loses by the change of argocd-rbac-cm's data."""
    had, has = (_Rights(data, subject, release or NEWEST_KNOWN, projects) for data in (before, after))
    return PermissionDiff(
        gained=(*_only_in(has, had), *_freed(had, has)),
        lost=(*_only_in(had, has), *_denied(had, has)),
    )


def _only_in(some: _Rights, others: _Rights) -> Iterator[str]:
    for rule, way in _unsaid(some.allows, others.allows):
        if not others.covers(rule):
            yield f"may {_what(rule)}" + (f" (through {' > '.join(way[1:])})" if way[1:] else "")


def _freed(had: _Rights, has: _Rights) -> Iterator[str]:
    yield from (f"is no longer denied: {_what(rule)}" for rule, _way in _unsaid(had.denies, has.denies))


def _denied(had: _Rights, has: _Rights) -> Iterator[str]:
    yield from (f"may not {_what(rule)}" for rule, _way in _unsaid(has.denies, had.denies))


def _unsaid(some: Iterable[_Statement], others: Iterable[_Statement]) -> Iterator[_Statement]:
    """Yield those of some that the others do not say, be it everywhere or in the same project."""
    said = {(_what(rule), rule.project) for rule, _way in others}
    for rule, way in some:
        if said.isdisjoint({(_what(rule), ""), (_what(rule), rule.project)}):
            yield rule, way


def _what(rule: Rule) -> str:
    return f"{rule.action} {rule.resource} {rule.object}"


class _Rights:
    """The statements about one subject under one policy, each once; what the default role gives is everybody's."""

    def __init__(
        self,
        data: Mapping[str, str],
        subject: str,
        release: Release,
        projects: Mapping[str, Sequence[ProjectRole]] | None,
    ) -> None:
        self._patterns = _Patterns.of(data, release)
        found: dict[tuple[str, str, str], _Statement] = {}
        enforcer = Enforcer(data, release=release, projects=projects)
        for rule, way in enforcer.rules_for(local_account(subject, data)):
            what = (_what(rule), rule.effect)
            # Those that count everywhere come first.
            if (*what, "") not in found:
                found.setdefault((*what, rule.project), (rule, way))
        nearest = sorted(found.values(), key=lambda item: len(item[1]))
        self.allows = [(rule, way) for rule, way in nearest if rule.effect == "allow"]
        self.denies = [(rule, way) for rule, way in nearest if rule.effect == "deny"]

    def covers(self, rule: Rule) -> bool:
        """Whether one statement here allows all that the rule allows; of very many it is not asked."""
        if len(self.allows) > _MOST_COMPARED:
            return False
        return any(_is_asked_with(own, rule) and self._patterns.rule_covers(own, rule) for own, _way in self.allows)


def require_below(
    ceiling: Sequence[Ceiling],
    data: Mapping[str, str],
    subject: str,
    *,
    release: Release | None,
    projects: Mapping[str, Sequence[ProjectRole]] | None = None,
) -> None:
    """Raise Refused where the subject would be allowed something that no item of the ceiling certainly covers.

    Default role, roles, lines for everybody and the projects' roles count. Where the release is unknown, it must hold
    for both ways of reading globs.
    """
    for assumed in (release,) if release else (OLD_GLOBS, NEWEST_KNOWN):
        enforcer = Enforcer(data, release=assumed, projects=projects)
        above = list(_above(ceiling, enforcer, local_account(subject, data), _Patterns.of(data, assumed)))
        if above:
            told = "; ".join(above[:_MOST_TOLD]) + (
                f"; and {len(above) - _MOST_TOLD} more" if above[_MOST_TOLD:] else ""
            )
            raise Refused(
                f"cannot give {subject} these permissions: max_permissions does not certainly cover {told}; take the "
                "lines or roles away, or widen max_permissions (patterns with ?, [] or {} only cover the same text)"
            )


def _above(ceiling: Sequence[Ceiling], enforcer: Enforcer, caller: Caller, patterns: _Patterns) -> Iterator[str]:
    rules = list(enforcer.rules_for(caller))
    denies = [(rule, way) for rule, way in rules if rule.effect == "deny"][:_MOST_COMPARED]
    for rule, way in rules:
        if rule.effect != "allow" or any(_takes(*deny, rule, way, patterns) for deny in denies):
            continue
        for resource in _resources(rule.resource, patterns):
            if not any(_covers(item, resource, rule, patterns) for item in ceiling):
                through = f" through {' > '.join(way)}" if way[1:] else ""
                yield f"{rule.action} {resource or rule.resource} {rule.object} ({rule.place}{through})"


def _takes(deny: Rule, deny_way: Sequence[str], rule: Rule, way: Sequence[str], patterns: _Patterns) -> bool:
    """Whether the deny takes all that the rule gives: only where both are asked about one and the same subject."""
    return deny_way[0] == way[0] and _is_asked_with(deny, rule) and patterns.rule_covers(deny, rule)


def _is_asked_with(rule: Rule, other: Rule) -> bool:
    """Whether the rule counts wherever the other does."""
    return rule.project in ("", other.project)


def _resources(pattern: str, patterns: _Patterns) -> list[str | None]:
    """Return what the server may ask about, its resources being a closed list; None for the pattern as it is."""
    return [resource for resource in RESOURCES if patterns.matches(pattern, resource)] or [None]


def _covers(item: Ceiling, resource: str | None, rule: Rule, patterns: _Patterns) -> bool:
    if resource is None:
        of_resource = patterns.covers(item.resource, rule.resource)
    else:
        of_resource = item.resource == resource or patterns.matches(item.resource, resource)
    return of_resource and patterns.covers(item.action, rule.action) and patterns.covers(item.object, rule.object)


@dataclass(frozen=True)
class _Patterns:
    """How the policy's patterns are read."""

    is_regex: bool
    corrected: bool

    @classmethod
    def of(cls, data: Mapping[str, str], release: Release) -> _Patterns:
        return cls(data.get(MATCH_MODE) == "regex", release >= CORRECTED_GLOBS)

    def rule_covers(self, outer: Rule, inner: Rule) -> bool:
        pairs = ((outer.resource, inner.resource), (outer.action, inner.action), (outer.object, inner.object))
        return all(self.covers(wide, narrow) for wide, narrow in pairs)

    def matches(self, pattern: str, value: str) -> bool:
        """Whether it certainly does."""
        try:
            compiled = compile_regexp(pattern) if self.is_regex else compile_glob(pattern, corrected=self.corrected)
            return compiled(value)
        except (BadGlob, BadRegexp, GlobCrash, Undecidable):
            return False

    def covers(self, outer: str, inner: str) -> bool:
        """Whether all that `inner` matches is certainly matched by `outer`."""
        if outer == inner:
            return True
        return self._regexp_covers(outer, inner) if self.is_regex else self._glob_covers(outer, inner)

    def _regexp_covers(self, outer: str, inner: str) -> bool:
        literal = re.fullmatch(r"\^([^.*+?()|\[\]{}^$\\]*)\$", inner)
        return outer in _ANYTHING or (literal is not None and self.matches(outer, literal[1]))

    def _glob_covers(self, outer: str, inner: str) -> bool:
        """A glob that does not compile matches nothing, and is covered by any."""
        narrow, wide = _shape(inner, strict=self.corrected), _shape(outer, strict=self.corrected)
        if isinstance(narrow, BadGlob):
            return True
        return narrow is not None and isinstance(wide, Matcher) and self._shape_covers(wide, narrow, outer)

    def _shape_covers(self, outer: Matcher, inner: Matcher, pattern: str) -> bool:
        match outer, inner:
            case Super(), _:
                return True
            case _, AnyOf(choices):
                return all(self._shape_covers(outer, choice, pattern) for choice in choices)
            case _, Text(text):
                return self.matches(pattern, text.decode())
            case AnyOf(choices), _:
                return any(self._shape_covers(choice, inner, pattern) for choice in choices)
        begins, ends, holds = _edges(inner)
        match outer:
            case Prefix(text):
                return begins.startswith(text)
            case Suffix(text):
                return ends.endswith(text)
            case PrefixSuffix(prefix, suffix):
                return begins.startswith(prefix) and ends.endswith(suffix)
            case Contains(text):
                return any(text in part for part in (begins, ends, holds))
        return False


@lru_cache(maxsize=4096)
def _shape(pattern: str, *, strict: bool) -> Matcher | BadGlob | None:
    """Return the compiled pattern (simple ones are the same in both libraries); None where we cannot tell."""
    try:
        return compile_tree(parse_glob(pattern, strict=strict))
    except BadGlob as exc:
        return exc
    except Undecidable:
        return None


def _edges(matcher: Matcher) -> tuple[bytes, bytes, bytes]:
    """Return what everything that matches certainly begins with, ends with, and holds."""
    match matcher:
        case Prefix(text):
            return text, b"", text
        case Suffix(text):
            return b"", text, text
        case PrefixSuffix(prefix, suffix):
            return prefix, suffix, b""
        case Contains(text):
            return b"", b"", text
    return b"", b"", b""
