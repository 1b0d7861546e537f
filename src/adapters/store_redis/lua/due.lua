-- most, now → (key, due, event) each
local most, now = take(), take()
local rows = call('ZRANGEBYSCORE', key('timers'), '-inf', now, 'WITHSCORES', 'LIMIT', 0, most)
local due = {'ok'}
for i = 1, #rows, 2 do
  due[#due + 1] = rows[i]
  due[#due + 1] = rows[i + 1]
  due[#due + 1] = call('HGET', key('timer_events'), rows[i]) or ''
end
return due
