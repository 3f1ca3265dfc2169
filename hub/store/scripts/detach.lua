-- A media session ended on purpose: the end of the last attachment frees the seat at once.
-- ARGV 6 person, 7 kind, 8 attachment id
-- Answers: {'ok', 1 | 0 stale}
local p, kind = ARGV[6], ARGV[7]
local id = attachment(kind, p)
if not id or id ~= ARGV[8] then return {'ok', 0} end
call('HDEL', K.ATT, kind .. ':' .. p)
if kind == 'publish' and call('HDEL', K.SRC, p) == 1 then room_changed = true end
if not attached(p) then vacate(p, 'left') end
tidy()
return done({'ok', 1})
