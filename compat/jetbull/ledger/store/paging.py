"""All messages of a pattern, or the last on each of many subjects, however many: the server answers
1,024 at most at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from jetbull.errors import StoreError
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

_PAGE = 500  # messages per question; the server sends fewer where they are large
_SUBJECTS = 500  # per question; one with a wildcard may stand for two messages


async def read_all(
    store: QueueStore, pattern: str, stream: str | None = None
) -> list[StoredMessage]:
    """Every message of a stream, that of the jobs unless given, on `pattern`, oldest first."""
    messages: list[StoredMessage] = []
    seq = 1
    while True:
        found = await store.wire.get_batch(
            stream or store.names.space.jobs,
            {"next_by_subj": pattern, "seq": seq, "batch": _PAGE},
        )
        messages += found
        if not found or not found[-1].pending:
            return messages
        seq = found[-1].seq + 1


async def read_named(
    store: QueueStore, pattern: str, stream: str | None = None
) -> list[StoredMessage]:
    """As `read_all`, quicker for up to a thousand, however many jobs there are: by name.

    Going through the stream takes longer with each message there is.
    """
    try:
        return await store.wire.get_batch(
            stream or store.names.space.jobs, {"multi_last": [pattern]}
        )
    except StoreError:  # more than the 1,024 that come in one answer
        return await read_all(store, pattern, stream)


async def read_last(store: QueueStore, subjects: Sequence[str]) -> list[StoredMessage]:
    """The last message of the jobs stream on each of these subjects that has one."""
    messages: list[StoredMessage] = []
    for start in range(0, len(subjects), _SUBJECTS):
        query = {"multi_last": subjects[start : start + _SUBJECTS]}
        messages += await store.wire.get_batch(store.names.space.jobs, query)
    return messages


__all__ = ["read_all", "read_last", "read_named"]
