-- Take a seat, come back to one's own, claim an offered one, or queue.
-- ARGV 6 person, 7 privileged, 8 JSON members (name, role, company), 9 kind, 10 attachment id,
--      11 hub, 12 wait, 13 stage wanted (WHIP), 14 stage on entry (hosts), 15 may pass a lock
-- Answers: {'seated', gen, lease, epoch, seq, new, replaced id, replaced hub} | {'queued', place, of}
--   | room_full cap live waiting waitlist | room_not_open opens | room_closed | room_locked message
--   | banned until | recovering ms | stage_full | unknown_room
local p, priv, tail, kind, id, hub = ARGV[6], ARGV[7] == '1', ARGV[8], ARGV[9], ARGV[10], ARGV[11]
tidy()
if closed then return done({'room_closed'}) end
local ban = banned(p)
if ban then return done({'banned', ban}) end
local wants, host = ARGV[13] == '1', ARGV[14] == '1'
local function stage_free() return call('ZCARD', K.STAGE) < stage_cap or call('ZSCORE', K.STAGE, p) end

local function take(state)
  if wants and not stage_free() then return done({'stage_full'}) end
  if wants or (host and state == 'offered') then on_stage(p) end
  return done(reseat(p, state, kind, id, hub, priv, tail))
end

local state = seat(p)
if state then return take(state) end
if call('ZSCORE', K.WAIT, p) and alive(K.WLEASE, p) then
  local gen, _, since = who(p)
  remember(p, gen or 0, priv, since or now, tail)
  if priv then call('ZADD', K.WPRIV, call('ZSCORE', K.WAIT, p), p) else call('ZREM', K.WPRIV, p) end
  call('ZADD', K.WLEASE, S(now + lease), p)
  attach(p, kind, id, hub)
  promote()                             -- a class that changed may have its turn
  state = seat(p)
  if state then return take(state) end
  return done(queued(p))
end
if opens and opens > now then return done({'room_not_open', opens}) end
if reclaiming then return done({'recovering', math.ceil(reclaim_until - now)}) end
if locked and ARGV[15] ~= '1' then return done({'room_locked', lock_message or ''}) end

-- Nobody jumps a queue that could move; one that is blocked for its class blocks no other class.
local ahead = call('ZCARD', K.WAIT) > 0 and (not locked and due_next()
  or (not priv and not locked) or (priv and call('ZCARD', K.WPRIV) > 0))
if not ahead and room_for(priv) then
  if call('HEXISTS', K.WHO, p) == 1 then vacate(p, 'lapsed') end   -- expired, not yet swept: dead
  if wants and not stage_free() then return done({'stage_full'}) end
  local gen = call('HINCRBY', K.META, 'gen', 1)
  place(p, K.LIVE, now + lease, priv, gen)
  remember(p, gen, priv, now, tail)
  call('HSET', K.ATT, kind .. ':' .. p, S(now + lease) .. '\t' .. hub .. '\t' .. id)
  local staged = (wants or host) and on_stage(p)
  note('{"n":"r' .. head .. ',"id":' .. J(p) .. ',"person":{"id":' .. J(p) .. ',' .. tail
    .. ',"state":"live","stage":' .. (staged and 'true' or 'false') .. ',"hand":null}}')
  room_changed = true
  return done({'seated', gen, lease, epoch, seq(), 1, '', ''})
end
local waiting = call('ZCARD', K.WAIT)
if ARGV[12] ~= '1' or not waitlist or waiting >= wmax then
  return done({'room_full', cap, count(K.LIVE), waiting, waitlist and 1 or 0})
end
if call('HEXISTS', K.WHO, p) == 1 then vacate(p, 'lapsed') end
local ticket = call('HINCRBY', K.META, 'ticket', 1)
call('ZADD', K.WAIT, ticket, p)
if priv then call('ZADD', K.WPRIV, ticket, p) end
call('ZADD', K.WLEASE, S(now + lease), p)
deadline(now + lease)
remember(p, 0, priv, now, tail)
attach(p, kind, id, hub)
room_changed = true
return done(queued(p))
