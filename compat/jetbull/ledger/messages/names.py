"""The one place where names become subjects, and back.

Subjects of one prefix (`P`), queue (`Q`) and job (`I`), all escaped (`tokens`):

    jb.P.Q.<state>.<lane>.I   a job: the subject is its state
    jbq.P.Q.<kind>.<key>      what belongs to the queue: settings, dedup keys, schedulers, levels
    jbd.P.Q.…                 dependencies of parents (both in the stream of jb)
    jbe.P.Q                   events          jbc.P.Q.<counter>   counters
    jbl.P.Q.I                 log rows        jbo.P.Q.I.…         large payloads
    jbh.P.Q.<topic>           core NATS only: hints and questions, nothing is stored
"""

from __future__ import annotations

from jetbull.ledger.messages.tokens import escape, shortened, unescape

_MAX_STREAM_PART = 200  # of the 255 characters of a stream's name
_MAX_CONSUMER_PART = 100

# States a job's subject can name. `head`, `stalled` and `prio` are faces of BullMQ's states.
WAIT, HEAD, PRIO, DELAYED = "wait", "head", "prio", "delayed"
ACTIVE, STALLED, CHILDREN = "active", "stalled", "children"
COMPLETED, FAILED, SETTLE, GONE = "completed", "failed", "settle", "gone"

STATES = (
    *(WAIT, HEAD, PRIO, DELAYED),
    *(ACTIVE, STALLED, CHILDREN),
    *(COMPLETED, FAILED, SETTLE, GONE),
)

LINE = frozenset({HEAD, WAIT, PRIO})  # of jobs that are ready to run
# In the books of a parent (`jbd`): it waits for a child, or has nothing to do with it any more.
PENDING, NOTHING = "pend", "none"

OPEN = "open"  # lane of a finished child whose parent has not been told yet

# States whose message is itself a schedule, and therefore leaves in the same message that
# enters the next state (JetStream: Nats-Schedule-Next: purge).
_SCHEDULED = frozenset({HEAD, DELAYED, ACTIVE, CHILDREN})

#: BullMQ's words for them.
PUBLIC = {
    WAIT: "waiting",
    HEAD: "waiting",
    STALLED: "active",
    PRIO: "prioritized",
    DELAYED: "delayed",
    ACTIVE: "active",
    CHILDREN: "waiting-children",
    COMPLETED: "completed",
    FAILED: "failed",
}
PUBLIC_STATES = (
    *("waiting", "active", "completed", "failed"),
    *("delayed", "prioritized", "waiting-children"),
)


class Space:
    """Stream and subject names of one prefix."""

    __slots__ = (
        "_short",
        "counters",
        "events",
        "jobs",
        "logs",
        "objects",
        "prefix",
        "replicas",
        "token",
    )

    def __init__(self, prefix: str, replicas: int = 1) -> None:
        self.prefix = prefix
        self.replicas = replicas
        self.token = escape(prefix)
        short = self._short = shortened(self.token, _MAX_STREAM_PART)
        self.jobs = f"JB_{short}"
        self.events = f"JBE_{short}"
        self.counters = f"JBC_{short}"
        self.logs = f"JBL_{short}"
        self.objects = f"JBO_{short}"

    @property
    def streams(self) -> tuple[str, ...]:
        """The five streams of the prefix."""
        return self.jobs, self.events, self.counters, self.logs, self.objects

    @property
    def alive(self) -> str:
        """Where those who have the prefix open answer."""
        return self.alive_of(self._short)

    @staticmethod
    def alive_of(short: str) -> str:
        """As `alive`, from what stream names hold of the prefix."""
        return f"jbh.{short}.alive"

    def queue(self, name: str) -> QueueNames:
        """The names of a queue of this prefix."""
        return QueueNames(self, name)

    def all_pending(self) -> str:
        """Matches every child that a parent of any queue waits for."""
        return f"jbd.{self.token}.*.*.{PENDING}.*"

    def all_notes(self) -> str:
        """Matches every note of any queue (`adding.notes`)."""
        return f"jbq.{self.token}.*.note.*"

    def all_parts(self) -> str:
        """Matches what is written down of large insertions into any queue (`adding.journal`)."""
        return f"jbq.{self.token}.*.part.*"


class QueueNames:
    """Subject and consumer names of one queue."""

    __slots__ = ("_beside", "events", "name", "root", "space", "token")

    def __init__(self, space: Space, name: str) -> None:
        self.space = space
        self.name = name
        self.token = escape(name)
        self.root = f"jb.{space.token}.{self.token}"
        # Not below `root`: every guard of a job would look at every key.
        self._beside = f"jbq.{space.token}.{self.token}"
        self.events = f"jbe.{space.token}.{self.token}"

    @property
    def qualified(self) -> str:
        """BullMQ's `<prefix>:<queue>`."""
        return f"{self.space.prefix}:{self.name}"

    def job(self, state: str, job_id: str, lane: str = "-") -> str:
        """Where a job in that state is stored."""
        return f"{self.root}.{state}.{lane}.{escape(job_id)}"

    def subject(self, state: str, token: str) -> str:
        """As `job`, by the escaped id: the last token of the job's other subjects."""
        return f"{self.root}.{state}.-.{token}"

    def any_state(self, job_id: str) -> str:
        """Matches every message of one job: the guard of 'create only'."""
        return f"{self.root}.*.*.{escape(job_id)}"

    def all_in(self, state: str, lane: str = "*") -> str:
        """Matches the jobs in a state."""
        return f"{self.root}.{state}.{lane}.*"

    def line(self, level: int | str) -> str:
        """Matches the jobs that wait at a priority level; 0: those without priority."""
        return self.all_in(PRIO, str(level)) if level else self.all_in(WAIT)

    def all_jobs(self) -> str:
        """Matches every message of every job."""
        return f"{self.root}.*.*.*"

    def everything(self) -> str:
        """Matches all below the subjects of the jobs."""
        return f"{self.root}.>"

    def aux(self, kind: str, key: str) -> str:
        """Where a key of that kind is stored."""
        return f"{self._beside}.{kind}.{escape(key)}"

    def all_aux(self, kind: str) -> str:
        """Matches the keys of a kind."""
        return f"{self._beside}.{kind}.*"

    def all_beside(self) -> str:
        """Matches all that belongs to the queue and is no job."""
        return f"{self._beside}.>"

    def dependency(self, kind: str, parent_id: str, child_key: str) -> str:
        """Where a parent keeps what it knows of one child."""
        return f"jbd.{self.space.token}.{self.token}.{escape(parent_id)}.{kind}.{escape(child_key)}"

    def dependencies(self, parent_id: str, kind: str = "*") -> str:
        """Matches what a parent knows of its children."""
        return f"jbd.{self.space.token}.{self.token}.{escape(parent_id)}.{kind}.*"

    def all_dependencies(self) -> str:
        """Matches what all parents of the queue know."""
        return f"jbd.{self.space.token}.{self.token}.>"

    def counter(self, name: str) -> str:
        """Where a counter of the queue is."""
        return f"jbc.{self.space.token}.{self.token}.{name}"

    def log(self, job_id: str) -> str:
        """Where a job's log rows are."""
        return f"jbl.{self.space.token}.{self.token}.{escape(job_id)}"

    def all_logs(self) -> str:
        """Matches the log rows of all jobs."""
        return f"jbl.{self.space.token}.{self.token}.*"

    def object(self, job_id: str, part: str) -> str:
        """Where a part of what is large of a job is."""
        return f"jbo.{self.space.token}.{self.token}.{escape(job_id)}.{part}"

    def all_objects(self) -> str:
        """Matches what is large of all jobs."""
        return f"jbo.{self.space.token}.{self.token}.>"

    def hint(self, topic: str) -> str:
        """Where the queue's workers are told of a topic."""
        return f"jbh.{self.space.token}.{self.token}.{topic}"

    def consumer(self, kind: str) -> str:
        """Durable consumer name; long queue names are cut, their full form stays in the filter."""
        return f"{kind}-{shortened(self.token, _MAX_CONSUMER_PART)}"


def state_of(subject: str) -> str:
    """The state that the subject of a job names."""
    return subject.split(".", 5)[3]


def lane_of(subject: str) -> str:
    """The lane that the subject of a job names: a priority, a turn, or `-`."""
    return subject.split(".", 6)[4]


def is_schedule(subject: str) -> bool:
    """Whether the message on a job's subject is a schedule."""
    _, _, _, state, lane, _ = subject.split(".", 5)
    return state in _SCHEDULED or lane == OPEN


def public_state_of(subject: str) -> str:
    """BullMQ's state of the job stored on `subject`; `unknown` for a removed one."""
    state = state_of(subject)
    return PUBLIC.get(lane_of(subject) if state == SETTLE else state, "unknown")


def owner_of(subject: str) -> str:
    """The job to which a log row, a payload or a parent's book belongs, by its subject."""
    return unescape(subject.split(".", 4)[3])


def bare_token(subject: str) -> str:
    """The last token as it is."""
    return subject[subject.rindex(".") + 1 :]


def last_token(subject: str) -> str:
    """The unescaped last token: a key, a job id or a child's key."""
    return unescape(bare_token(subject))


__all__ = [
    "ACTIVE",
    "CHILDREN",
    "COMPLETED",
    "DELAYED",
    "FAILED",
    "GONE",
    "HEAD",
    "LINE",
    "NOTHING",
    "OPEN",
    "PENDING",
    "PRIO",
    "PUBLIC",
    "PUBLIC_STATES",
    "SETTLE",
    "STALLED",
    "STATES",
    "WAIT",
    "QueueNames",
    "Space",
    "bare_token",
    "is_schedule",
    "lane_of",
    "last_token",
    "owner_of",
    "public_state_of",
    "state_of",
]
