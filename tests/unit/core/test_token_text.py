# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reader finds: every format gives the token back, and no line of somebody else is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.token_text import (
    FORMATS,
    NotReadable,
    TokenFormat,
    parse_text,
)

TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"
SERVER = "https://argocd.example.com:8443"
JWTS = st.from_regex(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", fullmatch=True)

RENDERED = {
    "raw": (TokenFormat("raw"), TOKEN),
    "cookie": (TokenFormat("cookie"), f"argocd.token={TOKEN}"),
    "env": (
        TokenFormat("env", SERVER),
        f"ARGOCD_SERVER=argocd.example.com:8443\nARGOCD_AUTH_TOKEN={TOKEN}\n",
    ),
    "env-without-scheme": (
        TokenFormat("env", "argocd.example.com"),
        f"ARGOCD_SERVER=argocd.example.com\nARGOCD_AUTH_TOKEN={TOKEN}\n",
    ),
    "env-with-a-root-path": (
        TokenFormat("env", f"{SERVER}/tools/argocd/"),
        "\n".join(
            [
                "ARGOCD_SERVER=argocd.example.com:8443",
                f"ARGOCD_AUTH_TOKEN={TOKEN}",
                "ARGOCD_OPTS=--grpc-web-root-path=/tools/argocd",
                "",
            ]
        ),
    ),
}


@pytest.mark.parametrize(("form", "text"), RENDERED.values(), ids=RENDERED)
def test_a_token_is_written_as_its_reader_wants_it(form: TokenFormat, text: str) -> None:
    assert form.render(TOKEN) == text


@given(token=JWTS, name=st.sampled_from(FORMATS), root=st.sampled_from(["", "/", "/argocd"]))
def test_what_is_written_in_any_format_is_read_back(token: str, name: str, root: str) -> None:
    assert parse_text(TokenFormat(name, SERVER + root).render(token)) == token


READ = {
    "a-line-end-that-echo-left": (f"{TOKEN}\n", TOKEN),
    "nothing": ("", ""),
    "something-else": ("a password", "a password"),
    "an-env-file-with-the-lines-turned-round": (f"ARGOCD_AUTH_TOKEN={TOKEN}\n\nARGOCD_SERVER=x", TOKEN),
}


@pytest.mark.parametrize(("text", "token"), READ.values(), ids=READ)
def test_what_others_wrote_is_read_as_far_as_it_is_a_token(text: str, token: str) -> None:
    assert parse_text(text) == token


@pytest.mark.parametrize("line", ["MY_OWN=1", "ARGOCD_OPTS=--grpc-web", "export ARGOCD_SERVER=x", "# a comment"])
def test_an_env_file_with_a_line_of_somebody_else_is_not_ours(line: str) -> None:
    with pytest.raises(NotReadable):
        parse_text(f"{line}\nARGOCD_AUTH_TOKEN={TOKEN}\n")
