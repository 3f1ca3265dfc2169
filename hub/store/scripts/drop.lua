-- An attachment is gone without a goodbye: after the last one the grace runs.
-- ARGV 6 person, 7 kind, 8 attachment id, 9 ms since the person was last heard
-- Answers: {'ok', 1 | 0 stale}
local p, kind = ARGV[6], ARGV[7]
local id = attachment(kind, p)
if not id or id ~= ARGV[8] then return {'ok', 0} end
local state, d = seat(p)
call('HDEL', K.ATT, kind .. ':' .. p)
if kind == 'publish' and call('HDEL', K.SRC, p) == 1 then room_changed = true end
local last = now - number(ARGV[9], 0, 2 ^ 40, 0) + lease
if state == 'live' and not attached(p) then
  d = math.min(math.max(d, last), now + lease)
  call('HDEL', K.ATT, fields(p))
  counted = {}
  call('ZREM', K.LIVE, p)
  call('ZADD', K.HELD, S(d), p)
  call('ZADD', K.PRIV, 'XX', S(d), p)
  deadline(d)
  show(p, 'held')
elseif alive(K.WLEASE, p) then
  call('ZADD', K.WLEASE, 'XX', 'GT', S(last), p)
end
tidy()
return done({'ok', 1})
