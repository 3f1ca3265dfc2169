-- Bring a person on stage or down. Anyone may step down themselves.
-- ARGV 6 actor, 7 allowed, 8 person, 9 on
-- Answers: {'ok', seq} | forbidden | room_closed | not_in_room | stage_full
local p, on = ARGV[8], ARGV[9] == '1'
local no = refuse(ARGV[6], (not on and p == ARGV[6]) and '1' or ARGV[7])
if no then return no end
tidy()
local state = seat(p)
if state ~= 'live' and state ~= 'held' then return done({'not_in_room'}) end
local is = call('ZSCORE', K.STAGE, p) and true or false
if is == on then return done({'ok', seq()}) end
if on then
  if not on_stage(p) then return done({'stage_full'}) end
  call('ZREM', K.HANDS, p)                -- the hand was for this
else
  call('ZREM', K.STAGE, p); call('HDEL', K.SRC, p)
  local id = attachment('publish', p)
  if id then
    call('HDEL', K.ATT, 'publish:' .. p)
    tell_detached(p, 'publish', id, 'unstaged')
    if state == 'live' and not attached(p) then
      local _, d = seat(p)
      call('HDEL', K.ATT, fields(p))
      counted = {}
      call('ZREM', K.LIVE, p)
      call('ZADD', K.HELD, S(d), p)
      state = 'held'
    end
  end
end
show(p, state)
return done({'ok', event('stage', ARGV[6], '{"participant":' .. J(p) .. ',"on":'
  .. (on and 'true' or 'false') .. '}')})
