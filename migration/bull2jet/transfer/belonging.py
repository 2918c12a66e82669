"""A mark in Redis and in the checkpoint, by which each side knows that the other is its own.

Without it a queue of another Redis that bears the same name would be taken for the one that was
migrated: a copy restored from an old dump, a staging server, a mistyped address.
"""

from __future__ import annotations

import re
import uuid

from bull2jet.errors import NotGoError
from bull2jet.model import QueueRef
from bull2jet.source.door import Door, text
from bull2jet.source.handover import Handover
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listing import HOLDERS
from bull2jet.transfer.checkpoint import Checkpoint, Phase

_MARK = "migration"
_LOGIN = re.compile(r"//[^/]*@")


async def mark(handover: Handover) -> str:
    """Marks the queue in Redis at the beginning of a migration; the mark."""
    value = uuid.uuid4().hex
    await handover.together([("SET", handover.keys.own(_MARK), value)])
    return value


async def unmark(handover: Handover) -> None:
    """Takes the mark away, after the checkpoint says that all is back."""
    await handover.together([("UNLINK", handover.keys.own(_MARK))])


async def require_same(door: Door, queue: QueueRef, checkpoint: Checkpoint) -> None:
    """`NotGoError` when this Redis is not the one that the migration began with."""
    found = await door.call("GET", QueueKeys(queue).own(_MARK))
    known = text(found) == checkpoint.mark if found else await _is_evicted(door, queue, checkpoint)
    if checkpoint.mark and not known:
        raise NotGoError(
            f"The queue {queue.key} on NATS came from another Redis ({checkpoint.source}), not "
            f"from {door.address}, or that one was restored from a backup; check the addresses, "
            "or take another NATS server or prefix."
        )


async def _is_evicted(door: Door, queue: QueueRef, checkpoint: Checkpoint) -> bool:
    """Whether a Redis that was short of memory has dropped the mark alone: it still lists jobs as
    taken over, as no backup from before the migration would."""
    keys = QueueKeys(queue)
    lists = await door.calls([("EXISTS", keys(holder.mirror.suffix)) for holder in HOLDERS])
    return any(lists) and same_address(checkpoint.source, str(door.address))


def same_address(one: str, other: str) -> bool:
    """Whether two addresses lead to one Redis, whoever logs in."""
    return _LOGIN.sub("//", one) == _LOGIN.sub("//", other)


async def require_known(door: Door, queue: QueueRef, checkpoint: Checkpoint) -> None:
    """`NotGoError` when a migration that has begun, or is over, began with another Redis."""
    if checkpoint.phase in (Phase.COPYING, Phase.LIVE):
        await require_same(door, queue, checkpoint)
    elif checkpoint.phase is Phase.FINAL and not same_address(
        checkpoint.source, str(door.address)
    ):  # the mark is gone
        raise NotGoError(
            f"The queue {queue.key} on NATS came from {checkpoint.source}, and its migration from "
            f"there is final; if {door.address} is that Redis, give it by that address, else take "
            "another NATS server or prefix."
        )


__all__ = ["mark", "require_known", "require_same", "same_address", "unmark"]
