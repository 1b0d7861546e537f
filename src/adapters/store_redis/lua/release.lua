-- name, token
local name, token = take(), take()
if call('HGET', key('lease_tokens'), name) == token then
  call('ZREM', key('leases'), name)
  call('HDEL', key('lease_tokens'), name)
end
return {'ok'}
