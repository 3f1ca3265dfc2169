-- A second of a partition's sweeper: hold the lease, watch for an outage, name what is due.
-- Runs without the prelude.
-- KEYS 1 due, 2 part
-- ARGV 1 hub, 2 run id, 3 lease (ms), 4 outage (ms), 5 window (ms), 6 1: the window may end
--      if it opened before ARGV 7 (ms)
-- Answers: {0} another hub sweeps | {1, window opened at or 0, now, room...}
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local part = redis.call('HMGET', KEYS[2], 'run', 'seen', 'until', 'from', 'sweeper', 'sweeper_until')
if part[5] and part[5] ~= ARGV[1] and (tonumber(part[6]) or 0) > now then return {0} end
redis.call('HSET', KEYS[2], 'sweeper', ARGV[1], 'sweeper_until', now + tonumber(ARGV[3]))
local from, till = tonumber(part[4]) or 0, tonumber(part[3]) or 0
local seen = tonumber(part[2])
if part[1] ~= ARGV[2] or (seen and now - seen > tonumber(ARGV[4])) then
  if part[1] and redis.call('ZCARD', KEYS[1]) > 0 then
    from, till = now, now + tonumber(ARGV[5])
    redis.call('HSET', KEYS[2], 'from', from, 'until', till)
  end
elseif till > now and ARGV[6] == '1' and from <= tonumber(ARGV[7]) then
  till = now
  redis.call('HSET', KEYS[2], 'until', now)
end
redis.call('HSET', KEYS[2], 'run', ARGV[2], 'seen', now)
if till > now then return {1, from, now} end
return {1, 0, now, unpack(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 64))}
