"""The clients of one Redis: plain, led by Sentinels, or of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis import asyncio as aioredis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bull2jet.errors import AddressError
from bull2jet.source.address import Address

_TIMEOUTS: dict[str, Any] = {"socket_connect_timeout": 5.0, "socket_timeout": 60.0}


def plain(address: Address) -> tuple[Any, Sequence[Any]]:
    """The client, and those of the Sentinels that lead it."""
    try:
        if not address.sentinels:
            return aioredis.Redis.from_url(address.url, **_TIMEOUTS), ()
        options: dict[str, Any] = dict(parse_url(f"redis://sentinel?{address.query}"))
        del options["host"]
        own = {
            name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")
        }  # the Sentinels' login; the address holds the primary's
        options |= {"ssl": address.tls, **_TIMEOUTS}
        login: dict[str, Any] = {"username": address.username, "password": address.password}
        sentinels: Any = aioredis.Sentinel  # redis-py leaves its constructor untyped
        guides = {**options, **own, "socket_timeout": 5.0}
        guides["retry"] = Retry(NoBackoff(), 0)  # the next Sentinel is asked at once
        sentinel = sentinels(list(address.sentinels), sentinel_kwargs=guides)
        client = sentinel.master_for(address.service, **{**options, "db": address.db, **login})
        return client, sentinel.sentinels
    except (ValueError, TypeError) as error:
        raise useless(address, error) from error


def clustered(address: Address) -> Any:
    """The client of a cluster."""
    try:
        return aioredis.RedisCluster.from_url(address.url, **_TIMEOUTS)
    except (ValueError, TypeError) as error:
        raise useless(address, error) from error


def useless(address: Address, error: Exception) -> AddressError:
    """What an operator reads when the client does not understand an address."""
    unknown = str(error).partition("unexpected keyword argument ")[2]
    reason = f"its option {unknown} is not known" if unknown else str(error)
    return AddressError(f"The Redis address {address} cannot be used: {reason}.")


__all__ = ["clustered", "plain", "useless"]
