"""What the lives of the state machine are made of: times, data, options of jobs."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

FAR = 3_600_000
TIMES = st.sampled_from([FAR, 2 * FAR, 3 * FAR])
PRIORITIES = st.sampled_from([0, 0, 1, 2, 2_097_152])
DATA = st.sampled_from([{}, {"n": 1}, None, "text", [1, None, 2**60], {"ש": "🎧"}, 0, False])
IDS = st.sampled_from(["a", "b", "c.*", "ש"])
LUCK = st.integers(0, 4)  # steps that end most of what a life has built are taken only at 0
KEEP = st.sampled_from([True, 1, 0, {"count": 2}, {"age": 3600}, False])


@st.composite
def options(draw: Any) -> dict[str, Any]:
    """Options of a job, few at a time."""
    known = {
        "delay": TIMES,
        "priority": PRIORITIES,
        "lifo": st.just(True),
        "jobId": IDS,
        "attempts": st.sampled_from([1, 2, 3]),
        "backoff": st.sampled_from([FAR, {"type": "exponential", "delay": FAR}]),
        "removeOnComplete": KEEP,
        "removeOnFail": KEEP,
        "keepLogs": st.sampled_from([1, 2]),
        "stackTraceLimit": st.sampled_from([0, 1]),
        "deduplication": st.sampled_from(
            [
                {"id": "d"},
                {"id": "d", "ttl": FAR},
                {"id": "d", "ttl": FAR, "extend": True},
                {"id": "d", "ttl": FAR, "replace": True},
                {"id": "d", "keepLastIfActive": True},
            ]
        ),
    }
    names = draw(st.lists(st.sampled_from(sorted(known)), max_size=3, unique=True))
    return {name: draw(known[name]) for name in names}
