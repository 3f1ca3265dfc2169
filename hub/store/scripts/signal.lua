-- Pass a message from one seated person to another, while media goes between the browsers.
-- ARGV 6 person, 7 to, 8 data (JSON)
-- Answers: {'ok'} | not_in_room | wrong_mode | bad_message
local p, to, data = ARGV[6], ARGV[7], ARGV[8]
local function here(one)
  local state = seat(one)
  return state == 'live' or state == 'held'
end
if not here(p) or not here(to) then return {'not_in_room'} end
if not talk or media ~= 'direct' then return {'wrong_mode'} end
if p == to or #data > 65536 or string.find(data, '\n', 1, true) then return {'bad_message'} end
note('{"n":"s' .. head .. ',"sender":' .. J(p) .. ',"to":' .. J(to) .. ',"data":' .. data .. '}')
return finish({'ok'})
