-- KEYS epoch · ARGV how long to keep it at least · gives the epoch, one higher than before.
local epoch = redis.call('INCR', KEYS[1])
extend(KEYS[1], tonumber(ARGV[1]))
return epoch
