-- Fill the notes as they were kept elsewhere, when there are none here.
-- ARGV 6 revision, 7 text
-- Answers: {'ok', 1 filled | 0 there are some} | wrong_mode | too_large
if not talk then return {'wrong_mode'} end
if #ARGV[7] > 80000 then return {'too_large'} end
if call('HEXISTS', K.NOTES, 'rev') == 1 then return {'ok', 0} end
call('DEL', K.OPS)
call('HSET', K.NOTES, 'rev', S(number(ARGV[6], 0, 2 ^ 50, 0)), 'text', ARGV[7])
call('EXPIRE', K.NOTES, 86400)
return {'ok', 1}
