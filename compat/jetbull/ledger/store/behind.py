"""A look that stands behind a write: what the server knew when it had stored that, in one trip.

A read may be answered before a message that was sent first is stored. A message that is refused
waits its turn, and the refusal names the sequence it should have expected. So a guard that cannot
hold is a question, asked of the stream's leader in the order of what is stored.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from jetbull.errors import AckTimeout, Conflict, JetbullError, StreamMissing
from jetbull.ledger.messages.guard import HeaderMap, expected
from jetbull.ledger.store.store import QueueStore

_NEVER = 2**64 - 1  # no message has this sequence
_LAST = re.compile(r"wrong last sequence: (\d+)$").search


async def put_and_look(
    store: QueueStore,
    subject: str,
    payload: bytes,
    headers: HeaderMap,
    pattern: str,
    on_sent: Callable[[], None],
) -> int | None:
    """Stores a guarded message, as `QueueStore.put`; the sequence of the last message on `pattern`
    (wildcards allowed; 0 for none) behind it. None where one has to ask anew: in a cluster, or when
    an answer was lost. What `on_sent` sends leaves between the two.
    """
    if store.wire.is_clustered:  # a leader may refuse by what is not stored yet
        await store.put(subject, payload, headers)
        return None
    if store.wire.crowded:
        await store.wire.room()
    stored = store.wire.post_now(subject, payload, headers)
    on_sent()
    look = store.wire.post_now(subject, b"", expected(pattern, _NEVER))
    look.add_done_callback(_heard)
    store.wire.hurry()
    try:
        await stored
    except (AckTimeout, StreamMissing) as error:
        await store.insist(subject, payload, headers, error)
        return None
    try:
        await look
    except Conflict as refusal:
        last = _LAST(str(refusal))
        return None if last is None else int(last.group(1))
    except JetbullError:
        return None
    raise AssertionError("a message was stored that expected a sequence there is not")


def _heard(look: asyncio.Future[int]) -> None:
    """Where the message itself was refused, nobody asks what the look found."""
    if not look.cancelled():
        look.exception()


__all__ = ["put_and_look"]
