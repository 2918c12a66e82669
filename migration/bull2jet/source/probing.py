"""Trying every command that a migration needs, on a key of bull2jet's own, before anything changes.

A right that is missing would otherwise show in the middle of a step. What Redis 6 says of it inside
a script does not name the command, so the script does.
"""

from __future__ import annotations

from collections.abc import Sequence

from redis.exceptions import ResponseError

from bull2jet.model import QueueRef
from bull2jet.source.door import Door, text, unavailable
from bull2jet.source.keys import QueueKeys

_PROBE = """
local a, b = KEYS[1], KEYS[2]
local steps = {
  {'DEL', a, b}, {'UNLINK', a, b}, {'EXISTS', a}, {'TYPE', a},
  {'SET', a, '1', 'PX', '1000'}, {'GET', a}, {'INCRBY', a, '1'}, {'PEXPIRE', a, '1000'},
  {'PTTL', a}, {'DEL', a},
  {'HSET', a, 'f', '1'}, {'HGETALL', a}, {'HKEYS', a}, {'HMGET', a, 'f'},
  {'HSTRLEN', a, 'f'}, {'HDEL', a, 'f'},
  {'LPUSH', a, '1'}, {'RPUSH', a, '2'}, {'LRANGE', a, '0', '-1'}, {'LINDEX', a, '0'}, {'LLEN', a},
  {'RENAME', a, b}, {'RPOPLPUSH', b, a}, {'LREM', a, '-1', '2'}, {'LPOP', b}, {'DEL', a, b},
  {'SADD', a, '1'}, {'SMEMBERS', a}, {'SISMEMBER', a, '1'}, {'SCARD', a},
  {'SRANDMEMBER', a, '1'}, {'SREM', a, '1'}, {'DEL', a},
  {'ZADD', a, '1', '1'}, {'ZSCORE', a, '1'}, {'ZCARD', a}, {'ZCOUNT', a, '0', '1'},
  {'ZRANGE', a, '0', '-1'}, {'ZRANGEBYSCORE', a, '0', '1'}, {'ZREM', a, '1'}, {'DEL', a},
  {'XRANGE', a, '-', '+'}, {'XREVRANGE', a, '+', '-'},
}
for _, step in ipairs(steps) do
  local answer = redis.pcall(unpack(step))
  if type(answer) == 'table' and answer.err then
    redis.pcall('DEL', a, b)
    return {step[1], answer.err}
  end
end
return false
"""


async def require_rights(door: Door, queues: Sequence[QueueRef]) -> None:
    """`SourceError` with the first command that Redis refuses for one of these queues."""
    for queue in queues:
        keys = QueueKeys(queue)
        refused = await door.script(_PROBE, [keys.own("probe"), keys.own("probe2")], [])
        if refused:
            verb, reason = map(text, refused)
            raise unavailable(door.address, ResponseError(f"{verb}: {reason}"))


__all__ = ["require_rights"]
