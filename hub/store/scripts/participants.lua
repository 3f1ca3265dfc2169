-- Everyone with a seat, then everyone who waits, for moderators.
-- ARGV 6 state or '', 7 'o' seats | 'w' queue, 8 score to go on after or '-inf', 9 limit
-- Answers: {'ok', next, line, place in the queue or 0, ...}
local want, part = ARGV[6], ARGV[7]
local from = tonumber(ARGV[8])
from = from and from == from and math.abs(from) < 2 ^ 53 and '(' .. S(from) or '-inf'
local limit = number(ARGV[9], 1, 200, 50)
local answer, taken, cursor = {'ok', ''}, 0, ''
for _, s in ipairs(part == 'w' and {'w'} or {'o', 'w'}) do
  if s ~= part then from = '-inf' end
  local asked = want == '' or (s == 'w') == (want == 'waiting')
  while asked do
    local page = call('ZRANGEBYSCORE', s == 'w' and K.WAIT or K.ORDER, from, '+inf', 'WITHSCORES',
      'LIMIT', 0, 100)
    for i = 1, #page, 2 do
      local p, at = page[i], page[i + 1]
      from = '(' .. at
      local state = s == 'w' and alive(K.WLEASE, p) and 'waiting' or s == 'o' and seat(p)
      local _, _, _, tail = who(p)
      if state and tail and (want == '' or want == state) then
        if taken >= limit then answer[2] = cursor; return answer end
        taken = taken + 1
        cursor = s .. ':' .. at
        answer[#answer + 1] = person(p, state, tail)
        answer[#answer + 1] = s == 'w' and call('ZRANK', K.WAIT, p) + 1 or 0
      end
    end
    if #page < 200 then break end
  end
end
return answer
