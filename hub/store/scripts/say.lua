-- Append a chat event.
-- ARGV 6 person, 7 may speak past a closed or slow chat, 8 body (JSON)
-- Answers: {'ok', seq} | not_in_room | forbidden | rate_limited ms
local p, free = ARGV[6], ARGV[7] == '1'
local state = seat(p)
if state ~= 'live' and state ~= 'held' then return {'not_in_room'} end
if not free then
  if m[8] ~= 'on' then return {'forbidden'} end
  local slow = tonumber(m[9]) or 0
  if slow > 0 then
    call('ZREMRANGEBYSCORE', K.SLOW, '-inf', S(now))
    local again = tonumber(call('ZSCORE', K.SLOW, p) or '')
    if again then return {'rate_limited', again - now} end
    call('ZADD', K.SLOW, S(now + slow * 1000), p)
  end
end
return done({'ok', event('chat', p, ARGV[8])})
