-- Whether there is an incident (1 or 0): id, version, its last event, what set_incident takes, investigation, number of
-- entries, (position, key, row) each, proposals, number of chats that show it, (chat, row, root) each; then timers
if take() == '1' then
  local id, version, last_event = take(), take(), take_number()
  if call('EXISTS', key('incident:' .. id)) == 1 then return {'ok', '0'} end
  set_incident(id, version)
  local investigation = take()
  if investigation ~= '' then
    call('HSET', key('incident:' .. id), 'investigation', investigation)
  end
  for _ = 1, take_number() do
    local seq, name, row = take(), take(), take()
    call('HSET', key('posts:' .. id), seq, row)
    call('HSET', key('post_keys:' .. id), name, seq)
  end
  set_proposals(id)
  for _ = 1, take_number() do
    local chat, row, root = take(), take(), take()
    call('HSET', key('projections:' .. chat), id, row)
    if root ~= '' then
      call('HSET', key('threads'), root, id)
      call('HSET', key('thread_of:' .. chat), id, root)
    end
    -- Whether it shows what it should is looked at anew.
    call('ZADD', key('outbox:' .. chat), next_of('last_outbox'), id)
    call('HSET', key('outbox_versions:' .. chat), id, version)
  end
  if counted('last_event') < last_event then
    call('HSET', meta, 'last_event', text(last_event))
  end
  tell(id)
end
set_timers()
return {'ok', '1'}
