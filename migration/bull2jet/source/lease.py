"""The right to move a queue's jobs: held by one run at a time, checked by every writing step.

The lease is a key beside the queue's own, with a time to live. Every script that changes the queue
compares it first, so a run that was thought dead and wakes up again cannot write any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from bull2jet.errors import FencedError, RunInProgressError
from bull2jet.groups import single_errors
from bull2jet.model import QueueRef
from bull2jet.source.door import Door, text
from bull2jet.source.keys import QueueKeys

_TTL_MS = 30_000
_RENEW_SECONDS = 8.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MINE: set[str] = set()  # leases held by this very process

_TAKE = """
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[3] then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
"""
_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """A held lease; `value` is what the key holds while it is ours."""

    key: str
    value: str


@contextlib.asynccontextmanager
async def held_lease(door: Door, queue: QueueRef, command: str) -> AsyncIterator[Lease]:
    """Holds the queue's lease; `RunInProgressError` names who has it.

    `FencedError` ends the body when the lease is lost on the way.
    """
    lease = await _take(door, queue, command)
    _MINE.add(lease.value)
    try:
        with single_errors():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_keep, door, lease)
                yield lease
                tasks.cancel_scope.cancel()
    finally:
        _MINE.discard(lease.value)
        with anyio.move_on_after(5, shield=True):
            await door.script(_RELEASE, [lease.key], [lease.value])


async def _take(door: Door, queue: QueueRef, command: str) -> Lease:
    key = QueueKeys(queue).own("lease")
    me = {**_identity(), "command": command, "token": uuid.uuid4().hex, "since": _now()}
    value = json.dumps(me, sort_keys=True)
    held = await door.script(_TAKE, [key], [value, _TTL_MS, ""])
    if held is not None:
        other = _owner(text(held))
        if text(held) in _MINE or not _is_dead(other):
            raise _in_progress(queue, other)
        again = await door.script(_TAKE, [key], [value, _TTL_MS, text(held)])
        if again is not None:
            raise _in_progress(queue, _owner(text(again)))
    return Lease(key, value)


async def _keep(door: Door, lease: Lease) -> None:
    while True:
        await anyio.sleep(_RENEW_SECONDS)
        if not await door.script(_RENEW, [lease.key], [lease.value, _TTL_MS]):
            raise lost(lease)


def lost(lease: Lease) -> FencedError:
    """What a run says when its lease is gone."""
    return FencedError(
        f"The lease {lease.key!r} was lost (this process was stopped for more than "
        f"{_TTL_MS // 1000} s, or the key was deleted); run the command again to go on."
    )


def _identity() -> dict[str, Any]:
    boot = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""
    return {"host": socket.gethostname(), "pid": os.getpid(), "boot": boot}


def _owner(value: str) -> dict[str, Any]:
    try:
        owner = json.loads(value)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _is_dead(other: dict[str, Any]) -> bool:
    """Whether the holder was a process of this machine that no longer exists."""
    me = _identity()
    if any(other.get(name) != me[name] for name in ("host", "boot")):
        return False
    pid = other.get("pid")
    if not isinstance(pid, int):
        return False
    if pid == os.getpid():  # a restarted container gives the same number to the next process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _in_progress(queue: QueueRef, other: dict[str, Any]) -> RunInProgressError:
    age = max(0, _now() - int(other.get("since", _now()))) // 1000
    who = f"process {other.get('pid', '?')} on {other.get('host', 'an unknown host')}"
    return RunInProgressError(
        f"The queue {queue.key} is held by `bull2jet {other.get('command', '?')}`, {who}, for "
        f"{age} s; wait for it or stop it (a killed one is forgotten after {_TTL_MS // 1000} s)."
    )


def _now() -> int:
    return int(time.time() * 1000)


__all__ = ["Lease", "held_lease", "lost"]
