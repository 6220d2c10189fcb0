-- KEYS session · ARGV ttl, field, value, … · gives 1, or 0 if the key exists.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
-- With NOLOOP, a write makes Redis forget that this connection tracks the key, until it reads it again.
redis.call('HGET', KEYS[1], '@v')
return 1
