import { createHash } from 'node:crypto'

/** A Lua script, sent by its SHA-1 and whole only where the server does not know it yet. */
export interface Script {
  readonly lua: string
  readonly sha1: string
}

/** How much longer than any of their sessions a user's list and epoch are kept. */
export const ownerSlackMs = 3_600_000

/** A list may be told late of sessions that live on, some of a longer interval than the one that is being listed. */
const listSlackMs = 86_400_000

const alive = `
    local function alive(meta) return meta[1] and not meta[2] end
    local function bury(key, tombstone, ttl)
      redis.call('UNLINK', key)
      redis.call('HSET', key, '@x', tombstone)
      redis.call('PEXPIRE', key, ttl)
    end`

const owners = `
    local function extend(key, ms)
      local left = redis.call('PTTL', key)
      if left ~= -2 and left < ms then redis.call('PEXPIRE', key, ms) end
    end
    local function enlist(list, member, ttl, onlyIfListed)
      local time = redis.call('TIME')
      local now = time[1] * 1000 + math.floor(time[2] / 1000)
      redis.call('ZREMRANGEBYSCORE', list, '-inf', string.format('(%.0f', now - ttl - ${listSlackMs}))
      local score = string.format('%.0f', now + ttl)
      if onlyIfListed then redis.call('ZADD', list, 'XX', score, member) else redis.call('ZADD', list, score, member) end
      extend(list, 2 * ttl + ${ownerSlackMs})
    end
    local function epochOf(key, ttl)
      local epoch = redis.call('GET', key)
      if not epoch then return '0' end
      extend(key, 2 * ttl + ${ownerSlackMs})
      return epoch
    end`

/**
 * Only where several steps must be one and MULTI cannot decide: everything else goes without a script.
 * Times are the server's; ttl and lease in milliseconds.
 */
export const scripts = {
  /** KEYS session · ARGV ttl, field, value, … · gives 1, or 0 if the key exists. */
  create: script(`
    if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
    for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    return 1`),

  /** KEYS session, list, epoch · ARGV ttl, member, field, value, … · as `create`, for a user who is logged in from the start. */
  createOwned: script(`${owners}
    if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
    local ttl = tonumber(ARGV[1])
    enlist(KEYS[2], ARGV[2], ttl)
    for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
    redis.call('HSET', KEYS[1], '@e', epochOf(KEYS[3], ttl))
    redis.call('PEXPIRE', KEYS[1], ttl)
    return 1`),

  /** KEYS session · ARGV ttl, field, etag ('' means absent), value (none: remove) · gives {done, version}, {conflict, current} or {dead}. */
  update: script(`${alive}
    local meta = redis.call('HMGET', KEYS[1], '@c', '@x', ARGV[2])
    if not alive(meta) then return {'dead'} end
    local etag = meta[3] and string.sub(meta[3], 2, 7) or ''
    if etag ~= ARGV[3] then return {'conflict', meta[3]} end
    if ARGV[4] then redis.call('HSET', KEYS[1], ARGV[2], ARGV[4]) else redis.call('HDEL', KEYS[1], ARGV[2]) end
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    local version = redis.call('HINCRBY', KEYS[1], '@v', 1)
    -- With NOLOOP, a write makes Redis forget that this connection tracks the key, until it reads it again.
    redis.call('HGET', KEYS[1], '@v')
    return {'done', version}`),

  /**
   * KEYS old, new, and with an owner: list, epoch · ARGV ttl, tombstone, tombstoneTtl, keepAttributes (1 or 0), expected
   * version ('' any), isLogin (1 or 0), old member, new member, number of fields to remove, those fields, field, value, …
   * · gives {done, new hash}, {conflict} or {dead}.
   */
  rotate: script(`${alive}${owners}
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
    return {'done', redis.call('HGETALL', KEYS[2])}`),

  /** KEYS new session · ARGV ttl, field, value, … · whatever was there before is gone. */
  replace: script(`
    redis.call('UNLINK', KEYS[1])
    for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    return 1`),

  /** KEYS old session · ARGV tombstone, tombstoneTtl, expected version · gives {done}, {conflict, hash} or {dead}. */
  retire: script(`${alive}
    local meta = redis.call('HMGET', KEYS[1], '@c', '@x', '@v')
    if not alive(meta) then return {'dead'} end
    if (meta[3] or '0') ~= ARGV[3] then return {'conflict', redis.call('HGETALL', KEYS[1])} end
    bury(KEYS[1], ARGV[1], ARGV[2])
    return {'done'}`),

  /** KEYS list · ARGV member, ttl, onlyIfListed (1 or 0) */
  enlist: script(`${owners}
    enlist(KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1')
    return 1`),

  /** KEYS epoch · ARGV ttl · gives the epoch, and keeps it for as long as a session that carries it. */
  epoch: script(`${owners}
    return epochOf(KEYS[1], tonumber(ARGV[1]))`),

  /** KEYS epoch · ARGV how long to keep it at least · gives the epoch, one higher than before. */
  raise: script(`${owners}
    local epoch = redis.call('INCR', KEYS[1])
    extend(KEYS[1], tonumber(ARGV[1]))
    return epoch`),

  /**
   * KEYS session · ARGV epoch, tombstoneTtl, spare (1 or 0) · ends a session that began before the epoch, or lets it
   * belong to the epoch; gives 1 if it ended one, 0 if it was dead already, -1 if it let it be, -2 if it may be that
   * of an earlier epoch, at work at the same time, to end or spare it first.
   */
  kill: script(`${alive}
    local meta = redis.call('HMGET', KEYS[1], '@c', '@x', '@e')
    if meta[2] then return 0 end
    if not meta[1] or tonumber(meta[3] or '0') >= tonumber(ARGV[1]) then return -1 end
    if ARGV[3] == '1' then
      if tonumber(meta[3] or '0') < ARGV[1] - 1 then return -2 end
      redis.call('HSET', KEYS[1], '@e', ARGV[1])
      return -1
    end
    bury(KEYS[1], 'k', ARGV[2])
    return 1`),

  /** KEYS session · ARGV holder, lease · gives {taken} or {dead}, or {done, hash, ttl}. */
  lock: script(`${alive}
    local meta = redis.call('HMGET', KEYS[1], '@c', '@x', '@l')
    if not alive(meta) then return {'dead'} end
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local holder, expiry = string.match(meta[3] or '', '^(.*):(%d+)$')
    if holder and holder ~= ARGV[1] and tonumber(expiry) > now then return {'taken'} end
    redis.call('HSET', KEYS[1], '@l', ARGV[1] .. string.format(':%.0f', now + tonumber(ARGV[2])))
    return {'done', redis.call('HGETALL', KEYS[1]), redis.call('PTTL', KEYS[1])}`),

  /** KEYS session · ARGV holder */
  unlock: script(`
    local holder = string.match(redis.call('HGET', KEYS[1], '@l') or '', '^(.*):%d+$')
    if holder == ARGV[1] then redis.call('HDEL', KEYS[1], '@l') end
    return 1`),

  /**
   * KEYS session · ARGV ttl, holder, number of fields to remove, those fields, field, value, … · a commit of who holds the
   * lock; gives {done, version}, {lost} or {dead}. A lease that is over is no lock, though nobody else took it.
   */
  commitLocked: script(`${alive}
    local meta = redis.call('HMGET', KEYS[1], '@c', '@x', '@l')
    if not alive(meta) then return {'dead'} end
    local time = redis.call('TIME')
    local holder, expiry = string.match(meta[3] or '', '^(.*):(%d+)$')
    if holder ~= ARGV[2] or tonumber(expiry) <= time[1] * 1000 + math.floor(time[2] / 1000) then return {'lost'} end
    local removed = tonumber(ARGV[3])
    for i = 4 + removed, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
    for i = 4, 3 + removed do redis.call('HDEL', KEYS[1], ARGV[i]) end
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    local version = redis.call('HINCRBY', KEYS[1], '@v', 1)
    redis.call('HGET', KEYS[1], '@v')
    return {'done', version}`),

  /** KEYS session · gives {bytes, ttl, meta fields flat}, or nothing if it is not alive. */
  inspect: script(`
    local flat = redis.call('HGETALL', KEYS[1])
    local bytes, created, dead, meta = 0, false, false, {}
    for i = 1, #flat, 2 do
      bytes = bytes + #flat[i] + #flat[i + 1]
      if flat[i] == '@c' then created = true end
      if flat[i] == '@x' then dead = true end
      if string.sub(flat[i], 1, 1) == '@' then
        meta[#meta + 1] = flat[i]
        meta[#meta + 1] = flat[i + 1]
      end
    end
    if dead or not created then return false end
    return {bytes, redis.call('PTTL', KEYS[1]), meta}`),
} as const

/** By SHA-1, for servers that have forgotten it. */
export const luaBySha1: ReadonlyMap<string, string> = new Map(
  Object.values(scripts).map(({ sha1, lua }) => [sha1, lua] as const),
)

function script(lua: string): Script {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') }
}
