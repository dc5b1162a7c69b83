# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local accounts: keys of argocd-cm and argocd-secret to an Account and back.

Source of every rule: argo-cd util/settings/accounts.go and util/session/sessionmanager.go.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .decision import SKEW_REFUSED
from .errors import InvalidInput, Refused, quoted
from .fragments import HELM_PATHS, as_yaml
from .plan import HIDDEN, Plan, SetKeys
from .record import format_time
from .token_list import listed_tokens

__all__ = (
    "ADMIN",
    "API_KEY",
    "LOGIN",
    "Account",
    "DesiredAccount",
    "PasswordWish",
    "account_keys",
    "account_names",
    "check_account_name",
    "check_variable",
    "default_variable",
    "helm_values",
    "parse_account",
    "password_keys",
    "plan_account",
    "read_keys",
    "tokens_key",
)

API_KEY = "apiKey"
LOGIN = "login"
CAPABILITIES = (API_KEY, LOGIN)
ADMIN = "admin"
CONFIG_MAP = "argocd-cm"
SECRET = "argocd-secret"
_CLOCK_READS_APART = timedelta(seconds=1)

# A ConfigMap key allows these; a dot would start the next part of the key; 32 bytes is the login limit.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
# Go's strconv.ParseBool: anything else breaks ALL local accounts of the instance.
_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Account:
    """A local account as Argo CD reads it. `disabled_by` is the key that disables it, if any."""

    name: str
    exists: bool
    enabled: bool
    capabilities: tuple[str, ...]
    disabled_by: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return what modules return and diffs show; {} where there is no such account."""
        if not self.exists:
            return {}
        return {"name": self.name, "enabled": self.enabled, "capabilities": sorted(self.capabilities)}


@dataclass(frozen=True)
class PasswordWish:
    """A wanted password. `matches` compares with a stored bcrypt hash; `make_hash` makes a new one.

    `set_at` is when it counts as set, None for now: API tokens issued before are refused from then on. `known` are ids
    that may end so; any other only with `end_tokens`.
    """

    matches: Callable[[str], bool]
    make_hash: Callable[[], str]
    set_at: datetime | None = None
    known: tuple[str, ...] = ()
    end_tokens: bool = False


@dataclass(frozen=True)
class DesiredAccount:
    """What a user asks for; None leaves a property as it is.

    `reenable` allows turning a disabled account on and giving back a removed apiKey;
    `override_admin` allows `accounts.admin.enabled`, which beats `admin.enabled: "false"`.
    """

    name: str
    present: bool = True
    capabilities: tuple[str, ...] | None = None
    enabled: bool | None = None
    password: PasswordWish | None = None
    reenable: bool = False
    override_admin: bool = False


def check_account_name(name: str, *, option: str = "name") -> str:
    """Return the name if Argo CD can hold such an account, else raise InvalidInput."""
    if _NAME.fullmatch(name):
        return name
    raise InvalidInput(
        f"cannot use account name {quoted(name)}: {option} must be 1 to 32 of the characters A-Z a-z 0-9 _ - "
        "(Argo CD reads a dot in `accounts.<name>` as the end of the name and limits logins to 32 bytes)"
    )


def check_capabilities(capabilities: tuple[str, ...]) -> None:
    """Raise InvalidInput for a capability Argo CD would drop with a log line only."""
    for capability in capabilities:
        if capability not in CAPABILITIES:
            near = next((known for known in CAPABILITIES if known.lower() == capability.lower()), None)
            hint = f"write {near!r}, case matters" if near else "known are " + ", ".join(CAPABILITIES)
            raise InvalidInput(
                f"cannot use capability {quoted(capability)}: Argo CD drops what it does not know; {hint}"
            )


def _parse_bool(key: str, text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise InvalidInput(
        f"cannot read accounts of argocd-cm: {key} is {text!r}, not a boolean; Argo CD refuses ALL local accounts "
        f'until it is; set it to "true" or "false"'
    )


def parse_capabilities(text: str) -> tuple[str, ...]:
    """Return the known capabilities in order, as Argo CD does: spaces trimmed, unknown ones dropped."""
    return tuple(item for item in (part.strip() for part in text.split(",")) if item in CAPABILITIES)


def account_keys(data: Mapping[str, str], name: str) -> list[str]:
    """Return the keys that make up the account: `accounts.NAME` and `accounts.NAME.<one part>`."""
    return [key for key in data if key.split(".")[:2] == ["accounts", name] and key.count(".") <= 2]


def read_keys(name: str) -> tuple[str, str]:
    """Return the keys of argocd-cm that Argo CD reads of the account (parseAccounts); another's value is never shown.

    A hash or a token list that somebody put there by mistake would be.
    """
    return f"accounts.{name}", f"accounts.{name}.enabled"


def account_names(data: Mapping[str, str]) -> list[str]:
    """Return the accounts that the keys of argocd-cm make, admin not counted."""
    parts = [key.split(".") for key in data]
    return sorted({part[1] for part in parts if part[0] == "accounts" and len(part) in (2, 3)} - {ADMIN})


def check_config_map(data: Mapping[str, str]) -> None:
    """Raise InvalidInput if one `accounts.<x>.enabled` breaks account parsing for everybody."""
    for key, text in data.items():
        parts = key.split(".")
        if len(parts) == 3 and parts[0] == "accounts" and parts[2] == "enabled":
            _parse_bool(key, text)


def _check_password_times(secret: Mapping[str, str], names: Iterable[str]) -> None:
    """Raise InvalidInput if one `passwordMtime` of argocd-secret breaks account parsing for everybody."""
    for key in (f"accounts.{name}.passwordMtime" for name in names):
        if key in secret and _parse_moment(secret[key]) is None:
            raise InvalidInput(
                f"cannot read accounts of argocd-secret: {key} is not a time in RFC 3339; Argo CD refuses ALL local "
                "accounts until it is; correct it, or remove it together with the password"
            )


def _parse_moment(text: str) -> datetime | None:
    """Return a time as Go's time.RFC3339 reads it, in whole seconds as Argo CD writes them; None where it is none."""
    found = _RFC3339.fullmatch(text)
    with suppress(ValueError):
        return datetime.strptime("".join(found.groups()), "%Y-%m-%dT%H:%M:%S%z") if found else None
    return None


def parse_account(data: Mapping[str, str], name: str) -> Account:
    """Return the account as Argo CD reads argocd-cm's `data`. Raise InvalidInput where it could not."""
    check_config_map(data)
    capabilities = parse_capabilities(data.get(f"accounts.{name}", ""))
    enabled_key = f"accounts.{name}.enabled"
    enabled, disabled_by = True, None
    if name == ADMIN:
        capabilities = (LOGIN, *(item for item in capabilities if item != LOGIN))
        if data.get("admin.enabled") in _FALSE:
            enabled, disabled_by = False, "admin.enabled"
    if enabled_key in data:
        enabled = _parse_bool(enabled_key, data[enabled_key])
        disabled_by = None if enabled else enabled_key
    exists = name == ADMIN or bool(account_keys(data, name))
    return Account(name=name, exists=exists, enabled=enabled, capabilities=capabilities, disabled_by=disabled_by)


def plan_account(
    config: Mapping[str, str], secret: Mapping[str, str] | None, desired: DesiredAccount, *, now: datetime
) -> Plan:
    """Plan the keys to set so that the account is as desired.

    `config` is `data` of argocd-cm; `secret` the decoded `data` of argocd-secret, needed only for a password
    and for `present=False`. Raises InvalidInput and Refused before anything is planned.
    """
    check_account_name(desired.name)
    current = parse_account(config, desired.name)
    removed = () if desired.present else (desired.name,)
    _check_password_times(secret or {}, (name for name in account_names(config) if name not in removed))
    if not desired.present:
        return _plan_absent(config, secret or {}, current)
    check_capabilities(desired.capabilities or ())
    _check_kill_switch(config, current, desired)
    keys = {**_capability_keys(current, desired), **_enabled_keys(current, desired)}
    after = parse_account({**config, **keys}, desired.name)
    password, warnings = _plan_password(secret or {}, desired, now)
    steps = [SetKeys("configmaps", CONFIG_MAP, keys)] if keys else []
    steps += [SetKeys("secrets", SECRET, password)] if password else []
    return Plan(
        before=_shown(current, config, {}),
        after=_shown(after, {**config, **keys}, password),
        steps=tuple(steps),
        warnings=tuple(warnings),
    )


def _shown(account: Account, config: Mapping[str, str], secret_keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the account and the keys behind it, secrets masked: one side of the diff."""
    shown = account.describe()
    read = read_keys(account.name)
    keys = {key: config[key] if key in read else HIDDEN for key in sorted(account_keys(config, account.name))}
    if keys:
        shown[CONFIG_MAP] = keys
    if secret_keys:
        shown[SECRET] = dict.fromkeys(sorted(secret_keys), HIDDEN)
    return shown


def _check_kill_switch(config: Mapping[str, str], current: Account, desired: DesiredAccount) -> None:
    """Disabling an account, or taking its apiKey, is how an operator stops it: never undone by a routine run."""
    name = desired.name
    if not current.exists:
        return
    if desired.enabled and not current.enabled:
        _check_reenable(current, desired)
    gives_api_key = API_KEY in (desired.capabilities or ()) and API_KEY not in current.capabilities
    was_removed = name != ADMIN or f"accounts.{ADMIN}" in config
    if gives_api_key and was_removed and not desired.reenable:
        raise Refused(
            f"cannot give apiKey to account {name}: the account exists without it (accounts.{name}: "
            f"{config.get(f'accounts.{name}', '')!r} in argocd-cm), and taking it away is how an operator stops its "
            "tokens; tokens issued before would work again; set reenable to true if that is meant"
        )


def _check_reenable(current: Account, desired: DesiredAccount) -> None:
    if desired.name == ADMIN:
        if desired.override_admin:
            return
        raise Refused(
            f"cannot use account admin: it is disabled by {current.disabled_by} in argocd-cm; use an account of its "
            "own (recommended), or set override_admin_enabled to true to write accounts.admin.enabled, which "
            'overrides admin.enabled: "false"'
        )
    if not desired.reenable:
        raise Refused(
            f"cannot enable account {desired.name}: it is disabled by {current.disabled_by} in argocd-cm, and "
            "disabling is how an operator stops it; its old tokens would work again; set reenable to true if that "
            "is meant"
        )


def _capability_keys(current: Account, desired: DesiredAccount) -> dict[str, str]:
    """Compare as sets, write canonically: Argo CD respells `apiKey, login` as `apiKey,login` itself."""
    wanted = desired.capabilities
    key = f"accounts.{desired.name}"
    if wanted is None:
        return {} if current.exists else {key: ""}
    unchanged = current.exists and set(wanted) | _built_in(desired.name) == set(current.capabilities)
    return {} if unchanged else {key: ",".join(dict.fromkeys(wanted))}


def _built_in(name: str) -> set[str]:
    return {LOGIN} if name == ADMIN else set()


def _enabled_keys(current: Account, desired: DesiredAccount) -> dict[str, str]:
    """A new account gets the key the vendors' pages show; an existing one only where the meaning differs."""
    key = f"accounts.{desired.name}.enabled"
    if desired.enabled is None:
        return {}
    if current.exists and desired.enabled == current.enabled:
        return {}
    return {key: "true" if desired.enabled else "false"}


def _secret_prefix(name: str) -> str:
    return ADMIN if name == ADMIN else f"accounts.{name}"


def tokens_key(name: str) -> str:
    """Return the key of argocd-secret that lists the account's tokens."""
    return f"{_secret_prefix(name)}.tokens"


def password_keys(name: str) -> tuple[str, str]:
    """Return the keys of argocd-secret that hold the hash of the account's password, and when it was set."""
    prefix = _secret_prefix(name)
    return f"{prefix}.password", f"{prefix}.passwordMtime"


def default_variable(account: str, what: str = "token") -> str:
    """Return `argocd_<account>_token` as a valid name of a variable; the same for a password."""
    return re.sub(r"[^A-Za-z0-9_]", "_", f"argocd_{account}_{what}")


def check_variable(name: str) -> None:
    """Raise InvalidInput where Ansible could not have a variable of that name."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise InvalidInput(
            f"cannot use {name!r} as a variable: use letters, digits and _, no digit first, and no word of Python"
        )


def _plan_password(
    secret: Mapping[str, str], desired: DesiredAccount, now: datetime
) -> tuple[dict[str, str | None], list[str]]:
    """A password is written only when the stored hash does not match, and always with its mtime.

    Without a new passwordMtime old tokens would stay valid; with it every API key issued before is refused
    (sessionmanager.go), so they are named.
    """
    if desired.password is None:
        return {}, []
    name, (hash_key, time_key) = desired.name, password_keys(desired.name)
    stored = secret.get(hash_key, "")
    if stored and desired.password.matches(stored):
        return {}, []
    set_at = _counts_from(_parse_moment(secret.get(time_key, "")), name, desired.password.set_at, now)
    keys: dict[str, str | None] = {hash_key: desired.password.make_hash(), time_key: format_time(set_at)}
    ending = _ending_tokens(secret, desired, desired.password, set_at=set_at, now=now)
    if not ending:
        return keys, []
    return keys, [f"changing the password of account {name} ends its API tokens: {', '.join(ending)}"]


def _counts_from(last: datetime | None, name: str, wanted: datetime | None, now: datetime) -> datetime:
    """Return when a new password counts as set: not before the one it replaces (`last`), and not in the future.

    Argo CD compares every token with the one time that is stored (sessionmanager.go, Parse): an earlier one gives back
    what the last change ended, as a leaked token that is still listed. Both may be of a clock that is ahead: of Argo
    CD, which issues the tokens that the time is compared with.
    """
    cannot = f"cannot change the password of account {name}"
    times = {"account_password_mtime": wanted, f"{password_keys(name)[1]} of argocd-secret": last}
    for said, time in times.items():
        if time and time > now + SKEW_REFUSED:
            raise Refused(
                f"{cannot}: {said} is {format_time(time)}, and it is {format_time(now)} now; until then Argo CD would "
                "refuse every token and login of the account; correct it, or set the clocks right (NTP)"
            )
    set_at = wanted or max(now, last or now)
    if last and set_at < last:
        raise Refused(
            f"{cannot}: account_password_mtime is {format_time(set_at)}, and the password was last changed at "
            f"{format_time(last)}; API tokens that ended then would work again; give that time or a later one, as the "
            "issued_at of a token minted since, or leave it out"
        )
    return set_at


def _ending_tokens(
    secret: Mapping[str, str], desired: DesiredAccount, password: PasswordWish, *, set_at: datetime, now: datetime
) -> list[str]:
    """Return the live ids that a password set at that time ends; raise Refused where one is neither known nor allowed.

    Argo CD compares the token's own time of issue, which may be a second off the listed one; equal stays valid.
    """
    live = [token for token in listed_tokens(secret, tokens_key(desired.name)) if token.live(now)]
    before = [token.id for token in live if token.issued_at is None or token.issued_at < set_at]
    perhaps = [token.id for token in live if token.issued_at is None or token.issued_at <= set_at + _CLOCK_READS_APART]
    unknown = [token_id for token_id in perhaps if token_id not in password.known]
    if unknown and not password.end_tokens:
        raise Refused(
            f"cannot change the password of account {desired.name}: that ends API tokens which nobody said may end: "
            f"{', '.join(unknown)}; name them in known_tokens, or set end_tokens to true"
        )
    return before


def _plan_absent(config: Mapping[str, str], secret: Mapping[str, str], current: Account) -> Plan:
    """Remove the keys of both objects: keys left in the Secret would revive every old token with the name."""
    if current.name == ADMIN:
        raise Refused("cannot remove account admin: it is built in; disable it with enabled: false")
    config_keys: dict[str, str | None] = dict.fromkeys(account_keys(config, current.name))
    secret_keys: dict[str, str | None] = dict.fromkeys(account_keys(secret, current.name))
    steps = [SetKeys("configmaps", CONFIG_MAP, config_keys)] if config_keys else []
    steps += [SetKeys("secrets", SECRET, secret_keys)] if secret_keys else []
    return Plan(before=_shown(current, config, secret_keys), after={}, steps=tuple(steps))


def helm_values(name: str, config: Mapping[str, str | None]) -> str:
    """Return the argo-cd chart's values that say the same: what to put upstream where Helm owns argocd-cm."""
    keys = {key: config[key] for key in read_keys(name) if config.get(key) is not None}
    return as_yaml(HELM_PATHS[CONFIG_MAP], keys) if keys else ""
