-- KEYS list · ARGV member, ttl, only if it is listed (1 or 0) · notes when the session expires.
enlist(KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1')
return 1
