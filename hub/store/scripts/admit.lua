-- Let in who knocks, as soon as there is room.
-- ARGV 6 actor, 7 allowed, 8 person
-- Answers: {'ok', seq} | forbidden | unknown_room | room_closed | not_in_room | wrong_mode (two are there)
local no = refuse(ARGV[6], ARGV[7])
if no then return no end
tidy()
local p = ARGV[8]
if not talk or not knocks(p) then return done({'not_in_room'}) end
local gen, _, since, tail = who(p)
if talk == 'one_to_one' and one_too_many(side_of(tail)) then return done({'wrong_mode'}) end
remember(p, gen, false, since, tail)
answered(p)
queue_moved = true
promote()
return done({'ok', seq()})
