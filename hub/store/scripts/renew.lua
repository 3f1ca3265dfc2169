-- Signs of life of a room's people: seats and places in the queue go on.
-- ARGV 6.. person, kind, attachment id, ms since they were heard; at most 100 of them
-- Answers: {'ok', indexes (from 0) of those that are lost...}
local names, people, records = {}, {}, {}
for i = 6, #ARGV - 3, 4 do
  people[#people + 1] = ARGV[i]
  names[#names + 1] = ARGV[i + 1] .. ':' .. ARGV[i]
end
if #people == 0 then return {'ok'} end
if #people > 1000 then return {'bad_message'} end
local found = call('HMGET', K.ATT, unpack(names))
local live = call('ZMSCORE', K.LIVE, unpack(people))
local answer, seats, kept = {'ok'}, {}, {}
for i, p in ipairs(people) do
  local id, d, hub = parse(found[i])
  local silent = number(ARGV[4 * i + 5], 0, 2 ^ 40, 0)
  local to = now - silent + lease
  local good = id and id == ARGV[4 * i + 4]
  if good then
    local seated = tonumber(live[i] or '')
    if seated and seated > edge then
      seats[#seats + 1] = S(to); seats[#seats + 1] = p
    elseif alive(K.WLEASE, p) and call('ZSCORE', K.WAIT, p) then
      call('ZADD', K.WLEASE, 'XX', 'GT', S(to), p)
    elseif not alive(K.OFFERED, p) then
      good = false
    end
  end
  if not good then
    answer[#answer + 1] = i - 1
  elseif to > d then
    kept[#kept + 1] = names[i]; kept[#kept + 1] = S(to) .. '\t' .. hub .. '\t' .. id
  end
end
if #kept > 0 then call('HSET', K.ATT, unpack(kept)) end
if #seats > 0 then
  call('ZADD', K.LIVE, 'XX', 'GT', unpack(seats))
  call('ZADD', K.PRIV, 'XX', 'GT', unpack(seats))
end
return answer
