-- name, now, until, long over → its token, unless somebody holds it
local name, now, held_until, over = take(), take(), take(), take()
local held = call('ZSCORE', key('leases'), name)
if held and tonumber(held) > tonumber(now) then return {'held'} end
-- Tokens never repeat, so a lease that was forgotten is as lost as one that was taken over.
for _, old in ipairs(call('ZRANGEBYSCORE', key('leases'), '-inf', over, 'LIMIT', 0, 100)) do
  call('ZREM', key('leases'), old)
  call('HDEL', key('lease_tokens'), old)
end
local token = next_of('last_lease')
call('ZADD', key('leases'), held_until, name)
call('HSET', key('lease_tokens'), name, token)
return {'ok', token}
