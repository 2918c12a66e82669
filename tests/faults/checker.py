"""What must hold after every run: nothing lost, nothing recorded twice, nothing left behind."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.faults.books import Run, read_runs, runs_by_job
from tests.faults.producing import Promise
from tests.faults.stage import Stage

from jetbull.ledger.job import reading
from jetbull.ledger.messages.names import last_token, public_state_of, state_of
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.queue import counting
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams.events import decode
from jetbull.ledger.streams.inventory import ownerless_subjects

__all__ = ["Findings", "check"]

_OUTCOMES = ("completed", "failed")
_FINISHED = ("completed", "failed", "gone")


@dataclass(slots=True)
class Findings:
    """What a run came to. A run is good when `problems` is empty."""

    jobs: int = 0
    lost: int = 0
    twice: int = 0
    extra_runs: int = 0
    problems: list[str] = field(default_factory=list)

    def say(self, problem: str) -> None:
        """Notes a broken promise."""
        self.problems.append(problem)


async def check(stage: Stage, live: list[str], promoted: bool = False) -> Findings:
    """Compares what was acknowledged with what ran and with what is stored.

    Where delayed jobs were `promoted`, none of them ran too early.
    """
    findings = Findings()
    store = await stage.ledger()
    runs = runs_by_job(read_runs(stage.folder))
    promises = stage.producers.kept
    findings.jobs = len(promises)
    for subject in live[:5]:
        findings.say(f"{subject} neither ended nor moved on")
    stored = await _all_jobs(store)
    events = await _events(store)
    for promise in promises:
        ran = runs.get(promise.job_id, [])
        _keep_word(findings, promise, stored.get(promise.job_id), ran)
        if not promoted:
            _never_early(findings, promise, ran)
    _once(findings, events)
    _explained(findings, promises, stored, runs, events)
    _invented(findings, stage, stored)
    await _left_behind(findings, store)
    return findings


async def _all_jobs(store: QueueStore) -> dict[str, Stored]:
    subjects = await counting.list_subjects(store, store.names.all_jobs())
    return await reading.find_many(store, {last_token(s) for s in subjects})


async def _events(store: QueueStore) -> dict[str, list[str]]:
    """job id -> the names of its events, in order."""
    events: dict[str, list[str]] = defaultdict(list)
    seq = 1
    while True:
        found = await store.wire.get_batch(
            store.names.space.events, {"next_by_subj": store.names.events, "seq": seq, "batch": 500}
        )
        for message in found:
            for event in decode(message.data):
                if "jobId" in event:
                    events[event["jobId"]].append(event["event"])
        if not found:
            return events
        seq = found[-1].seq + 1


def _keep_word(
    findings: Findings, promise: Promise, stored: Stored | None, runs: list[Run]
) -> None:
    if promise.removed:
        if not any(run.ended for run in runs):
            findings.lost += 1
            findings.say(f"job {promise.job_id} was removed without having run")
        if stored is not None:
            findings.say(f"job {promise.job_id} should be removed and is {stored.subject}")
        return
    state = "gone" if stored is None else public_state_of(stored.subject)
    if state not in _OUTCOMES:
        findings.lost += 1
        findings.say(f"job {promise.job_id} was acknowledged and is {state}")
    elif state != promise.state:
        reason = stored.record.head.get("failedReason") if stored is not None else ""
        findings.say(f"job {promise.job_id} is {state}, not {promise.state}: {reason}")


def _never_early(findings: Findings, promise: Promise, runs: list[Run]) -> None:
    if promise.due and runs and runs[0].begun < promise.due - 0.001:
        findings.say(f"job {promise.job_id} ran {promise.due - runs[0].begun:.3f} s early")


def _once(findings: Findings, events: dict[str, list[str]]) -> None:
    for job_id, names in events.items():
        outcomes = [name for name in names if name in _OUTCOMES]
        if len(outcomes) > 1:
            findings.twice += 1
            findings.say(f"job {job_id} has the outcomes {', '.join(outcomes)}")
        if outcomes and "active" in names and names.index("active") > names.index(outcomes[0]):
            findings.say(f"job {job_id} ended before it began: {', '.join(names)}")


def _explained(
    findings: Findings,
    promises: list[Promise],
    stored: dict[str, Stored],
    runs: dict[str, list[Run]],
    events: dict[str, list[str]],
) -> None:
    for promise in promises:
        job_id = promise.job_id
        extra = len(runs.get(job_id, [])) - promise.tries
        if extra <= 0:
            continue
        findings.extra_runs += extra
        found = stored.get(job_id)
        stalls = events[job_id].count("stalled")
        if found is not None:
            stalls = max(stalls, int(found.record.head.get("stalledCounter", 0)))
        if stalls < extra:
            findings.say(f"job {job_id} ran {extra} times too often and stalled {stalls} times")


def _invented(findings: Findings, stage: Stage, stored: dict[str, Stored]) -> None:
    """Jobs nobody was told of, and jobs that were stored under two ids."""
    numbers = Counter(job.record.value()["n"] for job in stored.values())
    for number, times in numbers.items():
        if times > 1:
            findings.twice += 1
            findings.say(f"the add of number {number} was stored {times} times")
    known = {promise.number for promise in stage.producers.kept} | stage.producers.uncertain
    for number in numbers:
        if number not in known:
            findings.say(f"number {number} was stored and never added")


async def _left_behind(findings: Findings, store: QueueStore) -> None:
    for subject in await counting.list_subjects(store, store.names.all_jobs()):
        if state_of(subject) not in _FINISHED:
            findings.say(f"left behind: {subject}")
    for subject in await ownerless_subjects(store.wire):
        findings.say(f"left behind: {subject}")
    answer = await store.wire.api(f"CONSUMER.NAMES.{store.names.space.jobs}")
    for name in answer.get("consumers") or []:
        if not name.endswith(f"-{store.names.token}"):
            findings.say(f"left behind: consumer {name}")
