"""Stopping a job whose worker is told that it is no longer wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol, TypeVar

import anyio

from .errors import JobCancelledError

__all__ = ["CancelSignal", "until_cancelled"]

_T = TypeVar("_T")


class CancelSignal(Protocol):
    """What a BullMQ-like worker gives a processor that can be cancelled."""

    @property
    def reason(self) -> str | None:
        """Why the job is no longer wanted, where somebody said so."""

    async def wait(self) -> object:
        """Returns as soon as the job is cancelled."""


async def until_cancelled(work: Awaitable[_T], signal: CancelSignal) -> _T:
    """What the work gives; it is cancelled as soon as the signal says so.

    Raises JobCancelledError then, once the work has tidied up.
    """
    with anyio.CancelScope() as scope:
        watching = asyncio.create_task(_watch(signal, scope))
        try:
            return await work
        finally:
            watching.cancel()
    told = f": {signal.reason}" if signal.reason else ""
    raise JobCancelledError(f"The job was cancelled{told}.")


async def _watch(signal: CancelSignal, scope: anyio.CancelScope) -> None:
    await signal.wait()
    scope.cancel()
