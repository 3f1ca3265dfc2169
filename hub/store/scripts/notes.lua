-- The notes as they are here.
-- ARGV 6 person, 7 the name of a change of theirs or ''
-- Answers: {'ok', 1 | 0 there are none here, revision, text, revision of that change | 0}
local found = call('HMGET', K.NOTES, 'rev', 'text')
return {'ok', found[1] and 1 or 0, tonumber(found[1] or '') or 0, found[2] or '',
  taken(ARGV[6], ARGV[7]) or 0}
