-- from, most → entries
local from, most = take(), take()
local found = {'ok'}
for _, row in ipairs(call('XRANGE', key('audit'), from .. '-0', '+', 'COUNT', most)) do
  found[#found + 1] = row[2][4]
end
return found
