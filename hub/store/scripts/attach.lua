-- Add a media attachment to a seat that is held by its person.
-- ARGV 6 person, 7 kind, 8 attachment id, 9 hub
-- Answers: {'seated', gen, lease, epoch, seq, 0, replaced id, replaced hub} | not_in_room | not_on_stage
local p, kind, id, hub = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
tidy()
local state = seat(p)
local gen = who(p)
if not gen or (state ~= 'live' and state ~= 'held') then return done({'not_in_room'}) end
if kind == 'publish' and not call('ZSCORE', K.STAGE, p) then return done({'not_on_stage'}) end
counted = {}
if state == 'held' then call('ZREM', K.HELD, p) end
call('ZADD', K.LIVE, S(now + lease), p)
call('ZADD', K.PRIV, 'XX', 'GT', S(now + lease), p)
deadline(now + lease)
local old, old_hub = attach(p, kind, id, hub)
if state == 'held' then show(p, 'live') end
return done({'seated', gen, lease, epoch, seq(), 0, old or '', old_hub or ''})
