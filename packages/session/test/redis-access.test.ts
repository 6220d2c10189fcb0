import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeTracking } from '../src/stores/near-cache-tracking.ts'
import { redisStore } from '../src/stores/redis.ts'
import { parseRedisUrl } from '../src/stores/redis-target.ts'
import type { SessionStore } from '../src/stores/store.ts'
import { freePort, hasRedis, startRedis, type TestRedis } from './redis-server.ts'
import { newKey, record, sealed, stateOf } from './stored-sessions.ts'

const timeouts = { connectMs: 2_000, loadMs: 2_000, commitMs: 2_000 }

/** As docs/sessions.md names them. */
const commands =
  '+ping +hgetall +pttl +hmget +hget +hset +hdel +hincrby +pexpire +unlink +exists +multi +exec +eval +evalsha +time ' +
  '+zadd +zrem +zrange +zscan +zremrangebyscore +get +incr +scan'

describe.skipIf(!hasRedis)('ways to Redis', () => {
  let redis: TestRedis
  let tlsPort: number
  const dir = mkdtempSync(join(tmpdir(), 'baton-ways-'))
  const file = (name: string) => join(dir, name)

  beforeAll(async () => {
    makeCertificates(dir)
    tlsPort = await freePort()
    const tls = [
      '--tls-port',
      String(tlsPort),
      '--tls-cert-file',
      file('server.crt'),
      '--tls-key-file',
      file('server.key'),
    ]
    const socket = ['--unixsocket', file('redis.sock'), '--unixsocketperm', '700']
    redis = await startRedis({ args: [...tls, '--tls-ca-cert-file', file('ca.crt'), ...socket] })
    const admin = await createClient({ url: redis.url }).connect()
    const keys = '~shop:*'
    await admin.sendCommand(['ACL', 'SETUSER', 'shop', 'on', '>p@ss:w/ord', keys, ...commands.split(' ')])
    await admin.sendCommand(['ACL', 'SETUSER', 'near', 'on', '>p', keys, '+client|tracking', ...commands.split(' ')])
    admin.destroy()
  })
  afterAll(async () => {
    await redis?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  const mutual = () => `ca=${file('ca.crt')}&cert=${file('client.crt')}&key=${file('client.key')}`

  it('TLS, with a certificate of our own authority, a client certificate, and the name that it is for', async () => {
    await everything(`rediss://127.0.0.1:${tlsPort}/1?${mutual()}&servername=redis.test`)
  })

  it('TLS is refused where the certificate is for another name, or nobody vouches for it', async () => {
    const wrongName = await refusal(`rediss://127.0.0.1:${tlsPort}?${mutual()}&servername=other.test`)
    expect(wrongName).toMatch(/^session-unavailable .*does not match certificate/)
    expect(await refusal(`rediss://127.0.0.1:${tlsPort}?servername=redis.test`)).toMatch(/certificate/)
    expect(await refusal(`rediss://127.0.0.1:${tlsPort}?ca=${file('ca.crt')}&servername=redis.test`)).toMatch(
      /^session-unavailable/,
    )
  })

  it('a unix socket, and a database on it', async () => {
    await everything(`redis+unix://${file('redis.sock')}?db=2`)
    await everything(`unix://shop:p%40ss%3Aw%2Ford@${file('redis.sock')}`)
  })

  it('an ACL user who may do no more than is needed, with what is special in the password encoded', async () => {
    await everything(`redis://shop:p%40ss%3Aw%2Ford@127.0.0.1:${redis.port}`)
  })

  it('a near cache needs one command more', async () => {
    const tracking = makeTracking()
    const near = redisStore({ url: `redis://near:p@127.0.0.1:${redis.port}`, namespace: 'shop', timeouts, tracking })
    expect(await near.create(newKey(), record({}), 60_000)).toBe(true)
    expect(tracking.provenAt()).toBeGreaterThan(0)
    await near.close()
    expect(tracking.provenAt()).toBe(Number.NEGATIVE_INFINITY)
    tracking.close()
  })

  it('a wrong password is an outage that says why, and never shows the password', async () => {
    const message = await refusal(`redis://shop:secret@127.0.0.1:${redis.port}`)
    expect(message).toMatch(/^session-unavailable .*WRONGPASS/)
    expect(message).not.toContain('secret')
  })
})

describe('the URL of a Redis', () => {
  it('says what it says', () => {
    const { topology, addresses, login, database } = parseRedisUrl('redis://ann:a%2Fb@[::1]:7000/3')
    expect([topology, addresses, login, database]).toEqual([
      'single',
      [{ host: '::1', port: 7000 }],
      { username: 'ann', password: 'a/b' },
      3,
    ])
    const sentinel = parseRedisUrl('rediss+sentinel://:pw@a,b:26380/shop/2?sentinelPassword=spw')
    expect([
      sentinel.addresses,
      sentinel.masterName,
      sentinel.database,
      sentinel.login,
      sentinel.sentinelLogin,
    ]).toEqual([
      [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 26_380 },
      ],
      'shop',
      2,
      { password: 'pw' },
      { password: 'spw' },
    ])
    expect(sentinel.tls).toEqual({})
    expect(parseRedisUrl('redis+cluster://a:1,b:2,c').addresses.length).toBe(3)
    expect(parseRedisUrl('unix:///run/redis.sock?db=4')).toMatchObject({
      addresses: [{ path: '/run/redis.sock' }],
      database: 4,
      tls: undefined,
    })
  })

  it.each([
    ['redis://user:secret@host:port', /cannot be read/],
    ['redis://user:secret@/0', /cannot be read/],
    ['redis://user:%zz@host/0', /cannot be read/],
    ['redis://user:secret@host/shop', /is no number/],
    ['redis+sentinel://user:secret@host:26379', /names no master/],
    ['redis+cluster://user:secret@host/1', /only database 0/],
    ['redis+unix://user:secret@host', /has no socket/],
    ['redis://user:secret@host/?tls=1', /the parameter "tls"; known are db, ca/],
    ['rediss://user:secret@host?ca=/no/such/file', /the file "\/no\/such\/file", "ca"/],
  ])('%s is refused, with what to write, and without the password', (url, why) => {
    expect(() => parseRedisUrl(url)).toThrow(why)
    expect(() => parseRedisUrl(url)).not.toThrow(/secret/)
  })
})

/** Every method of the store. */
async function everything(url: string): Promise<void> {
  const store = redisStore({ url, namespace: 'shop', timeouts })
  const change = { set: new Map([['.b', sealed(2)]]), remove: ['.a'] }
  const [key, to] = [newKey(), newKey()]
  expect(await store.create(newKey(), record({}), 60_000, 'ann')).toBe(true)
  expect(await store.create(key, record({ a: sealed(1) }), 60_000)).toBe(true)
  expect(await store.lock(key, 'me', 1_000)).toMatchObject({ fields: expect.any(Map) })
  expect(await store.commit(key, change, 60_000, { lock: 'me', owner: 'ann' })).toBe(2)
  await store.unlock(key, 'me')
  expect(await store.commit(key, change, 60_000, { owner: 'ann' })).toBe(3)
  expect(await store.update(key, { field: '.c', etag: '', value: sealed(1) }, 60_000)).toMatchObject({ version: 4 })
  await store.touch(key, 60_000, 'ann')
  const login = { set: new Map([['@p', Buffer.from('ann')]]), remove: [], tombstone: `r:${to}`, keepAttributes: true }
  expect(await store.rotate({ ...login, from: key, to, owner: 'ann' }, 60_000)).toBeInstanceOf(Map)
  expect((await store.list({ owner: 'ann' })).entries.length).toBe(2)
  expect([await store.count(), (await store.list({})).entries.length]).toEqual([2, 2])
  expect(await store.destroyAllOf('ann', to)).toBe(1)
  expect(await store.destroy(to, 'ann')).toBe(true)
  expect(await stateOf(store, to)).toBe('dead')
  expect(store.health().state).toBe('up')
  await store.close()
}

async function refusal(url: string): Promise<string> {
  const store: SessionStore = redisStore({
    url,
    namespace: 'shop',
    timeouts: { connectMs: 700, loadMs: 700, commitMs: 700 },
  })
  try {
    await store.load('x')
    return 'it was let in'
  } catch (error) {
    return error instanceof Error && 'code' in error ? `${error.code} ${error.message}` : String(error)
  } finally {
    await store.close()
  }
}

/** An authority, a server's certificate for redis.test, and a client's. */
function makeCertificates(dir: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=Baton test', '-days', '2')
  for (const [name, subject] of [
    ['server', 'redis.test'],
    ['client', 'a-node'],
  ] as const) {
    const extension = ['-addext', `subjectAltName=DNS:${subject}`]
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${subject}`, ...extension)
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-copy_extensions', 'copy']
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, ...signed)
  }
}
