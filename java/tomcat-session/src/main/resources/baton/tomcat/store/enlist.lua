-- KEYS list · ARGV member, ttl · renews the score of a session that is listed.
enlist(KEYS[1], ARGV[1], tonumber(ARGV[2]), true)
return 1
