-- Free what has expired, seat who is next, close at the time set; bring due and occ up to date.
-- Answers: {'ok'}
sweep()
promote()
set_due()
set_occ()
return done({'ok'})
