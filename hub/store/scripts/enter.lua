-- Take a seat, come back to one's own, claim an offered one, or queue.
-- ARGV 6 person, 7 privileged, 8 JSON members (name, role, company), 9 kind, 10 attachment id,
--      11 hub, 12 wait, 13 stage wanted (WHIP), 14 stage on entry (hosts), 15 may pass a lock
-- Answers: {'seated', gen, lease, epoch, seq, new, replaced id, replaced hub} | {'queued', place, of}
--   | room_full cap live waiting waitlist | room_not_open opens | room_closed | room_locked message
--   | banned until | recovering ms | stage_full | unknown_room
local p, priv, tail, kind, id, hub = ARGV[6], ARGV[7] == '1', ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local wants, host = ARGV[13] == '1', ARGV[14] == '1'
local function stage_free() return call('ZCARD', K.STAGE) < stage_cap or call('ZSCORE', K.STAGE, p) end
local function shut_out()               -- the refusal of anyone, seat or none
  if closed then return {'room_closed'} end
  local ban = banned(p)
  if ban then return {'banned', ban} end
end
local till = S(now + lease)
local function keep(gen)                -- who they are and their first attachment
  remember(p, gen, priv, now, tail)
  call('HSET', K.ATT, kind .. ':' .. p, till .. '\t' .. hub .. '\t' .. id)
  room_changed = true
end
local function come_in()                -- someone with neither seat nor place
  if opens and opens > now then return done({'room_not_open', opens}) end
  if reclaiming then return done({'recovering', math.ceil(reclaim_until - now)}) end
  if locked and ARGV[15] ~= '1' then return done({'room_locked', lock_message or ''}) end
  -- Nobody jumps a queue that could move; one that is blocked for its class blocks no other class.
  local waiting = size(K.WAIT)
  local ahead = waiting > 0 and ((not priv and not locked)
    or (priv and call('ZCARD', K.WPRIV) > 0) or (not locked and due_next()))
  if not ahead and room_for(priv) then
    if wants and not stage_free() then return done({'stage_full'}) end
    local gen = call('HINCRBY', K.META, 'gen', 1)
    place(p, K.LIVE, now + lease, priv, gen)
    keep(gen)
    local staged = (wants or host) and on_stage(p)
    local name = J(p)
    note('{"n":"r' .. head .. ',"id":' .. name .. ',"person":{"id":' .. name .. ',' .. tail
      .. ',"state":"live","stage":' .. (staged and 'true' or 'false') .. ',"hand":null}}')
    return done({'seated', gen, lease, epoch, seq(), 1, '', ''})
  end
  if ARGV[12] ~= '1' or not waitlist or waiting >= wmax then
    return done({'room_full', cap, count(K.LIVE), waiting, waitlist and 1 or 0})
  end
  local ticket = call('HINCRBY', K.META, 'ticket', 1)
  call('ZADD', K.WAIT, ticket, p)       -- the last of them
  counted[K.WAIT] = waiting + 1
  if priv then call('ZADD', K.WPRIV, ticket, p) end
  call('ZADD', K.WLEASE, till, p)
  counted[K.WLEASE] = nil
  deadline(now + lease)
  keep(0)
  return done({'queued', waiting + 1, waiting + 1})
end

-- Most who come are strangers to a room where nothing is due and nobody's turn has come. Whoever
-- has a seat or a place, live or lapsed, is in `who`.
if not overdue() and call('HEXISTS', K.WHO, p) == 0 and (locked or reclaiming or not due_next()) then
  local no = shut_out()
  return no and done(no) or come_in()
end
-- REST
tidy()
local no = shut_out()
if no then return done(no) end
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
if who(p) then vacate(p, 'lapsed') end  -- expired, not yet swept: dead
return come_in()
