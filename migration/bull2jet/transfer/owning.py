"""Deduplication ids on the way back: who owns them in Redis again, and which are free."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from itertools import islice

from bull2jet.model import Deduplication
from bull2jet.source.door import Command, Door, text
from bull2jet.source.key_index import KeyIndex
from bull2jet.source.keys import QueueKeys
from bull2jet.source.remembered import remembered_fields

_AT_ONCE = 500  # ids


def owned_again(
    keys: QueueKeys, deduplications: Iterable[Deduplication], kept: Collection[str]
) -> list[Command]:
    """The ids as the target keeps them, with the adds that it remembers, and no others.

    Those in `kept` remember in Redis what was never carried.
    """
    commands: list[Command] = []
    for held in deduplications:
        expiry = ("PX", max(1, held.ttl)) if held.ttl is not None else ()
        key = keys(f"de:{held.id}")
        commands.append(("DEL", key) if held.freed else ("SET", key, held.jobId, *expiry))
        if held.id in kept:
            continue
        commands.append(("DEL", keys(f"dn:{held.id}")))
        if held.next is not None:
            pairs = remembered_fields(held.next).items()
            flat = [part for pair in pairs for part in pair]
            commands.append(("HSET", keys(f"dn:{held.id}"), *flat))
    return commands


async def outlived(
    door: Door, keys: QueueKeys, index: KeyIndex, written: Iterable[str]
) -> list[Command]:
    """Frees the ids that have no time to live and whose owner finished on the target, or is gone.

    `written` are those that stand in Redis since the index was made. The old library frees them as
    their owner finishes, which it will not see here.
    """
    commands: list[Command] = []
    async for ids in _ids(keys, index, written):
        page = [keys(f"de:{dedup_id}") for dedup_id in ids]
        answers = await door.calls([(verb, key) for key in page for verb in ("GET", "PTTL")])
        held = [
            (key, text(owner))
            for key, owner, ttl in zip(page, answers[::2], answers[1::2], strict=True)
            if isinstance(owner, bytes) and ttl == -1
        ]
        looks: list[Command] = []
        for _, owner in held:
            looks += [("EXISTS", keys.job(owner))]
            looks += [("ZSCORE", keys(state), owner) for state in ("completed", "failed")]
        found = iter(await door.calls(looks))
        for key, _ in held:
            there, *finished = next(found), next(found), next(found)
            if there == 0 or any(isinstance(score, float) for score in finished):
                later = keys(f"dn:{keys.rest(key).removeprefix('de:')}")
                commands.append(("UNLINK", key, later))
    return commands


async def _ids(
    keys: QueueKeys, index: KeyIndex, written: Iterable[str]
) -> AsyncIterator[Sequence[str]]:
    async for below in index.below(keys.queue.key):
        rests = map(keys.rest, below)
        yield [rest[3:] for rest in rests if rest.startswith("de:")]
    rows = iter(written)
    while some := list(islice(rows, _AT_ONCE)):
        yield some


__all__ = ["outlived", "owned_again"]
