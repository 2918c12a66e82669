"""Every way to prove who one is, against a server that asks for it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import nkeys
import pytest
import trustme

from jetbull import Queue
from jetbull.connection import target_of
from jetbull.errors import ConfigurationError, ServerUnavailable
from jetbull.server import EmbeddedServer
from jetbull.testing import flush, no_leaks

PASSWORD = "s3cret@:/"
ENCODED = "s3cret%40%3A%2F"
_VARIABLES = (
    "NATS_URL",
    "NATS_USER",
    "NATS_PASSWORD",
    "NATS_TOKEN",
    "NATS_CREDS",
    "NATS_NKEY",
    "NATS_CA",
    "NATS_CERT",
    "NATS_KEY",
)


@pytest.fixture(autouse=True)
def _no_login_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in _VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Any]:
    """Starts a server with settings of the test."""
    running: list[EmbeddedServer] = []

    def start(**extra: Any) -> EmbeddedServer:
        server = EmbeddedServer(tmp_path / f"node{len(running)}", extra=extra)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


async def works(connection: Any) -> bool:
    """Whether a job can be stored and read over this connection."""
    queue = Queue("logins", {"connection": connection})
    try:
        job = await queue.add("job", {"n": 1})
        return await queue.getJob(job.id) is not None
    finally:
        await queue.close()


def with_login(server: EmbeddedServer, login: str) -> str:
    return server.url.replace("://", f"://{login}@")


class TestPasswords:
    async def test_user_and_password_in_the_url(self, serve: Any) -> None:
        server = serve(authorization={"user": "u", "password": PASSWORD})
        assert await works(with_login(server, f"u:{ENCODED}"))

    async def test_user_and_password_as_options(self, serve: Any) -> None:
        server = serve(authorization={"user": "u", "password": PASSWORD})
        assert await works({"url": server.url, "user": "u", "password": PASSWORD})

    async def test_user_and_password_from_the_environment(
        self, serve: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = serve(authorization={"user": "u", "password": PASSWORD})
        monkeypatch.setenv("NATS_URL", server.url)
        monkeypatch.setenv("NATS_USER", "u")
        monkeypatch.setenv("NATS_PASSWORD", PASSWORD)
        assert await works(None)

    async def test_token_in_the_url_and_as_option(self, serve: Any) -> None:
        server = serve(authorization={"token": "t0ken"})
        assert await works(with_login(server, "t0ken"))
        assert await works({"url": server.url, "token": "t0ken"})

    @pytest.mark.parametrize("login", ["u:wrong-pass-word", "wrong-t0ken"])
    async def test_a_wrong_login_is_told_without_the_secret(
        self, serve: Any, login: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = serve(authorization={"user": "u", "password": PASSWORD})
        caplog.set_level(logging.DEBUG)
        with pytest.raises(ServerUnavailable) as raised:
            await works(with_login(server, login))
        told = f"{raised.value!r} {raised.value.__cause__!r} {caplog.text}"
        assert "refuses the login (nats: 'Authorization Violation')" in str(raised.value)
        assert "wrong" not in told

    async def test_no_log_line_of_a_working_connection_holds_the_password(
        self, serve: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = serve(authorization={"user": "u", "password": PASSWORD})
        caplog.set_level(logging.DEBUG)
        assert await works(with_login(server, f"u:{ENCODED}"))
        assert PASSWORD not in caplog.text
        assert ENCODED not in caplog.text

    async def test_a_server_that_is_away_is_told_without_the_password(self) -> None:
        with pytest.raises(ServerUnavailable) as raised:
            await works("nats://u:hush@127.0.0.1:1")
        assert "hush" not in str(raised.value)
        assert "127.0.0.1:1" in str(raised.value)

    async def test_an_address_that_cannot_be_read_is_told_without_the_password(self) -> None:
        with pytest.raises((ServerUnavailable, ConfigurationError)) as raised:
            await works("nats://u:hush@127.0.0.1:port")
        assert "hush" not in f"{raised.value!r} {raised.value.__cause__!r}"

    def test_the_target_of_a_connection_does_not_show_the_password(self) -> None:
        assert "hush" not in repr(target_of("nats://u:hush@example.org"))


class TestKeys:
    async def test_nkey_seed_file_and_text(self, serve: Any, tmp_path: Path) -> None:
        seed, public = new_nkey()
        file = tmp_path / "user.nk"
        file.write_text(seed)
        server = serve(authorization={"users": [{"nkey": public}]})
        assert await works({"url": server.url, "nkeys_seed": str(file)})
        assert await works({"url": server.url, "nkeys_seed_str": seed})

    async def test_nkey_from_the_environment(
        self, serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seed, public = new_nkey()
        file = tmp_path / "user.nk"
        file.write_text(seed)
        server = serve(authorization={"users": [{"nkey": public}]})
        monkeypatch.setenv("NATS_NKEY", str(file))
        assert await works(server.url)

    async def test_a_foreign_nkey_is_refused_and_its_seed_not_told(self, serve: Any) -> None:
        seed, _ = new_nkey()
        _, public = new_nkey()
        server = serve(authorization={"users": [{"nkey": public}]})
        with pytest.raises(ServerUnavailable) as raised:
            await works({"url": server.url, "nkeys_seed_str": seed})
        assert seed not in str(raised.value)

    async def test_a_credentials_file_that_is_not_there_is_named(self, serve: Any) -> None:
        server = serve()
        told = r"connection\.user_credentials \(NATS_CREDS\) names /no"
        with pytest.raises(ConfigurationError, match=told):
            await works({"url": server.url, "user_credentials": "/no/such.creds"})


def new_nkey() -> tuple[str, str]:
    """Seed and public key of a new user."""
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    pair = nkeys.from_seed(bytearray(seed))
    return seed.decode(), pair.public_key.decode()


class TestTls:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> trustme.CA:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        for name in ("server", "client"):
            certificate = authority.issue_cert("127.0.0.1", "localhost", common_name=name)
            certificate.private_key_pem.write_to_path(str(tmp_path / f"{name}.key"))
            chain = b"".join(part.bytes() for part in certificate.cert_chain_pems)
            (tmp_path / f"{name}.pem").write_bytes(chain)
        return authority

    @pytest.fixture
    def tls(self, authority: trustme.CA, tmp_path: Path) -> dict[str, Any]:
        return {
            "cert_file": str(tmp_path / "server.pem"),
            "key_file": str(tmp_path / "server.key"),
            "ca_file": str(tmp_path / "ca.pem"),
            "timeout": 5,
        }

    async def test_the_server_is_checked_against_the_given_authority(
        self, serve: Any, tls: dict[str, Any], tmp_path: Path
    ) -> None:
        server = serve(tls=tls)
        url = server.url.replace("nats://", "tls://")
        assert await works({"url": url, "tls_ca": str(tmp_path / "ca.pem")})
        with pytest.raises(ServerUnavailable, match=r"is not trusted \(.*\)\. Set NATS_CA "):
            await works(url)

    async def test_the_end_of_a_connection_is_nothing_to_warn_of(
        self, serve: Any, tls: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = serve(tls=tls)
        url = server.url.replace("nats://", "tls://")
        connection = {"url": url, "tls_ca": str(tmp_path / "ca.pem")}
        async with Queue("q", {"connection": connection}) as queue:
            await queue.add("n", {})
            server.stop()
            while "reconnecting" not in caplog.text:
                await asyncio.sleep(0.01)
        assert [record for record in caplog.records if record.name == "asyncio"] == []

    async def test_the_authority_from_the_environment(
        self, serve: Any, tls: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = serve(tls=tls)
        monkeypatch.setenv("NATS_URL", server.url.replace("nats://", "tls://"))
        monkeypatch.setenv("NATS_CA", str(tmp_path / "ca.pem"))
        assert await works(None)

    @pytest.mark.parametrize("scheme", ["tls", "nats"])
    async def test_a_server_that_offers_tls_and_does_not_insist_is_spoken_to_in_tls(
        self, serve: Any, tls: dict[str, Any], tmp_path: Path, scheme: str
    ) -> None:
        server = serve(tls=tls, allow_non_tls=True)
        url = server.url.replace("nats://", f"{scheme}://")
        assert await works({"url": url, "tls_ca": str(tmp_path / "ca.pem")})
        assert await works(server.url)
        with pytest.raises(ServerUnavailable, match=r"(?i)certificate"):
            await works(server.url.replace("nats://", "tls://"))

    async def test_who_asks_for_tls_tells_a_server_without_it_no_password(
        self, authority: trustme.CA, tmp_path: Path
    ) -> None:
        heard: list[bytes] = []
        answered = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'INFO {"server_id":"x","version":"2.15.0","auth_required":true}\r\n')
            with suppress(ConnectionError):
                while part := await reader.read(4096):
                    heard.append(part)
            writer.close()
            answered.set()

        ca = str(tmp_path / "ca.pem")
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as listener:
            host = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
            login = {"user": "ada", "password": PASSWORD}
            for given in ({"url": f"tls://{host}"}, {"url": f"nats://{host}", "tls_ca": ca}):
                with pytest.raises(ServerUnavailable, match="the server offers none"):
                    await works({**given, **login})
                await answered.wait()
                answered.clear()
        assert heard == []

    async def test_a_server_with_an_authority_of_its_own_is_emptied_and_looked_at_for_leaks(
        self, serve: Any, tls: dict[str, Any], tmp_path: Path
    ) -> None:
        url = serve(tls=tls).url.replace("nats://", "tls://")
        given = {"url": url, "tls_ca": str(tmp_path / "ca.pem")}
        async with no_leaks(given):
            assert await works(given)
        await flush(given)
        async with Queue("logins", {"connection": given}) as queue:
            assert await queue.getJobCounts("waiting") == {"waiting": 0}

    async def test_both_sides_show_certificates(
        self, serve: Any, tls: dict[str, Any], tmp_path: Path
    ) -> None:
        server = serve(tls={**tls, "verify": True})
        url = server.url.replace("nats://", "tls://")
        ours = {
            "tls_ca": str(tmp_path / "ca.pem"),
            "tls_cert": str(tmp_path / "client.pem"),
            "tls_key": str(tmp_path / "client.key"),
        }
        assert await works({"url": url, **ours})
        with pytest.raises(ServerUnavailable):
            await works({"url": url, "tls_ca": ours["tls_ca"]})

    async def test_equal_tls_settings_share_a_connection(self, tmp_path: Path) -> None:
        given = {"url": "tls://127.0.0.1:4222", "tls_ca": str(tmp_path / "ca.pem")}
        assert target_of(given) == target_of(dict(given))

    async def test_a_file_that_is_no_certificate_is_named(self, serve: Any, tmp_path: Path) -> None:
        nonsense = tmp_path / "nonsense.pem"
        nonsense.write_text("no certificate")
        server = serve()
        with pytest.raises(ConfigurationError, match=r"nonsense\.pem cannot be used"):
            await works({"url": server.url, "tls_ca": str(nonsense)})


@pytest.mark.parametrize(
    "connection", [[], (), ",", {"servers": []}, {"servers": ""}, {"url": ","}]
)
def test_a_connection_that_names_no_server_is_refused_in_a_sentence(connection: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^connection names no server: give a URL"):
        target_of(connection)
