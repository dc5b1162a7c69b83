# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random policies that the module may be given, and random lines that it must refuse."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SUBJECT = "probe"
# No random line speaks of these, so that a marker line about them tells whether a policy is in force.
MARKER_RESOURCE, MARKER_ACTION = "extensions", "invoke"

RESOURCES = ["applications", "app*", "logs", "clusters", "c*", "projects", "[ac]*", "{logs,exec}", "^logs$", "logs "]
ACTIONS = ["get", "*", "sync", "update/*", "action/apps/*", "{get,sync}", "get|sync", "(get)", "Get", "invoke"]
OBJECTS = [
    *[
        "*",
        "*/*",
        "default/*",
        "a/b",
        "guestbook",
        "https://x:6443",
        "a,b/*",
        "{a,b}/*",
        "{a-*,b}/*",
        "[!a]*/*",
        "[^a]/*",
    ],
    *[
        "[a",
        "x/{",
        "\\*",
        'say "x"',
        " a/b",
        "a/b ",
        "# a",
        "ä/ü*",
        ".*",
        "^a/.*$",
        "a/?",
        "",
        "'a'",
        "%2F/*",
        "a\tb/*",
    ],
]
EFFECTS = ["allow", "allow", "allow", "deny", "Allow", "allow # why", ""]
OTHERS = ["bob", "role:ops", "admin", "", "probe2", "g", "p"]
ROLES = ["role:readonly", "role:ops", "role:none", "proj:default:x", 'a "b"', "a,b"]
ENDS = ["\n", "\r\n", " \n", "\n\n"]
FOREIGN = ["# a comment, with a comma", "", "   ", "r, nothing", "m, x", "# BEGIN fleetops.argocd other", "g, a, a"]
DEFAULT_ROLES = ["role:readonly", "role:readonly\n", "role:none", ""]


@dataclass(frozen=True)
class Task:
    """What stands in argocd-rbac-cm, and what the module is asked for."""

    data: dict[str, str]
    options: dict[str, Any]


def quoted(value: str) -> str:
    """The field as CSV: quoted where it must be, and sometimes where it need not."""
    return '"' + value.replace('"', '""') + '"' if set(value) & set(',"') or value != value.strip() else value


def policy_line(chance: random.Random, subject: str) -> str:
    fields = [chance.choice(choices) for choices in (RESOURCES, ACTIONS, OBJECTS, EFFECTS)]
    return ", ".join(["p", quoted(subject), *map(quoted, fields)])


def foreign_text(chance: random.Random) -> str:
    """Lines of others, about one in fifty of which does not load."""
    lines = []
    for _line in range(chance.randrange(8)):
        kind = chance.random()
        line = policy_line(chance, chance.choice(OTHERS))
        if kind < 0.2:
            line = chance.choice(FOREIGN)
        elif kind < 0.4:
            line = f"g, {chance.choice(OTHERS)}, {quoted(chance.choice(ROLES))}"
        elif kind < 0.42:
            line = line.rpartition(",")[0]
        lines.append(chance.choice(["", "", "  "]) + line + chance.choice(ENDS))
    text = "".join(lines)
    return text.rstrip("\r\n") if chance.random() < 0.5 else text


def random_task(chance: random.Random, marker: str) -> Task:
    data = {
        key: foreign_text(chance) for key in ("policy.csv", "policy.a.csv", "policy.probe.csv") if chance.random() < 0.6
    }
    if chance.random() < 0.3:
        data["policy.default"] = chance.choice(DEFAULT_ROLES)
    if chance.random() < 0.2:
        data["policy.matchMode"] = chance.choice(["regex", "glob", "Regex"])
    wanted = [policy_line(chance, SUBJECT) for _line in range(chance.randrange(3))]
    options = {
        "subject": SUBJECT,
        "policies": [*wanted, f"{MARKER_RESOURCE}, {MARKER_ACTION}, {marker}"],
        "roles": [chance.choice(ROLES)] if chance.random() < 0.2 else [],
        "location": chance.choice(["auto", "overlay", "policy.csv"]),
        "exclusive": chance.random() < 0.7,
    }
    return Task(data, options)


@dataclass(frozen=True)
class Refusal:
    """What a user means, and the line by which it does not come true.

    The question `action resource object` of the subject should be answered `intended`. `around` stands there already.
    """

    kind: str
    options: dict[str, Any]
    line: str
    question: tuple[str, str, str]
    intended: str
    around: dict[str, str] = field(default_factory=dict)


def _name(chance: random.Random) -> str:
    return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789-", k=chance.randint(3, 9))).strip("-") or "a"


def refusals(chance: random.Random) -> Iterator[Refusal]:
    """One of each kind, with random names."""
    project, name = _name(chance), _name(chance)
    resource, action, target = chance.choice(
        [
            ("applications", "get", f"{project}/{name}"),
            ("logs", "get", f"{project}/{name}"),
            ("clusters", "update", name),
            ("projects", "delete", project),
        ]
    )
    yield from _of_fields(resource, action, target)
    yield from _of_names(project, name)
    yield from _of_patterns(project, name)
    two = f"clusters, get, {name}\np, {SUBJECT}, clusters, delete, {name}, allow"
    line = two.replace("clusters, get", f"p, {SUBJECT}, clusters, get").replace(f"{name}\n", f"{name}, allow\n")
    yield Refusal("two lines", {"policies": [two]}, line, ("delete", "clusters", name), "no")
    everybody = f"p, , {resource}, {action}, {target}, allow"
    options = {"subject": "", "policies": [f"{resource}, {action}, {target}"]}
    yield Refusal("empty subject", options, everybody, (action, resource, target), "no")


def _line(*fields: str) -> str:
    return ", ".join(("p", SUBJECT, *fields))


def _of_fields(resource: str, action: str, target: str) -> Iterator[Refusal]:
    question = (action, resource, target)
    broken_or_dead = {
        "field count": _line(resource, action, target),
        "seven fields": _line(resource, action, target, "allow", ""),
        "unquoted braces": _line(resource, action, "{" + target + ",x}", "allow"),
        "unclosed quote": _line(resource, action, f'"{target}', "allow"),
        "text after a quote": _line(resource, action, f'"{target}" ', "allow"),
        "quote inside": _line(resource, action, f'{target}"', "allow"),
        "dead effect": _line(resource, action, target, "Allow"),
        "trailing space": _line(resource, f"{action} ", target, "allow"),
        "comment": _line(resource, action, target, "allow # why"),
    }
    for kind, line in broken_or_dead.items():
        yield Refusal(kind, {"policies": [line]}, line, question, "yes")
    dead = _line(resource, action, target, "Deny")
    allowed = {"policy.csv": _line(resource, action, "*", "allow") + "\n"}
    yield Refusal("dead denial", {"policies": [dead]}, dead, question, "no", allowed)


def _of_names(project: str, name: str) -> Iterator[Refusal]:
    question = ("get", "applications", f"{project}/{name}")
    for kind, fields in {
        "unknown resource": ("application", "get", "*/*"),
        "unknown action": ("applications", "read", "*/*"),
        "no project": ("applications", "get", name),
    }.items():
        line = _line(*fields, "allow")
        yield Refusal(kind, {"policies": [line]}, line, question, "yes")


def _of_patterns(project: str, name: str) -> Iterator[Refusal]:
    question = ("get", "logs", f"{project}/{name}")
    other = "z" if project[0] != "z" else "y"
    for kind, pattern in {
        "caret class": f"[^{other}]*/*",
        "brace trap": f'"{{{project[0]}*,{other}}}/*"',
        "broken glob": f"{project}/[{name}",
    }.items():
        line = _line("logs", "get", pattern, "allow")
        asked = question if kind != "broken glob" else ("get", "logs", f"{project}/[{name}")
        yield Refusal(kind, {"policies": [line]}, line, asked, "yes")
    allowed = {"policy.csv": _line("logs", "get", "*/*", "allow") + "\n"}
    denial = _line("logs", "get", f"{project}/[{name}", "deny")
    yield Refusal(
        "denial by a broken glob", {"policies": [denial]}, denial, (*question[:2], f"{project}/[{name}"), "no", allowed
    )
    crash = _line("logs", "get", f"{project}/{{", "allow")
    yield Refusal("crashing glob", {"policies": [crash]}, crash, (*question[:2], f"{project}/{{"), "yes")
    glob = _line("logs", "get", "*/*", "allow")
    regex = {"policy.matchMode": "regex"}
    yield Refusal("glob in regex mode", {"policies": [glob]}, glob, question, "yes", regex)
