-- What a person on stage publishes.
-- ARGV 6 person, 7 'set' | 'mute', 8 "camera:0,..." or '' | source, 9 muted (mute)
-- Answers: {'ok'} | not_on_stage | bad_message
local p = ARGV[6]
if ARGV[7] == 'set' and ARGV[8] == '' then
  if call('HDEL', K.SRC, p) == 1 then room_changed = true end
  return done({'ok'})
end
if not call('ZSCORE', K.STAGE, p) or not seat(p) then return {'not_on_stage'} end
if ARGV[7] == 'set' then
  if not string.find(ARGV[8], '^[%l:01,]+$') then return {'bad_message'} end
  call('HSET', K.SRC, p, ARGV[8])
  room_changed = true
else
  local sources = call('HGET', K.SRC, p) or ''
  if not string.find(ARGV[8], '^%l+$') then return {'bad_message'} end
  local to = ARGV[9] == '1' and '1' or '0'
  local new, n = string.gsub(sources, ARGV[8] .. ':[01]', ARGV[8] .. ':' .. to)
  if n > 0 and new ~= sources then call('HSET', K.SRC, p, new); room_changed = true end
end
return done({'ok'})
