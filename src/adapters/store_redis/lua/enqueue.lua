-- event, key ('' for none), now, remembered until, most events, most bytes → its number
local event, name, now, till = take(), take(), take(), take()
local most, most_bytes = take_number(), take_number()
if name ~= '' then
  local at = call('ZSCORE', key('seen'), name)
  if at and tonumber(at) > tonumber(now) then
    return {'ok', call('HGET', key('seen_ids'), name)}
  end
end
local waiting = call('HLEN', key('events'))
if waiting >= most or counted('waiting_bytes') + #event > most_bytes then
  return {'full', text(waiting)}
end
local id = next_of('last_event')
call('HSET', key('events'), id, event)
call('ZADD', key('ready'), id, id)
call('ZADD', key('arrived'), now, id)
call('HINCRBY', meta, 'waiting_bytes', #event)
if name ~= '' then
  for _, old in ipairs(call('ZRANGEBYSCORE', key('seen'), '-inf', now, 'LIMIT', 0, 1000)) do
    call('ZREM', key('seen'), old)
    call('HDEL', key('seen_ids'), old)
  end
  call('ZADD', key('seen'), till, name)
  call('HSET', key('seen_ids'), name, id)
end
return {'ok', id}
