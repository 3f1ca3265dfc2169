-- Events after a resume point, all of them or a gap.
-- ARGV 6 epoch, 7 seq
-- Answers: {'ok' | 'gap', epoch, top, event...}
local top, at = seq(), tonumber(ARGV[7]) or -1
local first = call('XRANGE', K.LOG, '-', '+', 'COUNT', 1)[1]
local oldest = first and tonumber(string.match(first[1], '^%d+')) or top + 1
if ARGV[6] ~= epoch or not (at >= 0 and at <= top) or at + 1 < oldest then
  return {'gap', epoch, top}
end
local answer = {'ok', epoch, top}
for _, e in ipairs(call('XRANGE', K.LOG, S(at + 1) .. '-0', '+')) do answer[#answer + 1] = e[2][2] end
return answer
