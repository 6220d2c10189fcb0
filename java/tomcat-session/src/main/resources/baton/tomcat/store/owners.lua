-- Lists and epochs outlive every session that is on them, by an hour and more.
local slack = 3600000
-- A list may be told late of sessions that live on, some of a longer interval than the one that is being listed.
local late = 86400000
local function extend(key, ms)
  local left = redis.call('PTTL', key)
  if left ~= -2 and left < ms then redis.call('PEXPIRE', key, ms) end
end
local function enlist(list, member, ttl, onlyIfListed)
  local now = clock()
  redis.call('ZREMRANGEBYSCORE', list, '-inf', string.format('(%.0f', now - ttl - late))
  local score = string.format('%.0f', now + ttl)
  if onlyIfListed then redis.call('ZADD', list, 'XX', score, member) else redis.call('ZADD', list, score, member) end
  extend(list, 2 * ttl + slack)
end
local function epochOf(key, ttl)
  local epoch = redis.call('GET', key)
  if not epoch then return '0' end
  extend(key, 2 * ttl + slack)
  return epoch
end
