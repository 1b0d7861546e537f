-- → waiting, dead
return {'ok', text(call('HLEN', key('events'))), text(call('HLEN', key('dead')))}
