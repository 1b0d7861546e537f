-- chat each → when the event came that waits longest ('' if none waits); for each chat how many wait, and since when ('')
local function oldest(index)
  return call('ZRANGE', key(index), 0, 0, 'WITHSCORES')[2] or ''
end
local found = {'ok', oldest('arrived')}
for _, chat in ipairs(ARGV) do
  found[#found + 1] = text(call('ZCARD', key('outbox:' .. chat)))
  found[#found + 1] = oldest('outbox_since:' .. chat)
end
return found
