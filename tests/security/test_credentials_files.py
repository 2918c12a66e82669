"""Credentials files (JWT): a server that trusts an operator and knows an account."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import nkeys
import pytest

from jetbull import Queue
from jetbull.errors import ConfigurationError, ServerUnavailable
from jetbull.server import EmbeddedServer


class Identity:
    """An operator, account or user: its keys, and tokens signed with them."""

    def __init__(self, kind: int) -> None:
        self.seed = bytes(nkeys.encode_seed(os.urandom(32), kind))
        self._pair = nkeys.from_seed(bytearray(self.seed))
        self.public = self._pair.public_key.decode()

    def sign(self, subject: Identity, name: str, claims: dict[str, Any]) -> str:
        """A JWT about `subject`, as nsc makes it."""
        body = {"iat": 1_700_000_000, "iss": self.public, "name": name, "sub": subject.public}
        body["nats"] = {"version": 2, **claims}
        digest = hashlib.sha256(json.dumps(body).encode()).digest()
        body["jti"] = base64.b32encode(digest).decode().rstrip("=")
        text = f"{_part({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{_part(body)}"
        return f"{text}.{_raw(self._pair.sign(text.encode()))}"


def _raw(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _part(value: dict[str, Any]) -> str:
    return _raw(json.dumps(value).encode())


def credentials(account: Identity, user: Identity) -> str:
    """The text of a .creds file."""
    jwt = account.sign(user, "worker", {"type": "user", "subs": -1, "data": -1, "payload": -1})
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n"
    )


def trusting(operator: Identity, account: Identity) -> dict[str, Any]:
    """Settings of a server that knows one account, which may use JetStream."""
    no_limit = -1
    traffic = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
    limits = dict.fromkeys(traffic, no_limit)
    storage = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), no_limit)
    claims = {"type": "account", "limits": {**limits, **storage, "wildcards": True}}
    system = Identity(nkeys.PREFIX_BYTE_ACCOUNT)
    return {
        "operator": operator.sign(operator, "operator", {"type": "operator"}),
        "resolver": "MEMORY",
        "system_account": system.public,
        "resolver_preload": {
            account.public: operator.sign(account, "account", claims),
            system.public: operator.sign(system, "SYS", {"type": "account", "limits": limits}),
        },
    }


async def test_a_credentials_file_opens_the_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = Identity(nkeys.PREFIX_BYTE_OPERATOR)
    account = Identity(nkeys.PREFIX_BYTE_ACCOUNT)
    file = tmp_path / "user.creds"
    file.write_text(credentials(account, Identity(nkeys.PREFIX_BYTE_USER)))
    with EmbeddedServer(tmp_path / "node", extra=trusting(operator, account)) as server:
        queue = Queue("q", {"connection": {"url": server.url, "user_credentials": str(file)}})
        job = await queue.add("job", {"n": 1})
        assert await queue.getJob(job.id) is not None
        await queue.close()
        monkeypatch.setenv("NATS_CREDS", str(file))
        from_environment = Queue("q", {"connection": server.url})
        assert await from_environment.getJob(job.id) is not None
        await from_environment.close()


async def test_credentials_of_a_foreign_account_are_refused_without_telling_the_seed(
    tmp_path: Path,
) -> None:
    operator = Identity(nkeys.PREFIX_BYTE_OPERATOR)
    user = Identity(nkeys.PREFIX_BYTE_USER)
    file = tmp_path / "user.creds"
    file.write_text(credentials(Identity(nkeys.PREFIX_BYTE_ACCOUNT), user))
    known = trusting(operator, Identity(nkeys.PREFIX_BYTE_ACCOUNT))
    with EmbeddedServer(tmp_path / "node", extra=known) as server:
        queue = Queue("q", {"connection": {"url": server.url, "user_credentials": str(file)}})
        with pytest.raises(ServerUnavailable) as raised:
            await queue.add("job", {})
        assert user.seed.decode() not in str(raised.value)
        await queue.close()


@pytest.mark.parametrize(
    ("option", "variable"), [("user_credentials", "NATS_CREDS"), ("nkeys_seed", "NATS_NKEY")]
)
async def test_a_secret_given_in_place_of_its_file_is_refused_and_not_shown(
    option: str, variable: str
) -> None:
    account, user = Identity(nkeys.PREFIX_BYTE_ACCOUNT), Identity(nkeys.PREFIX_BYTE_USER)
    named = f"connection.{option} ({variable})"
    told = f"{named} is not the path of a file: correct it or leave it out."
    for secret in (user.seed.decode(), credentials(account, user)):
        queue = Queue("emails", {"connection": {option: secret}})
        with pytest.raises(ConfigurationError) as refused:
            await queue.waitUntilReady()
        assert str(refused.value) == told
        assert user.seed.decode() not in str(refused.getrepr())
        await queue.close()
