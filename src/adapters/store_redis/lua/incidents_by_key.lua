-- key each → (version, incident) each, for those that have one
local found = {'ok'}
for _, name in ipairs(ARGV) do
  local id = call('HGET', key('by_key'), name)
  local row = id and call('HMGET', key('incident:' .. id), 'version', 'json')
  if row and row[1] then
    found[#found + 1] = row[1]
    found[#found + 1] = row[2]
  end
end
return found
