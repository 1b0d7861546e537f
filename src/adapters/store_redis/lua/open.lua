-- format → the format that is stored
local format = take()
local stored = call('HGET', meta, 'format')
if not stored then
  call('HSET', meta, 'format', format)
  stored = format
end
return {'ok', stored}
