-- kind, after which revision, most → (key, revision, row) each
local kind, after, most = take(), take(), take()
local names = call('ZRANGEBYSCORE', key('document_changes:' .. kind), '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
local found = {'ok'}
for i = 1, #names, 2 do
  found[#found + 1] = names[i]
  found[#found + 1] = names[i + 1]
  found[#found + 1] = call('HGET', key('documents:' .. kind), names[i]) or '0'
end
return found
