-- One person of the roster.
-- ARGV 6 person
-- Answers: {'ok', line or ''}
local p = ARGV[6]
local state = seat(p)
local _, _, _, tail = who(p)
return {'ok', state and tail and person(p, state, tail) or ''}
