-- KEYS session · ARGV epoch, tombstone's ttl, spare (1 or 0) · ends a session that began before the epoch, or lets it belong
-- to the epoch; gives 1 if it ended one, 0 if it was dead already, -1 if it let it be, -2 if it may be that of an earlier
-- epoch, at work at the same time, to end or spare it first.
local meta = redis.call('HMGET', KEYS[1], '@c', '@x', '@e')
if meta[2] then return 0 end
if not meta[1] or tonumber(meta[3] or '0') >= tonumber(ARGV[1]) then return -1 end
if ARGV[3] == '1' then
  if tonumber(meta[3] or '0') < ARGV[1] - 1 then return -2 end
  redis.call('HSET', KEYS[1], '@e', ARGV[1])
  return -1
end
bury(KEYS[1], 'k', ARGV[2])
return 1
