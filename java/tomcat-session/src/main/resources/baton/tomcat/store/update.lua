-- KEYS session · ARGV ttl, field, etag ('' means absent), value (none: remove)
-- · gives {done, version}, {conflict, current} or {dead}.
local meta = redis.call('HMGET', KEYS[1], '@c', '@x', ARGV[2])
if not alive(meta) then return {'dead'} end
local etag = meta[3] and string.sub(meta[3], 2, 7) or ''
if etag ~= ARGV[3] then return {'conflict', meta[3]} end
if ARGV[4] then redis.call('HSET', KEYS[1], ARGV[2], ARGV[4]) else redis.call('HDEL', KEYS[1], ARGV[2]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
local version = redis.call('HINCRBY', KEYS[1], '@v', 1)
redis.call('HGET', KEYS[1], '@v')
return {'done', version}
