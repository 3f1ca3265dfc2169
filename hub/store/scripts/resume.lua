-- Come back to a seat or a place in the queue; never takes a new seat.
-- ARGV 6 person, 7 privileged, 8 JSON members, 9 kind, 10 attachment id, 11 hub,
--      12 stage on entry (hosts)
-- Answers: as enter | seat_expired | banned until | room_closed | unknown_room
local p, priv, tail, kind, id, hub = ARGV[6], ARGV[7] == '1', ARGV[8], ARGV[9], ARGV[10], ARGV[11]
tidy()
local ban = banned(p)
if ban and talk then return done({'unknown_room'}) end
if closed then return done({'room_closed'}) end
if ban then return done({'banned', ban}) end
local state = seat(p)
if state == 'offered' and (talk or ARGV[12] == '1') then on_stage(p) end
if state and talk then                  -- the side of a seat stays
  local _, _, _, was = who(p)
  local side = side_of(was)
  tail = tail .. ',"side":' .. (side ~= '' and side or '"guest"')
end
if state then return done(reseat(p, state, kind, id, hub, priv, tail)) end
if call('ZSCORE', K.WAIT, p) and alive(K.WLEASE, p) then
  call('ZADD', K.WLEASE, S(now + lease), p)
  attach(p, kind, id, hub)
  return done(queued(p))
end
return done({'seat_expired'})
