# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the patterns of a policy match, as the server of a version does it.

Argo CD up to 3.5 uses gobwas/glob v0.2.3, from 3.6 v1.0.0 (go.mod), a new implementation without the old mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from . import glob_syntax as syntax
from .glob_syntax import BadGlob, parse_glob
from .gobwas import GlobCrash, compile_tree

__all__ = ("BadGlob", "GlobCrash", "Matches", "compile_glob")

Matches = Callable[[str], bool]


def compile_glob(pattern: str, *, corrected: bool = False) -> Matches:
    """Return what tells whether a value matches the whole pattern; `corrected` from Argo CD 3.6 on.

    Raises BadGlob where it does not compile (the rule never matches). The function may raise GlobCrash, on which the
    server denies the whole question.
    """
    tree = parse_glob(pattern, strict=corrected)
    if corrected:
        expression = re.compile(_as_regex(tree), re.DOTALL)
        return lambda value: expression.fullmatch(value) is not None
    matcher = compile_tree(tree)
    return lambda value: matcher.matches(value.encode())


def _as_regex(node: syntax.Node) -> str:
    match node:
        case syntax.Text(text):
            return re.escape(text)
        case syntax.Stars():
            return ".*"
        case syntax.Single():
            return "."
        case syntax.OneOf(characters, negated):
            return _class("".join(map(re.escape, characters)), negated=negated)
        case syntax.Range(low, high, negated):
            return _class(f"{re.escape(low)}-{re.escape(high)}", negated=negated)
        case syntax.Sequence(parts):
            return "".join(map(_as_regex, parts))
        case syntax.AnyOf(choices):
            return f"(?:{'|'.join(map(_as_regex, choices))})"
    return ""


def _class(inside: str, *, negated: bool) -> str:
    return f"[{'^' if negated else ''}{inside}]"
