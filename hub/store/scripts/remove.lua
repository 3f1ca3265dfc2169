-- Take a seat or a place in the queue away; keep the person out with a ban, of a negotiation room
-- always and for good. There the others are told of who had a seat, of nobody else.
-- ARGV 6 actor, 7 allowed, 8 person, 9 ban (s), 10 reason (JSON)
-- Answers: {'ok', seq} | forbidden | room_closed | too_large | unknown_room
local no = refuse(ARGV[6], ARGV[7])
if no then return no end
local p, ban = ARGV[8], number(ARGV[9], 0, 4e9, 0)
call('ZREMRANGEBYSCORE', K.BAN, '-inf', S(now))
local till
if talk then
  if not bar(p) then return {'too_large'} end
  ban = 0
elseif ban > 0 then
  till = now + ban * 1000
  call('ZADD', K.BAN, S(till), p)
end
local seated = seat(p)
local here = seated or alive(K.WLEASE, p)
local told = seq()
if here then vacate(p, till and 'banned' or 'removed', nil, ARGV[10], till) end
if seated or (not talk and (here or till)) then
  told = event('removed', ARGV[6], '{"participant":' .. J(p) .. ',"reason":' .. ARGV[10]
    .. ',"banned_s":' .. S(ban) .. '}')
end
tidy()
return done({'ok', told})
