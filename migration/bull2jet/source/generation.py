"""Which library, and which major version of it, wrote a queue.

BullMQ notes its version in `meta` from major 3 on, but only where a `Queue` or `Worker` object was
made: a queue that a FlowProducer filled, or that BullMQ for Python served, has none. Then the shape
of the keys narrows it down; what cannot be decided is said ("BullMQ 4 to 6"), not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

_VERSION = re.compile(r"(?P<library>bullmq|bullmq-pro):(?P<version>(?P<major>\d+)\.[\w.+-]+)\Z")
NEWEST_BULLMQ = 6


class Library(StrEnum):
    """The family of key layouts."""

    BULL = "Bull"
    BULLMQ = "BullMQ"
    BULLMQ_PRO = "BullMQ Pro"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Generation:
    """A library and the range of major versions that fits the evidence."""

    library: Library
    lowest: int
    highest: int
    version: str | None = None
    evidence: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """How reports name it: `BullMQ 5.81.5`, `BullMQ 1 to 3`, `Bull 3 or 4`."""
        if self.library is Library.UNKNOWN:
            return "unknown library"
        if self.library is Library.BULLMQ_PRO and not self.version:
            return str(self.library)
        if self.version:
            return f"{self.library} {self.version}"
        if self.lowest == self.highest:
            return f"{self.library} {self.lowest}"
        if self.finished_in_sets:
            return f"{self.library} {self.highest} or older"
        word = "or" if self.highest == self.lowest + 1 else "to"
        return f"{self.library} {self.lowest} {word} {self.highest}"

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor version, the newest of the major where none is noted."""
        noted = re.match(r"(\d+)\.(\d+)", self.version or "")
        return (int(noted[1]), int(noted[2])) if noted else (self.highest, 999)

    @property
    def moves_list_when_paused(self) -> bool:
        """Up to BullMQ 5 a paused queue's `wait` list is called `paused`."""
        return not (self.library is Library.BULLMQ and self.lowest >= 6)

    @property
    def finished_in_sets(self) -> bool:
        """Bull up to 2 keeps the ids of completed and failed jobs in sets, without an order."""
        return self.library is Library.BULL and self.highest <= 2


def detect(
    meta: Mapping[str, str], suffixes: Collection[str], job_fields: Collection[str]
) -> Generation:
    """The generation that fits `meta`, the suffixes of the queue's keys and fields of its jobs.

    `suffixes` may also hold `marker-entry` for a `0` or `0:<ms>` entry in the `wait` list,
    `finished-set` where completed or failed jobs stand in a set, `finished-zset` where they stand
    in a sorted one, and `later-job` for a job that Bull 2 or older has not made.
    """
    noted = _VERSION.match(meta.get("version", ""))
    if noted:
        pro = noted["library"] != "bullmq"
        major = int(noted["major"])
        library = Library.BULLMQ_PRO if pro else Library.BULLMQ
        return Generation(library, major, major, noted["version"], ("meta holds the version",))
    if "gid" in job_fields or any(suffix.partition(":")[0] == "groups" for suffix in suffixes):
        evidence = ("groups of jobs, which only BullMQ Pro has",)
        return Generation(Library.BULLMQ_PRO, 0, 0, evidence=evidence)
    if _is_bull(meta, suffixes, job_fields):
        return _bull(suffixes, job_fields)
    if meta or "events" in suffixes or "waiting-children" in suffixes or job_fields:
        return _bullmq(meta, suffixes, job_fields)
    return Generation(Library.UNKNOWN, 0, 0)


def _is_bull(
    meta: Mapping[str, str], suffixes: Collection[str], job_fields: Collection[str]
) -> bool:
    if {"meta-paused", "limiter:index", "finished-set"} & set(suffixes):
        return True
    bullmq_only = {"events", "marker", "prioritized", "pc", "waiting-children", "delay"}
    if "opts.maxLenEvents" in meta or bullmq_only & set(suffixes):
        return False
    return not {"atm", "ats", "parentKey", "parent", "rjk"} & set(job_fields)


def _bull(suffixes: Collection[str], job_fields: Collection[str]) -> Generation:
    later = {"finished-zset", "later-job", "repeat"} & set(suffixes)  # it may have been upgraded
    early = {"attempts", "lockAcquired"} & set(job_fields)
    if "finished-set" in suffixes or (early and not later):
        return Generation(Library.BULL, 0, 2, evidence=("sets or fields of Bull 2 and older",))
    if {"retriedOn", "deid"} & set(job_fields) or {"metrics:completed", "metrics:failed"} & set(
        suffixes
    ):
        return Generation(Library.BULL, 4, 4, evidence=("fields or metrics that Bull 3 lacks",))
    return Generation(Library.BULL, 3, 4, evidence=("no event stream and no BullMQ meta",))


def _bullmq(
    meta: Mapping[str, str], suffixes: Collection[str], job_fields: Collection[str]
) -> Generation:
    lowest, highest = 1, NEWEST_BULLMQ
    evidence = []
    if {"marker"} & set(suffixes) or {"atm", "ats", "deid", "pb"} & set(job_fields):
        lowest = 5
        evidence.append("marker set or `atm`/`ats` fields: 5 or newer")
    elif {"prioritized", "pc"} & set(suffixes):
        lowest = 4
        evidence.append("`prioritized` set: 4 or newer")
    if "paused" in suffixes:
        highest = max(lowest, 5)
        evidence.append("`paused` list: 5 or older")
    if lowest < 5 and "attemptsMade" in job_fields:
        highest = 4
        evidence.append("`attemptsMade` field: 4 or older")
    if lowest < 4 and "priority" in suffixes:
        highest = 3
        evidence.append("`priority` set: 3 or older")
    if lowest < 4 and "delay" in suffixes:
        highest = 2
        evidence.append("`delay` stream: 1 or 2")
    if lowest < 5 and "marker-entry" in suffixes:
        lowest, highest = max(lowest, 2), min(highest, 4)
        evidence.append("marker entry in `wait`: 2 to 4")
    if "version" not in meta and highest >= 3:
        evidence.append("no version in `meta`: filled by a FlowProducer or by BullMQ for Python")
    return Generation(Library.BULLMQ, lowest, max(lowest, highest), evidence=tuple(evidence))


__all__ = ["Generation", "Library", "detect"]
