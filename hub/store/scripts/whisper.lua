-- Say something in a channel of a negotiation room: numbered there, for those who belong to it.
-- ARGV 6 person, 7 'side' | 'lobby' | 'lobby:' person, 8 body (JSON)
-- Answers: {'ok', seq of the channel} | not_in_room | forbidden | bad_message
local p, body = ARGV[6], ARGV[8]
if not talk then return {'forbidden'} end
local name, shown = channel_of(p, ARGV[7])
if not name then return {shown} end
if #body > 65536 or string.find(body, '\n', 1, true) then return {'bad_message'} end
local at = call('HINCRBY', K.META, 'ch:' .. name, 1)
local rest = head .. ',"epoch":' .. J(epoch) .. ',"channel":' .. J(shown) .. ',"seq":' .. S(at)
  .. ',"kind":"chat","at_ms":' .. S(now) .. ',"by":' .. J(p) .. ',"body":' .. body
call('XADD', K.CHAN, 'MAXLEN', '=', loglen, '*', 'c', name, 's', S(at), 'd', '{"n":"e' .. rest .. '}')
call('EXPIRE', K.CHAN, 86400)
local to, knocker = {J(p)}, string.match(name, '^lobby:(.*)$')
if knocker and knocker ~= p then to[2] = J(knocker) end
everyone({K.LIVE, K.HELD}, function(one, tail)
  if one ~= p and (knocker and admits(tail) or name == 'side:' .. side_of(tail)) then
    to[#to + 1] = J(one)
  end
end)
note('{"n":"h' .. rest .. ',"to":[' .. table.concat(to, ',') .. ']}')
return done({'ok', at})
