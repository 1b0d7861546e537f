-- index, since → what a storm counts, each
local index, since = take(), take()
local found = {'ok'}
for _, id in ipairs(call('ZRANGEBYSCORE', key(index), since, '+inf')) do
  found[#found + 1] = call('HGET', key('incident:' .. id), 'opened') or ''
end
return found
