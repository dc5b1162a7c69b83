# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo reads by itself, with nothing of the collection: the servers, the vault file, Ansible's recap."""

from __future__ import annotations

import base64
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

RECAP_LINE = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", re.MULTILINE)
TIMEOUT_SECONDS = 10


class Cluster:
    """One sandbox cluster; `shape` is its part of the sandbox's info file (tests/sandbox/README.md)."""

    def __init__(self, shape: Mapping[str, str], ca_file: str) -> None:
        self._shape = shape
        https = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca_file))
        # A proxy of the environment knows no loopback address.
        self._opener = urllib.request.build_opener(https, urllib.request.ProxyHandler({}))

    def _get(self, url: str, *, token: str = "") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 # addresses of our own sandbox
        with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def _argocd(self, path: str, *, token: str) -> dict[str, Any]:
        return self._get(f"{self._shape['argocd_url']}/api/v1/{path}", token=token)

    def user_of(self, token: str) -> str | None:
        """The user the server takes the token for; None where it refuses the token."""
        try:
            answer = self._argocd("session/userinfo", token=token)
        except urllib.error.HTTPError:
            return None
        return answer.get("username") if answer.get("loggedIn") else None

    def can_i(self, question: str, token: str) -> str:
        """`question` is `action resource object`; the answer is `yes`, `no`, or the status of a refusal."""
        action, resource, name = question.split()
        try:
            answer = self._argocd(
                f"account/can-i/{resource}/{action}/{urllib.parse.quote(name, safe='/')}", token=token
            )
        except urllib.error.HTTPError as error:
            return str(error.code)
        return str(answer["value"])

    def config_map(self, name: str) -> dict[str, str]:
        url = f"{self._shape['kubernetes_url']}/api/v1/namespaces/argocd/configmaps/{name}"
        data: dict[str, str] = self._get(url, token=self._shape["kubernetes_token"])["data"]
        return data

    def writes(self) -> int:
        """The server's own count, both APIs together."""
        return int(self._get(f"{self._shape['control_url']}/writes")["total"])


def changed_hosts(output: str) -> dict[str, bool]:
    """Whether a run of ansible-playbook changed anything, by host: from its PLAY RECAP."""
    recap = output.partition("PLAY RECAP")[2]
    return {host: int(count) > 0 for host, count in RECAP_LINE.findall(recap)}


class _VaultLoader(yaml.SafeLoader):
    """Reads `!vault` values as the text they are."""


def _text(_loader: yaml.SafeLoader, node: yaml.Node) -> str:
    return str(node.value)


_VaultLoader.add_constructor("!vault", _text)


def vaulted_value(path: Path, variable: str) -> str:
    """The encrypted text of a variable in a variables file."""
    value: str = _VaultLoader(path.read_text()).get_single_data()[variable]
    return value


def identity(token: str) -> tuple[str, str]:
    """Id and expiry of a JWT, without looking at its signature: the server has."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    expiry = claims.get("exp")
    return claims["jti"], datetime.fromtimestamp(expiry, timezone.utc).isoformat() if expiry else "never"
