-- Lock or unlock; unlocking seats the queue.
-- ARGV 6 actor, 7 allowed, 8 locked, 9 message (text) or '', 10 message (JSON)
-- Answers: {'ok', seq} | forbidden | room_closed
local no = refuse(ARGV[6], ARGV[7])
if no then return no end
local to = ARGV[8] == '1'
local message = to and ARGV[9] or ''
local told = seq()
if to ~= locked or message ~= (lock_message or '') then
  locked, lock_message = to, message
  call('HSET', K.META, 'locked', to and '1' or '0', 'lock_message', message)
  room_changed = true
  told = event('lock', ARGV[6], '{"locked":' .. (to and 'true' or 'false') .. ',"message":'
    .. (to and message ~= '' and ARGV[10] or 'null') .. '}')
end
tidy()
return done({'ok', told})
