-- A page of the roster.
-- ARGV 6 section to go on in, 7 score to go on after ('-inf' or a number), 8 limit
-- Answers: {'ok', total, next, line...}
local section, limit = number(ARGV[6], 0, 2, 0), number(ARGV[8], 1, 100, 50)
local from = tonumber(ARGV[7])
local lines, cursor = roster(section,
  from and from == from and math.abs(from) < 2 ^ 53 and '(' .. S(from) or '-inf', limit, false)
return {'ok', occupied(), cursor, unpack(lines)}
