-- The next revision of the notes, if nobody was quicker.
-- ARGV 6 person, 7 base, 8 revision, 9 ops (JSON), 10 text
-- Answers: {'ok', seq | 0 `base` is not the newest} | not_in_room | wrong_mode | room_closed
--   | too_large | bad_message
local p, ops, text = ARGV[6], ARGV[9], ARGV[10]
local base, rev = number(ARGV[7], 0, 2 ^ 50, -1), number(ARGV[8], 0, 2 ^ 50, -1)
if closed then return {'room_closed'} end
local state = seat(p)
if state ~= 'live' and state ~= 'held' then return {'not_in_room'} end
if not talk then return {'wrong_mode'} end
if #text > 80000 or #ops > 131072 then return {'too_large'} end
if rev ~= base + 1 or string.sub(ops, 1, 1) ~= '[' or string.find(ops, '\n', 1, true) then
  return {'bad_message'}
end
if tonumber(call('HGET', K.NOTES, 'rev') or '') ~= base then return {'ok', 0} end
call('HSET', K.NOTES, 'rev', S(rev), 'text', text)
call('XADD', K.OPS, 'MAXLEN', '=', 500, S(rev) .. '-0', 'o', ops)
call('EXPIRE', K.NOTES, 86400)          -- SQL has them by then
call('EXPIRE', K.OPS, 86400)
return done({'ok', event('note', p, '{"rev":' .. S(rev) .. ',"ops":' .. ops .. '}')})
