-- KEYS session, list, epoch · ARGV ttl, member, field, value, … · as create, for a user who is logged in from the start.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local ttl = tonumber(ARGV[1])
enlist(KEYS[2], ARGV[2], ttl)
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], '@e', epochOf(KEYS[3], ttl))
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('HGET', KEYS[1], '@v')
return 1
