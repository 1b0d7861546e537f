-- after which change, most → the last change, and incidents that changed since
local after, most = take(), take()
local last = text(counted('last_change'))
local found = {'ok', last}
if tonumber(after) < tonumber(last) then
  for _, id in ipairs(call('ZRANGEBYSCORE', key('changed'), '(' .. after, '+inf', 'LIMIT', 0, most)) do
    found[#found + 1] = id
  end
end
return found
