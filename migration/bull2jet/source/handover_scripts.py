"""The scripts by which `handover` changes Redis: Lua, each atomic, each of which first compares the
lease (its key is KEYS[1], its value ARGV[1]).
"""

from __future__ import annotations

_FENCE = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('FENCED') end\n"

FREEZE = (
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

THAW = (
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

MOVE = (
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

STRIKE = (
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

SET_ASIDE = (
    _FENCE
    + """
local line, aside, returned = KEYS[2], KEYS[3], KEYS[4]
if redis.call('EXISTS', line) == 1 and redis.call('EXISTS', aside, returned) == 0 then
  redis.call('RENAME', line, aside)
end
return 0
"""
)

LINE_UP = (
    _FENCE
    + """
for _ = 1, 5000 do
  if not redis.call('RPOPLPUSH', KEYS[3], KEYS[2]) then break end
end
return redis.call('LLEN', KEYS[3])
"""
)

PUT_BACK = (
    _FENCE
    + """
local from, to, keptPriority, priority = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local function back(id) return redis.call('SISMEMBER', KEYS[6], id) == 1 end
if ARGV[2] == 'list' then
  for _ = 1, 1000 do
    local id = redis.call('LPOP', from)
    if not id then break end
    if not back(id) then redis.call('RPUSH', to, id) end
    local score = redis.call('ZSCORE', keptPriority, id)
    if score then
      redis.call('ZREM', keptPriority, id)
      redis.call('ZADD', priority, score, id)
    end
  end
  return redis.call('LLEN', from)
end
local rows = redis.call('ZRANGE', from, 0, 999, 'WITHSCORES')
for i = 1, #rows, 2 do
  redis.call('ZREM', from, rows[i])
  if back(rows[i]) then
  elseif ARGV[2] == 'set' then redis.call('SADD', to, rows[i])
  else redis.call('ZADD', to, rows[i + 1], rows[i]) end
end
return redis.call('ZCARD', from)
"""
)

RUN_ALL = (
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

UNLINK_UNLESS_GROWN = (
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


__all__ = [
    "FREEZE",
    "LINE_UP",
    "MOVE",
    "PUT_BACK",
    "RUN_ALL",
    "SET_ASIDE",
    "STRIKE",
    "THAW",
    "UNLINK_UNLESS_GROWN",
]
