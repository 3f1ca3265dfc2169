-- Let someone in again.
-- ARGV 6 actor, 7 allowed, 8 person, 9 allowed in a negotiation room
-- Answers: {'ok', seq} | forbidden
if (talk and ARGV[9] or ARGV[7]) ~= '1' or banned(ARGV[6]) then return {'forbidden'} end
call('ZREM', K.BAN, ARGV[8])
return {'ok', seq()}
