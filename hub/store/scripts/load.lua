-- Make a room's live settings when there are none. Runs without the prelude.
-- KEYS as every room script
-- ARGV 1 room, 2-5 as in the prelude, 6.. field, value, ... of meta
-- Answers: {'ok', 1 made | 0 there already} | bad_message
local given = {}
for i = 6, #ARGV - 1, 2 do given[ARGV[i]] = ARGV[i + 1] end
for _, k in ipairs({'cap', 'reserved', 'stage_cap', 'lease', 'offer', 'wmax', 'log', 'slow'}) do
  if not string.find(given[k] or '', '^%d+$') or #given[k] > 12 then return {'bad_message'} end
end
for _, k in ipairs({'opens', 'closes'}) do
  if not string.find(given[k] or '', '^%d*$') or #given[k] > 15 then return {'bad_message'} end
end
if not given.epoch or #ARGV % 2 == 0 or #ARGV > 200 then return {'bad_message'} end
if redis.call('HEXISTS', KEYS[1], 'epoch') == 1 then return {'ok', 0} end
redis.call('HSET', KEYS[1], 'seq', 0, 'gen', 0, 'ticket', 0, unpack(ARGV, 6))
local at = redis.call('HGET', KEYS[1], 'closes')
if tonumber(at or '') then redis.call('ZADD', KEYS[19], at, ARGV[1]) end
return {'ok', 1}
