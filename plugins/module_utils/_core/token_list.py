# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account's tokens in argocd-secret: a JSON list of {id, iat, exp} (argo-cd util/settings/accounts.go)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from typing import Any

from .errors import InvalidInput, Refused
from .tokens import ListedToken

__all__ = ("add_token", "listed_tokens", "remove_tokens")


def listed_tokens(secret: Mapping[str, str], key: str) -> tuple[ListedToken, ...]:
    """Return what the list names. Raises InvalidInput where it cannot be read: it is then never written either."""
    return tuple(
        ListedToken(item["id"], _moment(item.get("iat")), _moment(item.get("exp"))) for item in _parse(secret, key)
    )


def add_token(
    secret: Mapping[str, str], key: str, token_id: str, *, issued_at: datetime, expires_in: int | None
) -> str:
    """Return the list's text with the token in it; the others stay as they are, unknown fields included."""
    items = _parse(secret, key)
    if any(item["id"] == token_id for item in items):
        raise Refused(
            f"cannot add token {token_id} to {key} of argocd-secret: it is there already, and using an id again would "
            "revive an older token; run again"
        )
    seconds = int(issued_at.timestamp())
    expiry = {} if expires_in is None else {"exp": seconds + expires_in}
    return _dump([*items, {"id": token_id, "iat": seconds, **expiry}])


def remove_tokens(secret: Mapping[str, str], key: str, ids: Collection[str]) -> str | None:
    """Return the list's text without these ids; None where it is empty then: Argo CD removes the key, too."""
    items = [item for item in _parse(secret, key) if item["id"] not in ids]
    return _dump(items) if items else None


def _parse(secret: Mapping[str, str], key: str) -> list[dict[str, Any]]:
    try:
        # Argo CD writes `null` for an account that never had a token.
        items = json.loads(secret.get(key) or "null")
        items = [] if items is None else items
        if isinstance(items, list) and all(_is_token(item) for item in items):
            return items
    except ValueError:
        pass
    raise InvalidInput(f"cannot read argocd-secret: {key} is not a JSON list of tokens; correct or remove it")


def _is_token(item: Any) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return False
    times = [item.get(name, 0) for name in ("iat", "exp")]
    return all(isinstance(time, int) and not isinstance(time, bool) and 0 <= time < 2**37 for time in times)


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, tz=timezone.utc) if seconds else None


def _dump(items: list[dict[str, Any]]) -> str:
    return json.dumps(items, separators=(",", ":"), ensure_ascii=False)
