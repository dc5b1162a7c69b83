# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy text to casbin rules, and the decision by casbin itself.

Source: argo-cd util/rbac/rbac.go (loadPolicyLine, PolicyCSV), assets/model.conf, assets/builtin-policy.csv;
Go encoding/csv for quotes.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache

import casbin
from casbin.persist import Adapter

from .glob import glob_match
from .release import Release

MODEL = """
[request_definition]
r = sub, res, act, obj
[policy_definition]
p = sub, res, act, obj, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = g(r.sub, p.sub) && matches(r.res, p.res) && matches(r.act, p.act) && matches(r.obj, p.obj)
"""

READONLY = {
    "applications": "*/*",
    "applicationsets": "*/*",
    "certificates": "*",
    "clusters": "*",
    "repositories": "*",
    "write-repositories": "*",
    "projects": "*",
    "accounts": "*",
    "gpgkeys": "*",
    "logs": "*/*",
}
APPLICATION_ACTIONS = (
    "create",
    "update",
    "update/*",
    "delete",
    "delete/*",
    "sync",
    "rollback",
    "override",
    "action/*",
)
CRUD = ("create", "update", "delete")
PLAIN_CRUD = ("certificates", "clusters", "repositories", "write-repositories", "projects")

QUOTED_CONTENT = re.compile(r'(?:[^"]|"")*')

Rule = tuple[str, ...]


class BadPolicy(ValueError):
    """The policy does not load; every enforcing call panics."""


def builtin_rules(release: Release) -> list[Rule]:
    """role:readonly, role:admin and who has them, as shipped with the release."""
    admin = [("applications", action, "*/*") for action in APPLICATION_ACTIONS]
    admin += [("applicationsets", action, "*/*") for action in ("get", *CRUD)]
    admin += [(resource, action, "*") for resource in PLAIN_CRUD for action in CRUD]
    admin += [("accounts", "update", "*"), ("gpgkeys", "create", "*"), ("gpgkeys", "delete", "*")]
    admin += [("exec", "create", "*/*")]
    readonly = [(resource, "get", pattern) for resource, pattern in READONLY.items()]
    rules = [("p", "role:readonly", *line, "allow") for line in readonly if _ships(release, "readonly", line)]
    rules += [("p", "role:admin", *line, "allow") for line in admin if _ships(release, "admin", line)]
    return [*rules, ("g", "role:admin", "role:readonly"), ("g", "admin", "role:admin")]


def _ships(release: Release, role: str, line: tuple[str, str, str]) -> bool:
    resource, action, _object = line
    if resource == "applicationsets":
        return release.at_least(3, 2) if role == "readonly" else release.at_least(2, 5)
    if resource == "write-repositories" or action in ("update/*", "delete/*"):
        return release.at_least(2, 14)
    return action != "rollback" or release.at_least(3, 6)


def policy_text(data: Mapping[str, str], release: Release) -> str:
    """policy.csv, then (since 2.8) the overlays in byte order of their keys."""
    overlays = sorted(key for key in data if key.startswith("policy.") and key.endswith(".csv") and key != "policy.csv")
    return "".join([data.get("policy.csv", ""), *(f"\n{data[key]}" for key in overlays if release.at_least(2, 8))])


def parse_policy(text: str, release: Release) -> list[Rule]:
    """The p and g rules; raises BadPolicy for the first line that does not load."""
    rules = []
    for line in (line.strip() for line in text.split("\n")):
        if line and not line.startswith("#"):
            fields = parse_csv_record(line)
            _check_fields(fields, line, release)
            if fields[0] in ("p", "g"):
                rules.append(fields)
    return rules


def _check_fields(fields: Rule, line: str, release: Release) -> None:
    kind, count = fields[0], len(fields)
    wanted = {"p": 6, "g": 3}.get(kind, count)
    well_formed = count == wanted if release.at_least(2, 8) else count >= 2
    if not well_formed or kind not in ("p", "g", "r", "m", "e"):
        raise BadPolicy(f"invalid RBAC policy: {line}")


def parse_csv_record(line: str) -> Rule:
    """One record as Go's encoding/csv reads it with TrimLeadingSpace: quotes must enclose the whole field."""
    fields: list[str] = []
    rest: str | None = line
    while rest is not None:
        rest = rest.lstrip()
        field, rest = _quoted_field(rest, line) if rest.startswith('"') else _bare_field(rest, line)
        fields.append(field)
    return tuple(fields)


def _bare_field(text: str, line: str) -> tuple[str, str | None]:
    field, comma, rest = text.partition(",")
    if '"' in field:
        raise _csv_error(line, len(line) - len(text) + field.index('"'), 'bare " in non-quoted-field')
    return field, rest if comma else None


def _quoted_field(text: str, line: str) -> tuple[str, str | None]:
    content = QUOTED_CONTENT.match(text, 1)
    closed = content.end() if content is not None else 0
    if text[closed : closed + 2] not in ('"', '",'):
        offset = len(line) - len(text) + closed if text[closed:] else len(line)
        raise _csv_error(line, offset, 'extraneous or missing " in quoted-field')
    rest = text[closed + 2 :] if text[closed + 1 :] else None
    return text[1:closed].replace('""', '"'), rest


def _csv_error(line: str, offset: int, text: str) -> BadPolicy:
    """Go counts bytes."""
    column = len(line[:offset].encode()) + 1
    return BadPolicy(f"error parsing policy line {json.dumps(line)}: parse error on line 1, column {column}: {text}")


class RuleAdapter(Adapter):  # type: ignore[misc] # pycasbin ships no types
    """Feeds casbin with rules that are already parsed."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = rules

    def load_policy(self, model: casbin.Model) -> None:
        for kind, *fields in self._rules:
            model.add_policy(kind, kind, fields)


def regex_match(value: str, pattern: str) -> bool:
    """Unanchored, as Go's regexp.MatchString; raises re.error like the panic of the real server."""
    return re.search(pattern, value) is not None


class Policy:
    """A compiled policy. Decisions are casbin's, remembered; an evaluation error denies."""

    def __init__(self, rules: tuple[Rule, ...], *, is_regex: bool) -> None:
        self._enforcer = casbin.Enforcer(_model(), RuleAdapter(rules))
        # Go's casbin follows ten links, pycasbin nine with the same setting.
        self._enforcer.get_role_manager().max_hierarchy_level = 11
        self._enforcer.add_function("matches", regex_match if is_regex else glob_match)
        self._lock = threading.Lock()
        self._known: dict[Rule, bool] = {}
        self.grantees = frozenset(rule[1] for rule in rules if rule[0] == "g" and len(rule) > 1)

    def allows(self, subject: str, resource: str, action: str, item: str) -> bool:
        question = (subject, resource, action, item)
        with self._lock:
            if question not in self._known:
                self._known[question] = self._decide(question)
            return self._known[question]

    def _decide(self, question: Rule) -> bool:
        try:
            return bool(self._enforcer.enforce(*question))
        except (re.error, RuntimeError):
            # An invalid regex, or (before 2.8) a p line of a wrong size.
            return False


def _model() -> casbin.Model:
    model = casbin.Model()
    model.load_model_from_text(MODEL)
    return model


@lru_cache(maxsize=256)
def compiled(text: str, runtime: tuple[Rule, ...], release: Release, *, is_regex: bool) -> Policy:
    """Built-in, user and project rules together; raises BadPolicy for the user's part."""
    rules = (*builtin_rules(release), *parse_policy(text, release), *runtime)
    try:
        return Policy(rules, is_regex=is_regex)
    except RuntimeError as error:
        # Only before 2.8: a g line of a wrong size gets this far, and casbin refuses it.
        raise BadPolicy(str(error)) from error
