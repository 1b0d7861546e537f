-- id, version, key, origin, number of chats, chats, number of fingerprints, fingerprints → whether it was there so
local id, version, of, origin = take(), take(), take(), take()
if call('HGET', key('incident:' .. id), 'version') ~= version then return {'ok', '0'} end
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
if call('HGET', key('by_key'), of) == id then
  call('HDEL', key('by_key'), of)
  for _ = 1, take_number() do
    call('HDEL', key('fingerprints'), take())
  end
end
return {'ok', '1'}
