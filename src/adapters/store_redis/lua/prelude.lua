-- Stands before every script. The one declared key is the hash tag that all our keys begin with: they live in one slot.
local base = KEYS[1]
local call = redis.call
local taken = 0

-- The next argument: scripts read theirs in order.
local function take()
  taken = taken + 1
  return ARGV[taken]
end

local function take_number()
  return tonumber(take())
end

local function key(name)
  return base .. ':' .. name
end

-- Lua would write 1e+15.
local function text(number)
  return string.format('%.0f', number)
end

local meta = key('meta')

local function counted(name)
  return tonumber(call('HGET', meta, name) or '0')
end

local function next_of(name)
  return text(call('HINCRBY', meta, name, 1))
end

-- Takes an event out of the inbox; nil when it is not there.
local function remove_event(id)
  local event = call('HGET', key('events'), id)
  if not event then return nil end
  call('HDEL', key('events'), id)
  call('HDEL', key('attempts'), id)
  call('ZREM', key('ready'), id)
  call('ZREM', key('held'), id)
  call('ZREM', key('arrived'), id)
  call('HINCRBY', meta, 'waiting_bytes', -#event)
  return event
end
