-- Bring the live settings in line with a changed configuration, with the events that follow.
-- ARGV 6 lock message (JSON), 7.. field, value, ... of meta
-- A field 'expect' holds the live settings the change is based on: others now, nothing is changed.
-- Answers: {'ok', seq} | stale | bad_message
local to = {}
for i = 7, #ARGV - 1, 2 do to[ARGV[i]] = ARGV[i + 1] end
local expect = to.expect
to.expect = nil
if expect and expect ~= table.concat({m[2], m[3], m[5], m[8], m[9], m[6] or ''}, '\t') then
  return {'stale'}
end
for _, k in ipairs({'epoch', 'lease', 'offer', 'wmax', 'log', 'testclock', 'ended', 'media'}) do
  to[k] = nil
end
if not talk then to.talk, to.lobby, to.sides = nil, nil, nil end  -- a conference stays one
if not string.find(to.talk or '', '^[%l_]*$') or to.talk == '' or #(to.talk or '') > 20
  or not string.find(to.sides or '', '^[%l%d:,-]*$') or #(to.sides or '') > 8192 then
  return {'bad_message'}
end
for _, k in ipairs({'cap', 'reserved', 'stage_cap', 'slow'}) do
  if to[k] and (not string.find(to[k], '^%d+$') or #to[k] > 12) then return {'bad_message'} end
end
for _, k in ipairs({'opens', 'closes'}) do
  if to[k] and (not string.find(to[k], '^%d*$') or #to[k] > 15) then return {'bad_message'} end
end
if #ARGV > 200 then return {'bad_message'} end
local list = {}
local closing = to.closed == '1' and not closed
local later = to.closes == '' or (tonumber(to.closes or '') or 0) > now
if to.closed == '1' then
  call('HDEL', K.META, 'ended')
elseif closed and later and call('HGET', K.META, 'ended') == '1' then
  -- What its time ended is there again for the next conference, without the talk of the last.
  closed, to.closed = false, '0'
  call('HDEL', K.META, 'ended')
  call('DEL', K.CHAT)
else
  to.closed = nil                              -- what was closed stays closed
end
for k, v in pairs(to) do list[#list + 1] = k; list[#list + 1] = v end
if #list > 0 then call('HSET', K.META, unpack(list)) end
room_changed = true
local was = {cap = m[2], reserved = m[3], locked = m[5], message = m[6] or '', chat = m[8], slow = m[9]}
cap, reserved = tonumber(to.cap or m[2]), tonumber(to.reserved or m[3])
stage_cap = tonumber(to.stage_cap or m[4])
locked = (to.locked or m[5]) == '1'
opens = tonumber(to.opens or m[10] or '')
closes = tonumber(to.closes or m[11] or '')
if (to.cap and to.cap ~= was.cap) or (to.reserved and to.reserved ~= was.reserved) then
  event('capacity', '', '{"capacity":' .. S(cap) .. ',"reserved":' .. S(reserved) .. '}')
end
if (to.locked and to.locked ~= was.locked) or (to.lock_message and to.lock_message ~= was.message) then
  event('lock', '', '{"locked":' .. (locked and 'true' or 'false') .. ',"message":' .. ARGV[6] .. '}')
end
if (to.chat and to.chat ~= was.chat) or (to.slow and to.slow ~= was.slow) then
  event('chat_mode', '', '{"mode":"' .. (to.chat or was.chat) .. '","slow_mode_s":'
    .. (to.slow or was.slow) .. '}')
end
talk = to.talk or talk
lobby = (to.lobby or (lobby and '1')) == '1'
if to.sides then
  sides = nil
  for side, seats in string.gmatch(to.sides, '([^:,]+):(%d+)') do
    sides = sides or {}
    sides['"' .. side .. '"'] = tonumber(seats)
  end
end
local function queue()                  -- of a negotiation room
  return talk and call('ZRANGE', K.WAIT, 0, BATCH - 1) or {}
end
if not lobby then                       -- who knocked for the room's sake alone need not any more
  for _, p in ipairs(queue()) do
    local gen, _, since, tail, class = who(p)
    if class == '2' then
      remember(p, gen, false, since, tail)
      answered(p)
      queue_moved = true
    end
  end
end
if closing then close_room('') end
sweep()
promote()
for _, p in ipairs(queue()) do          -- places that lead nowhere now
  local _, _, _, tail, class = who(p)
  if (sides and not sides[side_of(tail)])
    or (talk == 'one_to_one' and not locked and not knocking(class)) then
    vacate(p, 'evicted')
  end
end
set_due()
return done({'ok', seq()})
