-- Agree on a room's media worker. Runs without the prelude.
-- KEYS 1 place
-- ARGV 1 the worker picked, 2.. candidates
-- Answers: the worker
local now = redis.call('GET', KEYS[1])
for i = 2, #ARGV do
  if ARGV[i] == now then
    redis.call('EXPIRE', KEYS[1], 86400)
    return now
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', 86400)
return ARGV[1]
