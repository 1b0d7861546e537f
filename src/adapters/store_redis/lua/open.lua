-- format → the format that is stored; or the command that the account may not run. A script that is refused a command in
-- its middle stays half done, so every command is tried here, before anything depends on it.
local format = take()
local probe = key('probe')
local tries = {
  {'hset', probe, 'a', '1'}, {'hincrby', probe, 'a', 1}, {'hget', probe, 'a'}, {'hmget', probe, 'a'}, {'hgetall', probe},
  {'hlen', probe}, {'hexists', probe, 'a'}, {'hdel', probe, 'a'}, {'exists', probe}, {'unlink', probe},
  {'zadd', probe, 1, 'a'}, {'zscore', probe, 'a'}, {'zcard', probe}, {'zrange', probe, 0, 0}, {'zrevrange', probe, 0, 0},
  {'zrangebyscore', probe, 0, 0}, {'zrem', probe, 'a'}, {'unlink', probe},
  {'xadd', probe, '1-0', 'a', '1'}, {'xrange', probe, '-', '+'}, {'xrevrange', probe, '+', '-'}, {'unlink', probe},
  {'publish', key('changes'), ''},
}
for _, try in ipairs(tries) do
  local answer = redis.pcall(unpack(try))
  local refused = type(answer) == 'table' and answer.err or ''
  -- The words of Redis 7.0, and those since 7.2. A Redis that is full must still be opened.
  if string.find(refused, "can't", 1, true) or string.find(refused, 'ACL', 1, true) or string.find(refused, 'NOPERM', 1, true) then
    return {'denied', try[1]}
  end
end
local stored = call('HGET', meta, 'format')
-- An older release must not read what this one writes.
if not stored or tonumber(stored) < tonumber(format) then
  call('HSET', meta, 'format', format)
  stored = format
end
return {'ok', stored}
