-- Turn away who knocks, for good. Nobody is told but the person and those who admit.
-- ARGV 6 actor, 7 allowed, 8 person, 9 reason (JSON)
-- Answers: {'ok', seq} | forbidden | unknown_room | room_closed | not_in_room | too_large
local no = refuse(ARGV[6], ARGV[7])
if no then return no end
tidy()
local p = ARGV[8]
if not talk or not knocks(p) then return done({'not_in_room'}) end
if not bar(p) then return done({'too_large'}) end
vacate(p, 'removed', nil, ARGV[9])
tidy()
return done({'ok', seq()})
