-- A page of the roster.
-- ARGV 6 section to go on in, 7 score to go on after ('-inf' or a number), 8 limit
-- Answers: {'ok', total, next, line...}
local section, from = tonumber(ARGV[6]) or 0, tonumber(ARGV[7])
local limit = math.min(100, math.max(1, tonumber(ARGV[8]) or 50))
local lines, cursor = roster(math.min(2, math.max(0, math.floor(section))),
  from and from == from and math.abs(from) < 2 ^ 53 and '(' .. S(from) or '-inf', limit, false)
return {'ok', occupied(), cursor, unpack(lines)}
