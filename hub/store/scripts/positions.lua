-- Places in the queue.
-- ARGV 6.. people
-- Answers: {'ok', how many wait, place or 0 of each}
if #ARGV > 1100 then return {'bad_message'} end
local answer = {'ok', call('ZCARD', K.WAIT)}
for i = 6, #ARGV do
  local rank = call('ZRANK', K.WAIT, ARGV[i])
  answer[#answer + 1] = rank and rank + 1 or 0
end
return answer
