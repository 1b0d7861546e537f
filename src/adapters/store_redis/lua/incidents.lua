-- id each → (version, incident) each, for those that are there
local found = {'ok'}
for _, id in ipairs(ARGV) do
  local row = call('HMGET', key('incident:' .. id), 'version', 'json')
  if row[1] then
    found[#found + 1] = row[1]
    found[#found + 1] = row[2]
  end
end
return found
