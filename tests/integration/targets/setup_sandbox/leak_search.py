# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one search for secrets where they do not belong: of the targets (find_secrets) and of `make leakscan`.

A secret is looked for as it is, escaped for a URL and for JSON, in hex and in base64, wherever in a longer text it was
encoded. Of a JWT its signature is looked for, which alone is worth the whole: the rest of it is no secret. One that
nobody knows has no signature to look for, and is known by how it begins. Of several lines, as a key has, each counts.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import ahocorasick

_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.([A-Za-z0-9_-]{16,})")
# Header and payload begin with {", and in base64 so does all of it. Its signature may be cut off.
_ANY_JWT = re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}|\bZXlK[A-Za-z0-9+/]{40,}")
# What is shorter than this is found everywhere.
LEAST = 6
# A shorter line of a secret may be anywhere: a bracket, or the first line of every key.
_LINE = 40


def forms(secret: str) -> frozenset[str]:
    """Return every text that gives the secret away."""
    jwt = _JWT.fullmatch(secret)
    # A file's last line end goes with the file: whoever encodes what is in it may have left it out.
    core = jwt.group(1) if jwt else secret.rstrip("\n")
    raw = core.encode()
    texts = {core, quote(core, safe=""), quote_plus(core), json.dumps(core)[1:-1], raw.hex(), raw.hex().upper()}
    lines = {line for line in core.splitlines() if len(line) >= _LINE}
    return frozenset(texts | lines | set(_in_base64(raw)))


def _in_base64(raw: bytes) -> Iterator[str]:
    """As part of something longer: behind 0, 1 or 2 other bytes, without the characters that the neighbours change."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        whole = len(before * b"\0" + raw) % 3 == 0
        text = encoded[(0, 2, 3)[before] : None if whole else -1]
        yield text
        yield text.replace("+", "-").replace("/", "_")


class Search:
    """Looks for secrets by name, however many, in one pass over each text; with `tokens`, any JWT is one."""

    def __init__(self, secrets: Mapping[str, str], *, tokens: bool = False) -> None:
        self._names = [*secrets, *(["a token"] if tokens else [])]
        self._tokens = tokens
        # ANSIBLE_DEBUG says dozens of megabytes, and a scan knows hundreds of secrets in a dozen forms each.
        self._forms = ahocorasick.Automaton()
        for name, secret in secrets.items():
            for form in forms(secret):
                self._forms.add_word(form, {name} | self._forms.get(form, set()))
        self._forms.make_automaton()

    def found_in(self, text: str) -> list[str]:
        """Return the names of the secrets that the text gives away."""
        found: set[str] = set().union(*(names for _end, names in self._forms.iter(text))) if self._forms else set()
        if self._tokens and _ANY_JWT.search(text):
            found.add("a token")
        return [name for name in self._names if name in found]


def files_below(directory: Path) -> Iterator[tuple[Path, str]]:
    """Every regular file with its text, whatever is in it."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes().decode("utf-8", "replace")
