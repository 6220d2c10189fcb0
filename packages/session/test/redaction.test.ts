import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { Registry } from 'prom-client'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { seal } from '../src/format/value.ts'
import { hashOfId, newId } from '../src/id.ts'
import { ownerHash } from '../src/owner.ts'
import { exportMetrics } from '../src/prometheus.ts'
import { createSessions, type Sessions } from '../src/sessions.ts'
import { memoryStore } from '../src/stores/memory.ts'
import type { SessionStore } from '../src/stores/store.ts'
import { record, sealed } from './describe-session-store.ts'
import { freePort, hasRedis, startRedis, type TestRedis } from './redis-server.ts'

const password = 'pw-that-nobody-may-see'
const userSecret = 'a-secret-that-nobody-may-see'
const encryptionKey = randomBytes(32)
const ids: string[] = []
/** Everything that anybody could print or log. */
const seen: string[] = []
const onWarning = (warning: Error) => seen.push(shown(warning))

beforeAll(() => process.on('warning', onWarning))
afterAll(() => process.off('warning', onWarning))
afterEach(() => {
  const secrets = [password, encodeURIComponent(password), userSecret, ownerHash(userSecret)('ann')]
  for (const encoding of ['hex', 'base64', 'base64url'] as const) {
    secrets.push(encryptionKey.toString(encoding).slice(0, 12))
  }
  secrets.push(inspect(encryptionKey).slice(8, 40))
  // What stands for an id may be seen in part: its first 8 characters.
  for (const id of ids) secrets.push(id, hashOfId(id).slice(0, 9))
  const leaks = seen.flatMap((text) => {
    const secret = secrets.find((one) => text.includes(one))
    return secret === undefined ? [] : [text.slice(Math.max(0, text.indexOf(secret) - 150), text.indexOf(secret) + 60)]
  })
  expect(leaks).toEqual([])
  seen.length = 0
})

describe('options that are wrong', () => {
  it.each([
    `redis://ann:${password}@host:port`,
    `redis://ann:${password}@host:99999`,
    `redis://ann:${password}@/`,
    `redis://ann:${password}@127.0.0.1/no-number`,
    `redis://ann:%zz${password}@127.0.0.1/0`,
    `rediss://:${password}@127.0.0.1?ca=/nowhere/${'ca'}.pem`,
    `redis+sentinel://ann:${password}@host`,
    `redis+cluster://ann:${password}@`,
    `redis+unix://ann:${password}@`,
    `${password}`,
    `memcached://ann:${password}@host`,
  ])('an URL like %s shows no password', async (store) => {
    const sessions = see(() => createSessions({ store, timeouts: { connectMs: 50, loadMs: 50, commitMs: 50 } }))
    if (sessions === undefined) return
    await failing(sessions)
    await sessions.close()
  })

  it('keys and secrets are not shown', () => {
    const key = encryptionKey.toString('base64')
    const wrong: unknown[] = [
      { encryption: { keys: [{ id: key, key: 'x' }] } },
      { encryption: { keys: [{ id: 'x', key: `${key}AAAA` }] } },
      { encryption: { keys: [{ id: 'x', key: encryptionKey.subarray(0, 31) }] } },
      { encryption: { keys: key } },
      { encryption: key },
      { userSecret: '' },
    ]
    for (const options of wrong) see(() => createSessions({ store: memoryStore(), ...(options as object) }))
    expect(seen.join()).toContain('encryption.keys[0].key')
  })
})

describe('a session that fails in every way', () => {
  let store: SessionStore
  let sessions: Sessions
  let isBroken = false

  beforeAll(() => {
    const memory = memoryStore()
    const { peek: _, ...inner } = memory
    store = { ...inner, touch: (...args) => (isBroken ? Promise.reject(new Error('broken')) : memory.touch(...args)) }
    sessions = createSessions({
      store,
      userSecret,
      limits: { attributeBytes: 1_000 },
      encryption: { keys: [{ id: '2026', key: encryptionKey }] },
    })
  })
  afterAll(() => sessions.close())

  it('shows neither its id nor its hash', async () => {
    const id = await loggedIn(sessions)
    const key = hashOfId(id)
    await store.commit(
      key,
      { set: new Map([['.sealed', seal({ tag: 'E', payload: Buffer.from('\u00042026') })]]), remove: [] },
      60_000,
    )

    const opened = await open(sessions, id)
    const { session } = opened
    see(() => session.sealed)
    see(() => {
      session.big = 'x'.repeat(2_000)
    })
    await see(() => session.save())
    delete session.big
    see(() => {
      session.fn = (() => 1) as never
    })
    await see(() => session.update('n', () => Promise.resolve(1) as never))
    const other = await open(sessions, id)
    await other.session.lock()
    await see(() => session.lock({ waitMs: 20 }))
    see(() => inspect(session, { depth: 9, showHidden: true }))
    see(() => JSON.stringify(session))
    see(() => inspect(opened, { depth: 3 }))
    see(() => inspect(sessions, { depth: 9, showHidden: true }))

    isBroken = true
    await store.commit(key, { set: new Map(), remove: [] }, 1_000)
    const late = await open(sessions, id)
    late.commit()
    isBroken = false

    await other.session.destroy()
    session.n = 2
    await see(() => opened.commit())
    await see(() => session.update('n', () => 3))
    await see(() => session.regenerate())
    await see(() => session.reload())
    sessions.cookiesFor({ headers: {} }, opened)
    await see(() => session.login('ann'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    const text = seen.join('\n')
    // So much was to be seen at all.
    for (const part of [
      '"sealed"',
      'limits.attributeBytes',
      'lock',
      'dropped what was assigned',
      'broken',
      'headers',
    ]) {
      expect(text).toContain(part)
    }
  })

  it('of a format that is too new, neither', async () => {
    const id = newId()
    ids.push(id)
    await store.create(hashOfId(id), new Map([...record({ a: sealed(1) }), ['@f', Buffer.from('9.9')]]), 60_000)
    await see(() => open(sessions, id))
    expect(seen.join()).toContain('needs reader 9')
  })

  it('is listed by the first 8 characters of its hash, and measured without any', async () => {
    const id = await loggedIn(sessions)
    const keys: string[] = []
    for await (const info of sessions.list()) {
      keys.push(info.key)
      seen.push(shown(info))
    }
    expect(keys).toContain(hashOfId(id).slice(0, 8))
    const register = new Registry()
    exportMetrics(sessions, register)
    const metrics = await register.metrics()
    expect(metrics).not.toContain(hashOfId(id).slice(0, 8))
    expect(metrics).not.toContain('ann')
    seen.push(metrics, shown(sessions.metrics), shown(sessions.metrics.snapshot()), shown(sessions.health()))
  })
})

describe('a Redis that is away', () => {
  it('shows neither password nor id', async () => {
    const store = `redis://ann:${password}@127.0.0.1:${await freePort()}`
    const sessions = createSessions({ store, timeouts: { connectMs: 100, loadMs: 100, commitMs: 100 } })
    await failing(sessions)
    await sessions.close()
    expect(seen.join()).toContain('ECONNREFUSED')
  })
})

describe.skipIf(!hasRedis)('a Redis that refuses', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())

  it('shows neither password nor id, nor keys of Redis', async () => {
    const right = createSessions({ store: redis.url, userSecret, namespace: 'shop' })
    const id = await loggedIn(right)
    const raw = createClient({ url: redis.url })
    await raw.connect()
    await raw.set(`shop:s:${hashOfId(id)}`, 'a string where a hash belongs')
    await see(() => open(right, id))
    await raw.configSet('requirepass', 'another')
    const wrong = createSessions({
      store: redis.url.replace('redis://', `redis://:${password}@`),
      timeouts: { connectMs: 200, loadMs: 200, commitMs: 200 },
    })
    await failing(wrong)
    raw.destroy()
    await Promise.all([right.close(), wrong.close()])
    expect(seen.join()).toContain('WRONGTYPE')
    expect(seen.join()).toContain('WRONGPASS')
  })
})

/** All that fails while the store does. */
async function failing(sessions: Sessions): Promise<void> {
  const id = newId()
  ids.push(id)
  for (let i = 0; i < 3; i += 1) await see(() => open(sessions, id))
  await see(async () => {
    const opened = await sessions.open({ headers: {} })
    opened.session.a = 1
    await opened.commit()
  })
  await see(() => sessions.destroyAllOf('ann'))
  await see(() => sessions.count())
  seen.push(shown(sessions), shown(sessions.health()), shown(sessions.readiness()))
}

async function loggedIn(sessions: Sessions): Promise<string> {
  const opened = await sessions.open({ headers: {} })
  opened.session.n = 1
  await opened.session.login('ann', { roles: ['clerk'] })
  await opened.commit()
  const [line = ''] = sessions.cookiesFor({ headers: {} }, opened)
  const id = /^JSESSIONID=([\w-]+)/.exec(line)?.[1] ?? ''
  ids.push(id)
  return id
}

function open(sessions: Sessions, id: string) {
  return Promise.resolve(sessions.open({ headers: { cookie: `JSESSIONID=${id}` } }))
}

/** Runs it, and keeps whatever comes out: a result that prints, or an error in full. */
function see<T>(action: () => T): T | undefined {
  try {
    const result = action()
    if (result instanceof Promise) {
      return result.catch((error: unknown) => void seen.push(shown(error))) as T
    }
    if (typeof result === 'string') seen.push(result)
    return result
  } catch (error) {
    seen.push(shown(error))
    return undefined
  }
}

function shown(value: unknown): string {
  const message = value instanceof Error ? `${value.message} ${value.stack}` : ''
  return `${message} ${inspect(value, { depth: 9, showHidden: true })} ${JSON.stringify(value)}`
}
