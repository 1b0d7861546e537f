-- fingerprint each → (fingerprint, key) each, for those that are known
local found = {'ok'}
for _, fingerprint in ipairs(ARGV) do
  local of = call('HGET', key('fingerprints'), fingerprint)
  if of then
    found[#found + 1] = fingerprint
    found[#found + 1] = of
  end
end
return found
