import { createHash } from 'node:crypto'

/** A Lua script, sent by its SHA-1 and whole only where the server does not know it yet. */
export interface Script {
  readonly lua: string
  readonly sha1: string
}

/** Only where several steps must be one and MULTI cannot decide: everything else goes without a script. */
export const scripts = {
  /** KEYS session · ARGV ttlMs, field, value, … · gives 1, or 0 if the key exists. */
  create: script(`
    if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
    for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    return 1`),

  /** KEYS session · ARGV ttlMs, field, etag ('' means absent), value (none: remove) · gives {done | dead | conflict, current}. */
  update: script(`
    local meta = redis.call('HMGET', KEYS[1], '@c', '@x', ARGV[2])
    if not meta[1] or meta[2] then return {'dead'} end
    local etag = meta[3] and string.sub(meta[3], 2, 7) or ''
    if etag ~= ARGV[3] then return {'conflict', meta[3]} end
    if ARGV[4] then redis.call('HSET', KEYS[1], ARGV[2], ARGV[4]) else redis.call('HDEL', KEYS[1], ARGV[2]) end
    redis.call('HINCRBY', KEYS[1], '@v', 1)
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    return {'done'}`),

  /**
   * KEYS old, new · ARGV ttlMs, tombstone, tombstoneTtlMs, keepAttributes (1 or 0), number of fields to remove,
   * those fields, field, value, … · gives the new hash, flat; empty if the old session is dead.
   */
  rotate: script(`
    local meta = redis.call('HMGET', KEYS[1], '@c', '@x')
    if not meta[1] or meta[2] then return {} end
    local old = redis.call('HGETALL', KEYS[1])
    for i = 1, #old, 2 do
      local attribute = string.sub(old[i], 1, 1) == '.' or string.sub(old[i], 1, 3) == '@j.'
      if ARGV[4] == '1' or not attribute then redis.call('HSET', KEYS[2], old[i], old[i + 1]) end
    end
    local removed = tonumber(ARGV[5])
    for i = 6 + removed, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
    for i = 6, 5 + removed do redis.call('HDEL', KEYS[2], ARGV[i]) end
    redis.call('HINCRBY', KEYS[2], '@v', 1)
    redis.call('PEXPIRE', KEYS[2], ARGV[1])
    redis.call('UNLINK', KEYS[1])
    redis.call('HSET', KEYS[1], '@x', ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return redis.call('HGETALL', KEYS[2])`),
} as const

function script(lua: string): Script {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') }
}
