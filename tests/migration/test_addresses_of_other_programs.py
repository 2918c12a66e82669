"""Addresses as other programs have them, with options for their own client libraries."""

from __future__ import annotations

import pytest

from bull2jet.options import Options
from bull2jet.source.door import Door

from .commands import bull2jet
from .conftest import Load, RedisServer
from .there_and_back import and_back


@pytest.mark.parametrize(
    "query",
    ["protocol=3", "decode_responses=true&family=0", "retry_on_timeout=true&db=0&keepAlive=1"],
)
async def test_what_an_address_tells_a_client_changes_nothing(
    query: str, load: Load, options: Options, door: Door
) -> None:
    load("bullmq-5")
    named = options.model_copy(update={"redis": f"{options.redis}?{query}", "queues": ("later",)})
    await and_back(named, door)


def test_an_option_that_nobody_knows_is_named(redis_server: RedisServer) -> None:
    ended = bull2jet("inspect", f"{redis_server.url}?tls=yes")
    assert ended.code == 2
    assert "its option 'tls' is not known" in ended.err
