-- KEYS old session · ARGV tombstone, its ttl, expected version · gives {done}, {conflict, hash} or {dead}.
local meta = redis.call('HMGET', KEYS[1], '@c', '@x', '@v')
if not alive(meta) then return {'dead'} end
if (meta[3] or '0') ~= ARGV[3] then return {'conflict', redis.call('HGETALL', KEYS[1])} end
bury(KEYS[1], ARGV[1], ARGV[2])
return {'done'}
