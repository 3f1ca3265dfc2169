-- An event that the server makes, in a negotiation room.
-- ARGV 6 kind, 7 by or '', 8 body (JSON)
-- Answers: {'ok', seq} | wrong_mode | room_closed | bad_message
local kinds = {file = true, file_removed = true, moved = true, timer = true}
if not talk then return {'wrong_mode'} end
if closed then return {'room_closed'} end
if not kinds[ARGV[6]] or #ARGV[8] > 65536 or string.find(ARGV[8], '\n', 1, true) then
  return {'bad_message'}
end
return done({'ok', event(ARGV[6], ARGV[7], ARGV[8])})
