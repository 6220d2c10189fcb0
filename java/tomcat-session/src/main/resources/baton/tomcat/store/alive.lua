local function alive(meta) return meta[1] and not meta[2] end
local function bury(key, tombstone, ttl)
  redis.call('UNLINK', key)
  redis.call('HSET', key, '@x', tombstone)
  redis.call('PEXPIRE', key, ttl)
end
