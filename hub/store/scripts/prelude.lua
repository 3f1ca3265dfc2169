-- Joined in front of every room script by the loader. Nothing here runs without a caller
-- except reading the room's settings, the clock and the reclaim window.
-- KEYS 1-18 the room's keys in the order of keys.ROOM_PARTS, 19 due, 20 occ, 21 part, 22 channel,
--      23-25 of a negotiation room (keys.TALK_PARTS), for the scripts that name one of them;
--      K.LIVE stands for KEYS[2] and so on: the loader writes the numbers, a table made at each
--      call would cost Redis more than two commands
-- ARGV 1 room, 2 run id of this Redis, 3 test clock (ms; only when meta.testclock is 1),
--      4 outage: ms without a sweep that open a reclaim window, 5 its length (ms), 6.. the operation's
-- Answers: {'ok'|'seated'|'queued'|..., ...} or {code of rooms.errors, detail...}
local call = redis.call
local room, run = ARGV[1], ARGV[2]
local KINDS = {'socket', 'publish', 'subscribe'}
local BATCH = 256                       -- people freed or promoted in one call, at most
local COMMON = 2199023255552            -- 2^41: roster places of people without privilege

local m = call('HMGET', K.META, 'epoch', 'cap', 'reserved', 'stage_cap', 'locked', 'lock_message',
  'waitlist', 'chat', 'slow', 'opens', 'closes', 'closed', 'lease', 'offer', 'wmax', 'log',
  'testclock', 'seq', 'talk')
local epoch = m[1]
if not epoch then return {'unknown_room'} end
local cap, reserved, stage_cap = tonumber(m[2]), tonumber(m[3]), tonumber(m[4])
local locked, lock_message, waitlist = m[5] == '1', m[6], m[7] == '1'
local opens, closes, closed = tonumber(m[10]), tonumber(m[11]), m[12] == '1'
local lease, offer, wmax, loglen = tonumber(m[13]), tonumber(m[14]), tonumber(m[15]), m[16]

-- A negotiation room: its mode ('any' without one; false: a conference), whether people knock, where
-- media goes, seats by side (the side as JSON) when they are given.
local talk, lobby, media, sides = m[19], false, 'sfu', nil
if talk then
  local t = call('HMGET', K.META, 'lobby', 'media', 'sides')
  lobby, media = t[1] == '1', t[2] or 'direct'
  for side, seats in string.gmatch(t[3] or '', '([^:,]+):(%d+)') do
    sides = sides or {}
    sides['"' .. side .. '"'] = tonumber(seats)
  end
end

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
  local part = call('HMGET', K.PART, 'run', 'seen', 'until')
  reclaim_until = tonumber(part[3]) or 0
  local seen, outage = tonumber(part[2]), number(ARGV[4], 1, 2 ^ 40, 15000)
  if part[1] ~= run or (seen and now - seen > outage) then
    if part[1] and call('ZCARD', K.DUE) > 0 then
      reclaim_until = now + number(ARGV[5], 0, 2 ^ 40, 15000)
      call('HSET', K.PART, 'from', now, 'until', reclaim_until)
    end
    call('HSET', K.PART, 'run', run)
    if seen then call('HSET', K.PART, 'seen', now) end
  end
end
local reclaiming = reclaim_until > now
local edge = reclaiming and 0 or now

local format = string.format
-- Of whole numbers below 2^53, which a float prints exactly at twice the price.
local function S(x) return format('%d', x) end
local function J(s)                     -- a JSON string
  if string.find(s, '^[%w%._:%-]*$') then return '"' .. s .. '"' end
  return cjson.encode(s)
end

-- This room's entry of the due index: nil not read yet, false none.
local due_at
local function overdue()
  due_at = tonumber(call('ZSCORE', K.DUE, room) or '') or false
  return due_at and due_at <= now
end

-- Counts already known in this call; who moves people between the tables starts afresh.
local counted = {}
local function size(key)
  local n = counted[key]
  if not n then n = call('ZCARD', key); counted[key] = n end
  return n
end
local function count(key)               -- of those whose deadline is in the future
  -- No deadline is before the room's entry of due, so none has passed before that has.
  if reclaiming or due_at == false or (due_at and due_at > now) then return size(key) end
  return call('ZCOUNT', key, '(' .. S(edge), '+inf')
end
local function occupied() return count(K.LIVE) + count(K.HELD) + count(K.OFFERED) end
local function alive(key, p)            -- the deadline of p, nil when there is none in the future
  local d = tonumber(call('ZSCORE', key, p) or '')
  if d and d > edge then return d end
end
local function seat(p)                  -- state and deadline
  local d = alive(K.LIVE, p); if d then return 'live', d end
  d = alive(K.HELD, p); if d then return 'held', d end
  d = alive(K.OFFERED, p); if d then return 'offered', d end
end
local function banned(p)
  local t = tonumber(call('ZSCORE', K.BAN, p) or '')
  if t and t > now then return t end
end

-- What is told: collected, then published in one message: room, then one notice a line.
local notices, room_changed, queue_moved = {}, false, false
local function note(json) notices[#notices + 1] = json end
local head = '","room":' .. J(room)
local last_seq = tonumber(m[18]) or 0
local function event(kind, by, body)
  local seq = call('HINCRBY', K.META, 'seq', 1)
  last_seq = seq
  local author = by ~= '' and J(by) or 'null'
  local json = '{"n":"e' .. head .. ',"epoch":' .. J(epoch) .. ',"seq":' .. S(seq) .. ',"kind":"'
    .. kind .. '","at_ms":' .. S(now) .. ',"by":' .. author .. ',"body":' .. body .. '}'
  call('XADD', K.LOG, 'MAXLEN', '=', loglen, S(seq) .. '-0', 'd', json, 'k', kind, 'b', by)
  if kind == 'chat' then
    call('XADD', K.CHAT, 'MAXLEN', '=', 50, S(seq) .. '-0', 'd', json)
  end
  note(json)
  return seq
end
local function seq() return last_seq end

-- People.
-- Their class: 0, 1 privileged; while waiting also 2 knocks at the room's lobby, 3 must always knock.
local function who(p)                   -- generation, privileged, since, JSON members, class
  local w = call('HGET', K.WHO, p)
  if w then
    local g, v, s, tail = string.match(w, '^(%d+)\t([0-3])\t(%d+)\t(.*)$')
    return tonumber(g), v == '1', tonumber(s), tail, v
  end
end
local function remember(p, gen, priv, since, tail)  -- priv: true, false, or the class
  call('HSET', K.WHO, p,
    S(gen) .. '\t' .. (priv == true and '1' or priv or '0') .. '\t' .. S(since) .. '\t' .. tail)
end
local function person(p, state, tail)   -- a line of the roster
  local rank = call('ZRANK', K.HANDS, p)
  return '{"id":' .. J(p) .. ',' .. tail .. ',"state":"' .. state .. '","stage":'
    .. (call('ZSCORE', K.STAGE, p) and 'true' or 'false') .. ',"hand":' .. (rank and S(rank + 1) or 'null')
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
local function attachment(kind, p) return parse(call('HGET', K.ATT, kind .. ':' .. p)) end
local function tell_detached(p, kind, id, why, reason, till)
  note('{"n":"d' .. head .. ',"id":' .. J(p) .. ',"kind":"' .. kind .. '","attachment":' .. J(id)
    .. ',"why":"' .. why .. '","reason":' .. (reason or 'null') .. ',"until_ms":'
    .. (till and S(till) or 'null') .. '}')
end
local function fields(p) return 'socket:' .. p, 'publish:' .. p, 'subscribe:' .. p end
local function attached(p)              -- whether an attachment is still in force
  for _, v in ipairs(call('HMGET', K.ATT, fields(p))) do
    local _, d = parse(v)
    if d and d > edge then return true end
  end
  return false
end
local function attach(p, kind, id, hub) -- answers the older one of this kind: id, hub
  local old, _, old_hub = attachment(kind, p)
  call('HSET', K.ATT, kind .. ':' .. p, S(now + lease) .. '\t' .. hub .. '\t' .. id)
  if old and old ~= id then
    tell_detached(p, kind, old, 'replaced')
    return old, old_hub
  end
end
local function vacate(p, why, own, reason, till)  -- seat or place, and all that hangs on it
  counted = {}
  for i, v in ipairs(call('HMGET', K.ATT, fields(p))) do
    local id = parse(v)
    if id and KINDS[i] ~= own then tell_detached(p, KINDS[i], id, why, reason, till) end
  end
  call('HDEL', K.ATT, fields(p))
  if call('ZREM', K.WAIT, p) == 1 then
    call('ZREM', K.WPRIV, p); call('ZREM', K.WLEASE, p)
    queue_moved = true
    if talk and string.find(call('HGET', K.WHO, p) or '', '^%d+\t[23]') then
      note('{"n":"k' .. head .. ',"id":' .. J(p) .. ',"person":null,"waiting":false}')
    end
  else
    call('ZREM', K.LIVE, p); call('ZREM', K.HELD, p); call('ZREM', K.OFFERED, p)
    call('ZREM', K.PRIV, p); call('ZREM', K.ORDER, p); call('ZREM', K.STAGE, p)
    call('ZREM', K.HANDS, p); call('HDEL', K.SRC, p)
    note('{"n":"r' .. head .. ',"id":' .. J(p) .. ',"person":null,"gen":' .. S(who(p) or 0) .. '}')
  end
  call('HDEL', K.WHO, p)
  room_changed = true
end

-- Seats.
local function deadline(d)
  if due_at and due_at <= d then return end
  call('ZADD', K.DUE, 'LT', S(d), room)
  due_at = due_at ~= nil and d or nil
end
local function room_for(priv)
  local n = occupied()
  if n >= cap then return false end
  if priv or reserved <= 0 then return true end
  return n < cap - math.max(0, reserved - count(K.PRIV))
end
local function place(p, key, d, priv, arrival)  -- someone who had no seat
  local by = S(d)
  call('ZADD', key, by, p)
  if counted[key] then counted[key] = counted[key] + 1 end
  if priv then
    call('ZADD', K.PRIV, by, p)
    counted[K.PRIV] = nil
  end
  call('ZADD', K.ORDER, S(priv and arrival or COMMON + arrival), p)
  deadline(d)
end
local function first()                  -- of the queue
  if size(K.WAIT) == 0 then return end
  counted.first = counted.first or call('ZRANGE', K.WAIT, 0, 0)[1]
  return counted.first
end
local function due_next()               -- whom promotion would take now, if anyone
  if size(K.WAIT) == 0 or occupied() >= cap then return end
  local p = first()
  local priv = call('ZSCORE', K.WPRIV, p) and true or false
  if room_for(priv) then return p, priv end
  p = not priv and call('ZRANGE', K.WPRIV, 0, 0)[1]
  if p and room_for(true) then return p, true end
end

local function taken(p, change)         -- a change of the notes: revision, seq; its field, and what is there
  local mark = 'c:' .. p
  local marks = change ~= '' and call('HGET', K.NOTES, mark) or ''
  local _, at = string.find(' ' .. marks, ' ' .. change .. ':', 1, true)
  if change == '' or not at then return nil, nil, mark, marks end
  local rev, seq = string.match(marks, '^(%d+):(%d+)', at)
  return tonumber(rev), tonumber(seq), mark, marks
end
-- TALK
-- A member's side is the last of their JSON members, itself JSON. No string inside
-- can be taken for one: a quote in it has a backslash before it.
local function side_of(tail) return string.match(tail or '', ',"side":(".-")$') or '' end
local function admits(tail)             -- roles with the right to let in (rooms.permissions)
  local role = string.match(tail or '', ',"role":"(%l+)"')
  return role == 'host' or role == 'moderator' or role == 'organiser'
end
local function knocking(class) return class == '2' or class == '3' end
local function knocks(p)
  local _, _, _, _, class = who(p)
  return knocking(class) and call('ZSCORE', K.WAIT, p) and alive(K.WLEASE, p) and true or false
end
local function answered(p)              -- nobody need let them in any more
  note('{"n":"k' .. head .. ',"id":' .. J(p) .. ',"person":null,"waiting":false}')
end
local function everyone(tables, look)   -- who has a seat in them: person, JSON members
  for _, key in ipairs(tables) do
    local here = call('ZRANGEBYSCORE', key, '(' .. S(edge), '+inf')
    for i = 1, #here, 500 do
      for j, w in ipairs(call('HMGET', K.WHO, unpack(here, i, math.min(i + 499, #here)))) do
        look(here[i + j - 1], string.match(w or '', '^%d+\t[0-3]\t%d+\t(.*)$'))
      end
    end
  end
end
local function side_seats(side)             -- seats of a side
  if not counted.sides then
    local n = {}
    everyone({K.LIVE, K.HELD, K.OFFERED}, function(_, tail)
      local one = side_of(tail)
      n[one] = (n[one] or 0) + 1
    end)
    counted.sides = n
  end
  return counted.sides[side] or 0
end
local function side_free(side) return not sides or side_seats(side) < (sides[side] or 0) end
local function one_too_many(side, with_knocking)  -- one_to_one: for somebody of that side
  local n, mine = occupied(), sides and side_seats(side) or 0
  for _, p in ipairs(call('ZRANGE', K.WAIT, 0, BATCH - 1)) do
    local _, _, _, tail, class = who(p)
    if with_knocking or not knocking(class) then
      n = n + 1
      if side_of(tail) == side then mine = mine + 1 end
    end
  end
  return n >= 2 or (sides and mine >= (sides[side] or 0))
end
local function talk_next()              -- as due_next, past those who knock and sides that are full
  if size(K.WAIT) == 0 or occupied() >= cap then return end
  for _, p in ipairs(call('ZRANGE', K.WAIT, 0, BATCH - 1)) do
    local _, priv, _, tail, class = who(p)
    if not knocking(class) and room_for(priv) and side_free(side_of(tail)) then return p, priv end
  end
end
-- Whom a channel is for: its name within the room and what it is shown as, or nil and the refusal.
local function channel_of(p, name)
  local state = seat(p)
  local seated = state == 'live' or state == 'held'
  local _, _, _, tail = who(p)
  if name == 'side' then
    if not seated then return nil, 'not_in_room' end
    local sided = talk == 'many_to_many' or talk == 'one_to_many'
    -- Each event names all it is for: no channels in a hall.
    if not sided or count(K.LIVE) + count(K.HELD) > 1000 then return nil, 'forbidden' end
    return 'side:' .. side_of(tail), name
  end
  local whom = name == 'lobby' and p or string.match(name, '^lobby:(.+)$')
  if whom and (whom == p or (seated and admits(tail))) and knocks(whom) then
    return 'lobby:' .. whom, 'lobby:' .. whom
  end
  return nil, (seated or knocks(p)) and 'forbidden' or 'not_in_room'
end
local function bar(p)                   -- for good: from now on the room is unknown to them
  if call('ZCARD', K.BAN) >= 10000 and not call('ZSCORE', K.BAN, p) then return false end
  call('ZADD', K.BAN, '9007199254740991', p)
  return true
end
-- ALL

local function promote()
  if locked or reclaiming or closed then return end
  for _ = 1, BATCH do
    local p, priv
    if talk then p, priv = talk_next() else p, priv = due_next() end
    if not p then return end
    local g, _, _, tail = who(p)
    if not g or not alive(K.WLEASE, p) then
      vacate(p, 'lapsed')
    else
      call('ZREM', K.WAIT, p); call('ZREM', K.WPRIV, p); call('ZREM', K.WLEASE, p)
      counted = {}
      place(p, K.OFFERED, now + offer, priv, call('HINCRBY', K.META, 'gen', 1))
      counted.sides = nil
      note('{"n":"p' .. head .. ',"id":' .. J(p) .. ',"until_ms":' .. S(now + offer) .. '}')
      show(p, 'offered')
      queue_moved = true
    end
  end
end
local function close_room(by)           -- everyone out, in one go
  local all = call('HGETALL', K.ATT)
  for i = 1, #all, 2 do
    local kind, p = string.match(all[i], '^(%l+):(.*)$')
    local id = parse(all[i + 1])
    if kind and id then tell_detached(p, kind, id, 'closed') end
  end
  call('DEL', K.LIVE, K.HELD, K.OFFERED, K.PRIV, K.WHO, K.ATT, K.WAIT, K.WPRIV, K.WLEASE, K.STAGE, K.HANDS, K.SRC, K.ORDER)
  closed, counted = true, {}
  call('HSET', K.META, 'closed', '1')
  if talk then call('HSET', K.META, 'media', 'direct') end
  room_changed = true
  return event('closed', by, '{}')
end
local function sweep()
  if not closed and closes and closes <= now then
    call('HSET', K.META, 'ended', '1')  -- by its time, not for good: a later one opens it again
    close_room('')
  end
  if reclaiming then return end
  for _, key in ipairs({K.LIVE, K.HELD, K.OFFERED, K.WLEASE}) do
    for _, p in ipairs(call('ZRANGEBYSCORE', key, '-inf', S(edge), 'LIMIT', 0, BATCH)) do
      vacate(p, 'lapsed')
    end
  end
end
local function tidy()                   -- what is overdue, then who is next
  if overdue() then sweep() end
  promote()
end
local function set_due()                -- exactly, where entries may have gone
  local at = not closed and closes or nil
  for _, key in ipairs({K.LIVE, K.HELD, K.OFFERED, K.WLEASE}) do
    local d = tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or '')
    if d and (not at or d < at) then at = d end
  end
  if at then call('ZADD', K.DUE, S(at), room) else call('ZREM', K.DUE, room) end
  due_at = at or false
end
local function set_occ()
  local waiting, since = size(K.WAIT), 0
  if waiting > 0 then
    local _, _, s = who(first())
    since = s or 0
  end
  call('HSET', K.OCC, room, format('%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%s,%s,%d,%d', count(K.LIVE), count(K.HELD),
    count(K.OFFERED), waiting, cap, reserved, locked and 1 or 0, call('ZCARD', K.STAGE),
    call('ZCARD', K.HANDS), since, opens and S(opens) or '', closes and S(closes) or '', closed and 1 or 0,
    reserved > 0 and count(K.PRIV) or -1)) -- each of them uses up a reserved seat
end
local function finish(answer)
  if room_changed or queue_moved then
    set_occ()
    note('{"n":"c' .. head .. '}')
    if queue_moved then note('{"n":"q' .. head .. '}') end
  end
  if #notices > 0 then
    call('SPUBLISH', K.CHANNEL, room .. '\n' .. table.concat(notices, '\n'))
  end
  return answer
end
local function done(answer)             -- every script that may have changed something ends here
  if talk and room_changed and not closed then
    -- Up to four people are connected browser to browser.
    local to = call('ZCARD', K.LIVE) + call('ZCARD', K.HELD) > 4 and 'sfu' or 'direct'
    if to ~= media then
      media = to
      call('HSET', K.META, 'media', to)
      event('media_mode', '', '{"mode":"' .. to .. '"}')
    end
  end
  return finish(answer)
end
local function on_stage(p)
  if call('ZSCORE', K.STAGE, p) then return true end
  if call('ZCARD', K.STAGE) >= stage_cap then return false end
  call('ZADD', K.STAGE, call('HINCRBY', K.META, 'gen', 1), p)
  room_changed = true
  return true
end
-- The person takes (again) a seat that is theirs: live, held or offered; gen grows.
local function reseat(p, state, kind, id, hub, priv, tail)
  local _, was, since = who(p)
  local gen = call('HINCRBY', K.META, 'gen', 1)
  local d = now + lease
  counted = {}
  if state ~= 'live' then call('ZREM', state == 'held' and K.HELD or K.OFFERED, p) end
  call('ZADD', K.LIVE, S(d), p)
  if priv then call('ZADD', K.PRIV, S(d), p) else call('ZREM', K.PRIV, p) end
  if was ~= priv then
    local place_now = tonumber(call('ZSCORE', K.ORDER, p) or '') or gen
    call('ZADD', K.ORDER, S(place_now % COMMON + (priv and 0 or COMMON)), p)
  end
  deadline(d)
  remember(p, gen, priv, since or now, tail)
  local old, old_hub = attach(p, kind, id, hub)
  show(p, 'live')
  return {'seated', gen, lease, epoch, seq(), 0, old or '', old_hub or ''}
end
local function queued(p)                -- place, of, 1 when somebody has to let them in
  local answer = {'queued', call('ZRANK', K.WAIT, p) + 1, call('ZCARD', K.WAIT)}
  if talk then answer[4] = knocks(p) and 1 or 0 end
  return answer
end
-- A moderator's act: nil when it may go on, else the refusal.
local function refuse(actor, allowed)
  if banned(actor) then return {talk and 'unknown_room' or 'forbidden'} end
  if allowed ~= '1' then return {'forbidden'} end
  if closed then return {'room_closed'} end
end
-- A page of the roster after (section, score): 0 stage, 1 raised hands, 2 privileged then others by
-- arrival. `limit` counts everyone, in a first page (`first`) only section 2's unprivileged.
local function roster(section, score, limit, first)
  local items, taken, cursor = {}, 0, ''
  for s = section, 2 do
    local key = ({K.STAGE, K.HANDS, K.ORDER})[s + 1]
    local from = s == section and score or '-inf'
    while true do
      local page = call('ZRANGEBYSCORE', key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 100)
      for i = 1, #page, 2 do
        local p, at = page[i], page[i + 1]
        from = '(' .. at
        local shown = s > 0 and call('ZSCORE', K.STAGE, p) or (s > 1 and call('ZSCORE', K.HANDS, p))
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
