"""The add that BullMQ remembers while the owner of a deduplication id runs (`keepLastIfActive`).

It is a hash `dn:<deduplication id>`: name, data, opts, and `jid` (the id the job will get), `pk`
and `pd` (parent key and field), `pdk` (the parent's pending children), `rjk` (its scheduler).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bull2jet.errors import JobDamagedError
from bull2jet.model import Job, State
from bull2jet.source.json_text import json_problem, sound_json, sound_text, value_problem
from bull2jet.source.options import abbreviated, expanded
from bull2jet.source.writing import dumps, parent_field


def remembered_job(dedup_id: str, fields: Mapping[str, str]) -> Job:
    """The job that will be made when the owner finishes; `JobDamagedError` when it is broken."""
    data, opts = fields.get("data", "{}"), _object(fields, "opts")
    if "name" not in fields or json_problem(data):
        raise JobDamagedError("remembered-add", "its name is missing or its data is no JSON")
    options, parent = expanded(opts), _object(fields, "pd")
    if parent and not {"id", "queueKey"} <= parent.keys():
        raise JobDamagedError("remembered-add", "its field 'pd' names no parent")
    timestamp, delay, priority = (_number(options, n) for n in ("timestamp", "delay", "priority"))
    return Job(
        id=fields.get("jid") or f"next-{dedup_id}",  # the first versions chose the id later
        state=State.WAITING,
        position=0,
        name=fields["name"],
        data=data,
        opts=options,
        timestamp=timestamp,
        delay=delay,
        priority=priority,
        parent=parent or None,
        parentKey=fields.get("pk"),
        repeatJobKey=fields.get("rjk"),
        deduplicationId=dedup_id,
    )


def remembered_fields(job: Job) -> dict[str, str]:
    """The hash of a remembered job, as BullMQ 5 and 6 write it."""
    opts = abbreviated({**job.opts, "timestamp": job.timestamp})
    name, data = sound_text(job.name), sound_json(job.data)
    fields = {"name": name, "data": data, "opts": dumps(opts), "jid": job.id}
    if job.parent and job.parentKey:
        fields["pk"], fields["pdk"] = job.parentKey, f"{job.parentKey}:dependencies"
        fields["pd"] = dumps(parent_field(job))
    if job.repeatJobKey:
        fields["rjk"] = job.repeatJobKey
    return fields


def _number(options: Mapping[str, Any], name: str) -> int:
    try:
        return int(options.get(name) or 0)
    except (TypeError, ValueError, OverflowError) as error:
        raise JobDamagedError("remembered-add", f"its {name} is no number") from error


def _object(fields: Mapping[str, str], name: str) -> dict[str, Any]:
    text = fields.get(name)
    if not text:
        return {}
    value = None if value_problem(text) else json.loads(text)
    if not isinstance(value, dict):
        raise JobDamagedError("remembered-add", f"its field {name!r} is no JSON object")
    return value


__all__ = ["remembered_fields", "remembered_job"]
