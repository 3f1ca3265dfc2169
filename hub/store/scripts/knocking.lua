-- Who knocks, first come first.
-- Answers: {'ok', line...}
local answer = {'ok'}
if not talk then return answer end
for _, p in ipairs(call('ZRANGE', K.WAIT, 0, BATCH - 1)) do
  local _, _, _, tail = who(p)
  if knocks(p) then answer[#answer + 1] = person(p, 'waiting', tail) end
end
return answer
