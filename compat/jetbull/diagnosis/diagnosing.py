"""All there is to look at in a queue, one after the other.

Nothing is changed, apart from one message of its own that is stored and taken to prove that jobs
pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from jetbull.diagnosis.consumption import look_at_consumers, look_at_settings, look_at_workers
from jetbull.diagnosis.finding import Finding
from jetbull.diagnosis.storage import look_at_account, look_at_streams
from jetbull.diagnosis.stuck import look_for_stuck_jobs
from jetbull.errors import JetbullError
from jetbull.health import check_readiness
from jetbull.ledger.messages import clock, record
from jetbull.queue import Queue

__all__ = ["diagnose"]

_SKEW_MS = 1_000


async def diagnose(queue: Queue) -> list[Finding]:
    """All findings, up to the first that makes the others impossible."""
    return [finding async for finding in _all(queue)]


async def _all(queue: Queue) -> AsyncIterator[Finding]:
    yield _code()
    try:
        store = await queue.ledger()
    except JetbullError as error:
        yield Finding("server", "wrong", str(error))
        return
    version, url = store.wire.server_version, store.wire.url
    yield Finding("server", "ok", f"nats-server {version} with JetStream at {url}.")
    yield _clock()
    try:
        async for finding in look_at_streams(store):
            yield finding
        yield await look_at_account(store)
        async for finding in look_at_consumers(store):
            yield finding
        for check in await check_readiness(queue):
            if check.name == "consume" or not check.ok:
                yield Finding("passage", "ok" if check.ok else "wrong", check.detail)
        yield await look_at_workers(store)
        yield await look_at_settings(queue)
        async for finding in look_for_stuck_jobs(store):
            yield finding
    except JetbullError as error:
        yield Finding("server", "wrong", str(error))


def _code() -> Finding:
    is_plain = Path(record.__file__).suffix == ".py"
    how = "plain Python; a wheel built beside a C compiler does more" if is_plain else "compiled"
    return Finding("code", "ok", f"What runs for every job is {how}.")


def _clock() -> Finding:
    skew = clock.by_server(0)
    if abs(skew) < _SKEW_MS:
        return Finding("clock", "ok", "This machine's clock agrees with the server's.")
    way = "behind" if skew > 0 else "ahead of"
    return Finding(
        "clock",
        "hint",
        f"This machine's clock is {abs(skew) / 1000:.1f} s {way} the server's; due times follow "
        "the server's. Set the clock right, for logs and for jobs with absolute times.",
    )
