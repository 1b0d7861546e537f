-- chat, incident, version as read, projection, its root's name ('' for none) → the new version
local chat, id, version, json, root = take(), take(), take(), take(), take()
local row = call('HGET', key('projections:' .. chat), id)
local stored = row and string.match(row, '^%d+') or '0'
if stored ~= version then return {'conflict', id} end
local new = text(version + 1)
call('HSET', key('projections:' .. chat), id, new .. ' ' .. json)
if root ~= '' then
  call('HSET', key('threads'), root, id)
  call('HSET', key('thread_of:' .. chat), id, root)
end
return {'ok', new}
