# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A world in memory for the flows: one Argo CD, its ConfigMaps and Secret, sinks, a clock nobody waits for.

Every call over a port is an event; a test can make any of them fail before or after it took effect.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

from ansible_collections.fleetops.argocd.plugins.module_utils._clients.argocd import ListedAccount
from ansible_collections.fleetops.argocd.plugins.module_utils._core.accounts import Account
from ansible_collections.fleetops.argocd.plugins.module_utils._core.checks import Check
from ansible_collections.fleetops.argocd.plugins.module_utils._core.errors import (
    Absent,
    Conflict,
    Denied,
    UnexpectedReply,
)
from ansible_collections.fleetops.argocd.plugins.module_utils._core.plan import SetKeys
from ansible_collections.fleetops.argocd.plugins.module_utils._core.tokens import ListedToken, decode_token
from ansible_collections.fleetops.argocd.plugins.module_utils._flows.ports import Ports
from ansible_collections.fleetops.argocd.plugins.module_utils._opening import open_config_store
from ansible_collections.fleetops.argocd.plugins.module_utils._sinks.port import Entry, SinkConflict

if TYPE_CHECKING:
    from ansible_collections.fleetops.argocd.plugins.module_utils._clients.kubernetes import KubernetesClient
    from ansible_collections.fleetops.argocd.plugins.module_utils._stores.configmaps import ConfigMapStore

START = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
UID = "uid-of-argocd-cm"
EFFECTS = ("write", "mint", "prove", "ask", "revoke", "patch")
PART_OF = {"app.kubernetes.io/part-of": "argocd"}


class Killed(BaseException):
    """The process is gone: nothing of the flow may run after this, so no `except Exception` may see it."""


@dataclass(frozen=True)
class After:
    """Fail with `error` only after the call took effect, as a lost answer does."""

    error: BaseException


# None lets the call pass; an error is raised instead of the call; a callable runs first, as another writer would.
Fault = BaseException | After | Callable[[], None] | None


def jwt(token_id: str, account: str = "octopus", *, issued: datetime = START, expires_in: int | None = None) -> str:
    payload: dict[str, Any] = {"iss": "argocd", "sub": f"{account}:apiKey", "iat": int(issued.timestamp())}
    payload["jti"] = token_id
    if expires_in:
        payload["exp"] = payload["iat"] + expires_in
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, payload)]
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "c2ln"])


@dataclass
class World:
    """What lies behind all ports, and what happened at them, in order."""

    events: list[str] = field(default_factory=list)
    slept: float = 0.0
    remembered: list[str] = field(default_factory=list)
    claimed: list[str] = field(default_factory=list)
    kill_after: int | None = None
    faults: dict[str, list[Fault]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.argocd = FakeArgocd(self)
        self.kubernetes = FakeKubernetes(self)
        self.sinks = {"first": FakeSink(self, "first"), "second": FakeSink(self, "second")}
        self.values = FakeValues(self)
        self._numbers = count(1)
        self._random = Random(1)  # noqa: S311 # the same in every run

    def add_sink(self, name: str) -> None:
        self.sinks[name] = FakeSink(self, name)

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.slept)

    @property
    def sink(self) -> FakeSink:
        return self.sinks["first"]

    def fail(self, call: str, *faults: Fault) -> None:
        """Give the next calls of that name these faults, one each."""
        self.faults.setdefault(call, []).extend(faults)

    def perform(self, call: str, details: str, effect: Callable[[], Any]) -> Any:
        """Log the call, then carry it out as the faults of the test say."""
        self.events.append(f"{call} {details}".rstrip())
        queue = self.faults.get(call) or [None]
        fault = queue.pop(0)
        if isinstance(fault, BaseException):
            raise fault
        if callable(fault):
            fault()
        result = effect()
        if isinstance(fault, After):
            raise fault.error
        if self.kill_after is not None and len(self.events) == self.kill_after:
            raise Killed
        return result

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def ports(self, *, check_mode: bool = False) -> Ports:
        return Ports(
            check_mode=check_mode,
            kubernetes=lambda _params: self.kubernetes,  # type: ignore[arg-type, return-value] # a fake of its shape
            argocd=lambda _params: self.argocd,  # type: ignore[arg-type, return-value] # a fake of its shape
            sink=lambda options, _account: self.sinks[options["file"]],
            config_store=self._config_store,
            clock=lambda: self.now,
            sleep=self.sleep,
            random_hex=lambda: f"{next(self._numbers):08x}",
            random_below=self._random.randrange,
            remember=self.remembered.append,
            claim=lambda target, _about: self.claimed.append(target),
            actor="tester@here",
        )

    def _config_store(self, params: Mapping[str, Any], client: KubernetesClient) -> ConfigMapStore:
        return open_config_store(params["config_store"], client, lambda _options: self.values)

    def effects(self) -> list[str]:
        """The events that are no mere reads."""
        return [event for event in self.events if event.split()[0].split(".")[0] in EFFECTS]


class FakeArgocd:
    """Accounts are those of argocd-cm; a token is accepted while its id is stored, as in Argo CD."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.tokens: dict[str, str] = {}
        self.expiries: dict[str, datetime] = {}
        self.enabled = True
        self.exists = True
        self.capabilities: tuple[str, ...] = ("apiKey",)
        self.shown: list[ListedAccount] = []
        self.unseen = 0
        self.denied: set[str] = set()
        self.project: str | None = None
        self.url = ""
        self.has_credentials = True
        self.may_mint = True
        # Where tokens are signed by others: then argocd-secret says which are accepted.
        self.follows: FakeKubernetes | None = None
        self.refusal = ""
        self.longest: int | None = None
        self.said_version = "v3.5.3+abc"
        self.server_time: datetime | None = None

    def logs_in_as(self, account: str) -> bool:
        return account == "admin"

    def acts_as(self, account: str) -> bool:
        return self.logs_in_as(account)

    def lives_on(self, account: Account) -> bool:
        return not self.logs_in_as(account.name) or account.enabled

    def forget_refusal(self) -> None:
        self._world.perform("forget", "the refused login", lambda: None)

    def issue(self, token_id: str, account: str = "octopus", *, expires_in: int | None = None) -> str:
        token = jwt(token_id, account, issued=self._world.now, expires_in=expires_in)
        self.tokens[token_id] = token
        if expires_in:
            self.expiries[token_id] = self._world.now + timedelta(seconds=expires_in)
        return token

    def version(self) -> str:
        return str(self._world.perform("version", "", lambda: self.said_version))

    def accepts(self, token: str, *, account: str) -> bool:
        def look() -> bool:
            if self.unseen:
                self.unseen -= 1
                return False
            listed = self.follows.listed_ids(account) if self.follows else None
            known = token in self.tokens.values() if listed is None else decode_token(token).id in listed
            return self.enabled and known

        return bool(self._world.perform("prove", f"{account} {decode_token(token).id}", look))

    def account(self, name: str, *, token: str | None = None) -> ListedAccount:
        def look() -> ListedAccount:
            if not self.exists:
                raise Absent("no such account", status=404, code=5)
            ids = self.follows.listed_ids(name) if self.follows else self.tokens
            listed = tuple(ListedToken(token_id, START, self.expiries.get(token_id)) for token_id in ids)
            return ListedAccount(name, self.enabled, self.capabilities, listed)

        return self._world.perform("look", f"{name}{' by itself' if token else ''}", look)

    def reconnect(self) -> None:
        self._world.perform("reconnect", "", lambda: None)

    def why_refused(self, token: str, *, account: str) -> str:
        return str(self._world.perform("why", f"{account} {decode_token(token).id}", lambda: self.refusal))

    def accounts(self, *, token: str | None = None) -> list[ListedAccount]:
        return list(self._world.perform("list", "by itself" if token else "", lambda: self.shown))

    def project_uid(self, name: str, *, token: str | None = None) -> str:
        def look() -> str:
            if self.project is None:
                raise Denied("permission denied", status=403, code=7)
            return self.project

        return str(self._world.perform("project", f"{name}{' by itself' if token else ''}", look))

    def configured_url(self, *, token: str | None = None) -> str:
        return str(self._world.perform("settings", "by itself" if token else "", lambda: self.url))

    def create_token(self, account: str, *, token_id: str, expires_in: int | None, token: str | None = None) -> str:
        self.asked_expiry = expires_in
        life = min(expires_in, self.longest) if expires_in and self.longest else expires_in
        details = f"{token_id}{' by itself' if token else ''}"
        return str(self._world.perform("mint", details, lambda: self.issue(token_id, account, expires_in=life)))

    def delete_token(self, account: str, token_id: str, *, token: str | None = None) -> bool:
        def delete() -> bool:
            return self.tokens.pop(token_id, None) is not None

        by = " by itself" if token else ""
        return bool(self._world.perform("revoke", f"{account} {token_id}{by}", delete))

    def may_update(self, account: str) -> bool:
        return bool(self._world.perform("may", f"update {account}", lambda: self.may_mint))

    def can_i(self, check: Check, *, token: str | None = None) -> bool:
        caller = decode_token(token).id if token else "the login"
        return bool(self._world.perform("ask", f"{check} as {caller}", lambda: str(check) not in self.denied))


class FakeValues:
    """A source of the ConfigMaps, as a values file is one."""

    label = "the values"
    metadata = None

    def __init__(self, world: World) -> None:
        self._world = world
        self.data: dict[str, dict[str, str]] = {"argocd-cm": {}, "argocd-rbac-cm": {}}

    def holds(self, name: str, key: str) -> bool:  # noqa: ARG002 # every key
        return True

    def leaves(self, name: str) -> bool:  # noqa: ARG002 # neither
        return False

    def read(self, name: str) -> dict[str, str]:
        return dict(self._world.perform("values", name, lambda: self.data[name]))

    def write(self, step: SetKeys, *, dry_run: bool) -> None:
        def edit() -> None:
            if not dry_run:
                merged: dict[str, str | None] = {**self.data[step.name], **step.values}
                self.data[step.name] = {key: value for key, value in merged.items() if value is not None}

        verb = "rehearse" if dry_run else "patch"
        self._world.perform(verb, f"values {step.name} {' '.join(sorted(step.values))}", edit)


class FakeSink:
    """Holds one entry; writes by compare-and-set."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name
        self.label = f"sink {name}"
        self.location = {"type": "fake", "file": name}
        self.entry = Entry()

    def prepare(self) -> None:
        self._world.perform(f"prepare.{self._name}", "", lambda: None)

    def read(self) -> Entry:
        return self._world.perform(f"read.{self._name}", "", lambda: self.entry)

    def write(self, entry: Entry, *, expected: Entry) -> None:
        def swap() -> None:
            if not self.entry.holds_same(expected):
                raise SinkConflict(f"cannot write {self.label}: it holds something else now")
            self.entry = Entry(token=entry.token, record=entry.record)

        self._world.perform(f"write.{self._name}", told(entry), swap)

    @property
    def token_id(self) -> str | None:
        return decode_token(self.entry.token).id if self.entry.token else None


def told(entry: Entry) -> str:
    """An entry in words: the id it holds, and what its record says."""
    record = entry.record
    if record and record.get("kind") == "password":
        return f"{entry.token}, set at {record['set_at']}, {'announced' if record['announced'] else 'settled'}"
    held = decode_token(entry.token).id if entry.token else "nothing"
    if record is None:
        return f"{held}, no record"
    current = record["current"]["id"] if record["current"] else None
    gone = ",".join(item["id"] for item in record["superseded"])
    return f"{held}, current {current}, announced {record['announced']}, superseded [{gone}]"


class FakeKubernetes:
    """ConfigMaps and Secrets with resource versions; a patch at another version is a conflict."""

    namespace = "argocd"

    def __init__(self, world: World) -> None:
        self._world = world
        self.server_time: datetime | None = None
        self.project = "uid-of-the-project"
        self.projects: list[dict[str, Any]] = []
        # Custom resources by kind and name.
        self.resources: dict[tuple[str, str], dict[str, Any]] = {}
        self.data: dict[str, dict[str, str]] = {"argocd-cm": {}, "argocd-rbac-cm": {}, "argocd-secret": {}}
        self.metadata: dict[str, dict[str, Any]] = {
            name: {"name": name, "uid": UID, "labels": dict(PART_OF), "resourceVersion": "1"} for name in self.data
        }

    def edit(self, name: str, values: Mapping[str, str | None]) -> None:
        """Change keys as somebody else would."""
        merged: dict[str, str | None] = {**self.data[name], **values}
        self.data[name] = {key: value for key, value in merged.items() if value is not None}
        self.metadata[name]["resourceVersion"] = str(int(self.metadata[name]["resourceVersion"]) + 1)

    def listed_ids(self, account: str) -> list[str]:
        return [item["id"] for item in json.loads(self.data["argocd-secret"].get(f"accounts.{account}.tokens", "[]"))]

    def get(self, kind: str, name: str) -> dict[str, Any]:
        if kind == "appprojects":
            return {"metadata": {"uid": self._world.perform("get", name, lambda: self.project)}}
        if kind in ("applications", "argocds"):
            return dict(self._world.perform("get", f"{kind}/{name}", lambda: self._resource(kind, name)))

        def read() -> dict[str, Any]:
            encode = _encoded if kind == "secrets" else str
            data = {key: encode(value) for key, value in self.data[name].items()}
            return {"metadata": dict(self.metadata[name]), "data": data}

        shape: dict[str, Any] = self._world.perform("get", name, read)
        return shape

    def merge(self, kind: str, name: str, body: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Patch a custom resource, two levels deep: its spec is made of mappings."""

        def write() -> dict[str, Any]:
            shape = self.resources[kind, name]
            metadata = shape["metadata"]
            if body["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
                raise Conflict("the object has been modified", status=409)
            if dry_run:
                return shape
            spec = dict(shape["spec"])
            for part, values in body["spec"].items():
                merged = {**(spec.get(part) or {}), **values}
                spec[part] = {key: value for key, value in merged.items() if value is not None}
            version = str(int(metadata["resourceVersion"]) + 1)
            self.resources[kind, name] = {"metadata": {**metadata, "resourceVersion": version}, "spec": spec}
            return self.resources[kind, name]

        keys = " ".join(f"{part}.{key}" for part, values in body["spec"].items() for key in sorted(values))
        return dict(self._world.perform("rehearse" if dry_run else "patch", f"{kind}/{name} {keys}", write))

    def _resource(self, kind: str, name: str) -> dict[str, Any]:
        if (kind, name) not in self.resources:
            raise Absent(f"no {kind}/{name}", status=404)
        return self.resources[kind, name]

    def list_all(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._world.perform("list", kind, lambda: self.projects)
        return found

    def patch(self, step: SetKeys, *, resource_version: str, dry_run: bool = False) -> dict[str, Any]:
        def write() -> None:
            if resource_version != self.metadata[step.name]["resourceVersion"]:
                raise Conflict("the object has been modified", status=409)
            if not dry_run:
                self.edit(step.name, step.values)

        verb = "rehearse" if dry_run else "patch"
        self._world.perform(verb, f"{step.name} {' '.join(sorted(step.values))}", write)
        return {}


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def server_error(code: int = 2, status: int = 500) -> UnexpectedReply:
    return UnexpectedReply("cannot mint: the server says no", status=status, code=code)
