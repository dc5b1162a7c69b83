# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaks on purpose, each of a secret of its own: in every way a module can, and in every form the search must know."""

from __future__ import annotations

import base64
import json
import secrets
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True)
class Leak:
    """`text` is what is leaked, `place` a part of the name of where it must be found."""

    name: str
    way: str
    secret: str
    text: str
    place: str


_WAYS = (
    ("message", "output"),
    ("message", "results.jsonl"),
    ("message", "ansible.log"),
    ("warning", "output"),
    ("diff", "output"),
    ("stderr", "results.jsonl"),
    ("failure", "output"),
    ("failure", "ansible.log"),
    ("fact", "cache"),
    ("temporary file", "scan-"),
    ("argv", "the process list"),
    ("argv", "commands"),
)


def _password() -> str:
    return secrets.token_hex(12)


def _jwt() -> str:
    parts = (b'{"alg":"HS256","typ":"JWT"}', b'{"iss":"argocd","sub":"octopus:apiKey"}', secrets.token_bytes(32))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _plain(*ways: tuple[str, str]) -> Iterator[Leak]:
    for way, place in ways:
        secret = _password()
        yield Leak(f"{way} in {place}", way, secret, secret, place)


def _leaks() -> Iterator[Leak]:
    yield from _plain(*_WAYS)
    for name, secret, text in _in_disguise():
        yield Leak(name, "message", secret, text, "output")


def _in_disguise() -> Iterator[tuple[str, str, str]]:
    odd = f'{_password()}/"\\+ {_password()}'
    yield "escaped for a URL", odd, quote(odd, safe="")
    yield "escaped for JSON", odd, json.dumps({"password": odd})
    secret = _password()
    yield "in hex", secret, f"00{secret.encode().hex()}ff"
    for before in range(3):
        secret = _password()
        around = b"x" * before + secret.encode() + b"yz"
        yield f"in base64 behind {before} bytes", secret, base64.b64encode(around).decode()
    key = "\n".join(("-----BEGIN PRIVATE KEY-----", secrets.token_hex(32), secrets.token_hex(32)))
    yield "one line of a key", key, key.splitlines()[1]
    token = _jwt()
    yield "a token", token, token
    token = _jwt()
    yield "the signature of a token alone", token, token.rpartition(".")[2]
    token = _jwt()
    yield "a token in a Secret's data", token, base64.b64encode(token.encode()).decode()


LEAKS = tuple(_leaks())
# In what ansible-runner keeps of a job.
RUNNER_LEAKS = tuple(_plain(("message", "stdout"), ("message", "job_events"), ("fact", "fact_cache")))
LIBRARY = Path(__file__).with_name("library")


def write_play(file: Path, leaks: Sequence[Leak]) -> None:
    """Write the play that leaks them; JSON is YAML."""
    tasks = [
        {"name": leak.name, "leaky": {"way": leak.way, "text": leak.text}, "ignore_errors": True} for leak in leaks
    ]
    file.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))


def command(directory: Path) -> list[str]:
    """Write the play; return what runs it."""
    play = directory / "leaks.json"
    write_play(play, LEAKS)
    library = str(LIBRARY)
    # A connection of its own, since there is no inventory.
    interpreter = f"ansible_python_interpreter={sys.executable}"
    return ["ansible-playbook", "-i", "localhost,", "-c", "local", "-M", library, "-e", interpreter, str(play)]
