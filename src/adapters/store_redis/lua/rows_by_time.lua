-- rows' hash, index, since → rows in the index's order
local rows, index, since = take(), take(), take()
local found = {'ok'}
for _, name in ipairs(call('ZRANGEBYSCORE', key(index), since, '+inf')) do
  local row = call('HGET', key(rows), name)
  if row then found[#found + 1] = row end
end
return found
