-- The next revision of the notes, if nobody was quicker. What was taken before by the same name
-- of the same person is not taken again: of each of the last 1,000 who wrote, the last 4 are known.
-- ARGV 6 person, 7 base, 8 revision, 9 ops (JSON), 10 text, 11 the change's name or ''
-- Answers: {'ok', seq | 0 `base` is not the newest, revision} | not_in_room | wrong_mode
--   | room_closed | too_large | bad_message
local p, ops, text, change = ARGV[6], ARGV[9], ARGV[10], ARGV[11]
local base, rev = number(ARGV[7], 0, 2 ^ 50, -1), number(ARGV[8], 0, 2 ^ 50, -1)
if closed then return {'room_closed'} end
local state = seat(p)
if state ~= 'live' and state ~= 'held' then return {'not_in_room'} end
if not talk then return {'wrong_mode'} end
if #text > 80000 or #ops > 131072 then return {'too_large'} end
if rev ~= base + 1 or string.sub(ops, 1, 1) ~= '[' or string.find(ops, '\n', 1, true) then
  return {'bad_message'}
end
if #change > 64 or string.find(change, '[^%w_-]') then return {'bad_message'} end
local was, was_seq, mark, marks = taken(p, change)
if was then return {'ok', was_seq, was} end
if tonumber(call('HGET', K.NOTES, 'rev') or '') ~= base then return {'ok', 0, 0} end
call('HSET', K.NOTES, 'rev', S(rev), 'text', text)
call('XADD', K.OPS, 'MAXLEN', '=', 500, S(rev) .. '-0', 'o', ops)
call('EXPIRE', K.NOTES, 86400)          -- SQL has them by then
call('EXPIRE', K.OPS, 86400)
local named = change ~= '' and ',"change":' .. J(change) or ''
local told = event('note', p, '{"rev":' .. S(rev) .. ',"ops":' .. ops .. named .. '}')
if change ~= '' then
  if marks == '' and call('HLEN', K.NOTES) >= 1002 then  -- instead of who wrote longest ago
    local oldest, first
    local all = call('HGETALL', K.NOTES)
    for i = 1, #all, 2 do
      local at = string.sub(all[i], 1, 2) == 'c:' and tonumber(string.match(all[i + 1], '^[^:]+:(%d+)'))
      if at and (not first or at < first) then oldest, first = all[i], at end
    end
    if oldest then call('HDEL', K.NOTES, oldest) end
  end
  local kept = change .. ':' .. S(rev) .. ':' .. S(told)
  local n = 1
  for older in string.gmatch(marks, '%S+') do
    if n < 4 then kept, n = kept .. ' ' .. older, n + 1 end
  end
  call('HSET', K.NOTES, mark, kept)
end
return done({'ok', told, rev})
