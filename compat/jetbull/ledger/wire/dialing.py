"""Making a connection: to which servers, by whose credentials, and why there is none."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

from nats.errors import Error as NatsError
from nats.errors import NoServersError

from jetbull.errors import ServerTooOld, ServerUnavailable
from jetbull.ledger.wire.client import Client, abandon

log = logging.getLogger("jetbull.wire")

MIN_SERVER = (2, 14)
CONNECT_TIMEOUT = 2.0  # seconds
_BUSY_SECONDS = 0.5  # by which a timeout comes too late where this process is busy
_TRIES = 3


class Refused(ServerUnavailable):
    """A server is there and does not let us in; that does not pass by itself."""


class Dialer:
    """Connects to the servers it was given, or to those of their cluster it learned of since.

    `on_closed` is called with a client that has ended, `on_refusal` with what a server forbids.
    """

    def __init__(
        self,
        servers: list[str],
        options: dict[str, Any],
        on_closed: Callable[[Client], None],
        on_refusal: Callable[[str], None],
    ) -> None:
        self._patience = float(options.pop("connect_timeout", CONNECT_TIMEOUT))
        self._servers = servers
        self._options = options
        self._on_closed = on_closed
        self._on_refusal = on_refusal
        self._discovered: list[str] = []
        self.url = ", ".join(_public(s) for s in servers)  # without credentials

    async def dial(self) -> Client:
        """A new connection; ServerUnavailable says why there is none.

        Where this process was too busy to hear the server in time, as with thousands of calls that
        all begin now, that is tried anew.
        """
        loop = asyncio.get_running_loop()
        for _ in range(_TRIES - 1):
            end = loop.time() + self._patience
            try:
                return await self._dial()
            except ServerUnavailable:
                if loop.time() < end + _BUSY_SECONDS:
                    raise
        return await self._dial()

    async def _dial(self) -> Client:
        client = Client()
        problem: list[Exception] = []

        async def complain(error: Exception) -> None:
            problem.append(error)
            if "permissions violation" in str(error):
                self._on_refusal(str(error).removeprefix("nats: "))
                log.warning("%s", error)
            else:
                log.debug("nats: %r", error)

        async def closed() -> None:
            self._on_closed(client)

        asked_to_end = _asked_to_end()
        try:
            async with asyncio.timeout(self._patience):
                await client.connect(
                    servers=[*self._servers, *self._discovered],
                    closed_cb=closed,
                    error_cb=complain,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0.05,  # type: ignore[arg-type]
                    connect_timeout=max(1, int(self._patience)),
                    ping_interval=3600,
                    pending_size=64 * 1024 * 1024,
                    **({"name": "jetbull"} | self._options),
                )
            # On Python 3.11 `wait_for`, by which nats-py connects, loses a cancellation that comes
            # together with the answer; whoever cancelled would wait for ever.
            if _asked_to_end() > asked_to_end:
                raise asyncio.CancelledError
        except (OSError, NatsError, TimeoutError, ValueError) as error:
            await abandon(client)
            raise self._explained(error, problem) from None
        except BaseException:
            await abandon(client)
            raise
        self._discovered = self._neighbours(client)
        client.shorten()
        return client

    def _explained(self, error: Exception, seen: list[Exception]) -> ServerUnavailable:
        """Why there is no connection, and what helps."""
        server, reason = f"NATS server at {self.url}", self._reason(error, seen)
        if _refuses_login([error, *seen]):
            return Refused(
                f"The {server} refuses the login ({reason}). Give user and password, a token or "
                "credentials in the URL, in `connection` or as NATS_USER and NATS_PASSWORD, "
                "NATS_TOKEN, NATS_CREDS or NATS_NKEY."
            )
        if _is_not_trusted([error, *seen]):
            return Refused(
                f"The certificate of the {server} is not trusted ({reason}). Set NATS_CA (`tls_ca` "
                "in `connection`) to the certificate of its issuer, and use the host's name that "
                "stands in it."
            )
        if _was_told(error):
            return Refused(
                f"The {server} turns this connection away ({reason}): see to this limit in its "
                "configuration."
            )
        return ServerUnavailable(
            f"No NATS server answers at {self.url} ({reason}). Start one with `jetbull server` or "
            "`docker compose up -d nats`, or set NATS_URL to yours."
        )

    def _neighbours(self, client: Client) -> list[str]:
        """The other servers of the cluster, reached with the same credentials."""
        scheme, _, rest = self._servers[0].rpartition("://")
        user, at, _ = rest.rpartition("@")
        return [
            f"{scheme or 'nats'}://{user}{at}{found.netloc}" for found in client.discovered_servers
        ]

    def _reason(self, error: Exception, seen: list[Exception]) -> str:
        if isinstance(error, NoServersError | TimeoutError) and seen:
            error = seen[-1]
        text = str(error).strip() or type(error).__name__
        return _without_secrets(text, self._servers)

    def check(self, client: Client) -> None:
        """Raises, in one sentence, when the server cannot do what is needed."""
        info = client._server_info
        version = str(info.get("version", "0"))
        numbers = tuple(int(p) for p in version.split("-")[0].split(".")[:2] if p.isdigit())
        if numbers < MIN_SERVER:
            raise ServerTooOld(
                f"The NATS server at {self.url} is version {version}; jetbull needs "
                f"{MIN_SERVER[0]}.{MIN_SERVER[1]} or newer (message schedules, atomic batches)."
            )
        if not info.get("jetstream", False):
            raise ServerUnavailable(
                f"The NATS server at {self.url} runs without JetStream: start it with `-js`."
            )


def _asked_to_end() -> int:
    """How often this task was cancelled."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _public(url: str) -> str:
    """The URL without credentials."""
    scheme, _, rest = url.rpartition("://")
    return f"{scheme}://{rest.rsplit('@', 1)[-1]}" if scheme else rest.rsplit("@", 1)[-1]


def _refuses_login(errors: list[Exception]) -> bool:
    return any("authorization violation" in str(error).lower() for error in errors)


def _was_told(error: Exception) -> bool:
    """Whether these are the server's own words, which it sets in quotes."""
    return isinstance(error, NatsError) and str(error).startswith("nats: '")


def _is_not_trusted(errors: list[Exception]) -> bool:
    return any(isinstance(error, ssl.SSLCertVerificationError) for error in errors)


def _without_secrets(text: str, servers: list[str]) -> str:
    """A library's words without any credentials that stood in the URLs."""
    for server in servers:
        before, found, _ = server.rpartition("@")
        if not found:
            continue
        given = before.rpartition("://")[2]
        for secret in (before, given, *given.split(":", 1)):
            if secret:
                text = text.replace(secret, "…")
    return text


__all__ = ["Dialer", "Refused"]
