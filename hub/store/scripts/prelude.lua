-- Joined in front of every room script by the loader. Nothing here runs without a caller
-- except reading the room's settings, the clock and the reclaim window.
-- KEYS 1-18 the room's keys in the order of keys.ROOM_PARTS, 19 due, 20 occ, 21 part, 22 channel
-- ARGV 1 room, 2 run id of this Redis, 3 test clock (ms; only when meta.testclock is 1),
--      4 outage: ms without a sweep that open a reclaim window, 5 its length (ms), 6.. the operation's
-- Answers: {'ok'|'seated'|'queued'|..., ...} or {code of rooms.errors, detail...}
local META, LIVE, HELD, OFFERED, PRIV, WHO, ATT, WAIT, WPRIV, WLEASE, STAGE, HANDS, SRC, ORDER,
  BAN, SLOW, LOG, CHAT, DUE, OCC, PART, CHANNEL = unpack(KEYS)
local call = redis.call
local room, run = ARGV[1], ARGV[2]
local KINDS = {'socket', 'publish', 'subscribe'}
local BATCH = 256                       -- people freed or promoted in one call, at most
local COMMON = 2199023255552            -- 2^41: roster places of people without privilege

local m = call('HMGET', META, 'epoch', 'cap', 'reserved', 'stage_cap', 'locked', 'lock_message',
  'waitlist', 'chat', 'slow', 'opens', 'closes', 'closed', 'lease', 'offer', 'wmax', 'log',
  'testclock', 'seq')
local epoch = m[1]
if not epoch then return {'unknown_room'} end
local cap, reserved, stage_cap = tonumber(m[2]), tonumber(m[3]), tonumber(m[4])
local locked, lock_message, waitlist = m[5] == '1', m[6], m[7] == '1'
local opens, closes, closed = tonumber(m[10]), tonumber(m[11]), m[12] == '1'
local lease, offer, wmax, loglen = tonumber(m[13]), tonumber(m[14]), tonumber(m[15]), m[16]

local clock = call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local function number(x, low, high, default)  -- from an argument: in range, never NaN
  local n = tonumber(x or '')
  if not n or n ~= n then return default end
  return math.floor(math.min(high, math.max(low, n)))
end
local test_now = m[17] == '1' and number(ARGV[3], 0, 2 ^ 50)
if test_now then now = test_now end

-- The reclaim window: another Redis process than before, or nobody swept for too long. While it
-- is open nothing expires and nobody new is admitted (edge 0: every deadline is in the future).
local reclaim_until = 0
if not test_now then
  local part = call('HMGET', PART, 'run', 'seen', 'until')
  reclaim_until = tonumber(part[3]) or 0
  local seen, outage = tonumber(part[2]), number(ARGV[4], 1, 2 ^ 40, 15000)
  if part[1] ~= run or (seen and now - seen > outage) then
    if part[1] and call('ZCARD', DUE) > 0 then
      reclaim_until = now + number(ARGV[5], 0, 2 ^ 40, 15000)
      call('HSET', PART, 'from', now, 'until', reclaim_until)
    end
    call('HSET', PART, 'run', run)
    if seen then call('HSET', PART, 'seen', now) end
  end
end
local reclaiming = reclaim_until > now
local edge = reclaiming and 0 or now

local function S(x) return string.format('%.0f', x) end
local function J(s)                     -- a JSON string
  if string.find(s, '^[%w%._:%-]*$') then return '"' .. s .. '"' end
  return cjson.encode(s)
end
local after = '(' .. S(edge)
local function count(key) return call('ZCOUNT', key, after, '+inf') end
local function occupied() return count(LIVE) + count(HELD) + count(OFFERED) end
local function alive(key, p)            -- the deadline of p, nil when there is none in the future
  local d = tonumber(call('ZSCORE', key, p) or '')
  if d and d > edge then return d end
end
local function seat(p)                  -- state and deadline
  local d = alive(LIVE, p); if d then return 'live', d end
  d = alive(HELD, p); if d then return 'held', d end
  d = alive(OFFERED, p); if d then return 'offered', d end
end
local function banned(p)
  local t = tonumber(call('ZSCORE', BAN, p) or '')
  if t and t > now then return t end
end

-- What is told: collected, then published in one message: room, then one notice a line.
local notices, room_changed, queue_moved = {}, false, false
local function note(json) notices[#notices + 1] = json end
local head = '","room":' .. J(room)
local function event(kind, by, body)
  local seq = call('HINCRBY', META, 'seq', 1)
  local author = by ~= '' and J(by) or 'null'
  local json = '{"n":"e' .. head .. ',"epoch":' .. J(epoch) .. ',"seq":' .. S(seq) .. ',"kind":"'
    .. kind .. '","at_ms":' .. S(now) .. ',"by":' .. author .. ',"body":' .. body .. '}'
  call('XADD', LOG, 'MAXLEN', '=', loglen, S(seq) .. '-0', 'd', json, 'k', kind, 'b', by)
  if kind == 'chat' then
    call('XADD', CHAT, 'MAXLEN', '=', 50, S(seq) .. '-0', 'd', json)
  end
  note(json)
  return seq
end
local function seq() return tonumber(call('HGET', META, 'seq')) or 0 end

-- People.
local function who(p)                   -- generation, privileged, since, JSON members
  local w = call('HGET', WHO, p)
  if w then
    local g, v, s, tail = string.match(w, '^(%d+)\t([01])\t(%d+)\t(.*)$')
    return tonumber(g), v == '1', tonumber(s), tail
  end
end
local function remember(p, gen, priv, since, tail)
  call('HSET', WHO, p, S(gen) .. '\t' .. (priv and '1' or '0') .. '\t' .. S(since) .. '\t' .. tail)
end
local function person(p, state, tail)   -- a line of the roster
  local rank = call('ZRANK', HANDS, p)
  return '{"id":' .. J(p) .. ',' .. tail .. ',"state":"' .. state .. '","stage":'
    .. (call('ZSCORE', STAGE, p) and 'true' or 'false') .. ',"hand":' .. (rank and S(rank + 1) or 'null')
    .. '}'
end
local function show(p, state)
  local _, _, _, tail = who(p)
  if tail then
    note('{"n":"r' .. head .. ',"id":' .. J(p) .. ',"person":' .. person(p, state, tail) .. '}')
  end
  room_changed = true
end

-- Attachments.
local function parse(v)
  if v then
    local d, hub, id = string.match(v, '^(%d+)\t([^\t]*)\t(.*)$')
    return id, tonumber(d), hub
  end
end
local function attachment(kind, p) return parse(call('HGET', ATT, kind .. ':' .. p)) end
local function tell_detached(p, kind, id, why, reason, till)
  note('{"n":"d' .. head .. ',"id":' .. J(p) .. ',"kind":"' .. kind .. '","attachment":' .. J(id)
    .. ',"why":"' .. why .. '","reason":' .. (reason or 'null') .. ',"until_ms":'
    .. (till and S(till) or 'null') .. '}')
end
local function fields(p) return 'socket:' .. p, 'publish:' .. p, 'subscribe:' .. p end
local function attached(p)              -- whether an attachment is still in force
  for _, v in ipairs(call('HMGET', ATT, fields(p))) do
    local _, d = parse(v)
    if d and d > edge then return true end
  end
  return false
end
local function attach(p, kind, id, hub) -- answers the older one of this kind: id, hub
  local old, _, old_hub = attachment(kind, p)
  call('HSET', ATT, kind .. ':' .. p, S(now + lease) .. '\t' .. hub .. '\t' .. id)
  if old and old ~= id then
    tell_detached(p, kind, old, 'replaced')
    return old, old_hub
  end
end
local function vacate(p, why, own, reason, till)  -- seat or place, and all that hangs on it
  for i, v in ipairs(call('HMGET', ATT, fields(p))) do
    local id = parse(v)
    if id and KINDS[i] ~= own then tell_detached(p, KINDS[i], id, why, reason, till) end
  end
  call('HDEL', ATT, fields(p))
  if call('ZREM', WAIT, p) == 1 then
    call('ZREM', WPRIV, p); call('ZREM', WLEASE, p)
    queue_moved = true
  else
    call('ZREM', LIVE, p); call('ZREM', HELD, p); call('ZREM', OFFERED, p)
    call('ZREM', PRIV, p); call('ZREM', ORDER, p); call('ZREM', STAGE, p)
    call('ZREM', HANDS, p); call('HDEL', SRC, p)
    note('{"n":"r' .. head .. ',"id":' .. J(p) .. ',"person":null}')
  end
  call('HDEL', WHO, p)
  room_changed = true
end

-- Seats.
local function deadline(d) call('ZADD', DUE, 'LT', S(d), room) end
local function room_for(priv)
  local n = occupied()
  if n >= cap then return false end
  if priv or reserved <= 0 then return true end
  return n < cap - math.max(0, reserved - count(PRIV))
end
local function place(p, key, d, priv, arrival)
  call('ZADD', key, S(d), p)
  if priv then call('ZADD', PRIV, S(d), p) end
  call('ZADD', ORDER, S(priv and arrival or COMMON + arrival), p)
  deadline(d)
end
local function due_next()               -- whom promotion would take now, if anyone
  local p = call('ZRANGE', WAIT, 0, 0)[1]
  if not p then return end
  local priv = call('ZSCORE', WPRIV, p) and true or false
  if room_for(priv) then return p, priv end
  p = not priv and call('ZRANGE', WPRIV, 0, 0)[1]
  if p and room_for(true) then return p, true end
end
local function promote()
  if locked or reclaiming or closed then return end
  for _ = 1, BATCH do
    local p, priv = due_next()
    if not p then return end
    local g, _, _, tail = who(p)
    if not g or not alive(WLEASE, p) then
      vacate(p, 'lapsed')
    else
      call('ZREM', WAIT, p); call('ZREM', WPRIV, p); call('ZREM', WLEASE, p)
      place(p, OFFERED, now + offer, priv, call('HINCRBY', META, 'gen', 1))
      note('{"n":"p' .. head .. ',"id":' .. J(p) .. ',"until_ms":' .. S(now + offer) .. '}')
      show(p, 'offered')
      queue_moved = true
    end
  end
end
local function close_room(by)           -- everyone out, in one go
  local all = call('HGETALL', ATT)
  for i = 1, #all, 2 do
    local kind, p = string.match(all[i], '^(%l+):(.*)$')
    local id = parse(all[i + 1])
    if kind and id then tell_detached(p, kind, id, 'closed') end
  end
  call('DEL', LIVE, HELD, OFFERED, PRIV, WHO, ATT, WAIT, WPRIV, WLEASE, STAGE, HANDS, SRC, ORDER)
  closed = true
  call('HSET', META, 'closed', '1')
  room_changed = true
  return event('closed', by, '{}')
end
local function sweep()
  if not closed and closes and closes <= now then close_room('') end
  if reclaiming then return end
  for _, key in ipairs({LIVE, HELD, OFFERED, WLEASE}) do
    for _, p in ipairs(call('ZRANGEBYSCORE', key, '-inf', S(edge), 'LIMIT', 0, BATCH)) do
      vacate(p, 'lapsed')
    end
  end
end
local function tidy()                   -- what is overdue, then who is next
  local at = tonumber(call('ZSCORE', DUE, room) or '')
  if at and at <= now then sweep() end
  promote()
end
local function set_due()                -- exactly, where entries may have gone
  local at = not closed and closes or nil
  for _, key in ipairs({LIVE, HELD, OFFERED, WLEASE}) do
    local d = tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or '')
    if d and (not at or d < at) then at = d end
  end
  if at then call('ZADD', DUE, S(at), room) else call('ZREM', DUE, room) end
end
local function set_occ()
  local waiting, since = call('ZCARD', WAIT), 0
  if waiting > 0 then
    local _, _, s = who(call('ZRANGE', WAIT, 0, 0)[1])
    since = s or 0
  end
  call('HSET', OCC, room, table.concat({count(LIVE), count(HELD), count(OFFERED), waiting, S(cap),
    S(reserved), locked and 1 or 0, call('ZCARD', STAGE), call('ZCARD', HANDS), S(since),
    opens and S(opens) or '', closes and S(closes) or '', closed and 1 or 0}, ','))
end
local function done(answer)             -- every script that may have changed something ends here
  if room_changed or queue_moved then
    set_occ()
    note('{"n":"c' .. head .. '}')
    if queue_moved then note('{"n":"q' .. head .. '}') end
  end
  if #notices > 0 then
    call('SPUBLISH', CHANNEL, room .. '\n' .. table.concat(notices, '\n'))
  end
  return answer
end
local function on_stage(p)
  if call('ZSCORE', STAGE, p) then return true end
  if call('ZCARD', STAGE) >= stage_cap then return false end
  call('ZADD', STAGE, call('HINCRBY', META, 'gen', 1), p)
  room_changed = true
  return true
end
-- The person takes (again) a seat that is theirs: live, held or offered; gen grows.
local function reseat(p, state, kind, id, hub, priv, tail)
  local _, was, since = who(p)
  local gen = call('HINCRBY', META, 'gen', 1)
  local d = now + lease
  if state ~= 'live' then call('ZREM', state == 'held' and HELD or OFFERED, p) end
  call('ZADD', LIVE, S(d), p)
  if priv then call('ZADD', PRIV, S(d), p) else call('ZREM', PRIV, p) end
  if was ~= priv then
    local place_now = tonumber(call('ZSCORE', ORDER, p) or '') or gen
    call('ZADD', ORDER, S(place_now % COMMON + (priv and 0 or COMMON)), p)
  end
  deadline(d)
  remember(p, gen, priv, since or now, tail)
  local old, old_hub = attach(p, kind, id, hub)
  show(p, 'live')
  return {'seated', gen, lease, epoch, seq(), 0, old or '', old_hub or ''}
end
local function queued(p)
  return {'queued', call('ZRANK', WAIT, p) + 1, call('ZCARD', WAIT)}
end
-- A moderator's act: nil when it may go on, else the refusal.
local function refuse(actor, allowed)
  if allowed ~= '1' or banned(actor) then return {'forbidden'} end
  if closed then return {'room_closed'} end
end
-- A page of the roster after (section, score): 0 stage, 1 raised hands, 2 privileged then others by
-- arrival. `limit` counts everyone, in a first page (`first`) only section 2's unprivileged.
local function roster(section, score, limit, first)
  local items, taken, cursor = {}, 0, ''
  for s = section, 2 do
    local key = ({STAGE, HANDS, ORDER})[s + 1]
    local from = s == section and score or '-inf'
    while true do
      local page = call('ZRANGEBYSCORE', key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 100)
      for i = 1, #page, 2 do
        local p, at = page[i], page[i + 1]
        from = '(' .. at
        local shown = s > 0 and call('ZSCORE', STAGE, p) or (s > 1 and call('ZSCORE', HANDS, p))
        local state = not shown and seat(p)
        local _, _, _, tail = who(state and p or '')
        if tail then
          if taken >= limit or #items >= 500 then return items, cursor end
          items[#items + 1] = person(p, state, tail)
          cursor = s .. ':' .. at
          if not first or (s == 2 and tonumber(at) >= COMMON) then taken = taken + 1 end
        end
      end
      if #page < 200 then break end
    end
  end
  return items, ''
end
