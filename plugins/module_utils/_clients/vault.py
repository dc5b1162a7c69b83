# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HashiCorp Vault and OpenBao: logging in, and the answers of their HTTP API. Sent through `hvac`, an optional package.

Errors are told by status, never in the server's words, which may quote what was sent.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

from .._core.errors import Denied, InvalidInput, UnexpectedReply, Unreachable
from .http import Reply, TlsOptions, cause_of, new_session

__all__ = ("VaultClient", "connect_vault")

_TIMEOUT = 30
_TLS = TlsOptions("ca_cert of the connection")


class VaultClient:
    """Requests of one login of an hvac.Client. `url` is as the user gave it."""

    def __init__(self, client: Any, *, url: str) -> None:
        self._client = client
        self.url = url

    def send(self, method: str, path: str, *, about: str, body: Any = None) -> Reply:
        """Send one request below /v1/; return the answer, but for 401 and 403 (Denied) and 5xx. Raises Unreachable."""
        cause: tuple[str, bool] | None = None
        try:
            answer = self._client.adapter.request(method, f"/v1/{path}", json=body, raise_exception=False)
        except (OSError, ValueError) as exc:
            # All that requests raises is an OSError, but for a header it cannot send.
            cause = cause_of(exc, _TLS)
        if cause is not None:
            raise Unreachable(f"{about}: Vault at {self.url} {cause[0]}", sent=cause[1])
        status = answer.status_code
        if status in (401, 403):
            raise Denied(
                f"{about}: Vault at {self.url} denies it (HTTP {status}); has the token expired, and does its policy "
                f"allow this on {path}?",
                status=status,
            )
        if status >= 500:
            hint = "; is it sealed?" if status == 503 else ""
            raise UnexpectedReply(f"{about}: Vault at {self.url} answers HTTP {status}{hint}", status=status)
        return Reply(status, answer.text, answer.headers)

    def login(self, mount_point: str, role_id: str, secret_id: str | None) -> str:
        """Log in with AppRole; return the token, which is used from now on."""
        about = f"cannot log in to Vault at {self.url} with AppRole {mount_point}"
        body = {"role_id": role_id, **({"secret_id": secret_id} if secret_id else {})}
        reply = self.send("post", f"auth/{mount_point}/login", about=about, body=body)
        if reply.status != 200:
            raise Denied(
                f"{about}: refused (HTTP {reply.status}); check role_id, secret_id and mount_point", status=reply.status
            )
        token = str(reply.json(about=about)["auth"]["client_token"])
        self._client.token = token
        return token

    def logout(self) -> None:
        """Revoke the token of this login."""
        self.send("post", "auth/token/revoke-self", about=f"cannot log out of Vault at {self.url}")

    def close(self) -> None:
        """Close the connections."""
        self._client.adapter.close()


def connect_vault(params: Mapping[str, Any], *, remember: Callable[[str], None]) -> VaultClient:
    """Return a client from the options of `arguments.VAULT`, not logged in yet where that takes AppRole."""
    if importlib.util.find_spec("hvac") is None:
        raise InvalidInput(
            "cannot use sink hashicorp_vault: the Python package hvac is missing where this runs; install it: "
            "pip install hvac"
        )
    import hvac  # optional, and slow to load

    for option in ("token", "secret_id"):
        remember(params[option] or "")
    verify: bool | str = (params["ca_cert"] or True) if params["validate_certs"] else False
    # An empty token, not None: hvac would take one from the environment or from the home directory.
    token = "" if params["auth_method"] == "approle" else params["token"]
    client = hvac.Client(
        url=params["url"],
        token=token,
        verify=verify,
        timeout=_TIMEOUT,
        namespace=params["namespace"],
        session=new_session(verify=verify),
        adapter=hvac.adapters.RawAdapter,
    )
    return VaultClient(client, url=params["url"])
