-- What was said in a channel after a number, all of it or a gap.
-- ARGV 6 person, 7 epoch, 8 channel as in whisper, 9 seq
-- Answers: {'ok' | 'gap', epoch, top, event...} | not_in_room | forbidden
if not talk then return {'forbidden'} end
local name, no = channel_of(ARGV[6], ARGV[8])
if not name then return {no} end
local top = tonumber(call('HGET', K.META, 'ch:' .. name) or '') or 0
local at = tonumber(ARGV[9]) or -1
if ARGV[7] ~= epoch or not (at >= 0 and at <= top) or at ~= math.floor(at) then
  return {'gap', epoch, top}
end
local answer, left = {'ok', epoch, top}, top - at
if left > 0 then
  for _, e in ipairs(call('XREVRANGE', K.CHAN, '+', '-')) do
    if e[2][2] == name then
      answer[3 + left] = e[2][6]
      left = left - 1
      if left == 0 then break end
    end
  end
end
if left > 0 then return {'gap', epoch, top} end
return answer
