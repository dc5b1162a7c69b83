# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random policies, with questions that each hang on something: every motif writes lines and asks about them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.enforcer import ProjectRole
from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy_text import format_line

# Local accounts exist on the real server, too; admin is built in.
ACCOUNTS = ("u0", "u1", "u2", "u3", "u4", "admin")
# They exist on the real server; `gamma` never does.
PROJECTS = ("alpha", "beta")
RESOURCES = (
    "applications",
    "applicationsets",
    "logs",
    "exec",
    "repositories",
    "clusters",
    "projects",
    "accounts",
    "gpgkeys",
)
ACTIONS = ("get", "create", "update", "delete", "sync", "override", "action", "invoke")
KEYS = ("policy.csv", "policy.a.csv", "policy.B.csv")
NAMES = ("alpha/app", "alpha/x", "beta/app", "gamma/app", "alpha/ns/app", "app", "alpha", "beta", "x")
DEFAULT_ROLE = "role:everyone"


Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Question:
    """`groups` are what an SSO login would bring; a local account has none."""

    account: str
    resource: str
    action: str
    object: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """argocd-rbac-cm's data, the roles of the projects, and what to ask."""

    data: dict[str, str]
    projects: dict[str, list[ProjectRole]]
    questions: tuple[Question, ...]


@dataclass
class Draft:
    """A scenario in the making."""

    draw: Draw
    is_regex: bool
    lines: list[str] = field(default_factory=list)
    roles: list[tuple[str, ProjectRole]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)

    def pick(self, items: Iterable[str]) -> str:
        return str(self.draw(st.sampled_from(tuple(items))))

    def maybe(self, percent: int) -> bool:
        return bool(self.draw(st.integers(0, 99)) < percent)

    def add(self, *fields: str) -> None:
        self.lines.append(format_line(fields))

    def allow(self, subject: str, question: Question, *, target: str | None = None, effect: str = "allow") -> None:
        self.add(
            "p",
            subject,
            *map(self.literal, (question.resource, question.action)),
            target or self.literal(question.object),
            effect,
        )

    def literal(self, text: str) -> str:
        """A pattern for this text; in regex mode sometimes anchored."""
        return f"^{text}$" if self.is_regex and self.maybe(50) else text

    @property
    def anything(self) -> str:
        return ".*" if self.is_regex else "*"

    def ask(self, question: Question) -> Question:
        self.questions.append(question)
        return question

    def question(self, account: str) -> Question:
        return self.ask(Question(account, self.pick(RESOURCES), self.pick(ACTIONS), self.pick(NAMES)))


# --- motifs: each about one account --------------------------------------------------------------------------------


def chain(draft: Draft, account: str) -> None:
    """Roles of roles; ten links count, eleven do not."""
    links = draft.draw(st.sampled_from((1, 2, 3, 9, 10, 10, 11, 11)))
    names = [account, *(f"role:{account}-{number}" for number in range(1, links + 1))]
    for member, role in pairwise(names):
        draft.add("g", member, role)
    draft.allow(names[-1], draft.question(account))
    draft.allow(draft.pick(names), draft.question(account))


def denied(draft: Draft, account: str) -> None:
    """An allow and a deny that meet, in any order, the one wider than the other."""
    question = draft.question(account)
    wide = draft.anything if draft.maybe(50) else None
    lines = [("allow", wide), ("deny", None)] if draft.maybe(70) else [("allow", None), ("deny", wide)]
    for effect, target in lines if draft.maybe(50) else reversed(lines):
        draft.allow(account, question, target=target, effect=effect)
    draft.ask(Question(account, question.resource, question.action, draft.pick(NAMES)))


GLOB_PIECES: tuple[str, ...] = (
    "a",
    "b",
    "app",
    "/",
    "*",
    "*",
    "**",
    "?",
    "[ab]",
    "[!a]",
    "[a-c]",
    "[!a-c]",
    "[^a]",
    "{a,b}",
    "{a*,b}",
    "{a,b*}",
)
GLOB_PIECES += ("{,a}", "{", "}", ",", "[", "]", "\\*", "\\", "!", "-", "+", "^", "$", "(", "|", ".")
QUIRKS = {
    "{team-*,ops}/*": ("team-a/x", "ops/x", "/x"),
    "x/{a*,b}": ("x/ab", "x/b", "x/a"),
    "/*/": ("/", "//", "/a/"),
    "a*ab": ("ab", "aab", "a-ab"),
    "[!ab][!ab]": ("ba", "ab", "cd"),
    "?": ("", "a", "ab"),
    "[!a]": ("", "a", "b"),
    "[^a]b": ("^b", "ab", "bb"),
    "x/{": ("x/", "x/a", "x"),
    "{a,b": ("a", "b", "{a,b"),
    "*/*": ("*/*", "a/b", "a"),
    "alpha/{app,x}": ("alpha/app", "alpha/x", "alpha/y"),
    "[a-c]*": ("b", "bx", "d"),
    "?pp": ("app", "xpp", "pp"),
    "\\*/x": ("*/x", "a/x", "\\a/x"),
    "{?pp,x}": ("app", "x", "pp"),
    "a?p": ("app", "ap", "a/p"),
    "alpha/??": ("alpha/ns", "alpha/x", "alpha/"),
    "x?*": ("xa", "x", "xab"),
    "\\{a,b\\}": ("{a,b}", "a", "b"),
    "\\[a\\]": ("[a]", "a", "\\[a\\]"),
    "a\\?": ("a?", "ab", "a\\?"),
    "x\\*": ("x*", "xa", "x\\*"),
    "[ab]pp": ("app", "bpp", "cpp"),
    "alpha/[!x]*": ("alpha/app", "alpha/x", "alpha/"),
    "*[0-9]": ("x1", "x", "1"),
}  # fmt: skip
LISTS = {
    "alpha/[!abc]**": ("alpha/x", "alpha/app", "alpha/b"),
    "[!a-c]**": ("x", "beta/app", "b"),
    "alpha/[a-f]**": ("alpha/dpp", "alpha/b", "alpha/xpp"),
    "team-[0-9]/**": ("team-1/x", "team-5/a/b", "team-/x"),
    "[!0-9]-[a-c]**": ("x-b", "5-b", "x-d"),
    "**/[a-z]pp": ("alpha/app", "/xpp", "alpha/ns/mpp"),
    "alpha/**": ("alpha/ns/app", "alpha/", "beta/app"),
}
SPECIAL = {
    "*": ("", "a", "a/b"),
    "**": ("", "a/b"),
    "?": ("a", "/", ""),
    "\\*": ("*", "a"),
    "{": ("",),
    "}": ("",),
    "[": ("",),
}


def instance(draft: Draft, piece: str) -> str:
    """A text that the piece may match, or just not."""
    if piece in SPECIAL:
        return draft.pick(SPECIAL[piece])
    if piece[0] in "[{" and len(piece) > 1:
        return draft.pick(("a", "b", "c", "ab", ""))
    return piece


def globbed(draft: Draft, account: str) -> None:
    """A pattern of any pieces, and texts made after it."""
    pieces = draft.draw(st.lists(st.sampled_from(GLOB_PIECES), min_size=1, max_size=5))
    pattern = "".join(pieces)
    if draft.maybe(50):
        pattern = draft.pick(QUIRKS)
        values = draft.draw(st.lists(st.sampled_from(QUIRKS[pattern]), min_size=2, max_size=3, unique=True))
    else:
        values = ["".join(instance(draft, piece) for piece in pieces) for _again in range(3)]
    resource, action = draft.pick(RESOURCES), draft.pick(ACTIONS)
    if draft.maybe(25):
        draft.add("p", account, resource, action, draft.anything, "allow")
        draft.add("p", account, resource, action, pattern, "deny")
    else:
        draft.add("p", account, resource, action, pattern, "allow")
    for value in values:
        draft.ask(Question(account, resource, action, value))


def listed(draft: Draft, account: str) -> None:
    """Lists, ranges and their negations; two stars, which are no more than one."""
    pattern = draft.pick(LISTS)
    values = draft.draw(st.lists(st.sampled_from(LISTS[pattern]), min_size=2, max_size=3, unique=True))
    resource, action = draft.pick(RESOURCES), draft.pick(ACTIONS)
    draft.add("p", account, resource, action, pattern, "allow")
    for value in values:
        draft.ask(Question(account, resource, action, value))


def globbed_words(draft: Draft, account: str) -> None:
    """Patterns for resource and action."""
    words = {
        "app*": "applications",
        "*s": "logs",
        "[cl]*": "clusters",
        "{accounts,exec}": "exec",
        "?xec": "exec",
        "*": "gpgkeys",
    }
    actions = {"g?t": "get", "*e": "delete", "{sync,get}": "sync", "[!g]*": "create", "*": "invoke"}
    resource, action = draft.pick(words), draft.pick(actions)
    draft.add("p", account, resource, action, draft.anything, "allow")
    draft.ask(Question(account, words[resource], actions[action], draft.pick(NAMES)))
    draft.ask(Question(account, draft.pick(RESOURCES), draft.pick(ACTIONS), draft.pick(NAMES)))


REGEXPS: tuple[str, ...] = (
    "app",
    "^app$",
    "alpha/.*",
    "^alpha/",
    "^(alpha|beta)/app$",
    "x?",
    "[a-c]+",
    "^[^/]+$",
    "a{2}",
    "(?i)ALPHA",
    "^$",
)
REGEXPS += (
    r"\w+/\w+",
    r"^\D+$",
    "p{1,2}$",
    "^.*/ns/.*$",
    "",
    "a|b",
    r"\balpha\b",
    "[[:alpha:]]$",
    r"alpha\/app",
    "^a(?:lph)?a",
)
BROKEN_REGEXPS = ("*", "*/*", "[a", "(", "a**", r"\1", "a{2,1}", "(?=a)")


def matched(draft: Draft, account: str) -> None:
    """Regular expressions, whole and broken."""
    pattern = draft.pick(REGEXPS) if draft.maybe(70) else draft.pick(BROKEN_REGEXPS)
    resource, action = draft.pick(RESOURCES), draft.pick(ACTIONS)
    draft.add("p", account, resource, action, pattern, "allow")
    if pattern in BROKEN_REGEXPS and draft.maybe(80):
        draft.add("p", account, ".*", ".*", ".*", "allow")
    for _again in range(2):
        draft.ask(Question(account, resource, action, draft.pick(NAMES)))


def default(draft: Draft, account: str) -> None:
    """What the default role gives, no deny of the account takes away."""
    question = draft.question(account)
    draft.settings["policy.default"] = draft.pick((DEFAULT_ROLE, DEFAULT_ROLE, DEFAULT_ROLE, "role:readonly", "nobody"))
    draft.allow(DEFAULT_ROLE, question)
    if draft.maybe(60):
        draft.allow(account, question, effect="deny")
    draft.question(account)


def quoted(draft: Draft, account: str) -> None:
    """Fields that CSV must quote, and the same unquoted where that loads."""
    question = draft.question(account)
    role = draft.pick(("role,a", 'role "b"', " role c ", "role:d"))
    draft.add("g", account, role)
    draft.allow(role, question, target='{"x",alpha/app,app}' if draft.maybe(30) else None)
    braces = draft.ask(Question(account, draft.pick(RESOURCES), draft.pick(ACTIONS), draft.pick(("a", "b", "a,b"))))
    draft.allow(account, braces, target="{a,b}" if draft.maybe(50) else "a,b")


def project_role(draft: Draft, account: str) -> None:
    """A role of an AppProject, given to a group of the account's name, or to one that SSO brings."""
    project = draft.pick(PROJECTS)
    scoped = ("applications", "applicationsets", "logs", "exec", "repositories", "clusters")
    target = f"{project}/{draft.pick(('app', 'x', 'ns/app'))}"
    question = Question(account, draft.pick(scoped), draft.pick(ACTIONS), target)
    subject = f"proj:{project}:{account}"
    line = format_line(
        ("p", subject, question.resource, question.action, draft.pick((f"{project}/{draft.anything}", target)), "allow")
    )
    group = draft.pick((account, account, "team"))
    draft.roles.append((project, ProjectRole(account, (line,), (group,))))
    groups = ("team",) if group == "team" else ()
    draft.ask(Question(account, question.resource, question.action, target, groups))
    draft.ask(
        Question(account, "projects", draft.pick(("get", "get", "update")), draft.pick((*PROJECTS, "gamma")), groups)
    )
    draft.ask(Question(account, question.resource, question.action, draft.pick(NAMES), groups))


def grouped(draft: Draft, account: str) -> None:
    """Groups of SSO, or the claim `iss`, which local accounts have; a deny of the account leaves them."""
    local = draft.maybe(50)
    if local:
        draft.settings["scopes"] = draft.pick(("[iss]", "[groups, iss]", "- iss\n- sub\n"))
    group = "argocd" if local else draft.pick(("team", "dev"))
    question = Question(
        account, draft.pick(RESOURCES), draft.pick(ACTIONS), draft.pick(NAMES), () if local else (group, "other")
    )
    draft.ask(question)
    role = f"role:{account}-{group}"
    if draft.maybe(85):
        draft.add("g", group, role)
    draft.allow(role if draft.maybe(85) else group, question)
    if draft.maybe(25):
        draft.allow(account, question, effect="deny")


def everybody(draft: Draft, account: str) -> None:
    """A line without a subject speaks of everybody."""
    question = draft.question(account)
    draft.allow("", question)
    if draft.maybe(30):
        draft.allow(account, question, effect="deny")
    draft.question(account)


def built_in(draft: Draft, account: str) -> None:
    """What role:admin and role:readonly may, and what not."""
    draft.add("g", account, draft.pick(("role:admin", "role:readonly")))
    draft.question(account)
    draft.ask(Question(account, draft.pick(RESOURCES), "get", draft.pick(NAMES)))
    draft.ask(
        Question(account, draft.pick(RESOURCES), draft.pick(("create", "update", "delete", "sync")), draft.pick(NAMES))
    )


def dead(draft: Draft, account: str) -> None:
    """Lines that load and do nothing, beside some that do."""
    question = draft.question(account)
    resource, action, target = map(draft.literal, (question.resource, question.action, question.object))
    line = draft.pick(
        (
            f"p, {account}, {resource} , {action}, {target}, allow",
            f"p, {account}, {resource}, {action}, {target}, Allow",
            f"p, {account}, {resource}, {action}, {target}, allow # why",
            f"p, {account.upper()}, {resource}, {action}, {target}, allow",
            f"p,{account},{resource},\t{action},  {target},allow",
            f"r, {account}, {resource}",
            f"  p, {account}, {resource}, {action}, {target}, allow  ",
            f"p, {account}, {resource}, {action}, {target} , deny\np, {account}, {resource}, {action}, {target}, allow",
        )
    )
    draft.lines.append(line)


def broken_deny(draft: Draft, account: str) -> None:
    """A deny whose glob does not compile denies nothing."""
    question = draft.question(account)
    draft.allow(account, question)
    draft.allow(account, question, target=draft.pick(("[", "[a-]", "app[", "[]")), effect="deny")


def escaped(draft: Draft, account: str) -> None:
    """A special character taken as itself."""
    special = draft.pick(("[a]", "{a,b}", "?", "*"))
    pattern = re.sub(r"([\[\]{}?*])", r"\\\1", special)
    resource, action = draft.pick(RESOURCES), draft.pick(ACTIONS)
    draft.add("p", account, resource, action, f"x{pattern}", "allow")
    for value in (special, "a", draft.pick(("b", "", "aa"))):
        draft.ask(Question(account, resource, action, f"x{value}"))


def crashing(draft: Draft, account: str) -> None:
    """An alternative of no length at the end of text: the matcher crashes on just that text, and all is denied."""
    question = draft.question(account)
    draft.allow(account, question, target="*")
    draft.allow(account, question, target=f"{question.object}{{")
    draft.ask(Question(account, question.resource, question.action, draft.pick(NAMES)))


BOTH_MODES = (
    chain,
    denied,
    default,
    default,
    quoted,
    project_role,
    project_role,
    *[grouped] * 2,
    everybody,
    everybody,
    dead,
)
MOTIFS = {
    False: (
        *BOTH_MODES,
        *[globbed] * 6,
        listed,
        listed,
        escaped,
        globbed_words,
        *[built_in] * 3,
        broken_deny,
        crashing,
    ),
    True: (*BOTH_MODES, *[matched] * 4, built_in),
}


@st.composite
def scenarios(draw: Draw) -> Scenario:
    """Each account gets a motif or two; lines are spread over the keys in any order."""
    draft = Draft(draw, is_regex=draw(st.integers(0, 3)) == 0)
    for account in ACCOUNTS:
        for _again in range(draw(st.integers(1, 2))):
            draw(st.sampled_from(MOTIFS[draft.is_regex]))(draft, account)
    data: dict[str, str] = dict(draft.settings)
    if draft.is_regex:
        data["policy.matchMode"] = "regex"
    for line in draw(st.permutations(draft.lines)):
        key = draw(st.sampled_from(KEYS))
        data[key] = data.get(key, "") + line + draw(st.sampled_from(("\n", "\n", "\r\n", "\n# note\n")))
    projects: dict[str, list[ProjectRole]] = {name: [] for name in PROJECTS}
    for project, role in draft.roles:
        if role.name not in {known.name for known in projects[project]}:
            projects[project].append(role)
    return Scenario(data, projects, tuple(draft.questions))
