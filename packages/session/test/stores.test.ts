import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { SessionError } from '../src/errors.ts'
import { lmdbStore } from '../src/stores/lmdb.ts'
import { holdLmdb, type LmdbDatabase } from '../src/stores/lmdb-database.ts'
import { parseLmdbUrl } from '../src/stores/lmdb-url.ts'
import { packRecord } from '../src/stores/local-record.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { openStore } from '../src/stores/open.ts'
import { redisStore } from '../src/stores/redis.ts'
import type { SessionStore } from '../src/stores/store.ts'
import { describeSessionStore } from './describe-session-store.ts'
import { hasRedis, startRedis, type TestRedis } from './redis-server.ts'
import { newKey, record, sealed } from './stored-sessions.ts'

const timeouts = { connectMs: 5_000, loadMs: 5_000, commitMs: 5_000 }
const dir = mkdtempSync(join(tmpdir(), 'baton-session-'))
let redis: TestRedis | undefined

afterAll(async () => {
  await redis?.stop()
  rmSync(dir, { recursive: true, force: true })
})

const memory = new Map<string, Buffer>()
describeSessionStore(
  'memory',
  async () => {
    const options = { shared: memory, namespace: 'test', sweepIntervalMs: 20 }
    return [memoryStore(options), memoryStore(options)]
  },
  { listed: async (owner) => listedAs(owner, memory.keys()) },
)

const suitePath = join(dir, 'suite')
describeSessionStore(
  'LMDB',
  async () => {
    const options = { path: suitePath, namespace: 'test', timeouts, sweepIntervalMs: 20 }
    return [lmdbStore(options), lmdbStore(options)]
  },
  {
    listed: (owner) => lookInto(suitePath, (database) => listedAs(owner, database.getKeys())),
  },
)

describe.skipIf(!hasRedis)('with redis-server', () => {
  describeSessionStore('Redis', async () => {
    redis = await startRedis()
    const options = { url: redis.url, namespace: 'test', timeouts }
    return [redisStore(options), redisStore(options)]
  })
})

describe('LMDB', () => {
  it('makes its folder for nobody but the owner', async () => {
    const path = join(dir, 'deep', 'private')
    const store = lmdbStore({ path, namespace: 'test', timeouts })
    expect(statSync(path).mode & 0o777).toBe(0o700)
    await store.close()
  })

  it('sweeps what has expired from the disk, and nothing else', async () => {
    const path = join(dir, 'swept')
    const store = lmdbStore({ path, namespace: 'test', timeouts, sweepIntervalMs: 20 })
    const kept = newKey()
    await store.create(kept, record({ a: sealed(1) }), 60_000)
    for (let i = 0; i < 20; i += 1) await store.create(newKey(), record({ a: sealed(i) }), 50)
    const names = () => lookInto(path, (database) => [...database.getKeys()])
    await expect.poll(names, { timeout: 5_000 }).toEqual([`test:s:${kept}`])
    await store.close()
  })

  it('sees what another process has committed in this very moment', async () => {
    const path = join(dir, 'moment')
    const store = lmdbStore({ path, namespace: 'test', timeouts })
    const key = newKey()
    await store.create(key, record({ a: sealed('before') }), 60_000)
    const before = await store.load(key)
    // Blocks this process within one turn of its event loop, so that an old snapshot would still stand.
    const script = `
      import { open } from 'lmdb'
      const db = open({ path: ${JSON.stringify(path)}, encoding: 'binary', noSubdir: false })
      await db.put('test:s:${key}', db.get('test:s:${key}').subarray(0, 8))
      await db.close()`
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: import.meta.dirname })
    const after = await store.load(key)
    expect([before!.fields.size, after!.fields.size]).toEqual([5, 0])
    await store.close()
  })

  it('gives again what it has read before, until another process writes it', async () => {
    const path = join(dir, 'views')
    const store = lmdbStore({ path, namespace: 'test', timeouts })
    const keys = Array.from({ length: 12 }, newKey)
    // Several to a page, and some on pages of their own.
    const recordOf = (i: number, turn: number) =>
      record({ a: sealed('x'.repeat(i % 3 === 0 ? 9_000 : 300)), b: sealed(turn) })
    for (const [i, key] of keys.entries()) await store.create(key, recordOf(i, 0), 60_000)
    const script = `
      import { open } from 'lmdb'
      const db = open({ path: ${JSON.stringify(path)}, encoding: 'binary', noSubdir: false })
      process.on('message', async ({ key, bytes }) => {
        await db.put('test:s:' + key, Buffer.from(bytes, 'base64'))
        process.send('written')
      })`
    const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    try {
      for (let turn = 1; turn <= 200; turn += 1) {
        const before = await Promise.all(keys.map((key) => store.load(key)))
        const again = await Promise.all(keys.map((key) => store.load(key)))
        for (const [i, stored] of again.entries()) expect(stored!.fields).toBe(before[i]!.fields)
        const i = (turn * 7) % keys.length
        const fields = recordOf(i, turn)
        const written = once(other, 'message')
        other.send({ key: keys[i], bytes: packRecord(fields, Date.now() + 60_000).toString('base64') })
        await written
        for (const [at, key] of keys.entries()) {
          const after = packRecord((await store.load(key))!.fields, 0)
          expect(after.equals(packRecord(at === i ? fields : before[at]!.fields, 0))).toBe(true)
        }
      }
    } finally {
      other.kill()
      await store.close()
    }
  })

  it('may be opened again in a process that is writing', async () => {
    const path = join(dir, 'again')
    const first = lmdbStore({ path, namespace: 'shop', timeouts })
    await first.load(newKey())
    const stores = [first]
    for (let i = 0; i < 50; i += 1) {
      const key = newKey()
      const written = Promise.all(stores.map((store) => store.create(key, record({ a: sealed(i) }), 60_000)))
      stores.push(lmdbStore({ path, namespace: `app${i}`, timeouts }))
      expect(await Promise.all([written, stores.at(-1)!.load(key)])).toEqual([
        stores.slice(1).map(() => true),
        undefined,
      ])
      if (i % 10 === 9) await Promise.all(stores.splice(1).map((store) => store.close()))
    }
    await first.close()
    const last = lmdbStore({ path, namespace: 'shop', timeouts })
    expect(await last.count()).toBe(50)
    await last.close()
  })

  it('keeps apps apart by their namespace', async () => {
    const path = join(dir, 'apart')
    const [shop, blog] = ['shop', 'blog'].map((namespace) => lmdbStore({ path, namespace, timeouts }))
    const key = newKey()
    await shop!.create(key, record({ a: sealed(1) }), 60_000)
    expect(await blog!.load(key)).toBeUndefined()
    await Promise.all([shop!.close(), blog!.close()])
  })
})

describe.each([
  ['memory', () => memoryStore()],
  ['LMDB', () => lmdbStore({ path: mkdtempSync(join(dir, 'local-')), namespace: 'test', timeouts })],
])('a store on this host: %s', (_, make) => {
  it('has its sessions at hand, without a promise, and never an old one', async () => {
    const [store, key] = [make(), newKey()]
    await store.create(key, record({ a: sealed(1) }), 60_000)
    expect(store.peek!(key)).toEqual({ ...(await store.load(key)), ttlMs: expect.any(Number) })
    await store.destroy(key)
    expect([...store.peek!(key)!.fields.keys()]).toEqual(['@x'])
    expect(store.peek!(newKey())).toBeUndefined()
    await store.close()
    expect(store.peek!(key)).toBeUndefined()
  })

  it('gives nothing that has expired, though it was not swept yet', async () => {
    const [store, key, owner] = [make(), newKey(), newKey()]
    await store.create(key, record({ a: sealed(1) }), 30, owner)
    await expect.poll(() => store.load(key), { timeout: 5_000, interval: 5 }).toBeUndefined()
    expect(store.peek!(key)).toBeUndefined()
    expect([await store.count(), (await store.list({ owner })).entries]).toEqual([0, []])
    expect(await store.lock(key, 'holder', 60_000)).toBeUndefined()
    expect(await store.destroyAllOf(owner)).toBe(0)
    await store.close()
  })

  it('may be asked before it is open, and refuses everything once it is closed', async () => {
    const [store, key] = [make(), newKey()]
    expect(await store.load(key)).toBeUndefined()
    await Promise.all([store.close(), store.close()])
    const refused = { code: 'session-unavailable', message: expect.stringContaining('closed') }
    await expect(store.load(key)).rejects.toMatchObject(refused)
    await expect(store.create(key, record({}), 60_000)).rejects.toMatchObject(refused)
    await expect(store.count()).rejects.toMatchObject(refused)
    expect(store.health().state).toBe('down')
  })
})

describe('LMDB of limited size', () => {
  const big = () => record({ a: Buffer.alloc(20_000, 1) })

  it('refuses, once it is full, whatever would grow; reads, shrinks and destroys go on', async () => {
    const path = join(dir, 'full')
    const maxBytes = 2 ** 20
    const store = lmdbStore({ path, namespace: 'test', timeouts, maxBytes })
    const { keys, refusal } = await fill(store)
    expect(refusal).toMatchObject({ code: 'session-unavailable', status: 503 })
    expect(refusal.message).toMatch(/the session store is full.* raise maxBytes/)
    expect(keys.length).toBeGreaterThan(30)
    expect(statSync(join(path, 'data.mdb')).size).toBeLessThanOrEqual(maxBytes)

    const [first, second] = keys as [string, string]
    expect((await store.load(first))!.fields.size).toBe(5)
    const grow = { set: new Map([['.b', Buffer.alloc(9_000)]]), remove: [] }
    await expect(store.commit(first, grow, 60_000)).rejects.toMatchObject({ code: 'session-unavailable' })
    expect((await store.load(first))!.fields.has('.b')).toBe(false)
    const same = { set: new Map([['.a', Buffer.alloc(20_000, 2)]]), remove: [] }
    expect(await store.commit(first, same, 60_000)).toBe(2)
    expect(store.health().state).toBe('up')
    expect(await store.destroy(first)).toBe(true)
    expect(await store.commit(second, { set: new Map(), remove: ['.a'] }, 60_000)).toBe(2)
    await expect.poll(() => store.create(newKey(), big(), 60_000).catch(() => false), { timeout: 5_000 }).toBe(true)
    await store.close()
  })

  it('sweeps before it refuses', async () => {
    const path = join(dir, 'full-of-dead')
    const store = lmdbStore({ path, namespace: 'test', timeouts, maxBytes: 2 ** 20, sweepIntervalMs: 3_600_000 })
    const kept = newKey()
    await store.create(kept, record({}), 60_000)
    await fill(store, 1_000)
    await expect.poll(() => store.create(newKey(), big(), 60_000).catch(() => false), { timeout: 8_000 }).toBe(true)
    expect(await store.load(kept)).toBeDefined()
    await store.close()
  })

  async function fill(store: SessionStore, ttlMs = 60_000): Promise<{ keys: string[]; refusal: SessionError }> {
    const keys: string[] = []
    for (;;) {
      const key = newKey()
      try {
        await store.create(key, big(), ttlMs)
        keys.push(key)
      } catch (error) {
        if (error instanceof SessionError) return { keys, refusal: error }
        throw error
      }
    }
  }
})

describe('the URL of a store', () => {
  it('of an unknown scheme is refused, without showing what may be a password', () => {
    const open = () => openStore('memcached://user:secret@host', { namespace: 'test', timeouts })
    expect(open).toThrow(/write lmdb:<folder>, redis:\/\/… or rediss:\/\//)
    expect(open).not.toThrow(/secret/)
    const broken = () => openStore('redis://user:secret@host:port', { namespace: 'test', timeouts })
    expect(broken).toThrow(/^the Redis URL cannot be read; write redis:/)
  })
})

describe('the URL of LMDB', () => {
  it('names a folder, and how large the store may get', () => {
    expect(parseLmdbUrl('lmdb:./data/sessions')).toEqual({ path: './data/sessions' })
    expect(parseLmdbUrl('lmdb:///var/lib/a%20shop')).toEqual({ path: '/var/lib/a shop' })
    expect(parseLmdbUrl('lmdb:/var/lib/shop?maxBytes=256MiB')).toEqual({ path: '/var/lib/shop', maxBytes: 2 ** 28 })
    expect(parseLmdbUrl('lmdb:///shop?maxBytes=5000000')).toEqual({ path: '/shop', maxBytes: 5_000_000 })
  })

  it('is refused, with what to write, where it cannot be meant', () => {
    expect(() => parseLmdbUrl('lmdb:')).toThrow(/no path; write lmdb:<folder>/)
    expect(() => parseLmdbUrl('lmdb:./data?maxSize=1GiB')).toThrow(/"maxSize" is unknown; lmdb: takes maxBytes/)
    for (const size of ['1KiB', '-5', '10 MB', '0x100000', '']) {
      expect(() => parseLmdbUrl(`lmdb:./data?maxBytes=${size}`)).toThrow(/write at least 4MiB/)
    }
  })
})

function listedAs(owner: string, names: Iterable<string>): string[] {
  const prefix = `test:u:${owner}:`
  return [...names].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
}

async function lookInto<T>(path: string, look: (database: LmdbDatabase) => T): Promise<T> {
  const { database, release } = holdLmdb(path)
  const opened = (await database).records
  opened.resetReadTxn()
  const seen = look(opened)
  await release()
  return seen
}
