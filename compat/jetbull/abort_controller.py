"""Cooperative cancellation: a controller flips a signal that a processor watches."""

from __future__ import annotations

import asyncio

from jetbull.errors import JetbullError


class AbortError(JetbullError):
    """Raised by `throw_if_aborted`, and by processors that report a cancellation as failure."""

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason or "The operation was aborted")
        self.reason = reason


class AbortSignal:
    """The processor's view: `aborted`, `reason`, `await wait()`, `throw_if_aborted()`."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._reason: str | None = None

    @property
    def aborted(self) -> bool:
        """Whether the job was cancelled."""
        return self._event.is_set()

    @property
    def reason(self) -> str | None:
        """The text that was given, or None."""
        return self._reason

    async def wait(self) -> None:
        """Returns as soon as the signal is aborted."""
        await self._event.wait()

    def throw_if_aborted(self) -> None:
        """Raises `AbortError` once aborted."""
        if self._event.is_set():
            raise AbortError(self._reason)


class AbortController:
    """The owner's side; the first reason stays."""

    def __init__(self) -> None:
        self.signal = AbortSignal()

    def abort(self, reason: str | None = None) -> None:
        """Aborts the signal; further calls change nothing."""
        if not self.signal._event.is_set():
            self.signal._reason = reason
            self.signal._event.set()


__all__ = ["AbortController", "AbortError", "AbortSignal"]
