-- number, not before
local id, not_before = take(), take()
if call('HEXISTS', key('events'), id) == 1 then
  call('ZREM', key('ready'), id)
  call('ZADD', key('held'), not_before, id)
end
return {'ok'}
