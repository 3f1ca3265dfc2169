-- Take a seat, come back to one's own, claim an offered one, or queue.
-- ARGV 6 person, 7 privileged, 8 JSON members (name, role, company), 9 kind, 10 attachment id,
--      11 hub, 12 wait, 13 stage wanted (WHIP), 14 stage on entry (hosts), 15 may pass a lock,
--      16 side (negotiation rooms) or '', 17 must knock; both may be left out
-- Answers: {'seated', gen, lease, epoch, seq, new, replaced id, replaced hub}
--   | {'queued', place, of, knocks (negotiation rooms)}
--   | room_full cap live waiting waitlist | room_not_open opens | room_closed | room_locked message
--   | banned until | recovering ms | stage_full | unknown_room | wrong_mode | forbidden
local p, priv, tail, kind, id, hub = ARGV[6], ARGV[7] == '1', ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local wants, host = ARGV[13] == '1', ARGV[14] == '1' or talk
local function stage_free() return call('ZCARD', K.STAGE) < stage_cap or call('ZSCORE', K.STAGE, p) end
local function shut_out()               -- the refusal of anyone, seat or none
  local ban = banned(p)
  if ban and talk then return {'unknown_room'} end
  if closed then return {'room_closed'} end
  if ban then return {'banned', ban} end
end
local till = S(now + lease)
local function keep(gen, class)         -- who they are and their first attachment
  remember(p, gen, class, now, tail)
  call('HSET', K.ATT, kind .. ':' .. p, till .. '\t' .. hub .. '\t' .. id)
  room_changed = true
end
local gate, over = nil, finish          -- a negotiation room asks and tells more: below
local function come_in()                -- someone with neither seat nor place
  if opens and opens > now then return over({'room_not_open', opens}) end
  if reclaiming then return over({'recovering', math.ceil(reclaim_until - now)}) end
  if locked and ARGV[15] ~= '1' then return over({'room_locked', lock_message or ''}) end
  -- Nobody jumps a queue that could move; one that is blocked for its class blocks no other class.
  local waiting = size(K.WAIT)
  local ahead, no, class
  if talk then
    no, ahead, class = gate()
    if no then return over(no) end
  else
    ahead = waiting > 0 and ((not priv and not locked)
      or (priv and call('ZCARD', K.WPRIV) > 0) or (not locked and due_next()))
  end
  if not ahead and room_for(priv) then
    if wants and not stage_free() then return over({'stage_full'}) end
    local gen = call('HINCRBY', K.META, 'gen', 1)
    place(p, K.LIVE, now + lease, priv, gen)
    keep(gen, priv)
    local staged = (wants or host) and on_stage(p)
    local name = J(p)
    note('{"n":"r' .. head .. ',"id":' .. name .. ',"person":{"id":' .. name .. ',' .. tail
      .. ',"state":"live","stage":' .. (staged and 'true' or 'false') .. ',"hand":null}}')
    return over({'seated', gen, lease, epoch, seq(), 1, '', ''})
  end
  if ARGV[12] ~= '1' or not (waitlist or class) or waiting >= wmax then
    return over({'room_full', cap, count(K.LIVE), waiting, waitlist and 1 or 0})
  end
  local ticket = call('HINCRBY', K.META, 'ticket', 1)
  call('ZADD', K.WAIT, ticket, p)       -- the last of them
  counted[K.WAIT] = waiting + 1
  if priv then call('ZADD', K.WPRIV, ticket, p) end
  call('ZADD', K.WLEASE, till, p)
  counted[K.WLEASE] = nil
  deadline(now + lease)
  keep(0, class or priv)
  if class then
    local name = J(p)
    note('{"n":"k' .. head .. ',"id":' .. name .. ',"person":{"id":' .. name .. ',' .. tail
      .. ',"state":"waiting","stage":false,"hand":null},"waiting":true}')
  end
  return over({'queued', waiting + 1, waiting + 1, class and 1 or 0})
end

-- Most who come are strangers to a room where nothing is due and nobody's turn has come. Whoever
-- has a seat or a place, live or lapsed, is in `who`.
if not talk and not overdue() and call('HEXISTS', K.WHO, p) == 0
  and (locked or reclaiming or not due_next()) then
  local no = shut_out()
  return no and finish(no) or come_in()
end
-- REST
tidy()
local no = shut_out()
if no then return done(no) end

if talk then
  -- The side a person has here stays; else the one claimed, the company that is a side, or guest.
  -- Without a claim those who run a one_to_many room are no guests.
  local _, _, _, was = who(p)
  local side, company = side_of(was), string.match(tail, ',"company":(".*")$')
  if side == '' then
    side = (ARGV[16] or '') ~= '' and J(ARGV[16])
      or (sides and company and sides[company] and company)
      or (talk == 'one_to_many' and admits(tail) and '"host"') or '"guest"'
  end
  tail = tail .. ',"side":' .. side
end
local must_knock = talk and not priv and (ARGV[17] == '1' and '3' or lobby and '2')
gate = function()                       -- a refusal, whether they have to wait, the class that knocks
  local side = side_of(tail)
  if sides and not sides[side] then return {'wrong_mode'} end
  if talk == 'one_to_one' then          -- nobody queues here; who knocks never keeps the host out
    if one_too_many(side, must_knock) or (not must_knock and not room_for(priv)) then
      return {'wrong_mode'}
    end
  end
  if must_knock and ARGV[12] ~= '1' then return {'forbidden'} end
  -- Unlocked, all whose turn it was have been promoted by now.
  return nil, must_knock or (locked and call('ZCARD', K.WPRIV) > 0) or not side_free(side), must_knock
end
over = done
local function take(state)
  if wants and not stage_free() then return done({'stage_full'}) end
  if wants or (host and state == 'offered') then on_stage(p) end
  return done(reseat(p, state, kind, id, hub, priv, tail))
end

local state = seat(p)
if state then return take(state) end
if call('ZSCORE', K.WAIT, p) and alive(K.WLEASE, p) then
  local gen, _, since, _, class = who(p)
  local was = talk and knocking(class)
  local still = was and must_knock
  if was and not still then answered(p) end
  remember(p, gen or 0, still or priv, since or now, tail)
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
