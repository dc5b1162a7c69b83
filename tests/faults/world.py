# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster of the sandbox, its places for tokens or a password, and what is looked at: all in this very process.

Restoring a saved state costs milliseconds, so that every fault starts from the same one.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import bcrypt
import trustme
from argocd_sandbox.cluster import Cluster
from argocd_sandbox.http import Request, Response
from argocd_sandbox.secrets_seen import JWT, secrets_in
from argocd_sandbox.store import Key, Object, ObjectStore

from .places import SECRET, VAULT_PASSWORD, Both, Held, KubernetesSecret, OpenBaoSecret, Place, VaultFile, value_sent

ACCOUNT = "robot"
OVERLAY = f"policy.{ACCOUNT}.csv"
CM, RBAC_CM, ARGOCD_SECRET = (
    Key(kind, "argocd", name)
    for kind, name in (("ConfigMap", "argocd-cm"), ("ConfigMap", "argocd-rbac-cm"), ("Secret", "argocd-secret"))
)
CHANGING = ("resourceVersion", "managedFields")
# Tokens of the same account that are not ours: of a token name that ours begins, and one made by hand.
FOREIGN_IDS = (f"{ACCOUNT}-eu-20260101T000000Z-0badcafe", "by-hand")
MEANWHILE_ID = "by-hand-meanwhile"
FOREIGN_ACCOUNT = f"{ACCOUNT}-eu"
PASSWORDS = ("planted-first-password", "planted-second-password")
# What the places are for.
TOKEN, PASSWORD = "token", "password"


@dataclass(frozen=True)
class Saved:
    """The state of a world, to be restored there or in another one."""

    objects: tuple[Object, ...]
    place: Any
    keeps: str


@dataclass(frozen=True)
class View:
    """What is there at one moment. `foreign` must never change; `ours` is what a run works on.

    `keeps` says what the places are for. `live` are the ids of our token name that the server lists. `works` has its
    word on each stored value, None where a place holds none. `set_at` is the time that the hash counts from.
    """

    keeps: str
    held: Held
    works: tuple[bool | None, ...]
    live: frozenset[str]
    account: Mapping[str, str]
    policy: str | None
    hash: str
    set_at: str | None
    foreign: Any

    def secrets(self) -> set[str]:
        """What of the stored values no output may hold."""
        return {secret_of(value) for value in (self.held.value, *self.held.copies) if value}


@dataclass(frozen=True)
class Tls:
    """Who signs, where its certificate is, and a certificate with a key for whoever may do everything."""

    authority: trustme.CA
    ca_file: str
    client: trustme.LeafCert


class World:
    """`base` is the address of the server that serves the cluster, `bao` tells where OpenBao is."""

    def __init__(self, cluster: Cluster, base: str, tls: Tls, directory: Path, bao: Mapping[str, str]) -> None:
        self.cluster = cluster
        self.directory = directory
        self.url = f"{base}/{cluster.name}"
        self._ca_file = ca_file = tls.ca_file
        self._openbao_token = bao["root"]
        self._client_key = tls.client.private_key_pem.bytes().decode()
        self._kubeconfig = self._make_kubeconfig(tls)
        self.temporary = directory / "tmp"
        self.places: dict[str, Place] = {
            "ansible_vault": VaultFile(directory / "place"),
            "kubernetes_secret": KubernetesSecret(cluster, self.url, ca_file),
            "hashicorp_vault": OpenBaoSecret(cluster, self.url, ca_file, bao),
        }
        self.places["two_places"] = Both(self.places["kubernetes_secret"], self.places["hashicorp_vault"])
        self.place = self.places["ansible_vault"]
        self.keeps = TOKEN
        self.meanwhile = False
        self._mark: Any = None
        # What went over the wire since the start, whether or not a place holds it.
        self._sent: list[str] = []
        self._known_rest: tuple[tuple[ObjectStore, str], list[Any]] | None = None

    def _make_kubeconfig(self, tls: Tls) -> dict[str, Any]:
        """With its keys inside, which `kubernetes` makes files of."""
        data = {
            "certificate-authority-data": tls.authority.cert_pem,
            "client-certificate-data": tls.client.cert_chain_pems[0],
            "client-key-data": tls.client.private_key_pem,
        }
        inside = {name: base64.b64encode(blob.bytes()).decode() for name, blob in data.items()}
        cluster = {"server": f"{self.url}/k8s", "certificate-authority-data": inside.pop("certificate-authority-data")}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "one",
            "clusters": [{"name": "one", "cluster": cluster}],
            "users": [{"name": "one", "user": inside}],
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        }

    def connection(self) -> dict[str, Any]:
        """As `argocd_user_connection`. The waits are short: nothing here is slow but for a fault."""
        return {
            "kubeconfig": self._kubeconfig,
            "argocd_url": f"{self.url}/argocd",
            "argocd_ca_cert": self._ca_file,
            "argocd_username": "admin",
            "argocd_password": self.cluster.admin_password,
            "wait_timeout": 1,
        }

    def start_fresh(self, sink: str, *, account: bool, keeps: str, place: bool) -> None:
        """An installation where others have an account, lines and tokens.

        With `account` ours is there, too, and with `place` the place, which somebody else has something in.
        """
        self.cluster.reset()
        self._sent = []
        self.place, self.keeps = self.places[sink], keeps
        self._edit(CM, {"url": "https://argocd.example.com", f"accounts.{FOREIGN_ACCOUNT}": "apiKey"})
        self._edit(RBAC_CM, {"policy.csv": "# by hand\np, role:ci, applications, sync, */*, allow\n"})
        self._list_tokens(FOREIGN_ACCOUNT, [f"{FOREIGN_ACCOUNT}-20260101T000000Z-0badcafe"])
        if account:
            self._edit(CM, {f"accounts.{ACCOUNT}": "apiKey"})
            self._list_tokens(ACCOUNT, list(FOREIGN_IDS))
        if place:
            self.place.fill()
        else:
            self.place.clear()
        self.clear_temporary()

    def save(self) -> Saved:
        return Saved(tuple(self.cluster.store.items()), self.place.save(), self.keeps)

    def restore(self, saved: Saved, sink: str) -> None:
        self.cluster.reset(saved.objects)
        self._sent = []
        self.meanwhile = False
        self.place, self.keeps = self.places[sink], saved.keeps
        self.place.restore(saved.place)
        self.clear_temporary()
        self._mark = self.place.mark()

    def clear_temporary(self) -> None:
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.temporary.mkdir(parents=True)

    def instance_uid(self) -> str:
        found = self.cluster.store.get(CM)
        assert found
        return str(found["metadata"]["uid"])

    def accepts(self, token: str) -> bool:
        """The server's own word."""
        request = Request("GET", "/api/v1/session/userinfo", headers={"authorization": f"Bearer {token}"})
        info = json.loads(self.cluster.argocd(request).body)
        return bool(info.get("loggedIn")) and info.get("username") == ACCOUNT

    def view(self) -> View:
        held = self.place.read()
        data = {key: self._data(key) for key in (CM, RBAC_CM)}
        secret = {key: base64.b64decode(value).decode() for key, value in self._data(ARGOCD_SECRET).items()}
        tokens = json.loads(secret.pop(f"accounts.{ACCOUNT}.tokens", "[]"))
        ours = [token for token in tokens if token["id"].rsplit("-", 2)[0] == ACCOUNT]
        others = [token for token in tokens if token not in ours]
        if self.meanwhile:
            # Its coming is no change of ours; its loss would be.
            there = [token for token in others if token["id"] == MEANWHILE_ID]
            others = [token for token in others if token not in there] if there else [*others, "lost"]
        account = {key: data[CM].pop(key) for key in list(data[CM]) if _is_of(ACCOUNT, key)}
        policy = data[RBAC_CM].pop(OVERLAY, None)
        own_hash = secret.pop(f"accounts.{ACCOUNT}.password", "")
        set_at = secret.pop(f"accounts.{ACCOUNT}.passwordMtime", None)

        def works(value: str) -> bool:
            return is_hash_of(own_hash, value) if self.keeps == PASSWORD else self.accepts(value)

        return View(
            keeps=self.keeps,
            held=held,
            works=tuple(works(value) if value else None for value in (held.value, *held.copies)),
            live=frozenset(token["id"] for token in ours),
            account=account,
            policy=policy,
            hash=own_hash,
            set_at=set_at,
            foreign=(held.others, data, secret, others, self._rest()),
        )

    def is_as_restored(self) -> bool:
        """Whether nothing at all was written since: not in the cluster, and nothing at the place or beside it."""
        return not self.meanwhile and not self.writes() and self.place.mark() == self._mark

    def beside(self) -> list[str]:
        """The names of the files beside the place; with what somebody else did meanwhile."""
        directory = self.directory / "place"
        kept = isinstance(self.place, VaultFile) and directory.exists()
        names = [path.name for path in directory.iterdir()] if kept else []
        return [*names, *(["meanwhile"] if self.meanwhile else [])]

    def writes(self) -> int:
        """How many changes the sandbox's APIs counted."""
        return sum(self.cluster.ledger.counts.values())

    def minted(self) -> int:
        """How many tokens Argo CD's API made."""
        log = self.cluster.ledger.log
        return sum(1 for entry in log if entry["method"] == "POST" and entry["path"].endswith("/token"))

    def mint_as_somebody_else(self) -> None:
        """What a person does meanwhile, at the web interface."""
        self._list_tokens(ACCOUNT, [MEANWHILE_ID])
        self.meanwhile = True

    def see(self, request: Request, response: Response | None) -> None:
        """Remember the tokens and passwords of a request and its answer."""
        found = (*secrets_in(request, response), value_sent(request))
        self._sent += [secret_of(secret) for secret in found if secret]

    def secrets(self) -> set[str]:
        """What no output and no file that is left over may hold."""
        signing_key = base64.b64decode(self._data(ARGOCD_SECRET)["server.secretkey"]).decode()
        # The line of the PEM that has the key in it, and as a kubeconfig has the whole.
        keys = {self._client_key.splitlines()[1], self._kubeconfig["users"][0]["user"]["client-key-data"]}
        logins = {self.cluster.admin_password, self.cluster.kubernetes_token, self._openbao_token}
        return logins | keys | {VAULT_PASSWORD, *PASSWORDS, signing_key, *self._sent} | self.view().secrets()

    def _data(self, key: Key) -> dict[str, str]:
        found = self.cluster.store.get(key)
        return dict((found or {}).get("data") or {})

    def _rest(self) -> list[Any]:
        """Every other object, and of ours what is not data; made anew only after a change."""
        store = self.cluster.store
        moment = store, store.revision
        if self._known_rest is None or self._known_rest[0] != moment:
            self._known_rest = moment, self._make_rest(store)
        return self._known_rest[1]

    @staticmethod
    def _make_rest(store: ObjectStore) -> list[Any]:
        found = []
        for item in store.items():
            key = Key(item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"])
            if key == SECRET:
                continue
            metadata = {name: value for name, value in item["metadata"].items() if name not in CHANGING}
            known = {**item, "metadata": metadata}
            if key in (CM, RBAC_CM, ARGOCD_SECRET):
                del known["data"]
            found.append(known)
        return found

    def _edit(self, key: Key, values: Mapping[str, str]) -> None:
        found = self.cluster.store.get(key)
        assert found
        self.cluster.plant({**found, "data": {**(found.get("data") or {}), **values}})

    def _list_tokens(self, account: str, ids: list[str]) -> None:
        now = int(self.cluster.clock.now())
        known = base64.b64decode(self._data(ARGOCD_SECRET).get(f"accounts.{account}.tokens", "")).decode()
        text = json.dumps([*json.loads(known or "[]"), *({"id": token_id, "iat": now} for token_id in ids)])
        self._edit(ARGOCD_SECRET, {f"accounts.{account}.tokens": base64.b64encode(text.encode()).decode()})


def secret_of(value: str) -> str:
    """Of a token the signature, since the rest of it tells nothing; of anything else all of it."""
    return value.rpartition(".")[2] if JWT.fullmatch(value.encode()) else value


@lru_cache(maxsize=256)
def is_hash_of(stored_hash: str, password: str) -> bool:
    """Whether the hash is that of the password; asked at every request, and bcrypt is slow on purpose."""
    return bool(stored_hash) and bcrypt.checkpw(password.encode(), stored_hash.encode())


def _is_of(account: str, key: str) -> bool:
    return key == f"accounts.{account}" or key.startswith(f"accounts.{account}.")
