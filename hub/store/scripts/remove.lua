-- Take a seat or a place in the queue away; keep the person out with a ban.
-- ARGV 6 actor, 7 allowed, 8 person, 9 ban (s), 10 reason (JSON)
-- Answers: {'ok', seq} | forbidden | room_closed
local no = refuse(ARGV[6], ARGV[7])
if no then return no end
local p, ban = ARGV[8], number(ARGV[9], 0, 4e9, 0)
call('ZREMRANGEBYSCORE', K.BAN, '-inf', S(now))
local till
if ban > 0 then
  till = now + ban * 1000
  call('ZADD', K.BAN, S(till), p)
end
local here = seat(p) or alive(K.WLEASE, p)
local told = seq()
if here then vacate(p, till and 'banned' or 'removed', nil, ARGV[10], till) end
if here or till then
  told = event('removed', ARGV[6], '{"participant":' .. J(p) .. ',"reason":' .. ARGV[10]
    .. ',"banned_s":' .. S(ban) .. '}')
end
tidy()
return done({'ok', told})
