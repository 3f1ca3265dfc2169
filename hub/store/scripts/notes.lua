-- The notes as they are here.
-- Answers: {'ok', 1 | 0 there are none here, revision, text}
local found = call('HMGET', K.NOTES, 'rev', 'text')
return {'ok', found[1] and 1 or 0, tonumber(found[1] or '') or 0, found[2] or ''}
