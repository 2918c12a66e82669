"""Every library and major version is recognised, and its jobs are read in its own order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bull2jet.findings import Severity
from bull2jet.model import Job, QueueRef, State
from bull2jet.source.deduplication import read_deduplication
from bull2jet.source.discovery import discover
from bull2jet.source.door import Door
from bull2jet.source.key_index import DEDUPLICATION, KeyIndex
from bull2jet.source.orphans import find_orphans
from bull2jet.source.schedulers import read_schedulers
from bull2jet.source.settings import has_metrics, read_settings

from .conftest import Load, RedisServer
from .reading import read, the

BULLMQ = ["bullmq-1", "bullmq-2", "bullmq-3", "bullmq-4", "bullmq-5", "bullmq-6", "bullmq-python"]
ALL = ["bull-3", "bull-4", *BULLMQ]
FAR = 2_114_380_800_000  # 2037-01-01, the due time in all dumps
PAYLOADS = ["plain", "order", "unicode", "numbers", "empty", "list", "nothing", "text"]


def ids(jobs: Sequence[Job]) -> list[str]:
    return [job.id for job in jobs]


@pytest.mark.parametrize("dump", ALL)
async def test_every_queue_is_found_with_its_library_and_version(
    dump: str, load: Load, door: Door
) -> None:
    load(dump)
    discovery = await discover(door)
    names = {found.queue for found in discovery.queues}
    expected = {"audio", "resting place"}
    if dump != "bullmq-python":
        expected.add("limited")
    if dump.startswith("bullmq"):
        expected |= {"books", "pages"}
    if dump in BULLMQ and dump != "bullmq-python":
        expected.add("later")
    assert names == {QueueRef("bull", name) for name in expected}
    labels = {
        "bull-3": "Bull 3 or 4",
        "bull-4": "Bull 4",
        "bullmq-1": "BullMQ 1 or 2",
        "bullmq-2": "BullMQ 1 or 2",
        "bullmq-3": "BullMQ 3.16.2",
        "bullmq-4": "BullMQ 4.18.3",
        "bullmq-5": "BullMQ 5.81.5",
        "bullmq-6": "BullMQ 6.7.0",
        "bullmq-python": "BullMQ 5 or 6",
    }
    assert the(discovery, "audio").generation.label == labels[dump]


@pytest.mark.parametrize("dump", ALL)
async def test_waiting_jobs_come_in_the_order_the_library_would_take_them(
    dump: str, load: Load, door: Door
) -> None:
    load(dump)
    jobs, findings = await read(door, the(await discover(door), "audio"))
    waiting = ids(jobs[State.WAITING])
    payloads = [f"payload-{name}" for name in PAYLOADS]
    if dump.startswith("bull-"):  # priorities are places in the list, before everything else
        assert waiting == ["17", "16", "18", "15", *payloads, "22", "named:with:colons"]
    elif dump in ("bullmq-1", "bullmq-2", "bullmq-3"):
        assert waiting == ["17", "16", "18", "19", "15", *payloads, "24"]
    else:
        assert waiting[: 2 + len(payloads)] == ["15", *payloads, "24"]
        assert ids(jobs[State.PRIORITIZED]) == ["17", "16", "18", "19"]
    assert [job.position for job in jobs[State.WAITING]] == list(range(len(waiting)))
    assert findings == []


@pytest.mark.parametrize("dump", ALL)
async def test_data_is_the_very_text_that_the_library_stored(
    dump: str, load: Load, door: Door, redis_server: RedisServer
) -> None:
    load(dump)
    jobs, _ = await read(door, the(await discover(door), "audio"))
    for job in (job for state in jobs.values() for job in state):
        assert job.data.encode() == redis_server.client.hget(f"bull:audio:{job.id}", "data")


@pytest.mark.parametrize("dump", ALL)
async def test_finished_jobs_keep_results_reasons_logs_and_times(
    dump: str, load: Load, door: Door
) -> None:
    load(dump)
    jobs, _ = await read(door, the(await discover(door), "audio"))
    first, third = jobs[State.COMPLETED]
    assert (first.id, third.id) == ("1", "3")
    assert first.returnvalue == '{"file":"1.mp3","seconds":12.5}' or dump == "bullmq-python"
    assert first.logs == ("started", "half way")
    assert first.finishedOn == int(first.score or 0)
    assert first.processedOn is not None and first.timestamp <= first.processedOn
    (failed,) = jobs[State.FAILED]
    assert failed.failedReason == "cannot speak: no voice"
    assert failed.attemptsMade == 2 and len(failed.stacktrace) == 2
    assert failed.opts["attempts"] == 2
    progress = "50" if dump.startswith("bull-") else '{"percent":50}'
    assert (failed.progress or "").replace(" ", "") == progress


@pytest.mark.parametrize("dump", ALL)
async def test_delayed_jobs_have_absolute_due_times_and_keep_ties(
    dump: str, load: Load, door: Door
) -> None:
    load(dump)
    jobs, _ = await read(door, the(await discover(door), "audio"))
    due = {job.id: job.due for job in jobs[State.DELAYED]}
    order = list(due)
    assert due["tie-a"] == due["tie-b"] == FAR
    assert order.index("tie-b") < order.index("tie-a")  # added in this order
    retry = next(job for job in jobs[State.DELAYED] if job.id == "4")
    assert retry.attemptsMade == 1 and retry.failedReason == "cannot speak: later"
    assert retry.due is not None and retry.due > retry.timestamp + 86_000_000_000


@pytest.mark.parametrize("dump", ALL)
async def test_active_jobs_tell_whether_a_worker_holds_them(
    dump: str, load: Load, door: Door
) -> None:
    load(dump)
    jobs, _ = await read(door, the(await discover(door), "audio"))
    active = {job.id: job for job in jobs[State.ACTIVE]}
    assert {job_id: job.locked for job_id, job in active.items()} == {
        "held-without-lock": False,
        "held-with-lock": True,
    }
    assert all(job.attemptsMade == 0 for job in active.values())
    if not dump.startswith("bull-"):
        assert all(job.attemptsStarted == 1 for job in active.values())


@pytest.mark.parametrize("dump", ALL)
async def test_a_paused_queue_is_read_as_waiting_jobs_and_a_flag(
    dump: str, load: Load, door: Door
) -> None:
    load(dump)
    found = the(await discover(door), "resting place")
    jobs, _ = await read(door, found)
    assert ids(jobs[State.WAITING]) == ["3", "1", "2"]
    settings = await read_settings(door, found.queue)
    assert settings.paused and settings.counter == 3
    if dump in ("bullmq-5", "bullmq-6", "bullmq-python"):
        assert settings.concurrency == 3
    if dump in ("bullmq-6", "bullmq-python"):
        assert (settings.max, settings.duration) == (10, 60_000)


@pytest.mark.parametrize("dump", ALL)
async def test_repeating_jobs_are_read_with_their_next_slot_and_pending_job(
    dump: str, load: Load, door: Door
) -> None:
    load(dump)
    found = the(await discover(door), "audio")
    jobs, _ = await read(door, found)
    schedules = await read_schedulers(door, found.queue)
    by_name = {scheduler.name: scheduler for scheduler in schedules.schedulers}
    pending = {job.id for state in jobs.values() for job in state if job.id.startswith("repeat:")}
    assert {scheduler.pendingId for scheduler in schedules.schedulers} == pending
    assert not [f for f in schedules.findings if f.severity is Severity.LEFT]
    if dump not in ("bullmq-6", "bullmq-python"):
        nightly, tick, season = by_name["nightly"], by_name["tick"], by_name["season"]
        assert (nightly.pattern, nightly.tz, nightly.data) == (
            "0 3 1 1 *",
            "Europe/Berlin",
            '{"what":"cron"}',
        )
        assert (tick.every, tick.limit, tick.pattern) == (86_400_000, 9, None)
        assert season.endDate == FAR
        assert nightly.pendingId == f"repeat:{nightly.id}:{nightly.next}"
        assert nightly.legacyKey is not None
    if dump in ("bullmq-5", "bullmq-6", "bullmq-python"):
        by_id = {scheduler.id: scheduler for scheduler in schedules.schedulers}
        report, daily = by_id["report"], by_id["daily"]
        assert (report.pattern, report.tz, report.iterationCount) == (
            "0 0 5 1 1 *",
            "Asia/Tokyo",
            1,
        )
        assert report.opts == {"attempts": 3, "keepLogs": 7}
        assert (daily.every, daily.limit, daily.legacyKey) == (86_400_000, 30, None)
        assert (daily.data or "").replace(" ", "") == '{"to":["a","b"]}'


@pytest.mark.parametrize("dump", BULLMQ)
async def test_parents_know_their_children_and_children_their_parent(
    dump: str, load: Load, door: Door
) -> None:
    load(dump)
    discovery = await discover(door)
    books, findings = await read(door, the(discovery, "books"))
    parents = {job.id: job for state in books.values() for job in state}
    plain = parents["book-plain"]
    assert plain.state is State.WAITING_CHILDREN
    assert set(plain.family.pending) == {"bull:pages:plain-broken", "bull:pages:plain-idle"}
    assert plain.family.processed.keys() == {"bull:pages:plain-done"}
    if dump != "bullmq-python":
        assert parents["chapter"].parentKey == "bull:books:book-deep"
        assert parents["book-deep"].family.pending == ("bull:books:chapter",)
    if dump in ("bullmq-5", "bullmq-6", "bullmq-python"):
        assert parents["book-continue"].state is State.WAITING
        assert parents["book-continue"].family.failed == {"bull:pages:continue-broken": "torn page"}
        assert parents["book-fail"].deferredFailure == "child bull:pages:fail-broken failed"
        assert parents["book-fail"].family.unsuccessful.keys() == {"bull:pages:fail-broken"}
        assert parents["book-ignore"].family.failed == {"bull:pages:ignore-broken": "torn page"}
    pages_jobs, _ = await read(door, the(discovery, "pages"))
    idle = next(job for job in pages_jobs[State.DELAYED] if job.id == "plain-idle")
    assert idle.parent is not None and idle.parent["id"] == "book-plain"
    if dump != "bullmq-1":
        policy = next(job for job in pages_jobs[State.DELAYED] if job.id == "fail-idle")
        assert policy.opts["failParentOnFailure"] is True
    assert findings == []


@pytest.mark.parametrize("dump", ["bullmq-5", "bullmq-6", "bullmq-python"])
async def test_deduplication_ids_keep_the_time_they_have_left(
    dump: str, load: Load, door: Door
) -> None:
    load(dump)
    found = the(await discover(door), "audio")
    index = KeyIndex(door, [found.queue.key], family=DEDUPLICATION)
    held = {d.id: d async for d in read_deduplication(door, found.queue, index)}
    timed = "a while" if dump == "bullmq-python" else "for-a-while"
    assert held.keys() == {"once", timed}
    assert held["once"].ttl is None
    assert 0 < (held[timed].ttl or 0) <= 86_400_000
    jobs, _ = await read(door, found)
    owner = next(job for job in jobs[State.WAITING] if job.id == held["once"].jobId)
    assert owner.deduplicationId == "once" and owner.opts["deduplication"] == {"id": "once"}


@pytest.mark.parametrize("dump", ["bull-4", "bullmq-1", "bullmq-6", "bullmq-python"])
async def test_counts_per_minute_are_seen_where_they_were_kept(
    dump: str, load: Load, door: Door
) -> None:
    load(dump)
    queue = the(await discover(door), "audio").queue
    assert await has_metrics(door, queue)
    assert not await has_metrics(door, replace(queue, name="another"))


@pytest.mark.parametrize("dump", ALL)
async def test_a_healthy_database_has_no_orphans_and_no_foreign_keys(
    dump: str, load: Load, door: Door
) -> None:
    load(dump)
    discovery = await discover(door)
    known = [found.queue for found in discovery.queues]
    for some in (discovery.queues, *([found] for found in discovery.queues)):
        assert [finding async for finding in find_orphans(door, some, known)] == []


@pytest.mark.parametrize("dump", ["bullmq-2", "bullmq-3", "bullmq-4"])
async def test_marker_entries_are_not_taken_for_jobs(dump: str, load: Load, door: Door) -> None:
    load(dump)
    jobs, findings = await read(door, the(await discover(door), "later"))
    assert jobs.get(State.WAITING, []) == []
    assert len(jobs[State.DELAYED]) == 1
    assert findings == []
