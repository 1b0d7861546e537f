-- kind, number, (key, row) each; a row is 1 and the body, or 0 for a deleted one
local kind = take()
local rows, changes = key('documents:' .. kind), key('document_changes:' .. kind)
for _ = 1, take_number() do
  local name, row = take(), take()
  local known = call('HGET', rows, name)
  -- There is nothing to delete, or it is there already.
  if known ~= row and (known or row ~= '0') then
    call('HSET', rows, name, row)
    call('ZADD', changes, next_of('last_revision'), name)
  end
end
return {'ok'}
