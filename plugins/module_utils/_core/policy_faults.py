# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one line of a policy does not mean, although it loads: each fault with the reason and what to write instead.

Source: argo-cd util/rbac/rbac.go, assets/model.conf, docs/operator-manual/rbac.md (table of resources and actions);
gobwas/glob for the patterns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product

from . import glob_syntax as syntax
from .checks import ACTIONS, FINE_GRAINED, PROJECT_SCOPED, RESOURCES
from .errors import Undecidable
from .glob import BadGlob, GlobCrash, compile_glob
from .go_regexp import BadRegexp, compile_regexp
from .policy_text import trimmed
from .release import CORRECTED_GLOBS, Release

__all__ = ("Fault", "Server", "covers", "is_literal", "line_faults", "may_match")

EFFECTS = ("allow", "deny")
_KNOWN_ACTIONS = (*ACTIONS, "rollback")
# What the server enforces on each resource (rbac.md); certificates has update in the built-in policy only.
_CRUD = ("get", "create", "update", "delete")
_ASKED = {
    **dict.fromkeys(RESOURCES, _CRUD),
    "applications": (*_CRUD, "sync", "override", "rollback"),
    "accounts": ("get", "update"),
    "logs": ("get",),
    "exec": ("create",),
    "extensions": ("invoke",),
}
# Since which version there is such a thing to enforce (server/rbacpolicy/rbacpolicy.go at the tags).
_SINCE = {
    "applicationsets": Release(2, 5),
    "write-repositories": Release(2, 14),
    "extensions": Release(2, 7),
    "invoke": Release(2, 7),
    "rollback": Release(3, 6),
}
# The actions that may go on with a path, on applications only, and since when.
_PATHS = {"action": Release(0, 0), "update": FINE_GRAINED, "delete": FINE_GRAINED}
_ALWAYS = Release(0, 0)
_GLOB = re.compile(r"[*?\[{\\]")
_REGEXP = re.compile(r"[.+*?()|\[\]{}^$\\]")
# Stars and text; and what a glob can be broken by.
_STARS = re.compile(r"[^?\[{\\]*")
_LISTS = re.compile(r"[\[{\\]")
_COMMENT = re.compile(r"\s#")
_MOST_SAMPLES = 64

Matches = Callable[[str], bool]


@dataclass(frozen=True)
class Server:
    """What decides the meaning of a line: its release, None where unknown, and the match mode."""

    release: Release | None = None
    regex: bool = False

    @property
    def corrected_globs(self) -> tuple[bool, ...]:
        """The glob libraries that may read the policy: one, or both where the version is unknown."""
        return (False, True) if self.release is None else (self.release >= CORRECTED_GLOBS,)


@dataclass(frozen=True)
class Fault:
    """`code` names the kind. `fatal`: a line of ours with it is not written."""

    code: str
    why: str
    fix: str
    fatal: bool = True


def is_literal(pattern: str, server: Server) -> bool:
    """Whether the pattern is matched by itself only."""
    return not (_REGEXP if server.regex else _GLOB).search(pattern)


def may_match(pattern: str, value: str, server: Server) -> bool:
    """Whether the pattern matches; so it is said of one that does not compile, or that we cannot judge, too."""
    if is_literal(pattern, server):
        return pattern in value if server.regex else pattern == value
    try:
        return _compiled(pattern, server)(value)
    except (BadGlob, BadRegexp, GlobCrash, Undecidable):
        return True


def covers(outer: str, inner: str, server: Server) -> bool:
    """Whether all that `inner` matches is surely matched by `outer`. Of a regular expression only a literal is judged.

    A glob of stars and text that matches the other glob, read as text, matches all that the other does: where that has
    a star or `?`, only a star can stand for it.
    """
    if outer == inner:
        return True
    if server.regex or not _STARS.fullmatch(outer):
        return is_literal(inner, server) and not is_literal(outer, server) and may_match(outer, inner, server)
    return (outer.strip("*") == "" or not _LISTS.search(inner)) and _fits(outer, inner)


def _fits(pattern: str, text: str) -> bool:
    """Whether a glob of stars and text matches: said without compiling it, since most are of this kind."""
    first, *inner = pattern.split("*")
    if not inner:
        return pattern == text
    last = inner.pop()
    position, end = len(first), len(text) - len(last)
    if position > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in inner:
        position = text.find(part, position, end)
        if position < 0:
            return False
        position += len(part)
    return True


def _compiled(pattern: str, server: Server) -> Matches:
    """Return what the oldest library that may read it makes of a pattern; raises what `may_match` takes."""
    return compile_regexp(pattern) if server.regex else compile_glob(pattern, corrected=server.corrected_globs[0])


def line_faults(fields: tuple[str, ...], server: Server) -> Iterator[Fault]:
    """Yield what is wrong with a line that loads. `fields` are those of a p or g line, with the p or g."""
    yield from _field_faults(fields)
    if fields[0] == "p":
        # What else is wrong is told as if the spaces were gone.
        fields = tuple(map(trimmed, fields))
        yield from _effect_faults(fields[5])
        yield from _resource_faults(fields[2], server)
        yield from _action_faults(fields[2], fields[3], server)
        yield from _object_faults(fields[2], fields[4], server)
        for pattern in dict.fromkeys(fields[2:5]):
            yield from _pattern_faults(pattern, fields[5] == "deny", server)


def _field_faults(fields: tuple[str, ...]) -> Iterator[Fault]:
    if not fields[1]:
        yield Fault("empty-subject", "its subject is empty, which is everybody, anonymous too", "name the subject")
    if any(field != trimmed(field) for field in fields):
        why = "a field has a space at its start or end, which belongs to it, so it never matches"
        yield Fault("trailing-space", why, "remove the space before the comma or inside the quotes")
    if fields[0] == "g" and _COMMENT.search(fields[2]):
        why = f"a comment is not known after a line, so it names a role {fields[2]!r}"
        yield Fault("comment-after-line", why, "put the comment on a line of its own, before this one")


def _effect_faults(effect: str) -> Iterator[Fault]:
    if effect in EFFECTS:
        return
    why = f"effect {effect!r} is neither allow nor deny, so the line does nothing"
    if "#" in effect:
        yield Fault("comment-after-line", why, "put the comment on a line of its own, before this one")
    else:
        yield Fault("dead-effect", why, "write allow or deny, in small letters")


def _resource_faults(resource: str, server: Server) -> Iterator[Fault]:
    named = [known for known in RESOURCES if may_match(resource, known, server)]
    since = min((_SINCE.get(known, _ALWAYS) for known in named), default=_ALWAYS)
    if not named:
        why = f"resource {resource!r} does not exist, so the line never matches"
        yield Fault("unknown-resource", why, f"write one of {', '.join(RESOURCES)}")
    elif server.release and server.release < since:
        yield _too_new(f"resource {resource!r}", since, server.release)


def _action_faults(resource: str, action: str, server: Server) -> Iterator[Fault]:
    path, slash, _rest = action.partition("/")
    if slash and path in _KNOWN_ACTIONS and not server.regex:
        yield from _path_faults(resource, action, path, server)
        return
    if not is_literal(action, server) and (
        (slash and not is_literal(path, server)) or _may_match_action(action, server)
    ):
        return
    if path not in _KNOWN_ACTIONS:
        why = f"action {action!r} does not exist, so the line never matches"
        yield Fault("unknown-action", why, f"write one of {', '.join(_KNOWN_ACTIONS)}")
    elif resource == "applications" and action == "action":
        why = "the server never asks for plain action, but for action/<group>/<kind>/<name>"
        yield Fault("never-asked", why, "write action/* or the one that is meant", fatal=False)
    elif resource in _ASKED and action not in _ASKED[resource]:
        why = f"the server never asks for {action} on {resource}, so the line never matches"
        yield Fault("never-asked", why, f"write one of {', '.join(_ASKED[resource])}", fatal=False)
    elif server.release and server.release < _SINCE.get(action, _ALWAYS):
        yield _too_new(f"action {action!r}", _SINCE[action], server.release)


def _path_faults(resource: str, action: str, path: str, server: Server) -> Iterator[Fault]:
    if path not in _PATHS or (resource in _ASKED and resource != "applications"):
        why = f"the server never asks for {path} with a path on {resource}, so the line never matches"
        fix = f"write {path}; only {', '.join(f'{known}/...' for known in _PATHS)} on applications have a path"
        yield Fault("never-asked", why, fix, fatal=False)
    elif server.release and server.release < _PATHS[path]:
        yield _too_new(f"action {action!r}", _PATHS[path], server.release)


def _may_match_action(pattern: str, server: Server) -> bool:
    """Whether the pattern may match an action, or one with a path, of which there are too many to try."""
    head = (_REGEXP if server.regex else _GLOB).split(pattern, maxsplit=1)[0]
    paths = any(known.startswith(head) for known in ("action/", "update/", "delete/"))
    return server.regex or paths or any(may_match(pattern, known, server) for known in _KNOWN_ACTIONS)


def _too_new(what: str, since: Release, release: Release) -> Fault:
    why = f"{what} exists from Argo CD {since} on, this is {release}, so the line does nothing yet"
    return Fault("unknown-to-version", why, "leave it out here, or update Argo CD", fatal=False)


def _object_faults(resource: str, target: str, server: Server) -> Iterator[Fault]:
    if resource in PROJECT_SCOPED and "/" not in target and is_literal(target, server) and not server.regex:
        why = f"object {target!r} can never match: {resource} are named project/name"
        yield Fault("never-matches", why, f"write <project>/{target or '*'}")


def _pattern_faults(pattern: str, deny: bool, server: Server) -> Iterator[Fault]:  # noqa: FBT001 # one of two effects
    if server.regex:
        yield from () if is_literal(pattern, server) else _regexp_faults(pattern)
    elif _LISTS.search(pattern):
        for corrected in server.corrected_globs:
            fault = _glob_fault(pattern, corrected=corrected)
            if fault:
                yield _failing_open(fault) if deny and fault.code != "crashing-glob" else fault
                return


def _failing_open(fault: Fault) -> Fault:
    return Fault(fault.code, f"{fault.why}; this denial fails open: what it should deny stays allowed", fault.fix)


@lru_cache(maxsize=4096)
def _glob_fault(pattern: str, *, corrected: bool) -> Fault | None:
    fix = "write a line for each alternative"
    try:
        matches = compile_glob(pattern, corrected=corrected)
        tree = syntax.parse_glob(pattern, strict=corrected)
        missed = [sample for sample in islice(_samples(tree), _MOST_SAMPLES) if not matches(sample)]
    except BadGlob as exc:
        return Fault(
            "broken-glob", f"the pattern {pattern!r} does not compile, so it never matches: {exc}", "repair it"
        )
    except GlobCrash:
        why = f"the pattern {pattern!r} makes Argo CD's library crash, and the question is denied"
        return Fault("crashing-glob", why, fix)
    except Undecidable:
        return None
    if "[^" in pattern and any(_is_caret_list(node) for node in _nodes(tree)):
        why = f"in the pattern {pattern!r} [^...] is no negation: ^ is one of the characters in the list"
        return Fault("caret-class", why, "write [!...]")
    if missed:
        why = f"the pattern {pattern!r} misses {missed[0]!r}, by a mistake in Argo CD's library"
        return Fault("brace-trap", why, fix)
    return None


def _regexp_faults(pattern: str) -> Iterator[Fault]:
    try:
        compile_regexp(pattern)
    except BadRegexp as exc:
        why = f"{pattern!r} is no regular expression ({exc}), on which the whole question is denied"
        yield Fault("broken-regexp", why, "policy.matchMode is regex: write .* for any text, [.] for a dot")
    except Undecidable:
        return


def _is_caret_list(node: syntax.Node) -> bool:
    return isinstance(node, syntax.OneOf) and not node.negated and node.characters.startswith("^")


def _nodes(node: syntax.Node) -> Iterator[syntax.Node]:
    yield node
    inner = {syntax.Sequence: "parts", syntax.AnyOf: "choices"}.get(type(node))
    for child in getattr(node, inner) if inner else ():
        yield from _nodes(child)


def _samples(node: syntax.Node) -> Iterator[str]:
    """Yield texts that the pattern means, by the words of its syntax: one for each way through its braces."""
    if isinstance(node, syntax.Sequence):
        yield from map("".join, product(*(tuple(islice(_samples(part), _MOST_SAMPLES)) for part in node.parts)))
    elif isinstance(node, syntax.AnyOf):
        for choice in node.choices:
            yield from _samples(choice)
    else:
        yield _sample(node)


def _sample(node: syntax.Node) -> str:
    if isinstance(node, syntax.Text):
        return node.text
    if isinstance(node, syntax.OneOf):
        outside = (other for other in map(chr, range(ord("a"), 0xD800)) if other not in node.characters)
        return next(outside, "") if node.negated else node.characters[0]
    if isinstance(node, syntax.Range):
        return ("0" if node.low > "0" else chr(ord(node.high) + 1)) if node.negated else node.low
    return "x" if isinstance(node, (syntax.Stars, syntax.Single)) else ""
