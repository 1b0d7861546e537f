-- Stands before the scripts that write incidents.

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

local function set_proposals(id)
  for _ = 1, take_number() do
    local name, made, json = take(), take(), take()
    call('HSET', key('proposals'), name, json)
    call('ZADD', key('proposals_of:' .. id), made, name)
    call('ZADD', key('proposals_by_time'), made, name)
  end
end

local function put_out(id, version, now)
  for _ = 1, take_number() do
    local chat = take()
    -- One that is there already keeps its place.
    if not call('ZSCORE', key('outbox:' .. chat), id) then
      call('ZADD', key('outbox:' .. chat), next_of('last_outbox'), id)
      call('ZADD', key('outbox_since:' .. chat), now, id)
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

-- Tells every replica.
local function tell(id)
  local change = next_of('last_change')
  call('ZADD', key('changed'), change, id)
  call('PUBLISH', key('changes'), change .. ' ' .. id)
end
