"""What a queue tells a monitoring system: meta data, metrics, Prometheus text, gauges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from jetbull import checks
from jetbull._version import __version__
from jetbull.backend import max_events
from jetbull.event_emitter import EventEmitter
from jetbull.ledger.queue import metrics, settings
from jetbull.ledger.streams.streams import EVENT_HISTORY
from jetbull.queues.getters import QueueGetters
from jetbull.types.generics import Data, Result
from jetbull.types.results import Metrics, MetricsMeta

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class QueueMetrics(QueueGetters[Data, Result], EventEmitter):
    """The part of `Queue` that observes it."""

    async def getVersion(self) -> str:
        """The library and version that keeps this queue, such as `jetbull:0.1.0`."""
        return f"jetbull:{__version__}"

    async def getMeta(self) -> dict[str, Any]:
        """`paused`, `maxLenEvents`, `version`; `concurrency`, `max` and `duration` if set."""
        values, _ = await settings.read(await self.ledger())
        kept = max_events(self.opts)
        return {
            "maxLenEvents": EVENT_HISTORY if kept is None else kept,
            "version": await self.getVersion(),
            **values,
            "paused": bool(values.get("paused")),
        }

    async def getMetrics(
        self, type: Literal["completed", "failed"], start: int = 0, end: int = -1
    ) -> Metrics:
        """`{meta: {count, prevTS, prevCount}, data, count}` of workers with the option `metrics`.

        `data` holds the jobs finished per minute, newest minute first, without the one that is
        not over yet; `start` and `end` are inclusive; `count` is how many points there are.
        """
        start, end = checks.position("start", start), checks.position("end", end)
        found = await metrics.read(await self.ledger(), type)
        meta: MetricsMeta = {"count": found.total, "prevTS": 0, "prevCount": 0}
        points: list[int] = []
        if found.minutes:
            first, last = min(found.minutes), max(found.minutes)
            meta["prevTS"] = last * metrics.MINUTE_MS
            meta["prevCount"] = found.total - found.minutes[last]
            points = [found.minutes.get(m, 0) for m in range(last - 1, first - 1, -1)]
        data = points[start : None if end == -1 else end + 1]
        return {"meta": meta, "data": data, "count": len(points)}

    async def exportPrometheusMetrics(
        self, globalVariables: Mapping[str, str] | None = None
    ) -> str:
        """Counts per state and finished jobs in Prometheus' text format, with those labels."""
        queue = _label(self.name)
        variables = checks.mapping("globalVariables", globalVariables)
        more = "".join(f', {k}="{_label(v)}"' for k, v in variables.items())
        lines = [
            "# HELP bullmq_job_count Number of jobs in the queue by state",
            "# TYPE bullmq_job_count gauge",
        ]
        for state, count in (await self.getJobCounts()).items():
            lines.append(f'bullmq_job_count{{queue="{queue}", state="{state}"{more}}} {count}')
        for state in ("completed", "failed"):
            total = (await metrics.read(await self.ledger(), state)).total
            name = f"bullmq_job_{state}_total"
            lines += [
                f"# HELP {name} Total number of {state} jobs",
                f"# TYPE {name} counter",
                f'{name}{{queue="{queue}"{more}}} {total}',
            ]
        return "\n".join(lines)

    async def recordJobCountsMetric(self, *types: str) -> dict[str, int]:
        """The counts per state; `opts.telemetry.meter`, if there is one, gets them as a gauge."""
        counts = await self.getJobCounts(*types)
        meter = getattr(self.opts.get("telemetry"), "meter", None)
        if meter is not None:
            gauge = meter.createGauge(
                "bullmq.queue.jobs",
                {"description": "Number of jobs in the queue by state", "unit": "{jobs}"},
            )
            for state, count in counts.items():
                attributes = {"bullmq.queue.name": self.name, "bullmq.queue.jobs.state": state}
                gauge.record(count, attributes)
        return counts


def _label(value: object) -> str:
    return str(value).translate(_ESCAPES)


__all__ = ["QueueMetrics"]
