-- KEYS session · ARGV holder
local holder = string.match(redis.call('HGET', KEYS[1], '@l') or '', '^(.*):%d+$')
if holder == ARGV[1] then redis.call('HDEL', KEYS[1], '@l') end
return 1
