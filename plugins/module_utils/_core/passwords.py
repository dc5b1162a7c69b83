# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password that we make and keep: what it must look like, the record beside it, and what is to be done with it."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from math import log2
from typing import Any

from .errors import InvalidInput, Lost, Refused, Undecidable, quoted
from .go_regexp import BadRegexp, compile_regexp
from .record import require_same

__all__ = (
    "PasswordDecision",
    "PasswordRecord",
    "PasswordSituation",
    "check_place",
    "decide_password",
    "make_password",
    "parse_password_record",
    "password_pattern",
)

FORMAT = 1
KIND = "password"
Pick = Callable[[int], int]

# argo-cd: common/common.go, PasswordPatten.
_DEFAULT_PATTERN = "^.{8,32}$"
_SYMBOLS = "-_.+=@%!"
# From all kinds of characters to one kind, the longest that the default allows first.
_KINDS = (
    (string.ascii_lowercase, string.ascii_uppercase, string.digits),
    (string.ascii_lowercase, string.ascii_uppercase, string.digits, _SYMBOLS),
    (string.ascii_lowercase, string.digits),
    (string.ascii_uppercase, string.digits),
    (string.ascii_lowercase,),
    (string.ascii_uppercase,),
    (string.digits,),
)
_LENGTHS = (32, 24, 20, 16, 14, 12, 10, 8, 40, 48, 64)
# A pattern may want more than kinds and a length: a letter first, say.
_TRIES = 20
# Eight letters and digits, the weakest that the default allows.
_LEAST_BITS = 47


def password_pattern(config: Mapping[str, str]) -> str:
    """Return what a password must match, from `data` of argocd-cm (util/settings/settings.go)."""
    return config.get("passwordPattern") or _DEFAULT_PATTERN


def make_password(pattern: str, pick: Pick) -> str:
    """Return a new password that matches; `pick(n)` is a random number below n. Raises InvalidInput."""
    matches = _matcher(pattern)
    for length, kinds in product(_LENGTHS, _KINDS):
        if length * log2(len("".join(kinds))) < _LEAST_BITS:
            continue
        for _try in range(_TRIES):
            password = _random_text(kinds, length, pick)
            if matches(password):
                return password
    raise InvalidInput(
        f"cannot make a password: none that was tried and is hard to guess matches passwordPattern {quoted(pattern)} "
        "of argocd-cm; set account_password to one of your own, or change the pattern"
    )


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Argo CD searches for a match, it need not be the whole password (server/account/account.go, UpdatePassword)."""
    try:
        return compile_regexp(pattern)
    except (BadRegexp, Undecidable) as exc:
        cause = str(exc)
    raise InvalidInput(
        f"cannot make a password: passwordPattern {quoted(pattern)} of argocd-cm cannot be read ({cause}); set "
        "account_password to one of your own, or change the pattern"
    )


def _random_text(kinds: tuple[str, ...], length: int, pick: Pick) -> str:
    """One character of each kind at least, in any order."""
    everything = "".join(kinds)
    characters = [kind[pick(len(kind))] for kind in kinds]
    characters += [everything[pick(len(everything))] for _more in range(length - len(kinds))]
    for index in range(length - 1, 0, -1):
        other = pick(index + 1)
        characters[index], characters[other] = characters[other], characters[index]
    return "".join(characters)


@dataclass(frozen=True)
class PasswordRecord:
    """What is kept, in plain text, beside a stored password.

    `instance` is the uid of argocd-cm, `set_at` Argo CD's own passwordMtime. Where `announced`, the password was stored
    to be set next, in place of the one of `set_at` (None: there was none).
    """

    instance: str
    account: str
    set_at: str | None
    announced: bool
    by: str = ""

    def describe(self) -> dict[str, Any]:
        """Return the JSON object that is stored."""
        return {"format": FORMAT, "kind": KIND, **asdict(self)}


def parse_password_record(shape: Mapping[str, Any] | None, *, where: str) -> PasswordRecord | None:
    """Return the record, None where there is none; raise InvalidInput where it is not one of ours."""
    if shape is None:
        return None
    known = {"format", "kind", "instance", "account", "set_at", "announced", "by"}
    if set(shape) == known and (shape["format"], shape["kind"]) == (FORMAT, KIND):
        set_at = shape["set_at"]
        return PasswordRecord(
            instance=str(shape["instance"]),
            account=str(shape["account"]),
            set_at=None if set_at is None else str(set_at),
            announced=shape["announced"] is True,
            by=str(shape["by"]),
        )
    raise InvalidInput(
        f"cannot read the record of {where}: it is not that of a password which this collection stored; put it right, "
        "remove it, or name another place"
    )


@dataclass(frozen=True)
class PasswordSituation:
    """All that the decision rests on.

    `where` names the first place. `stored` is whether it holds a value, `settable` whether that can be a password at
    all, `in_effect` whether Argo CD's hash is that of this value; `set_at` is the passwordMtime of the password Argo CD
    has, `has_hash` whether it has one.
    """

    where: str
    account: str
    instance: str
    stored: bool
    settable: bool
    in_effect: bool
    has_hash: bool
    set_at: str | None
    record: PasswordRecord | None

    def interrupted(self) -> bool:
        """Whether an earlier run stored this password and did not come to set it, and nobody set another since."""
        ours = PasswordRecord(self.instance, self.account, self.set_at, announced=True)
        return self.stored and self.settable and self.record is not None and replace(self.record, by="") == ours


@dataclass(frozen=True)
class PasswordDecision:
    """`new`: a password is made; otherwise the stored one is (still) to be in effect."""

    new: bool
    reason: str


def check_place(
    situation: PasswordSituation, record: PasswordRecord | None, *, where: str, foreign: bool, recover: bool
) -> None:
    """Raise where what a place holds must be neither replaced nor removed.

    Refused for a value that is `foreign` (not the password in effect, and without a record of ours), Lost for one of
    another account or installation.
    """
    if foreign:
        raise Refused(
            f"cannot use {where} for the password of account {situation.account}: its value is not that password; it "
            "is neither sent anywhere nor overwritten; check where the place points, or set overwrite to true"
        )
    if record is None or recover:
        return
    require_same(
        ("instance", situation.instance, record.instance),
        ("account", situation.account, record.account),
        where=where,
        remedy="make a new password",
    )


def decide_password(situation: PasswordSituation, *, rotate: bool, recover: bool) -> PasswordDecision:
    """Keep the stored password, finish what an earlier run began, or make a new one, with the reason.

    Every place has passed `check_place`. Raises Lost for a state that no ordinary run explains: a wrong path would
    change the password of a whole fleet.
    """
    if situation.in_effect:
        if rotate:
            return PasswordDecision(new=True, reason="a rotation was asked for")
        return PasswordDecision(new=False, reason="the stored password is the one in effect")
    if situation.interrupted():
        return PasswordDecision(new=False, reason="an earlier run stored a new password and did not set it")
    if situation.stored and situation.record is None:
        return PasswordDecision(new=True, reason="the stored value is overwritten as asked")
    if not situation.stored and not situation.has_hash:
        return PasswordDecision(new=True, reason="no password exists yet")
    return _lost(situation, recover=recover)


def _lost(situation: PasswordSituation, *, recover: bool) -> PasswordDecision:
    holds = "holds another password" if situation.stored else "is empty"
    has = "has one that no run of ours set" if situation.has_hash else "has none any more"
    cause = f"the place {holds}, and Argo CD {has}"
    if recover:
        return PasswordDecision(new=True, reason=f"recovering: {cause}")
    raise Lost(
        f"cannot keep the password of account {situation.account} in {situation.where}: {cause}; check where the place "
        "and the host point (a wrong path would change the password of a whole fleet), or set recover to true to make "
        "a new password"
    )
