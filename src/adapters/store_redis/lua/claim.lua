-- most, now, held until → (number, attempt, event) each
local most, now, held_until = take_number(), take(), take()
for _, id in ipairs(call('ZRANGEBYSCORE', key('held'), '-inf', now)) do
  call('ZREM', key('held'), id)
  call('ZADD', key('ready'), id, id)
end
local claimed = {'ok'}
for _, id in ipairs(call('ZRANGE', key('ready'), 0, most - 1)) do
  call('ZREM', key('ready'), id)
  local event = call('HGET', key('events'), id)
  if event then
    call('ZADD', key('held'), held_until, id)
    claimed[#claimed + 1] = id
    claimed[#claimed + 1] = text(call('HINCRBY', key('attempts'), id, 1))
    claimed[#claimed + 1] = event
  end
end
return claimed
