-- Everything a room is, read in one step, for comparison with the model.
-- KEYS as a room script; ARGV 1 room
local function all(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end
local seq = redis.call('HGET', KEYS[1], 'seq')
local tail = redis.call('XREVRANGE', KEYS[17], '+', '-', 'COUNT', 1)[1]
return {all(KEYS[2]), all(KEYS[3]), all(KEYS[4]), all(KEYS[5]), redis.call('HGETALL', KEYS[7]),
  redis.call('ZRANGE', KEYS[8], 0, -1), redis.call('ZRANGE', KEYS[9], 0, -1), all(KEYS[10]),
  redis.call('ZRANGE', KEYS[11], 0, -1), redis.call('ZRANGE', KEYS[12], 0, -1), all(KEYS[14]),
  redis.call('ZSCORE', KEYS[19], ARGV[1]) or '', redis.call('HGET', KEYS[20], ARGV[1]) or '',
  seq, redis.call('HGET', KEYS[1], 'gen'), redis.call('XLEN', KEYS[17]), tail and tail[1] or '',
  redis.call('HKEYS', KEYS[6]), redis.call('HGET', KEYS[1], 'media') or '', redis.call('HGETALL', KEYS[6]),
  redis.call('ZRANGE', KEYS[15], 0, -1)}
