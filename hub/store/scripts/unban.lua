-- Let someone in again.
-- ARGV 6 actor, 7 allowed, 8 person
-- Answers: {'ok', seq} | forbidden
if ARGV[7] ~= '1' or banned(ARGV[6]) then return {'forbidden'} end
call('ZREM', K.BAN, ARGV[8])
return {'ok', seq()}
