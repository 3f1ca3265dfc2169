-- What made each revision after one; or that a change was taken already.
-- ARGV 6 revision, 7 person, 8 the change's name or ''
-- Answers: {'ok', 1, ops (JSON)...} | {'ok', 0} not all of them are kept | {'ok', 2, seq, revision}
local was, was_seq = taken(ARGV[7], ARGV[8])
if was then return {'ok', 2, was_seq, was} end
local rev, after = tonumber(call('HGET', K.NOTES, 'rev') or ''), number(ARGV[6], 0, 2 ^ 50, -1)
if not rev or after < 0 or after > rev then return {'ok', 0} end
local answer = {'ok', 1}
for _, e in ipairs(call('XRANGE', K.OPS, S(after + 1) .. '-0', '+')) do answer[#answer + 1] = e[2][2] end
if #answer - 2 ~= rev - after then return {'ok', 0} end
return answer
