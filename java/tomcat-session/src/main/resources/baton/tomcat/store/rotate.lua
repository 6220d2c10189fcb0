-- KEYS old, new, and with an owner: list, epoch · ARGV ttl, tombstone, its ttl, keepAttributes (1 or 0), expected version
-- ('' any), isLogin (1 or 0), old member, new member, number of fields to remove, those fields, field, value, …
-- · gives {done, new hash}, {conflict} or {dead}.
local meta = redis.call('HMGET', KEYS[1], '@c', '@x', '@v', '@e')
if not alive(meta) then return {'dead'} end
if ARGV[5] ~= '' and ARGV[5] ~= (meta[3] or '0') then return {'conflict'} end
local ttl = tonumber(ARGV[1])
local epoch = KEYS[3] and epochOf(KEYS[4], ttl)
if epoch and ARGV[6] == '0' then
  local own = meta[4] or '0'
  if tonumber(own) < tonumber(epoch) then
    bury(KEYS[1], 'k', ARGV[3])
    return {'dead'}
  end
  epoch = own
end
local old = redis.call('HGETALL', KEYS[1])
for i = 1, #old, 2 do
  local attribute = string.sub(old[i], 1, 1) == '.' or string.sub(old[i], 1, 3) == '@j.'
  if ARGV[4] == '1' or not attribute then redis.call('HSET', KEYS[2], old[i], old[i + 1]) end
end
local removed = tonumber(ARGV[9])
for i = 10 + removed, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
for i = 10, 9 + removed do redis.call('HDEL', KEYS[2], ARGV[i]) end
if epoch then redis.call('HSET', KEYS[2], '@e', epoch) end
redis.call('HINCRBY', KEYS[2], '@v', 1)
redis.call('PEXPIRE', KEYS[2], ttl)
bury(KEYS[1], ARGV[2], ARGV[3])
if epoch then
  enlist(KEYS[3], ARGV[8], ttl)
  redis.call('ZREM', KEYS[3], ARGV[7])
end
return {'done', redis.call('HGETALL', KEYS[2])}
