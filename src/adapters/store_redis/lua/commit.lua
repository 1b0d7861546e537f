-- Everything that can be refused is looked at before anything is written; the order of arguments is that of `commit.rs`.
local now = take()
local writes = {}
for i = 1, take_number() do
  local write = {id = take(), version = take(), lease = take(), token = take()}
  local stored = call('HGET', key('incident:' .. write.id), 'version') or '0'
  if stored ~= write.version then return {'conflict', write.id} end
  if write.lease ~= '' then
    local held = call('ZSCORE', key('leases'), write.lease)
    local mine = call('HGET', key('lease_tokens'), write.lease) == write.token
    if not (mine and held and tonumber(held) > tonumber(now)) then return {'lease', write.lease} end
  end
  writes[i] = write
end
local entries, head = take_number(), take()
if entries > 0 then
  local last = call('XREVRANGE', key('audit'), '+', '-', 'COUNT', 1)[1]
  local hash = last and last[2][2] or ''
  if hash ~= head then return {'head', last and last[2][4] or ''} end
end

local function set_posts(id)
  local posts, keys = key('posts:' .. id), key('post_keys:' .. id)
  for _ = 1, take_number() do
    local name, digest, at, json = take(), take(), take(), take()
    local seq = call('HGET', keys, name)
    if not seq then
      seq = text(call('HLEN', keys) + 1)
      call('HSET', keys, name, seq)
      call('HSET', posts, seq, table.concat({'1', digest, at, at, json}, ' '))
    else
      local revision, before, first = string.match(call('HGET', posts, seq), '^(%d+) (%x+) (%S+) ')
      if before ~= digest then
        call('HSET', posts, seq, table.concat({text(revision + 1), digest, first, at, json}, ' '))
      end
    end
  end
end

for _, write in ipairs(writes) do
  local id, version = write.id, text(write.version + 1)
  set_incident(id, version)
  local investigation = take()
  if investigation ~= '' then
    call('HSET', key('incident:' .. id), 'investigation', investigation)
  end
  set_posts(id)
  set_proposals(id)
  put_out(id, version, now)
  set_timers()
  tell(id)
end
for _ = 1, entries do
  local seq, hash, json = take(), take(), take()
  call('XADD', key('audit'), seq .. '-0', 'hash', hash, 'entry', json)
end
for _ = 1, take_number() do
  remove_event(take())
end
return {'ok'}
