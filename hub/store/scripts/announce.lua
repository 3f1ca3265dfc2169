-- An announcement to everyone.
-- ARGV 6 actor, 7 allowed, 8 body (JSON)
-- Answers: {'ok', seq} | forbidden | room_closed
local no = refuse(ARGV[6], ARGV[7])
if no then return no end
return done({'ok', event('announcement', ARGV[6], ARGV[8])})
