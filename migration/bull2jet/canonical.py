"""What makes two copies of a job the same, and digests of it.

A job's content is split in two: what was *given* at `add` never changes (id, name, data, options,
creation time, family ties), its *life* does (state, attempts, results …). A copy whose life differs
may have moved on; a copy whose given part differs is wrong.

Data is compared as text, byte for byte. JSON that libraries re-encode (options, results, progress)
is compared by value: key order and the spelling of numbers do not count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bull2jet.model import Job, State

_SPACE = 1 << 256
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode


def given_part(job: Job) -> dict[str, Any]:
    """What never changes."""
    parent = job.parent or {}
    return {
        "id": job.id,
        "name": job.name,
        "data": job.data,
        "opts": plain(job.opts),
        "timestamp": job.timestamp,
        "parent": [parent.get("id"), parent.get("queueKey"), _parent_key(job)] if parent else None,
        "repeatJobKey": job.repeatJobKey,
        "deduplicationId": job.deduplicationId,
    }


def life_part(job: Job) -> dict[str, Any]:
    """What changes while a job lives."""
    return {
        "state": job.state,
        "due": job.due if job.state is State.DELAYED else None,
        "timer": job.mistimed,
        "delay": job.delay,
        "priority": job.priority,
        "attemptsMade": job.attemptsMade,
        "attemptsStarted": job.attemptsStarted,
        "stalledCounter": job.stalledCounter,
        "progress": as_json(job.progress),
        "returnvalue": as_json(job.returnvalue),
        "failedReason": job.failedReason,
        "stacktrace": list(job.stacktrace),
        "processedOn": job.processedOn,
        "finishedOn": job.finishedOn,
        "deferredFailure": job.deferredFailure,
        "processedBy": job.processedBy,
        "logs": list(job.logs),
        "pending": sorted(job.family.pending),
        "processed": {key: as_json(text) for key, text in job.family.processed.items()},
        "failed": dict(job.family.failed),
        "unsuccessful": sorted(job.family.unsuccessful),
    }


def differences(source: Job, target: Job) -> list[str]:
    """Names of the fields in which the two differ, the unchanging ones first."""
    names = []
    for part in (given_part, life_part):
        left, right = part(source), part(target)
        names += [name for name in left if left[name] != right[name]]
    return names


def same_given(source: Job, target: Job) -> bool:
    """Whether the two are copies of one job."""
    return canonical(given_part(source)) == canonical(given_part(target))


def digest(job: Job) -> bytes:
    """SHA-256 of the whole canonical content."""
    return hashlib.sha256(canonical([given_part(job), life_part(job)])).digest()


def canonical(value: Any) -> bytes:
    """Sorted, compact ASCII JSON."""
    return _encode(value).encode()


def plain(value: Any) -> Any:
    """Decoded JSON in which a whole number is an int, however it was spelled."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def _parent_key(job: Job) -> str:
    """The first BullMQs and Bull do not store what follows from the other two."""
    parent = job.parent or {}
    return job.parentKey or f"{parent.get('queueKey')}:{parent.get('id')}"


def as_json(text: str | None) -> Any:
    """What a JSON text means, however it is spelled."""
    return None if text is None else plain(json.loads(text))


@dataclass(slots=True)
class Seal:
    """A running summary of many jobs in constant memory.

    `content` is the sum of the jobs' digests modulo 2^256, so it does not depend on their order;
    `order` is a hash over the ids in the order they were added.
    """

    count: int = 0
    _sum: int = 0
    _chain: bytes = b""

    def add(self, job_id: str, job_digest: bytes) -> None:
        """Adds one job."""
        self.count += 1
        self._sum = (self._sum + int.from_bytes(job_digest, "big")) % _SPACE
        self.add_to_order([job_id])

    def add_to_order(self, ids: Iterable[str]) -> None:
        """Adds ids to the order only."""
        for job_id in ids:
            link = self._chain + job_id.encode("utf-8", "surrogatepass")
            self._chain = hashlib.sha256(link).digest()

    @property
    def content(self) -> str:
        """A digest of what the jobs hold."""
        return f"{self._sum:064x}"

    @property
    def order(self) -> str:
        """A digest of the order they are in."""
        return self._chain.hex()


__all__ = [
    "Seal",
    "as_json",
    "canonical",
    "differences",
    "digest",
    "given_part",
    "life_part",
    "plain",
    "same_given",
]
