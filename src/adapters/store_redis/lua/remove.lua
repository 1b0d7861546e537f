-- id, version, key, origin, the key's newest incident and its version ('' for none), number of chats, chats, number of
-- fingerprints that the newest does not hold, fingerprints, number of timers, timers → whether all was so
local id, version, of, origin, newest, newest_version = take(), take(), take(), take(), take(), take()
if call('HGET', key('incident:' .. id), 'version') ~= version then return {'ok', '0'} end
local current = call('HGET', key('by_key'), of)
local current_version = current and call('HGET', key('incident:' .. current), 'version')
if (current_version and current or '') ~= newest or (current_version or '') ~= newest_version then return {'ok', '0'} end
call('UNLINK', key('incident:' .. id), key('posts:' .. id), key('post_keys:' .. id))
for _, index in ipairs({'opened:' .. origin, 'open:' .. origin, 'over:' .. origin, 'resolved', 'changed'}) do
  call('ZREM', key(index), id)
end
for _, name in ipairs(call('ZRANGE', key('proposals_of:' .. id), 0, -1)) do
  call('HDEL', key('proposals'), name)
  call('ZREM', key('proposals_by_time'), name)
end
call('UNLINK', key('proposals_of:' .. id))
for _ = 1, take_number() do
  local chat = take()
  local root = call('HGET', key('thread_of:' .. chat), id)
  if root then call('HDEL', key('threads'), root) end
  call('HDEL', key('thread_of:' .. chat), id)
  call('HDEL', key('projections:' .. chat), id)
  call('HDEL', key('outbox_versions:' .. chat), id)
  call('ZREM', key('outbox:' .. chat), id)
  call('ZREM', key('outbox_since:' .. chat), id)
end
if current == id then
  call('HDEL', key('by_key'), of)
end
for _ = 1, take_number() do
  local fingerprint = take()
  -- One that moved to another key meanwhile is somebody else's.
  if call('HGET', key('fingerprints'), fingerprint) == of then
    call('HDEL', key('fingerprints'), fingerprint)
  end
end
for _ = 1, take_number() do
  local timer = take()
  call('ZREM', key('timers'), timer)
  call('HDEL', key('timer_events'), timer)
end
return {'ok', '1'}
