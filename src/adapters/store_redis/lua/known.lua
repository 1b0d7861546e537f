-- event's key, now → whether it is remembered
local name, now = take(), take()
local till = call('ZSCORE', key('seen'), name)
return {till and tonumber(till) > tonumber(now) and 'yes' or 'no'}
