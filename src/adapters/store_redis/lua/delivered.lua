-- chat, incident, version
local chat, id, version = take(), take(), take()
if call('HGET', key('outbox_versions:' .. chat), id) == version then
  call('HDEL', key('outbox_versions:' .. chat), id)
  call('ZREM', key('outbox:' .. chat), id)
  call('ZREM', key('outbox_since:' .. chat), id)
end
return {'ok'}
