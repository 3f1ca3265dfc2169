-- Free what has expired, seat who is next, close at the time set; bring due and occ up to date.
-- Answers: {'ok', 1 when more is due already}
sweep()
promote()
set_due()
set_occ()
local at = tonumber(call('ZSCORE', K.DUE, room) or '')
return done({'ok', at and at <= now and not reclaiming and 1 or 0})
