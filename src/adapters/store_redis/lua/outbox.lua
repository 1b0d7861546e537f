-- chat, most → (incident, version) each
local chat, most = take(), take_number()
local found = {'ok'}
for _, id in ipairs(call('ZRANGE', key('outbox:' .. chat), 0, most - 1)) do
  found[#found + 1] = id
  found[#found + 1] = call('HGET', key('outbox_versions:' .. chat), id) or '0'
end
return found
