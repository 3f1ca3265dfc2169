-- A room as it is, with a first page of its roster and the tail of its chat when asked for.
-- ARGV 6 people in the roster page (0: no roster), 7 chat events
-- Answers: {'ok', spec, capacity, reserved, locked, lock message, chat, slow s, stage capacity,
--   waitlist, opens, closes, closed, now, live, held, offered, waiting, epoch, seq,
--   {person, JSON members, sources, ...} on stage, {person...} hands, {roster line...}, next,
--   {event...}, media mode}
local stage, hands = {}, {}
for _, p in ipairs(call('ZRANGE', K.STAGE, 0, -1)) do
  local _, _, _, tail = who(p)
  if tail and seat(p) then
    stage[#stage + 1] = p; stage[#stage + 1] = tail
    stage[#stage + 1] = call('HGET', K.SRC, p) or ''
  end
end
for _, p in ipairs(call('ZRANGE', K.HANDS, 0, 499)) do
  if seat(p) then hands[#hands + 1] = p end
end
local limit, tail = number(ARGV[6], 0, 100, 0), number(ARGV[7], 0, 100, 0)
local lines, cursor, chat = {}, '', {}
if limit > 0 then lines, cursor = roster(0, '-inf', limit, true) end
if tail > 0 then
  for i, e in ipairs(call('XREVRANGE', K.CHAT, '+', '-', 'COUNT', tail)) do chat[i] = e[2][2] end
end
return {'ok', call('HGET', K.META, 'spec') or '', cap, reserved, locked and 1 or 0, lock_message or '',
  m[8], m[9], stage_cap, waitlist and 1 or 0, m[10] or '', m[11] or '', closed and 1 or 0, now,
  count(K.LIVE), count(K.HELD), count(K.OFFERED), count(K.WLEASE), epoch, seq(),
  stage, hands, lines, cursor, chat, media}
