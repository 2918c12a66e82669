"""The steps that change Redis: freezing a queue, handing jobs over, giving them back.

A handed-over job leaves the collection the old workers look at and enters one of bull2jet's own
beside it (`<queue>:bull2jet:wait` and so on), same order, same score. Its hash stays where it is
until `finalize`. Each step is one script, atomic in Redis, and compares the lease first.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from redis.exceptions import ResponseError

from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Command, Door, text
from bull2jet.source.generation import Library
from bull2jet.source.keys import OWN, QueueKeys
from bull2jet.source.lease import Lease, lost
from bull2jet.source.listing import Holder

#: where the waiting jobs that were never taken over stay during the way back
ASIDE = f"{OWN}aside"
#: ids of the jobs that have come back so far
RETURNED = f"{OWN}returned"

_FENCE = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('FENCED') end\n"

_FREEZE = (
    _FENCE
    + """
local wait, paused, meta, metaPaused, marker = KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
redis.call('HSET', meta, 'paused', 1)
if ARGV[3] == '1' then redis.call('SET', metaPaused, 1) end
redis.call('DEL', marker)
if ARGV[2] ~= '1' then return 0 end
if redis.call('EXISTS', wait) == 1 and redis.call('EXISTS', paused) == 0 then
  redis.call('RENAME', wait, paused)
end
for _ = 1, 5000 do
  if not redis.call('RPOPLPUSH', wait, paused) then break end
end
return redis.call('LLEN', wait)
"""
)

_THAW = (
    _FENCE
    + """
local wait, paused, meta, metaPaused, marker = KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
redis.call('HDEL', meta, 'paused')
redis.call('DEL', metaPaused)
if redis.call('EXISTS', paused) == 1 and redis.call('EXISTS', wait) == 0 then
  redis.call('RENAME', paused, wait)
end
for _ = 1, 5000 do
  local id = redis.call('LPOP', paused)
  if not id then break end
  redis.call('RPUSH', wait, id)
end
local waiting = redis.call('LLEN', wait) + redis.call('ZCARD', KEYS[7])
if ARGV[2] == '1' then
  local due = redis.call('ZRANGE', KEYS[8], 0, 0, 'WITHSCORES')
  if waiting > 0 then redis.call('ZADD', marker, 0, '0')
  elseif due[2] then redis.call('ZADD', marker, math.floor(tonumber(due[2]) / 4096), '1') end
elseif ARGV[3] == '1' and waiting > 0 and redis.call('LLEN', wait) == 0 then
  redis.call('RPUSH', wait, '0:0')
end
return redis.call('LLEN', paused)
"""
)

_MOVE = (
    _FENCE
    + """
local from, to, priority, keptPriority = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local ranked = redis.call('TYPE', priority).ok == 'zset'
local kept = {}
for i = 4, #ARGV do
  local id = ARGV[i]
  local moved = false
  if ARGV[2] == 'set' then
    if redis.call('SREM', from, id) == 1 then
      redis.call('ZADD', to, string.format('%.0f', tonumber(ARGV[3]) + i), id)
      moved = true
    end
  elseif ARGV[3] ~= '' and redis.call('EXISTS', ARGV[3] .. id .. ':lock') == 1 then
    moved = false
  elseif ARGV[2] == 'list' then
    if redis.call('LREM', from, -1, id) == 1 then
      redis.call('LPUSH', to, id)
      moved = true
      local score = ranked and redis.call('ZSCORE', priority, id)
      if score then
        redis.call('ZREM', priority, id)
        redis.call('ZADD', keptPriority, score, id)
      end
    end
  else
    local score = redis.call('ZSCORE', from, id)
    if score then
      redis.call('ZREM', from, id)
      redis.call('ZADD', to, score, id)
      moved = true
    end
  end
  if not moved then kept[#kept + 1] = id end
end
return kept
"""
)

_STRIKE = (
    _FENCE
    + """
local key, id = KEYS[2], ARGV[3]
local there = #KEYS == 2
for i = 3, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind == 'zset' then there = there or redis.call('ZSCORE', KEYS[i], id)
  elseif kind == 'set' then there = there or redis.call('SISMEMBER', KEYS[i], id) == 1
  elseif kind == 'list' then
    for _, other in ipairs(redis.call('LRANGE', KEYS[i], 0, -1)) do there = there or other == id end
  end
end
if not there then return 0 end
local kind = redis.call('TYPE', key).ok
if kind == 'list' then return redis.call('LREM', key, ARGV[2], id) end
return redis.call(kind == 'set' and 'SREM' or 'ZREM', key, id)
"""
)

_SET_ASIDE = (
    _FENCE
    + """
local line, aside, returned = KEYS[2], KEYS[3], KEYS[4]
if redis.call('EXISTS', line) == 1 and redis.call('EXISTS', aside, returned) == 0 then
  redis.call('RENAME', line, aside)
end
return 0
"""
)

_LINE_UP = (
    _FENCE
    + """
for _ = 1, 5000 do
  if not redis.call('RPOPLPUSH', KEYS[3], KEYS[2]) then break end
end
return redis.call('LLEN', KEYS[3])
"""
)

_ALL = (
    _FENCE
    + """
local i = 2
while i <= #ARGV do
  local command = {}
  for j = 1, tonumber(ARGV[i]) do command[j] = ARGV[i + j] end
  redis.call(unpack(command))
  i = i + 1 + #command
end
return redis.status_reply('OK')
"""
)

_UNLINK_UNLESS_GROWN = (
    _FENCE
    + """
local checks = tonumber(ARGV[2])
for i = 1, checks do
  local verb, key, size = ARGV[3 * i], ARGV[3 * i + 1], tonumber(ARGV[3 * i + 2])
  if redis.call(verb, key) > size then return 0 end
end
for i = 3 * checks + 3, #ARGV do redis.call('UNLINK', ARGV[i]) end
return 1
"""
)


class Handover:
    """The writing steps of one queue, under one lease."""

    def __init__(self, door: Door, found: QueueFound, lease: Lease) -> None:
        self._door = door
        self._found = found
        self._lease = lease
        self.keys = QueueKeys(found.queue)

    async def freeze(self) -> None:
        """Pauses the queue the way its library does, so that no old worker takes a job."""
        generation = self._found.generation
        moves = "1" if generation.moves_list_when_paused else "0"
        bull = "0" if generation.library is Library.BULLMQ else "1"
        while int(await self._run(_FREEZE, self._pause_keys(), [moves, bull])) > 0:
            continue

    async def thaw(self) -> None:
        """Ends the pause the way the library does, and wakes its workers."""
        generation = self._found.generation
        bullmq = generation.library is Library.BULLMQ
        marker = "1" if bullmq and generation.highest >= 5 else "0"
        old_marker = "1" if bullmq and generation.highest == 4 else "0"
        while int(await self._run(_THAW, self._pause_keys(), [marker, old_marker])) > 0:
            continue

    async def claim(self, holder: Holder, ids: Sequence[str]) -> list[str]:
        """Takes the jobs over; the ids that were no longer where they had been listed.

        An active job is taken over only while it has no lock.
        """
        return await self._move(holder, holder.mirror, ids)

    async def reserve(self, holder: Holder, ids: Sequence[str]) -> list[str]:
        """Takes the jobs away from old workers before they are copied (bridge)."""
        return await self._move(holder, holder.inflight, ids)

    async def settle(self, holder: Holder, ids: Sequence[str]) -> list[str]:
        """Makes reserved jobs taken-over ones, after they were copied."""
        return await self._move(holder.inflight, holder.mirror, ids)

    async def refuse(self, holder: Holder, ids: Sequence[str]) -> None:
        """Puts reserved jobs aside that the target will never hold."""
        await self._move(holder.inflight, holder.refused, ids)

    async def claim_schedulers(self, members: Sequence[str]) -> None:
        """Takes schedulers over: the old side makes no further iterations."""
        repeat, mirror = self.keys("repeat"), self.keys.own("repeat")
        if members:
            await self._run(
                _MOVE, [repeat, mirror, self.keys.own("-"), self.keys.own("-")],
                ["zset", "", *members],
            )  # fmt: skip

    async def strike(self, holder: Holder, job_id: str, number: int = 0, as_in: str = "") -> int:
        """Removes an id from a list so many times, from the end of the line on; 0 for all.

        Where `as_in` names another collection, only while that holds the id, taken over or not.
        """
        names = [holder.suffix, *([as_in, f"{OWN}{as_in}"] if as_in else [])]
        return int(await self._run(_STRIKE, [self.keys(name) for name in names], [number, job_id]))

    async def set_aside(self) -> None:
        """Moves the frozen line of waiting jobs aside, unless some have returned to it already."""
        await self._run(_SET_ASIDE, self._line_keys(), [])

    async def line_up(self) -> None:
        """Puts them back, behind those that stand in the line now."""
        while int(await self._run(_LINE_UP, self._line_keys(), [])) > 0:
            continue

    async def together(self, commands: Sequence[Command]) -> None:
        """Runs plain commands as one atomic step."""
        flat: list[Any] = []
        for command in commands:
            flat.append(len(command))
            flat += command
        if flat:
            await self._run(_ALL, [], flat)

    async def unlink_unless_grown(self, keys: Sequence[str], sizes: Mapping[Command, int]) -> bool:
        """Removes the keys if each collection, by the command that counts it, still has its size.

        False when one has grown and nothing was removed.
        """
        checks = [part for command, size in sizes.items() for part in (*command, size)]
        return bool(await self._run(_UNLINK_UNLESS_GROWN, [], [len(sizes), *checks, *keys]))

    async def _move(self, origin: Holder, goal: Holder, ids: Sequence[str]) -> list[str]:
        if not ids:
            return []
        root = f"{self._found.queue.key}:" if origin.suffix == "active" else ""
        if origin.is_set:  # a set has no order: those that are moved later stand behind
            root = str(time.time_ns() // 1000)
        names = (origin.suffix, goal.suffix, "priority", f"{OWN}priority")
        keys = [self.keys(name) for name in names]
        kept = await self._run(_MOVE, keys, [origin.redis_type, root, *ids])
        return [text(job_id) for job_id in kept]

    def _line_keys(self) -> list[str]:
        frozen = "paused" if self._found.generation.moves_list_when_paused else "wait"
        return [self.keys(frozen), self.keys(ASIDE), self.keys(RETURNED)]

    def _pause_keys(self) -> list[str]:
        names = ("wait", "paused", "meta", "meta-paused", "marker", "prioritized", "delayed")
        return [self.keys(name) for name in names]

    async def _run(self, script: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        try:
            return await self._door.script(
                script, [self._lease.key, *keys], [self._lease.value, *args]
            )
        except ResponseError as error:
            if "FENCED" in str(error):
                raise lost(self._lease) from error
            raise


__all__ = ["ASIDE", "RETURNED", "Handover"]
