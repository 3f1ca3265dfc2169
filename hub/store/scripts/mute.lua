-- Mute a source of someone on stage.
-- ARGV 6 actor, 7 allowed, 8 person, 9 source
-- Answers: {'ok', seq} | forbidden | room_closed | not_in_room | not_on_stage | bad_message
local no = refuse(ARGV[6], ARGV[7])
if no then return no end
local p, source = ARGV[8], ARGV[9]
if not string.find(source, '^%l+$') then return {'bad_message'} end
if not seat(p) then return {'not_in_room'} end
if not call('ZSCORE', K.STAGE, p) then return {'not_on_stage'} end
local sources = call('HGET', K.SRC, p)
if sources then
  local now_muted, n = string.gsub(sources, source .. ':0', source .. ':1')
  if n > 0 then call('HSET', K.SRC, p, now_muted); room_changed = true end
end
return done({'ok', event('mute', ARGV[6], '{"participant":' .. J(p) .. ',"source":"' .. source .. '"}')})
