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
for _, k in ipairs({'epoch', 'lease', 'offer', 'wmax', 'log', 'testclock', 'ended'}) do to[k] = nil end
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
if closing then close_room('') end
sweep()
promote()
set_due()
return done({'ok', seq()})
