-- Take a chat event back: one's own, or anyone's with the right.
-- ARGV 6 actor, 7 allowed for others' words, 8 seq
-- Answers: {'ok', seq} | forbidden | not_in_room | bad_message
local actor, at = ARGV[6], tonumber(ARGV[8])
if banned(actor) then return {'forbidden'} end
if not (at and at >= 1 and at <= seq()) then return {'bad_message'} end
local id = S(math.floor(at)) .. '-0'
local entry = call('XRANGE', K.LOG, id, id)[1]
if ARGV[7] ~= '1' then
  if not seat(actor) then return {'not_in_room'} end
  if not entry or entry[2][6] ~= actor then return {'forbidden'} end
end
if not entry or entry[2][4] ~= 'chat' then return {'bad_message'} end
call('XDEL', K.CHAT, id)
return done({'ok', event('unsay', actor, '{"seq":' .. S(math.floor(at)) .. '}')})
