-- The channels a person belongs to now, with the tail of each.
-- ARGV 6 person, 7 events of each
-- Answers: {'ok', channel, its seq, {event, newest first...}, ...}
if not talk then return {'ok'} end
local p, limit = ARGV[6], number(ARGV[7], 0, 100, 0)
local names, tails = {}, {}
local function want(name)
  local full, shown = channel_of(p, name)
  if full then
    names[#names + 1] = {full, shown}
    tails[full] = {}
  end
end
want('side')
if knocks(p) then want('lobby') end
local _, _, _, tail = who(p)
if admits(tail) then
  for _, one in ipairs(call('ZRANGE', K.WAIT, 0, BATCH - 1)) do
    if one ~= p then want('lobby:' .. one) end
  end
end
if #names > 0 and limit > 0 then
  for _, e in ipairs(call('XREVRANGE', K.CHAN, '+', '-')) do
    local kept = tails[e[2][2]]
    if kept and #kept < limit then kept[#kept + 1] = e[2][6] end
  end
end
local answer = {'ok'}
for _, name in ipairs(names) do
  answer[#answer + 1] = name[2]
  answer[#answer + 1] = tonumber(call('HGET', K.META, 'ch:' .. name[1]) or '') or 0
  answer[#answer + 1] = tails[name[1]]
end
return answer
