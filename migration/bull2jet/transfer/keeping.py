"""The way back without the target: what was carried is put back as Redis has kept it."""

from __future__ import annotations

from bull2jet.errors import NotGoError
from bull2jet.findings import Finding, Severity
from bull2jet.model import State
from bull2jet.report.lines import QueueLine, StateLine
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.handover import RETURNED, Handover
from bull2jet.source.lease import held_lease
from bull2jet.source.listing import holders
from bull2jet.transfer.belonging import as_marked, is_taken, unmark


async def put_back(door: Door, found: QueueFound, line: QueueLine) -> Finding:
    """Puts every job and scheduler back where it stood when it was taken over, and lets the old
    workers go; what to know of it.
    """
    if not await is_taken(door, found.queue):
        raise NotGoError(f"Redis keeps nothing of {found.queue.key} that was carried.")
    began = await as_marked(door, found.queue)
    found = began.recognised(found)
    frozen = "paused" if found.generation.moves_list_when_paused else "wait"
    async with held_lease(door, found.queue, "rollback") as lease:
        handover = Handover(door, found, lease)
        await handover.freeze()
        for holder in reversed(holders(found.generation.finished_in_sets)):
            goal = frozen if holder.state is State.WAITING else holder.suffix
            kept = holder.mirror
            entry = line.states.setdefault(holder.state.value, StateLine())
            entry.count += int(await door.call(kept.counting, handover.keys(kept.suffix)))
            for name in (f"inflight:{holder.suffix}", holder.suffix):
                await handover.put_back(name, goal, holder.redis_type)
        await handover.put_back("repeat", "repeat", "zset")
        await handover.line_up()  # what a way back that was broken off has set aside
        await handover.together([("UNLINK", handover.keys(RETURNED))])
        if not began.was_paused:
            await handover.thaw()
        await unmark(handover)
    text = "its jobs are as they were when they were carried: what has run since runs again."
    return Finding(Severity.CHANGED, "put-back", text, found.queue.key)
