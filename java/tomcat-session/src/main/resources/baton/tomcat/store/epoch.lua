-- KEYS epoch · ARGV ttl · gives the epoch, and keeps it for as long as a session that carries it.
return epochOf(KEYS[1], tonumber(ARGV[1]))
