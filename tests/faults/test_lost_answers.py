"""Adds whose answer is lost while a worker is so quick that nothing of their jobs is left."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest

from jetbull import Queue
from jetbull.commands import noting
from jetbull.errors import AckTimeout, Conflict
from jetbull.ledger.adding import noted_jobs, notes
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.adding.note import Note
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.guard import HeaderMap, expect
from jetbull.ledger.store import batch
from jetbull.ledger.wire import Wire
from jetbull.ledger.wire.pace import Pace

from .far import KEEP, far_from
from .noted import Running, note_and_key
from .proxy import Proxy
from .told import events_of


@pytest.mark.parametrize("jobs", [1, 3])
async def test_jobs_that_ran_and_are_no_longer_kept_are_not_stored_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: False)  # a batch, where there are several
    async with far_from(queue) as far:
        far.proxy.drop_answers()
        new = [{"name": "job", "data": n, "opts": KEEP} for n in range(jobs)]
        adding = far.queue.add("job", 0, KEEP) if jobs == 1 else far.queue.addBulk(new)
        under_way = asyncio.ensure_future(adding)
        await far.trimmed(jobs)
        assert await far.heard(under_way) == [*["job"] * jobs, "next", "last"]


async def test_a_job_that_is_trimmed_just_behind_the_look_for_it_is_not_stored_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    put_at_once, look = noting._put_at_once, noted_jobs.came_and_went
    async with far_from(queue) as far:

        async def unheard(*args: Any) -> bool:
            await put_at_once(*args)
            await far.running.done(1)
            return False

        async def too_early(note: Note) -> list[Entry]:
            found = await look(note)
            await far.trimmed(0)
            return found

        monkeypatch.setattr(notes, "write_first", note_and_key)
        monkeypatch.setattr(noting, "_put_at_once", unheard)
        monkeypatch.setattr(noted_jobs, "came_and_went", too_early)
        await far.near.add("job", 0, {**KEEP, "deduplication": {"id": "mine", "ttl": 60_000}})
        await far.near.add("last", 0, KEEP)
        await far.running.done(1)
        assert far.running.ran.count("job") == 1


async def test_a_job_whose_answer_was_lost_is_told_of_once(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    put_at_once = noting._put_at_once

    async def unheard(entry: Entry, note: Note, error: Exception) -> bool:
        told, entry.job.on_stored = entry.job.on_stored, None
        assert await put_at_once(entry, note, error)
        entry.job.on_stored = told
        return False

    monkeypatch.setattr(notes, "write_first", note_and_key)
    monkeypatch.setattr(noting, "_put_at_once", unheard)
    job = await queue.add("job", 0, {"deduplication": {"id": "mine"}})
    assert await events_of(await queue.ledger(), "added") == [("added", job.id)]


@pytest.mark.parametrize("freed", ["deduplication id", "parent"])
async def test_a_job_that_ran_and_freed_what_was_stored_with_it_is_not_stored_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, freed: str
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: False)
    send = batch._send
    async with far_from(queue) as far:

        async def unheard(*args: Any) -> int:
            monkeypatch.setattr(batch, "_send", send)
            far.proxy.drop_answers()
            return await send(*args)

        monkeypatch.setattr(batch, "_send", unheard)
        opts: dict[str, Any] = {**KEEP, "deduplication": {"id": "mine"}}
        if freed == "parent":
            parent = await far.near.add("parent", 0, {"delay": 60_000})
            opts = {**KEEP, "parent": {"id": parent.id, "queue": queue.qualifiedName}}
        under_way = asyncio.ensure_future(far.queue.add("job", 0, opts))
        await far.trimmed(1)
        assert await far.heard(under_way) == ["job", "next", "last"]


async def test_a_job_is_not_stored_again_whose_producer_stood_still_before_its_answer_was_lost(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with far_from(queue) as far:
        far.proxy.drop_answers()
        under_way = asyncio.ensure_future(far.queue.add("job", 0, KEEP))
        await far.trimmed(1)
        monkeypatch.setattr("jetbull.ledger.store.store.now_ms", lambda: now_ms() + 3_600_000)
        assert await far.heard(under_way) == ["job", "next", "last"]


@pytest.mark.parametrize("kept", [1, 120])
async def test_jobs_are_not_stored_again_of_which_others_are_left(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: False)
    async with Proxy(int(urlsplit(queue.opts["connection"]).port or 0)) as proxy:
        far = Queue(queue.name, {"connection": proxy.url})
        new = [
            *({"name": "job", "data": n, "opts": {}} for n in range(kept)),
            {"name": "trimmed", "data": 0, "opts": {"jobId": "mine", "lifo": True}},
        ]
        send = batch._send

        async def unheard(*args: Any) -> int:
            proxy.drop_answers()
            return await send(*args)

        with monkeypatch.context() as patch:
            patch.setattr(batch, "_send", unheard)
            adding = asyncio.ensure_future(far.addBulk(new))
            while await queue.getJobCountByTypes() <= kept:
                await asyncio.sleep(0.01)
            running = Running(queue)
            await running.done(kept + 1)
            await queue.add("next", 0, {"removeOnComplete": {"count": kept + 1}})
            await running.done(1)
        proxy.heal()
        await adding
        await queue.add("last", 0)
        await running.done(1)
        await far.close()
    await running.worker.close()
    assert running.ran == ["trimmed", *["job"] * kept, "next", "last"]


async def test_the_owner_of_a_deduplication_id_that_ran_is_not_stored_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Running(queue)
    put = noting._put_at_once

    async def put_unheard(*args: Any) -> bool:
        await put(*args)
        await running.done(1)
        await queue.add("next", 0, KEEP)
        await running.done(1)
        return False

    monkeypatch.setattr(notes, "write_first", note_and_key)
    monkeypatch.setattr(noting, "_put_at_once", put_unheard)
    only = {"deduplication": {"id": "only", "ttl": 3_600_000}}
    await queue.add("job", 0, {**KEEP, **only})
    await queue.add("last", 0, KEEP)
    await running.done(1)
    await running.worker.close()
    assert running.ran == ["job", "next", "last"]


async def test_a_step_that_somebody_else_took_is_not_taken_for_the_own_one(queue: Queue) -> None:
    store = await queue.ledger()
    subject, payload = store.names.job("failed", "child"), b"{}\n{}\n0"
    theirs: HeaderMap = {}
    expect(theirs, store.names.any_state("child"), 0)
    seq = await store.put(subject, payload, theirs)
    ours: HeaderMap = {}
    expect(ours, store.names.job("failed", "child", "open"), seq + 1)
    with pytest.raises(Conflict):
        await store.insist(subject, payload, ours, AckTimeout("lost"))
    assert await store.insist(subject, payload, theirs, AckTimeout("lost")) == seq


async def test_what_the_leader_is_still_storing_is_waited_for_and_not_stored_under_another_id(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, post, post_now, posted = await queue.ledger(), Wire.post, Wire.post_now, list[bytes]()

    def unheard(wire: Wire, subject: str, *message: Any) -> asyncio.Future[int]:
        """The first answer is lost."""
        if posted or not subject.startswith("jb."):
            return post_now(wire, subject, *message)
        answer = asyncio.get_running_loop().create_future()
        answer.set_exception(AckTimeout("The connection was lost."))
        return answer

    async def under_way(wire: Wire, subject: str, payload: bytes, *more: Any) -> Any:
        """As the leader of a cluster does until the other servers have the first copy."""
        if not subject.startswith("jb."):
            return await post(wire, subject, payload, *more)
        posted.append(payload)
        if len(posted) < 3:
            raise Conflict("wrong last sequence", 10164)
        await store.put(subject, payload, more[0])
        return await post(wire, subject, payload, *more)

    monkeypatch.setattr(Wire, "post_now", unheard)
    monkeypatch.setattr(Wire, "post", under_way)
    job = await queue.add("job", {})
    assert len(posted) == 3
    assert await queue.getJobCountByTypes("wait") == 1
    assert await queue.getJobState(str(job.id)) == "waiting"
