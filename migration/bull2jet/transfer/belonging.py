"""A mark in Redis and in the checkpoint, by which each side knows that the other is its own.

Without it a queue of another Redis that bears the same name would be taken for the one that was
migrated: a copy restored from an old dump, a staging server, a mistyped address.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import asdict

from bull2jet.errors import NotGoError
from bull2jet.model import QueueRef
from bull2jet.source.door import Door, text
from bull2jet.source.generation import Generation
from bull2jet.source.handover import Handover
from bull2jet.source.keys import OWN, QueueKeys
from bull2jet.source.listing import HOLDERS
from bull2jet.transfer.checkpoint import FORM, Checkpoint, Phase

_MARK = "migration"
_LOGIN = re.compile(r"//[^/]*@")


async def mark(handover: Handover, library: Generation, paused: bool) -> str:
    """Marks the queue in Redis at the beginning of a migration; the mark.

    It tells what the way back has to know where the target has lost its data.
    """
    began = Checkpoint(mark=uuid.uuid4().hex, was_paused=paused, library=library)
    value = json.dumps(asdict(began))
    await handover.together([("SET", handover.keys.own(_MARK), value)])
    return value


async def as_marked(door: Door, queue: QueueRef) -> Checkpoint:
    """What the mark in Redis tells of how the migration began."""
    found = await door.call("GET", QueueKeys(queue).own(_MARK))
    return FORM.validate_json(text(found)) if found else Checkpoint()


async def unmark(handover: Handover) -> None:
    """Takes the mark away, after the checkpoint says that all is back."""
    await handover.together([("UNLINK", handover.keys.own(_MARK))])


async def _require_same(door: Door, queue: QueueRef, checkpoint: Checkpoint) -> None:
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
    return await is_taken(door, queue) and same_address(checkpoint.source, str(door.address))


async def is_taken(door: Door, queue: QueueRef) -> bool:
    """Whether Redis keeps jobs or schedulers as taken over."""
    keys = QueueKeys(queue)
    kept = {holder.mirror.suffix: holder.mirror.redis_type for holder in HOLDERS}
    kept[f"{OWN}repeat"] = "zset"
    kinds = await door.calls([("TYPE", keys(name)) for name in kept])
    return any(kind == wanted.encode() for kind, wanted in zip(kinds, kept.values(), strict=True))


async def _require_untaken(door: Door, queue: QueueRef) -> None:
    """`NotGoError` where jobs were taken over by a migration that the target knows nothing of: it
    would take them for lost, and what Redis alone tells of their order would go on the way back.
    """
    if await is_taken(door, queue):
        raise NotGoError(
            f"Redis keeps jobs of {queue.key} that were carried to another NATS server, or to this "
            "one before it lost its data; give that server with --to or, if nothing is left of it, "
            "put them back by `bull2jet rollback --lost-target`."
        )


def same_address(one: str, other: str) -> bool:
    """Whether two addresses lead to one Redis, whoever logs in."""
    return _LOGIN.sub("//", one) == _LOGIN.sub("//", other)


async def require_no_step_back(door: Door, queue: QueueRef, checkpoint: Checkpoint) -> None:
    """`NotGoError` where Redis knows of fewer jobs that were taken over than there were.

    It has come back with an older copy of its data, so what it lists may have run on the target.
    """
    keys = QueueKeys(queue)
    mirrors = [holder.mirror for holder in HOLDERS]
    counts = await door.calls([(own.counting, keys(own.suffix)) for own in mirrors])
    known = sum(number for number in counts if isinstance(number, int))
    carried = sum(checkpoint.carried.values())
    if checkpoint.phase is Phase.LIVE and known < carried:
        raise NotGoError(
            f"Redis keeps {known:,} jobs of {queue.key} as taken over, and {carried:,} were: it "
            "has lost its newest writes, or was restored from a backup. NATS has the jobs; what "
            "Redis lists now may be some of them, which would run again. See `bull2jet verify`, "
            "and give Redis its newest data back before another run."
        )


async def require_known(door: Door, queue: QueueRef, checkpoint: Checkpoint) -> None:
    """`NotGoError` when a migration that has begun, or is over, began with another Redis, or when
    that of this Redis is one that the target does not know.
    """
    if checkpoint.phase in (Phase.NEW, Phase.RETURNED):
        await _require_untaken(door, queue)
    elif checkpoint.phase is not Phase.FINAL:
        await _require_same(door, queue, checkpoint)
    elif not same_address(checkpoint.source, str(door.address)):  # the mark is gone
        raise NotGoError(
            f"The queue {queue.key} on NATS came from {checkpoint.source}, and its migration from "
            f"there is final; if {door.address} is that Redis, give it by that address, else take "
            "another NATS server or prefix."
        )


__all__ = [
    "as_marked",
    "is_taken",
    "mark",
    "require_known",
    "require_no_step_back",
    "same_address",
    "unmark",
]
