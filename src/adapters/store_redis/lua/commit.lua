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

local function set_incident(id, version)
  local json, of, origin, opened_at, opened = take(), take(), take(), take(), take()
  local is_open, resolved_at = take() == '1', take()
  call('HSET', key('incident:' .. id), 'version', version, 'json', json, 'opened', opened)
  call('HSET', key('by_key'), of, id)
  call('ZADD', key('opened:' .. origin), opened_at, id)
  call('ZADD', key((is_open and 'open:' or 'over:') .. origin), opened_at, id)
  call('ZREM', key((is_open and 'over:' or 'open:') .. origin), id)
  if resolved_at == '' then
    call('ZREM', key('resolved'), id)
  else
    call('ZADD', key('resolved'), resolved_at, id)
  end
  for _ = 1, take_number() do
    local fingerprint = take()
    -- Writing what is already there would be sent to replicas and disk for nothing; a storm has thousands.
    if call('HGET', key('fingerprints'), fingerprint) ~= of then
      call('HSET', key('fingerprints'), fingerprint, of)
    end
  end
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

local function set_proposals(id)
  for _ = 1, take_number() do
    local name, made, json = take(), take(), take()
    call('HSET', key('proposals'), name, json)
    call('ZADD', key('proposals_of:' .. id), made, name)
    call('ZADD', key('proposals_by_time'), made, name)
  end
end

local function put_out(id, version)
  for _ = 1, take_number() do
    local chat = take()
    -- One that is there already keeps its place.
    if not call('ZSCORE', key('outbox:' .. chat), id) then
      call('ZADD', key('outbox:' .. chat), next_of('last_outbox'), id)
    end
    call('HSET', key('outbox_versions:' .. chat), id, version)
  end
end

local function set_timers()
  for _ = 1, take_number() do
    local name = take()
    call('ZREM', key('timers'), name)
    call('HDEL', key('timer_events'), name)
  end
  for _ = 1, take_number() do
    local name, due, event = take(), take(), take()
    call('ZADD', key('timers'), due, name)
    call('HSET', key('timer_events'), name, event)
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
  put_out(id, version)
  set_timers()
  local change = next_of('last_change')
  call('ZADD', key('changed'), change, id)
  call('PUBLISH', key('changes'), change .. ' ' .. id)
end
for _ = 1, entries do
  local seq, hash, json = take(), take(), take()
  call('XADD', key('audit'), seq .. '-0', 'hash', hash, 'entry', json)
end
for _ = 1, take_number() do
  remove_event(take())
end
return {'ok'}
