"""Tickets from one consumer: pull requests sent by hand, answers on a callback subscription.

`grab` asks for what is there now; `poll` leaves a standing request that the server answers when a
job arrives. Both hand tickets to `deliver` the moment they come in. A ticket does not say which
request it answers, and the server may answer a standing one while a grab is under way: so each kind
has a subscription of its own. A standing request that is believed to stand and does not would leave
an idle worker without jobs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from time import monotonic

from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.taking.trips import Trips
from jetbull.ledger.wire import Subscription, Wire

#: A request held by a server that dies, or by a leader that is no more, is never answered: so no
#: request stands for long, and one that is overdue counts as lost.
POLL_SECONDS = 5.0
_OVERDUE_SECONDS = 2.0
_GRAB_SECONDS = 3.0
_REFUSED_SECONDS = 0.2  # pause before asking again after a refusal
_NANO = 1_000_000_000


class Feed:
    """One consumer of the jobs stream, pulled by one worker."""

    def __init__(
        self,
        wire: Wire,
        stream: str,
        consumer: str,
        deliver: Callable[[Ticket], None],
        trips: Trips | None = None,
    ) -> None:
        self._wire = wire
        self._trips = trips or Trips()
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._deliver = deliver
        self._poll_inbox, self._grab_inbox = wire.new_inbox(), wire.new_inbox()
        self._subscriptions: list[Subscription] = []
        self._polls: dict[str, tuple[int, float]] = {}
        self._grab: asyncio.Future[None] | None = None
        self._grab_token = ""
        self._grab_left = 0
        self._number = 0
        self._on_idle: Callable[[], None] = lambda: None
        self.lost = False
        self.returned = 0  # tickets given back since the last grab
        self.behind = 0  # tickets the server still had behind the last one it sent
        self.heard = monotonic()

    def on_poll_over(self, callback: Callable[[], None]) -> None:
        """Calls back when a standing request ended without being used up.

        `lost` is True when it ended because the consumer is not there any more.
        """
        self._on_idle = callback

    async def open(self) -> None:
        """Listens for tickets."""
        for inbox, listener in (
            (self._poll_inbox, self._on_polled),
            (self._grab_inbox, self._on_grabbed),
        ):
            self._subscriptions.append(await self._wire.subscribe(inbox + ".*", listener))

    async def close(self) -> None:
        """Listens no more."""
        while self._subscriptions:
            await self._wire.unsubscribe(self._subscriptions.pop())

    @property
    def standing(self) -> int:
        """Tickets the server may still send for standing requests."""
        now = monotonic()
        for token in [t for t, (_, end) in self._polls.items() if end < now]:
            del self._polls[token]
        return sum(left for left, _ in self._polls.values())

    def forget(self) -> None:
        """Standing requests did not survive (reconnect); the consumer was made sure of."""
        self.lost = False
        self._polls.clear()
        if self._grab is not None and not self._grab.done():
            self._grab.set_result(None)

    async def poll(self, count: int) -> None:
        """Leaves a standing request for `count` tickets."""
        token = self._token("p")
        self._polls[token] = (count, monotonic() + POLL_SECONDS + _OVERDUE_SECONDS)
        body = {"batch": count, "expires": int(POLL_SECONDS * _NANO)}
        reply = f"{self._poll_inbox}.{token}"
        await self._wire.send(self._subject, json.dumps(body).encode(), reply)

    async def grab(self, count: int) -> int:
        """Fetches up to `count` tickets that are there now; how many came.

        All that were returned come again at once: the server puts those returned a second time
        behind those it still has, and so would change their order.
        """
        count, self.returned = max(count, self.returned), 0
        asked = monotonic()
        self._grab = asyncio.get_running_loop().create_future()
        self._grab_token = self._token("g")
        self._grab_left = count
        body = {"batch": count, "no_wait": True}
        reply = f"{self._grab_inbox}.{self._grab_token}"
        await self._wire.send(self._subject, json.dumps(body).encode(), reply)
        try:
            async with asyncio.timeout(_GRAB_SECONDS):
                await self._grab
        except TimeoutError:
            return count - self._grab_left
        finally:
            self._grab = None
        self._trips.add(monotonic() - asked)
        return count - self._grab_left

    def _token(self, kind: str) -> str:
        self._number += 1
        return f"{kind}{self._number}"

    def _on_polled(self, subject: bytes, reply: bytes, data: bytes, block: bytes | None) -> None:
        if not reply:
            self._on_poll_status(subject, block)
            return
        self._use_poll()
        self._take(subject, reply, data)

    def _on_grabbed(self, subject: bytes, reply: bytes, data: bytes, block: bytes | None) -> None:
        if not reply:
            self._on_grab_status(subject, block)
            return
        nothing_behind = self._take(subject, reply, data)
        if self._grab is not None and self._grab_left > 0:
            self._grab_left -= 1
            if (self._grab_left == 0 or nothing_behind) and not self._grab.done():
                self._grab.set_result(None)

    def _take(self, subject: bytes, reply: bytes, data: bytes) -> bool:
        """Hands the ticket on; whether nothing waits behind it."""
        self.heard = now = monotonic()
        ack = reply.decode()
        parts = ack.split(".")
        shift = 0 if len(parts) == 9 else 2
        self.behind = int(parts[8 + shift])
        seq, time_ms = int(parts[5 + shift]), int(parts[7 + shift]) // 10**6
        stored = Stored(subject.decode(), seq, Record.read(data), time_ms)
        self._deliver(Ticket(stored, ack, now))
        return self.behind == 0

    def _use_poll(self) -> None:
        for token, (left, end) in self._polls.items():
            if left > 1:
                self._polls[token] = (left - 1, end)
            else:
                del self._polls[token]
            return

    def _on_grab_status(self, subject: bytes, block: bytes | None) -> None:
        self.heard = monotonic()
        self.lost = self.lost or _is_gone(block)
        token = subject.decode().rsplit(".", 1)[1]
        if token == self._grab_token and self._grab is not None and not self._grab.done():
            self._grab.set_result(None)

    def _on_poll_status(self, subject: bytes, block: bytes | None) -> None:
        self.heard = monotonic()
        self.lost = self.lost or _is_gone(block)
        token = subject.decode().rsplit(".", 1)[1]
        status = b"" if block is None else block[9:12]
        if status != b"100" and token in self._polls:
            del self._polls[token]
            if status == b"408":
                self._on_idle()
            else:
                asyncio.get_running_loop().call_later(_REFUSED_SECONDS, self._on_idle)


def _is_gone(block: bytes | None) -> bool:
    """Whether a status says that the consumer or its stream is not there."""
    return block is not None and (
        block[9:12] == b"503" or b"Consumer Deleted" in block or b"Stream Deleted" in block
    )


__all__ = ["POLL_SECONDS", "Feed"]
