-- KEYS session · ARGV holder, lease · gives {taken} or {dead}, or {done, hash, ttl}.
local meta = redis.call('HMGET', KEYS[1], '@c', '@x', '@l')
if not alive(meta) then return {'dead'} end
local now = clock()
local holder, expiry = string.match(meta[3] or '', '^(.*):(%d+)$')
if holder and holder ~= ARGV[1] and tonumber(expiry) > now then return {'taken'} end
redis.call('HSET', KEYS[1], '@l', ARGV[1] .. string.format(':%.0f', now + tonumber(ARGV[2])))
return {'done', redis.call('HGETALL', KEYS[1]), redis.call('PTTL', KEYS[1])}
