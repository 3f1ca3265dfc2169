-- Open or close the chat, make it slow.
-- ARGV 6 actor, 7 allowed, 8 mode, 9 slow mode (s)
-- Answers: {'ok', seq} | forbidden | room_closed
local no = refuse(ARGV[6], ARGV[7])
if no then return no end
local mode, slow = ARGV[8] == 'off' and 'off' or 'on', S(number(ARGV[9], 0, 3600, 0))
if mode == m[8] and slow == m[9] then return {'ok', seq()} end
call('HSET', K.META, 'chat', mode, 'slow', slow)
call('DEL', K.SLOW)
room_changed = true
return done({'ok', event('chat_mode', ARGV[6], '{"mode":"' .. mode .. '","slow_mode_s":' .. slow .. '}')})
