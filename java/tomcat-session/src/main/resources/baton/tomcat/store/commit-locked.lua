-- KEYS session · ARGV ttl, holder, number of fields to remove, those fields, field, value, … · a commit of who holds the
-- lock; gives {done, version}, {lost} or {dead}. A lease that is over is no lock, though nobody else took it.
local meta = redis.call('HMGET', KEYS[1], '@c', '@x', '@l')
if not alive(meta) then return {'dead'} end
local holder, expiry = string.match(meta[3] or '', '^(.*):(%d+)$')
if holder ~= ARGV[2] or tonumber(expiry) <= clock() then return {'lost'} end
local removed = tonumber(ARGV[3])
for i = 4 + removed, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = 4, 3 + removed do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
local version = redis.call('HINCRBY', KEYS[1], '@v', 1)
redis.call('HGET', KEYS[1], '@v')
return {'done', version}
