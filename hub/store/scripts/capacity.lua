-- Set the capacity. Raising it seats the queue; lowering it evicts nobody unless asked.
-- ARGV 6 actor, 7 allowed, 8 capacity, 9 reserved or '', 10 evict
-- Answers: {'ok', seq} | forbidden | room_closed | bad_message | wrong_mode (one_to_one: always two)
local no = refuse(ARGV[6], ARGV[7])
if no then return no end
local to, keep = tonumber(ARGV[8]), tonumber(ARGV[9])
if not (to and to >= 1 and to <= 100000) or to ~= math.floor(to) then return {'bad_message'} end
if ARGV[9] ~= '' and (not (keep and keep >= 0 and keep <= to) or keep ~= math.floor(keep)) then
  return {'bad_message'}
end
if talk then
  if talk == 'one_to_one' and to ~= 2 then return {'wrong_mode'} end
  local declared = 0                    -- seats by side: each has to be there
  for _, seats in pairs(sides or {}) do declared = declared + seats end
  if to < declared or (sides and (keep or 0) > 0) then return {'bad_message'} end
  stage_cap = math.min(to, 50)
  call('HSET', K.META, 'stage_cap', S(stage_cap))
end
local told = seq()
cap, keep = to, keep or reserved
if to ~= tonumber(m[2]) or keep ~= reserved then
  reserved = keep
  call('HSET', K.META, 'cap', S(cap), 'reserved', S(reserved))
  room_changed = true
  told = event('capacity', ARGV[6], '{"capacity":' .. S(cap) .. ',"reserved":' .. S(reserved) .. '}')
end
tidy()
if ARGV[10] == '1' then                 -- the newest without privilege first
  local over = occupied() - cap
  while over > 0 do
    local newest = call('ZREVRANGEBYSCORE', K.ORDER, '+inf', S(COMMON), 'LIMIT', 0,
      math.min(over, BATCH))
    if #newest == 0 then break end
    for _, p in ipairs(newest) do vacate(p, 'evicted') end
    over = occupied() - cap
  end
end
return done({'ok', told})
