"""The one door to Redis: every command goes through `Door.calls`.

So that the read-only commands can promise to be read-only (a writing command is refused here,
whoever sends it), and so that a slow or small Redis is treated gently: the batch size shrinks when
answers take long and grows again when they do not.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from redis import exceptions as redis_errors
from redis.asyncio.sentinel import MasterNotFoundError

from bull2jet.errors import ReadOnlyError, SourceError
from bull2jet.source.address import Address
from bull2jet.source.connecting import clustered, plain, useless
from bull2jet.source.json_text import sound_text
from bull2jet.source.pace import Pace

Command = tuple[str | int | bytes, ...]

READING = frozenset(
    {
        "PING", "INFO", "DBSIZE", "SCAN", "TYPE", "EXISTS", "PTTL", "MEMORY", "CLIENT",
        "GET", "STRLEN", "HGETALL", "HGET", "HMGET", "HLEN", "HSCAN", "HKEYS", "HEXISTS", "HSTRLEN",
        "LLEN", "LRANGE", "LINDEX", "SCARD", "SMEMBERS", "SSCAN", "SISMEMBER", "SRANDMEMBER",
        "ZCARD", "ZRANGE", "ZREVRANGE", "ZRANGEBYSCORE", "ZSCORE", "ZSCAN", "ZCOUNT",
        "XLEN", "XRANGE", "XREVRANGE", "XREAD",
    }
)  # fmt: skip
_RIGHTS = re.compile("NOPERM|ACL failure|can't run this command|no permissions")
_UNKNOWN = re.compile("unknown (redis )?command", re.IGNORECASE)
#: what the client raises when Redis fails; of a cluster it has an error of another family
_FAILURES = (redis_errors.RedisError, redis_errors.RedisClusterException, OSError)
_CLOSED = re.compile("permissions? to access .*key")
_READING_CLIENT = frozenset({"LIST", "ID", "SETNAME"})


class Door:
    """Commands to one Redis, plain, Sentinel-led or Cluster.

    In a cluster all keys of one call must share a slot, as the keys of a queue do.
    """

    def __init__(
        self, client: Any, address: Address, *, writable: bool = False, guides: Sequence[Any] = ()
    ) -> None:
        self._client = client
        self._guides = guides  # clients of the Sentinels
        self.address = address
        self.writable = writable
        self.pace = Pace()

    async def call(self, *command: str | int | bytes) -> Any:
        """One command's answer; `ResponseError` when a key does not hold what it asks for."""
        return await self._answer(command)

    async def _answer(self, command: Command, **manner: Any) -> Any:
        self._check([command])
        verb, *arguments = command
        try:
            return await self._client.execute_command(verb, *map(_sendable, arguments), **manner)
        except _FAILURES as error:
            if _is_about_a_key(error):
                raise
            raise unavailable(self.address, error) from error

    async def calls(self, commands: Sequence[Command], *, closed_keys: bool = False) -> list[Any]:
        """Answers in the order of the commands.

        Where a key does not hold what a command asks for, the exception stands in the list; with
        `closed_keys` also where the user has no right to the key.
        """
        self._check(commands)
        if not commands:
            return []
        started = time.monotonic()
        pipe = self._client.pipeline(transaction=False)
        for verb, *arguments in commands:
            pipe.execute_command(verb, *map(_sendable, arguments))
        try:
            answers: list[Any] = await pipe.execute(raise_on_error=False)
        except _FAILURES as error:
            raise unavailable(self.address, error) from error
        for answer in answers:
            if isinstance(answer, Exception) and not _is_about_a_key(answer):
                if closed_keys and _CLOSED.search(str(answer)):
                    continue
                raise unavailable(self.address, answer) from answer
        if self.pace.suspects(time.monotonic() - started):
            self.pace.learn(await self.seconds_to_ping())
        return answers

    async def seconds_to_ping(self) -> float:
        """How long Redis lets a small question wait now."""
        started = time.monotonic()
        await self.call("PING")
        return time.monotonic() - started

    def _check(self, commands: Sequence[Command]) -> None:
        if self.writable:
            return
        for command in commands:
            verb = str(command[0]).upper()
            allowed = verb in READING
            if verb == "CLIENT":
                allowed = str(command[1]).upper() in _READING_CLIENT
            if not allowed:
                raise ReadOnlyError(
                    f"The command {verb} was refused because this bull2jet command only reads; "
                    "this is a defect of bull2jet, please report it."
                )

    async def info(self) -> dict[str, Any]:
        """INFO as a dict (of any one node in a cluster); empty where Redis does not tell."""
        try:
            answer = await self._client.info()
        except redis_errors.ResponseError as error:
            if _RIGHTS.search(str(error)) or _UNKNOWN.search(str(error)):
                return {}
            raise unavailable(self.address, error) from error
        except _FAILURES as error:
            raise unavailable(self.address, error) from error
        if answer and all(isinstance(value, dict) for value in answer.values()):
            answer = next(iter(answer.values()))
        return dict(answer)

    async def keys(self, pattern: str = "*", count: int = 1000) -> AsyncIterator[list[str]]:
        """All matching keys in pages, by SCAN; a key may come twice, as SCAN allows."""
        page: list[str] = []
        try:
            async for key in self._client.scan_iter(match=_sendable(pattern), count=count):
                page.append(text(key))
                if len(page) >= count:
                    yield page
                    page = []
        except _FAILURES as error:
            raise unavailable(self.address, error) from error
        if page:
            yield page

    async def added(self, stream: str, last_id: str, wait_ms: int) -> str:
        """Waits until a stream has an entry after `last_id`; the newest id then."""
        answer = await self.call(
            "XREAD", "COUNT", 1000, "BLOCK", wait_ms, "STREAMS", stream, last_id
        )
        if not answer:
            return last_id
        entries = next(iter(answer.values())) if isinstance(answer, dict) else answer[0][1]
        while entries and isinstance(entries[0], list):  # RESP3 nests one level more
            entries = entries[0]
        return text(entries[-1][0])

    @property
    def can_listen(self) -> bool:
        """Whether `published` works; the client for clusters has no subscriptions."""
        return hasattr(self._client, "pubsub")

    @contextlib.asynccontextmanager
    async def published(self, pattern: str) -> AsyncIterator[AsyncIterator[str]]:
        """Names of the channels below `pattern` that something is published on."""
        try:
            async with self._client.pubsub() as listener:
                await listener.psubscribe(_sendable(pattern))
                yield _channels(listener)
        except _FAILURES as error:
            raise unavailable(self.address, error) from error

    async def script(self, source: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Runs one of bull2jet's own scripts as one atomic step, once."""
        command = ("EVAL", source, len(keys), *keys, *args)
        find_node = getattr(self._client, "get_node_from_key", None)
        if find_node is None:
            return await self.call(*command)
        # A cluster's client sends a command again when its answer is lost, but never to a node
        # that it was told to ask: what a second time moves nothing looks as if others had moved it.
        try:
            await self._client.initialize()
            node = find_node(keys[0])
        except _FAILURES as error:
            raise unavailable(self.address, error) from error
        return await self._answer(command, target_nodes=node)

    async def close(self) -> None:
        """Closes the connections."""
        for client in (self._client, *self._guides):
            await client.aclose()


async def open_door(address: Address, *, writable: bool = False) -> Door:
    """Connects and makes sure that Redis answers; `SourceError` otherwise."""
    if address.cluster:
        return Door(clustered(address), address, writable=writable)
    client, guides = plain(address)
    door = Door(client, address, writable=writable, guides=guides)
    try:
        try:
            await door.call("PING")  # connects
        except TypeError as error:  # the client looks at some options not before
            raise useless(address, error) from error
        door.pace.way = await door.seconds_to_ping()
        info = await door.info()
        if "cluster" in (info.get("redis_mode"), info.get("server_mode")):
            await door.close()
            return Door(clustered(address), address, writable=writable)
    except redis_errors.RedisError as error:
        await door.close()
        raise unavailable(address, error) from error
    except BaseException:
        await door.close()
        raise
    return door


async def _channels(listener: Any) -> AsyncIterator[str]:
    async for message in listener.listen():
        if message["type"] == "pmessage":
            yield text(message["channel"])


def unavailable(address: Address, error: Exception) -> SourceError:
    """What an operator reads when Redis cannot be used; says why, never with what password."""
    return SourceError(f"Redis at {address} cannot be used: {_reason(error)}.")


def _reason(error: Exception) -> str:
    said = str(error).rstrip(".")
    if isinstance(error, MasterNotFoundError):
        return _no_primary(said)
    if "Cluster mode is not enabled" in said:
        return "it is no cluster; leave +cluster out of the address"
    if isinstance(error, redis_errors.AuthenticationError):
        return "it refused the login; check user and password"
    if _CLOSED.search(said):
        return f"the user may not use these keys ({said}); docs/migration.md names the rights"
    if isinstance(error, redis_errors.NoPermissionError) or _RIGHTS.search(said):
        return f"the user may not do this ({said}); give it the commands docs/migration.md names"
    if isinstance(error, redis_errors.BusyLoadingError):
        return "it is still loading its data; try again in a moment"
    if isinstance(error, redis_errors.OutOfMemoryError) or "OOM command" in said:
        return "it has no memory left for a write; raise its maxmemory, then type the command again"
    if isinstance(error, redis_errors.ReadOnlyError) or "READONLY" in said:
        return "it is a read-only replica; give the primary's address"
    if "MISCONF" in said:
        return "it takes no writes since it cannot save them (MISCONF); see its log, mend its disk"
    if "NOREPLICAS" in said:
        return "it takes no writes while its replicas are away; see min-replicas-to-write"
    if isinstance(error, redis_errors.ConnectionError) and " connecting to " in said:
        return f"it cannot be reached ({said}); check host, port and scheme (rediss:// is TLS)"
    if _UNKNOWN.search(said):
        return f"it lacks a command that is needed ({said}); see rename-command in its file"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _no_primary(said: str) -> str:
    if "AuthenticationError" in said:
        return "the Sentinels refused the login; add ?sentinel_password=… to the address"
    return "no Sentinel there names a reachable primary of that name; check hosts and name"


def _is_about_a_key(error: Exception) -> bool:
    """Whether Redis takes the command, but not for what the key holds, or for the lease."""
    said = str(error)
    return isinstance(error, redis_errors.ResponseError) and (
        "WRONGTYPE" in said or "FENCED" in said
    )


def text(value: bytes | str) -> str:
    """A Redis string as text; bytes that are no UTF-8 survive as lone surrogates."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def _sendable(argument: str | int | bytes) -> int | bytes:
    """The inverse of `text`, so that a key with broken UTF-8 can be asked for again.

    An id out of the target may hold halves of surrogate pairs, which Node replaces.
    """
    if not isinstance(argument, str):
        return argument
    try:
        return argument.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return sound_text(argument).encode()


__all__ = ["Command", "Door", "open_door", "text", "unavailable"]
