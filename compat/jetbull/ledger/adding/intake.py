"""Taking in what the first NATS generation of the audiobook API publishes.

That API puts jobs into the work-queue stream `AUDIOBOOK_JOBS`, on `jobs.js.<name>` and
`jobs.python.<name>`, and relied on the workers to create the stream. A worker of the queue
`audio-processing` therefore keeps the stream, and turns each message into a job of its queue: the
job and a marker that the message was taken are stored in one step, then the message is deleted, so
it counts once, however many workers look and whenever one of them dies.

The stream is read without a consumer: the old workers' consumers may still exist, and two
consumers of a work queue may not overlap; and messages those have given up are found as well.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jetbull.errors import AckTimeout, ConfigurationError, Conflict, StoreError, StreamMissing
from jetbull.ledger.adding.adding import NewJob, is_free_again, message_for
from jetbull.ledger.belongings import blobs
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.guard import expected, vanish
from jetbull.ledger.messages.names import bare_token
from jetbull.ledger.messages.placing import waiting
from jetbull.ledger.messages.record import Record, dumps, to_bytes
from jetbull.ledger.messages.tokens import escape
from jetbull.ledger.store.batch import Message, commit
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import NO_MESSAGE, Msg, Subscription

QUEUE = "audio-processing"
STREAM = "AUDIOBOOK_JOBS"
SUBJECTS = ("jobs.js.*", "jobs.python.*")

_WEEK_S = 7 * 24 * 3600
_SECOND_LOOKS = (0.0, 0.05, 0.25, 1.0)  # a hint may be quicker than the stream

log = logging.getLogger("jetbull.intake")


@dataclass(frozen=True, slots=True)
class OldMessage:
    """A message as the old API published it."""

    seq: int
    subject: str
    data: bytes


class Intake:
    """Keeps one queue supplied with the old API's messages; one task of a worker."""

    def __init__(self, store: QueueStore) -> None:
        self._store = store
        self._hint = asyncio.Event()
        self._hint.set()

    async def run(self) -> None:
        """Takes in what is there and what comes, until cancelled."""
        wire = self._store.wire
        forget = wire.on_reconnect(self._hint.set)
        hints: list[Subscription] = []
        try:
            for subject in SUBJECTS:
                hints.append(await wire.subscribe(subject, self._on_hint))
            while True:
                await self._hint.wait()
                self._hint.clear()
                await self._look()
        finally:
            forget()
            for hint in hints:
                await wire.unsubscribe(hint)

    async def _on_hint(self, _: Msg) -> None:
        self._hint.set()

    async def _look(self) -> None:
        look = 0
        while look < len(_SECOND_LOOKS):
            await asyncio.sleep(_SECOND_LOOKS[look])
            look += 1
            try:
                await ensure_stream(self._store)
                if await take_in(self._store):
                    look = 1  # the last hint may belong to a message that comes later still
            except (AckTimeout, StoreError) as error:
                log.warning("the messages of %s cannot be taken in for now: %s", STREAM, error)
                await self._store.wire.connected()


async def ensure_stream(store: QueueStore) -> None:
    """Creates the stream the old workers created, or lets an existing one take our subjects."""
    wire = store.wire
    try:
        config: dict[str, Any] = (await wire.api(f"STREAM.INFO.{STREAM}"))["config"]
    except StreamMissing:
        config = {
            "name": STREAM,
            "subjects": list(SUBJECTS),
            "retention": "workqueue",
            "storage": "file",
            "max_age": _WEEK_S * 10**9,
        }
        await wire.api(f"STREAM.CREATE.{STREAM}", config)
        return
    missing = [
        s for s in SUBJECTS if s not in config["subjects"] and "jobs.>" not in config["subjects"]
    ]
    if missing:
        config["subjects"] = [*config["subjects"], *missing]
        await wire.api(f"STREAM.UPDATE.{STREAM}", config)


async def take_in(store: QueueStore) -> int:
    """Turns every message that is there into a job; how many there were."""
    taken = 0
    for subject in SUBJECTS:
        while (message := await _oldest(store, subject)) is not None:
            await _take(store, message)
            taken += 1
    return taken


async def _oldest(store: QueueStore, subject: str) -> OldMessage | None:
    try:
        answer = await store.wire.api(
            f"STREAM.MSG.GET.{STREAM}", {"seq": 1, "next_by_subj": subject}
        )
    except StreamMissing as error:
        if error.code == NO_MESSAGE:
            return None
        raise
    found = answer["message"]
    return OldMessage(int(found["seq"]), found["subject"], b64decode(found.get("data") or ""))


async def _take(store: QueueStore, message: OldMessage) -> None:
    job = _job_of(message)
    await blobs.externalize(store, job.job_id, job.record)
    marker = store.names.aux("taken", str(message.seq))
    while True:
        headers = expected(marker, 0)
        vanish(headers, _WEEK_S)
        messages = [Message(marker, b"", headers), message_for(store, job)]
        try:
            await commit(store.wire, store.names.space.jobs, messages)
        except Conflict:
            if await is_free_again(store, job):
                continue
            log.info("job %s of %s is there already", job.job_id, message.subject)
        else:
            store.emit("added", jobId=job.job_id, name=job.record.name)
            store.emit("waiting", jobId=job.job_id)
        break
    try:
        await store.wire.api(f"STREAM.MSG.DELETE.{STREAM}", {"seq": message.seq, "no_erase": True})
    except StreamMissing as error:
        if error.code != NO_MESSAGE:  # else another worker deleted it
            raise
    except StoreError as error:
        log.debug("message %d is deleted already: %s", message.seq, error)


def _job_of(message: OldMessage) -> NewJob:
    """The envelope `{jobId, jobName, data, correlationId, timestamp}`, or the bare data.

    What is no JSON, or has an id or a time that no job can have, becomes a job too: its processor
    refuses it where people look for failures, and it keeps no other message waiting.
    """
    name = bare_token(message.subject)
    body: Any
    try:
        body = json.loads(message.data)
    except (ValueError, RecursionError):
        body = message.data.decode(errors="replace")
    job_id, timestamp, data = f"intake-{message.seq}", now_ms(), body
    if isinstance(body, dict) and isinstance(body.get("data"), dict):
        data = dict(body["data"])
        if body.get("correlationId") is not None:
            data.setdefault("correlationId", body["correlationId"])
    if isinstance(body, dict) and body.get("jobId") not in (None, ""):
        given = str(body["jobId"])
        job_id = given if _can_be_an_id(given) else job_id
        timestamp = _millis(body.get("timestamp")) or timestamp
    fixed = {"name": name, "timestamp": timestamp, "opts": {"jobId": job_id}}
    try:
        text = dumps(data)
    except (ValueError, RecursionError):  # NaN, or deeper than Python can write
        text = dumps(message.data.decode(errors="replace"))
    record = Record.new(fixed, to_bytes(text))
    return NewJob(job_id, record, waiting(), generated=False)


def _can_be_an_id(text: str) -> bool:
    try:
        escape(text)
    except ConfigurationError:
        return False
    return True


def _millis(stamp: object) -> int | None:
    if isinstance(stamp, float):
        return int(stamp) if math.isfinite(stamp) else None
    if isinstance(stamp, int) and not isinstance(stamp, bool):
        return stamp
    if isinstance(stamp, str):
        try:
            return int(datetime.fromisoformat(stamp).timestamp() * 1000)
        except ValueError:
            return None
    return None


__all__ = ["QUEUE", "STREAM", "SUBJECTS", "Intake", "take_in"]
