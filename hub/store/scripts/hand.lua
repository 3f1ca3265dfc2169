-- Raise or lower one's hand.
-- ARGV 6 person, 7 up
-- Answers: {'ok'} | not_in_room
local p = ARGV[6]
local state = seat(p)
if state ~= 'live' and state ~= 'held' then return {'not_in_room'} end
if ARGV[7] == '1' then
  if not call('ZSCORE', K.HANDS, p) then
    call('ZADD', K.HANDS, call('HINCRBY', K.META, 'gen', 1), p)
    show(p, state)
  end
elseif call('ZREM', K.HANDS, p) == 1 then
  show(p, state)
end
return done({'ok'})
