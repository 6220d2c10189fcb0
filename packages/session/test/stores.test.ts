import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { afterAll, describe, expect, it } from 'vitest'
import { lmdbStore } from '../src/stores/lmdb.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { openStore } from '../src/stores/open.ts'
import { redisStore } from '../src/stores/redis.ts'
import { describeSessionStore, newKey, record, sealed } from './describe-session-store.ts'
import { hasRedis, startRedis, type TestRedis } from './redis-server.ts'

const timeouts = { connectMs: 5_000, loadMs: 5_000, commitMs: 5_000 }
const dir = mkdtempSync(join(tmpdir(), 'baton-session-'))
let redis: TestRedis | undefined

afterAll(async () => {
  await redis?.stop()
  rmSync(dir, { recursive: true, force: true })
})

describeSessionStore('memory', async () => {
  const shared = new Map<string, Buffer>()
  return [memoryStore({ shared }), memoryStore({ shared })]
})

describeSessionStore('LMDB', async () => {
  const options = { path: join(dir, 'suite'), namespace: 'test', timeouts }
  return [lmdbStore(options), lmdbStore(options)]
})

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
    const raw = open<Buffer, string>({ path, encoding: 'binary', noSubdir: false })
    await expect.poll(() => raw.getKeysCount(), { timeout: 5_000 }).toBe(1)
    expect([...raw.getKeys()]).toEqual([`test:s:${kept}`])
    await raw.close()
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

  it('keeps apps apart by their namespace', async () => {
    const path = join(dir, 'apart')
    const [shop, blog] = ['shop', 'blog'].map((namespace) => lmdbStore({ path, namespace, timeouts }))
    const key = newKey()
    await shop!.create(key, record({ a: sealed(1) }), 60_000)
    expect(await blog!.load(key)).toBeUndefined()
    await Promise.all([shop!.close(), blog!.close()])
  })
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
