-- KEYS new session · ARGV ttl, field, value, … · whatever was there before is gone.
redis.call('UNLINK', KEYS[1])
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
