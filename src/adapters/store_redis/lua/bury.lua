-- number, what stands before the event in its letter, what stands after it
local id, before, after = take(), take(), take()
local event = remove_event(id)
if event then
  call('HSET', key('dead'), id, before .. event .. after)
end
return {'ok'}
