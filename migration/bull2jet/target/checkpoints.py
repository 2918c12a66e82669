"""The checkpoint of a queue, and those of all queues for when Redis tells them no longer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bull2jet.errors import TargetError
from bull2jet.model import QueueRef
from jetbull.ledger.messages.record import dumps, to_bytes
from jetbull.ledger.messages.tokens import unescape
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams.streams import all_prefix_streams
from jetbull.ledger.wire import StoredMessage, Wire

KIND = "bull2jet"  # the queue's message that holds the checkpoint
NAME = "checkpoint"
_SPARE = "spare"
_SPARE_BYTES = 16_384  # the two or three messages that a way back begins with
_PAGE = 500
_PREFIX, _QUEUE = 1, 2  # jbq.<prefix>.<queue>.<kind>.<key>
_LONG = "schedulers"  # the field that grows with the queue; the rest is a few hundred bytes
_PIECES = "pieces"  # how many messages hold it, where it is too long for one


async def save_checkpoint(store: QueueStore, checkpoint: Mapping[str, Any]) -> None:
    """Replaces the checkpoint.

    Pieces come first. The long field is only ever added to, at its end, so pieces that a killed run
    has written tell nothing else than those of the checkpoint before.
    """
    body = dict(checkpoint)
    pieces = list(_pieces(body[_LONG], store.wire.max_payload // 2))
    if len(pieces) > 1:
        for number, piece in enumerate(pieces):
            await store.put(_of_piece(store, number), to_bytes(dumps(piece)), {})
        body |= {_LONG: {}, _PIECES: len(pieces)}
    await store.put(store.names.aux(KIND, NAME), to_bytes(dumps(body)), {})


async def keep_room(store: QueueStore) -> None:
    """Stores a message that only takes room, for `free_room` to give back."""
    await store.put(store.names.aux(KIND, _SPARE), bytes(_SPARE_BYTES), {})


async def free_room(store: QueueStore) -> None:
    """Makes room for a few small messages, also on a server that takes none any more."""
    await store.purge(store.names.aux(KIND, _SPARE))


async def read_checkpoint(store: QueueStore) -> Mapping[str, Any] | None:
    """The last checkpoint, whole."""
    body = await _read(store, store.names.aux(KIND, NAME))
    if body is not None:
        for number in range(body.get(_PIECES, 0)):
            body[_LONG] |= await _read(store, _of_piece(store, number)) or {}
    return body


async def _read(store: QueueStore, subject: str) -> dict[str, Any] | None:
    found = await store.wire.get_last(store.names.space.jobs, subject)
    return None if found is None else _body(found)


def _body(found: StoredMessage) -> dict[str, Any]:
    try:
        body: dict[str, Any] = {**json.loads(found.data)}
        return body
    except (TypeError, ValueError) as error:
        raise TargetError(
            f"The note of how far the migration has come, {found.subject}, cannot be read "
            f"({error}); restore its stream from a backup."
        ) from error


def _of_piece(store: QueueStore, number: int) -> str:
    return store.names.aux(KIND, f"{_LONG}-{number}")


def _pieces(whole: Mapping[str, str], size: int) -> Iterator[dict[str, str]]:
    """The entries in their order, in pieces of about `size` bytes of JSON at most."""
    piece: dict[str, str] = {}
    room = size
    for key, value in whole.items():
        needed = len(dumps({key: value}).encode("utf-8", "surrogatepass"))
        if piece and needed > room:
            yield piece
            piece, room = {}, size
        piece[key] = value
        room -= needed
    if piece:
        yield piece


async def read_checkpoints(wire: Wire) -> dict[QueueRef, Mapping[str, Any]]:
    """Every queue's last checkpoint, of whatever prefix; without the schedulers in pieces."""
    found: dict[QueueRef, Mapping[str, Any]] = {}
    for stream in await all_prefix_streams(wire):
        if not stream.startswith("JB_"):
            continue
        query = {"next_by_subj": f"jbq.*.*.{KIND}.{NAME}", "seq": 1, "batch": _PAGE}
        while page := await wire.get_batch(stream, query):
            for message in page:
                parts = message.subject.split(".")
                queue = QueueRef(unescape(parts[_PREFIX]), unescape(parts[_QUEUE]))
                found[queue] = _body(message)
            if not page[-1].pending:
                break
            query["seq"] = page[-1].seq + 1
    return found


__all__ = [
    "free_room",
    "keep_room",
    "read_checkpoint",
    "read_checkpoints",
    "save_checkpoint",
]
