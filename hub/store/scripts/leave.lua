-- Free a seat or a place in the queue at once; media sessions of the person are told.
-- ARGV 6 person, 7 id of their socket's attachment
-- Answers: {'ok', 1 | 0 stale}
local p = ARGV[6]
local id = attachment('socket', p)
if not id or id ~= ARGV[7] then return {'ok', 0} end
vacate(p, 'left', 'socket')
tidy()
return done({'ok', 1})
