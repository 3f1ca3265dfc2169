-- Close the room: everyone is detached, the queue is emptied.
-- ARGV 6 actor, 7 allowed
-- Answers: {'ok', seq} | forbidden
if ARGV[7] ~= '1' or banned(ARGV[6]) then return {'forbidden'} end
call('HDEL', K.META, 'ended')           -- for good, also when its time had ended it
if closed then return {'ok', seq()} end
local told = close_room(ARGV[6])
set_due()
return done({'ok', told})
