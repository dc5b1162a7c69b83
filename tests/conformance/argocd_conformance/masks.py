# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two right answers may differ in, each with its reason: values, and never a status, code, key set or message.

A value that is masked is not forgotten: identities become the number of their first appearance in the group, so that
what is equal on one side has to be equal on the other; a token becomes its claims, and an end the time until then.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

# The clock is read more than once within a request, so two times of one answer may be a second further apart.
SPAN_GRAIN = 10
SAME_SECOND = "times have no fractions: where a second begins decides about the order of what was made together"


@dataclass(frozen=True)
class Shape:
    """A mask for a piece of text wherever it stands, in a message too; all characters around it are compared."""

    name: str
    reason: str
    pattern: re.Pattern[str]
    is_numbered: bool = False
    becomes: str | None = None


@dataclass(frozen=True)
class Value:
    """A mask for whole values, found by their path: keys joined by slashes, * for any index."""

    name: str
    reason: str
    path: re.Pattern[str]
    is_numbered: bool = False


@dataclass(frozen=True)
class Order:
    """A mask for the order of a list by time; that it is in that order is compared, and `key` names its members."""

    name: str
    reason: str
    path: re.Pattern[str]
    time: str
    key: str
    is_descending: bool = False


SHAPES = (
    Shape(
        "address",
        "ports are free ones",
        re.compile(r"(?:localhost|127\.0\.0\.1):\d+"),
    ),
    Shape(
        "root path of cookies",
        "the sandbox serves the Argo CD of each cluster below a path of its own, its --rootpath",
        re.compile(r"(?<=[Pp]ath=)/c1/argocd\b"),
        becomes="/",
    ),
    Shape(
        "root path",
        "the sandbox serves the Argo CD of each cluster below a path of its own, its --rootpath",
        re.compile(r"/c1/argocd\b"),
        becomes="",
    ),
    Shape(
        "prefix in etcd",
        "the clusters of a testbed share one etcd, each below its own --etcd-prefix",
        re.compile(r"(?<=Key: )/[a-z0-9]+(?=/)"),
    ),
    Shape(
        "uid",
        "a random UUID",
        re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
        is_numbered=True,
    ),
    Shape("time", "the moment of a request", re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")),
    Shape(
        "resource version",
        "a revision of etcd, in a message that quotes it or the object",
        re.compile(r'(?<=resourceVersion":")\d+|(?<=resourceVersion\\":\\")\d+|(?<=in record \()\d+(?=\))'),
        is_numbered=True,
    ),
)
VALUES = (
    Value(
        "resource version",
        "a revision of etcd",
        re.compile(r"(?:list/items/\*/)?metadata/resourceVersion"),
        is_numbered=True,
    ),
    Value(
        "revision",
        "the revision of etcd as a whole, which everybody's writes move",
        re.compile(r"list/metadata/resourceVersion"),
    ),
    Value("cluster address", "allocated from a range", re.compile(r"(?:list/items/\*/)?spec/clusterIP(?:s/\*)?")),
    Value(
        "build of kube-apiserver",
        "which Kubernetes it is, built when and with what",
        re.compile(
            "major|minor|emulationMajor|emulationMinor|minCompatibilityMajor|minCompatibilityMinor|gitVersion|gitCommit"
            "|gitTreeState|buildDate|goVersion|compiler|platform"
        ),
    ),
    Value(
        "build of argocd-server",
        "which Argo CD it is, built when and with what",
        re.compile(
            "Version|BuildDate|GitCommit|GitTag|GitTreeState|GoVersion|Compiler|Platform|KustomizeVersion|HelmVersion"
            "|KubectlVersion|JsonnetVersion|ExtraBuildInfo"
        ),
    ),
    Value(
        "secret of the server's making",
        "random: signing key, certificate, password hashes with their salt",
        re.compile(r"data/(?:server\.secretkey|tls\.crt|tls\.key|(?:admin|accounts\.[^./]+)\.password)"),
    ),
)
# Unix times, by key: the moment of a request; and what ends later, compared as the seconds from its beginning.
MOMENTS = ("issuedAt", "iat", "nbf")
ENDS = {"expiresAt": "issuedAt", "exp": "iat"}
ORDERS = (
    Order("newest first", SAME_SECOND, re.compile(r"(?:list/items/\*/)?tokens"), "issuedAt", "id", is_descending=True),
    Order("oldest first", SAME_SECOND, re.compile(r"(?:list/items/\*/)?metadata/managedFields"), "time", "manager"),
)
# Base64 in which times and tokens are looked for.
ENCODED = re.compile(r"data/(?:admin|accounts\.[^./]+)\.(?:tokens|passwordMtime)")
TOKEN = re.compile(r"\b(?P<header>eyJ[\w-]*)\.(?P<claims>[\w-]+)\.[\w-]*")


class Masker:
    """Masks the answers of one side in one group, in their order: it counts identities."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {}

    def body(self, text: str) -> Any:
        """The masked JSON value, or the masked text where it is no JSON."""
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            return self.text(text)
        is_list = isinstance(value, dict) and "items" in value
        return self._value("list" if is_list else "", value)

    def text(self, text: str) -> str:
        text = TOKEN.sub(self._token, text)
        for shape in SHAPES:
            text = shape.pattern.sub(partial(self._shown, shape), text)
        return text

    def _shown(self, shape: Shape, found: re.Match[str]) -> str:
        return self._name(shape, found.group()) if shape.becomes is None else shape.becomes

    def _name(self, mask: Shape | Value, value: str) -> str:
        if not mask.is_numbered:
            return f"<{mask.name}>"
        known = self._numbers.setdefault(mask.name, {})
        return f"<{mask.name} {known.setdefault(value, len(known) + 1)}>"

    def _token(self, found: re.Match[str]) -> str:
        """What the token says; its signature is masked, as each server has a key of its own."""
        try:
            parts = [json.loads(_decoded(found[name])) for name in ("header", "claims")]
        except ValueError:
            return found.group()
        return f"<token {' '.join(json.dumps(self._value('', part)) for part in parts)}>"

    def _value(self, path: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._member(f"{path}/{key}".lstrip("/"), value, key) for key in sorted(value)}
        if isinstance(value, list):
            return self._list(path, value)
        if not isinstance(value, str):
            return value
        mask = next((mask for mask in VALUES if mask.path.fullmatch(path)), None)
        if mask is not None:
            return self._name(mask, value)
        return self.body(_decoded(value)) if ENCODED.fullmatch(path) else self.text(value)

    def _member(self, path: str, holder: Mapping[str, Any], key: str) -> Any:
        value = holder[key]
        if not isinstance(value, int) or isinstance(value, bool):
            return self._value(path, value)
        if key in MOMENTS:
            return "<time>"
        start = holder.get(ENDS.get(key, ""))
        return f"<{round((value - start) / SPAN_GRAIN) * SPAN_GRAIN} s>" if isinstance(start, int) else value

    def _list(self, path: str, values: list[Any]) -> Any:
        members = [self._value(f"{path}/*".lstrip("/"), value) for value in values]
        order = next((order for order in ORDERS if order.path.fullmatch(path)), None)
        if order is None:
            return members
        times = [value[order.time] for value in values]
        is_ordered = times == sorted(times, reverse=order.is_descending)
        return {order.name: is_ordered, "members": sorted(members, key=lambda member: str(member[order.key]))}


def _decoded(text: str) -> str:
    """Base64 of either alphabet, padded or not; raises ValueError."""
    return base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4)).decode()
