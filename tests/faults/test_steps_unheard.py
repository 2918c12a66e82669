"""Steps of a job whose answer is lost while it goes on: they count as taken, and once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jetbull import Job, Queue, Worker
from jetbull.commands import inserting
from jetbull.commands.inserting import finish_abandoned
from jetbull.errors import AckTimeout, Conflict
from jetbull.ledger.adding import journal as journals
from jetbull.ledger.adding.journal import Journal
from jetbull.ledger.job.moving import ensure_level
from jetbull.ledger.store.batch import Message, commit
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import Wire
from jetbull.ledger.wire.refusals import store_error

from .test_journals import entries_of

_HOUR = 3_600_000


def _lose_next(wire: Wire) -> asyncio.Future[int]:
    """What is stored next arrives, and its answer is what is returned here."""
    lost, post_now = asyncio.get_running_loop().create_future(), wire.post_now

    def unheard(*message: Any) -> asyncio.Future[int]:
        wire.post_now = post_now  # type: ignore[method-assign]
        post_now(*message[:3])
        return lost

    wire.post_now = unheard  # type: ignore[assignment, method-assign]
    return lost


async def _promote(job: Job) -> None:
    await job.promote()


async def _hurry(job: Job) -> None:
    await job.changeDelay(1)


async def _retry(job: Job) -> None:
    await job.retry()


@pytest.mark.parametrize("step", [_promote, _hurry, _retry])
@pytest.mark.parametrize("fails", [True, False])
async def test_a_step_after_which_the_job_ran_is_taken_once_and_is_no_error(
    queue: Queue, step: Callable[[Job], Awaitable[None]], fails: bool
) -> None:
    ran: asyncio.Queue[str] = asyncio.Queue()
    is_retry, runs = step is _retry, list[str]()

    async def process(job: Job, _: str) -> None:
        runs.append(str(job.name))
        if job.name == "job" and (fails or (is_retry and len(runs) == 1)):
            raise ValueError("told to")

    worker = Worker(queue.name, process, {"connection": queue.opts["connection"]})
    worker.on("completed", lambda job, *_: ran.put_nowait(job.name))
    worker.on("failed", lambda job, *_: ran.put_nowait(job.name))
    where = {"url": queue.opts["connection"], "name": "far"}  # a connection of its own
    async with Queue(queue.name, {"connection": where}) as far, asyncio.timeout(60):
        added = await queue.add("job", {}, {} if is_retry else {"delay": _HOUR})
        if is_retry:
            await ran.get()
        job = await far.getJob(str(added.id))
        assert job is not None
        answer = _lose_next((await far.ledger()).wire)
        under_way = asyncio.ensure_future(step(job))
        await ran.get()
        answer.set_exception(AckTimeout("The connection was lost."))
        await under_way
        await queue.add("last", {})
        assert await ran.get() == "last"
    await worker.close()
    assert runs == [*["job"] * (2 if is_retry else 1), "last"]


class Answers:
    """Wire.post, whose first answers are these errors and then those of the server."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> None:
        self.errors = list(errors)
        self._post = Wire.post
        answers = self

        async def post(wire: Wire, subject: str, *message: Any, **more: Any) -> Any:
            if answers.errors and subject.startswith(("jb.", "jbq.", "jbl.")):
                answer = asyncio.get_running_loop().create_future()
                answer.set_exception(answers.errors.pop(0))
                return answer
            return await answers._post(wire, subject, *message, **more)

        monkeypatch.setattr(Wire, "post", post)


def _under_way() -> Conflict:
    error = store_error({"err_code": 10164, "description": "temporarily unavailable"})
    assert isinstance(error, Conflict)
    return error


async def test_a_row_that_the_leader_is_still_storing_is_waited_for(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await queue.ledger()
    in_process = store_error({"err_code": 10158, "description": "duplicate message id"})
    Answers(monkeypatch, in_process)
    subject = store.names.log("1")
    row = {"Nats-Msg-Id": "row"}
    assert await store.insist(subject, b"row", row, AckTimeout("lost")) > 0


async def test_a_batch_that_the_leader_goes_on_storing_may_or_may_not_be_stored(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await queue.ledger()
    messages = [Message(store.names.aux("probe", "one"), b"1")]
    Answers(monkeypatch, AckTimeout("lost"), *(_under_way() for _ in range(1000)))
    with pytest.raises(AckTimeout, match="may or may not be stored"):
        await commit(store.wire, store.names.space.jobs, messages, patience=0.2)


async def test_a_priority_whose_first_word_is_under_way_is_made_known_if_that_is_lost(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await queue.ledger()
    put = QueueStore.put
    tries = list[str]()

    async def refused_once(own: QueueStore, subject: str, *message: Any) -> int:
        tries.append(subject)
        if len(tries) == 1:
            raise _under_way()
        return await put(own, subject, *message)

    monkeypatch.setattr(QueueStore, "put", refused_once)
    await ensure_level(store, "7")
    level = await store.wire.get_last(store.names.space.jobs, store.names.aux("level", "7"))
    assert level is not None


async def test_a_part_of_a_bulk_that_another_worker_is_storing_is_not_stored_under_other_ids(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, entries = await queue.ledger(), await entries_of(queue)
    await journals.write(store, entries, 10)
    refused_once, current = list[Any](), journals.current

    async def under_way(wire: Wire, stream: str, messages: Any, **more: Any) -> int:
        """A rival has sent the same part, and the leader waits for the other servers with it."""
        if not refused_once:
            refused_once.append(messages)
            raise _under_way()
        return await commit(wire, stream, messages, **more)

    async def then_stored(journal: Journal) -> Journal | None:
        now = await current(journal)
        if len(refused_once) == 1:
            refused_once.append(None)
            await commit(store.wire, store.names.space.jobs, refused_once[0])
        return now

    look = inserting._refused

    async def looked(left: Any) -> Any:
        if len(refused_once) == 1:
            await then_stored(Journal(store, "none", 0, 0, 0))
        return await look(left)

    monkeypatch.setattr(inserting, "commit", under_way)
    monkeypatch.setattr(inserting, "_refused", looked)
    await finish_abandoned(store, 0)
    await finish_abandoned(store, 0)
    assert sorted(job.data for job in await queue.getWaiting()) == list(range(len(entries)))


async def test_a_bulk_whose_first_copy_comes_late_is_not_stored_under_other_ids(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[Any]()

    async def late(wire: Wire, stream: str, messages: Any, **more: Any) -> int:
        calls.append(messages)
        if len(calls) == 1:
            rival = Conflict("something else stands in the way")
            rival.repeated = True
            raise rival
        if len(calls) == 2:
            await commit(wire, stream, [Message(m.subject, m.payload, m.headers) for m in calls[0]])
        return await commit(wire, stream, messages, **more)

    monkeypatch.setattr(Wire, "is_clustered", True)
    monkeypatch.setattr("jetbull.commands.noting.is_quicker", lambda *_: False)
    monkeypatch.setattr(inserting, "commit", late)
    ruled = {"deduplication": {"id": "only"}}
    jobs = [{"name": "job", "data": n, "opts": {} if n else ruled} for n in range(3)]
    added = await queue.addBulk(jobs)
    found = await queue.getWaiting()
    assert sorted(job.data for job in found) == [0, 1, 2]
    assert {job.id for job in found} == {job.id for job in added}


async def test_an_add_whose_first_answer_was_lost_is_in_doubt_though_nobody_listens_then(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await queue.ledger()
    monkeypatch.setattr("jetbull.ledger.store.store.PATIENCE", 0.2)
    Answers(monkeypatch, *(store_error({"err_code": 10059}) for _ in range(100)))
    with pytest.raises(AckTimeout, match="may or may not be stored"):
        await store.insist(store.names.job("wait", "mine"), b"", {}, AckTimeout("lost"))
