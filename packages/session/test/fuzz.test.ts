import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { open } from 'lmdb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SessionError } from '../src/errors.ts'
import { makeCipher } from '../src/format/cipher.ts'
import { readRecord } from '../src/format/record.ts'
import { decodeValue, encodeValue, payloadOf, seal, tagOf } from '../src/format/value.ts'
import { hashOfId, newId } from '../src/id.ts'
import { createSessions } from '../src/sessions.ts'
import { lmdbStore } from '../src/stores/lmdb.ts'
import { packRecord } from '../src/stores/local-record.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { redisStore } from '../src/stores/redis.ts'
import type { SessionStore } from '../src/stores/store.ts'
import { type Damage, type DamagedRedis, startDamagedRedis } from './damaged-redis.ts'
import { record, sealed } from './describe-session-store.ts'

/** More runs find more: FUZZ_RUNS=100000 */
const numRuns = Number(process.env.FUZZ_RUNS ?? 300)
/** Of a test: for a busy machine. */
const patienceMs = 60_000 + numRuns * 100
const id = newId()
const key = hashOfId(id)
const rejections: unknown[] = []
const onRejection = (reason: unknown) => rejections.push(reason)
const prototypeBefore = Object.getOwnPropertyNames(Object.prototype)

beforeAll(() => process.on('unhandledRejection', onRejection))
afterAll(() => process.off('unhandledRejection', onRejection))
beforeEach(() => {
  rejections.length = 0
})
afterEach(async () => {
  await new Promise(setImmediate)
  expect(rejections).toEqual([])
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(prototypeBefore)
  expect(({} as Record<string, unknown>).admin).toBeUndefined()
})

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
const evilJson = fc.constantFrom(
  ...[
    '{"__proto__":{"admin":true}}',
    '{"constructor":{"prototype":{"admin":true}}}',
    '[{"\\u005f_proto__":{"admin":1}}]',
  ],
  ...['{"toJSON":1}', '{"length":-1}', '{"then":1}', '{"a":', ''],
)
const value = fc.oneof(
  bytes,
  fc.tuple(fc.constantFrom(...'sildbtjuJEz'), bytes).map(([tag, payload]) => seal({ tag, payload })),
  evilJson.map((text) => seal({ tag: 'j', payload: Buffer.from(text) })),
  fc.json().map((text) => seal({ tag: 'j', payload: Buffer.from(text) })),
)
const metaValue = fc.oneof(
  bytes,
  fc.constantFrom('', '0', '1', '1.1', '1.2', '9'.repeat(15), '9'.repeat(16), '-1', '1e3', ' 1', 'NaN').map(buffer),
  evilJson.map(buffer),
)
const attributeName = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom(...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', 'login', '']),
)
const field = fc.oneof(
  fc.tuple(
    fc.constantFrom(...['@c', '@f', '@v', '@m', '@A', '@x', '@p', '@r', '@t', '@e', '@l', '@j.x', '@']),
    metaValue,
  ),
  fc.tuple(
    attributeName.map((name) => `.${name}`),
    value,
  ),
)
/** Half of them sessions that are alive. */
const fields = fc
  .tuple(fc.boolean(), fc.array(field, { maxLength: 8 }))
  .map(([isSane, more]) => new Map([...(isSane ? record({}) : []), ...more]))

describe('whatever the bytes of a value', () => {
  it('decoding gives a value or says that it cannot, and what it gives can be written', () => {
    fc.assert(
      fc.property(value, (stored) => {
        const decoded = decodeValue(stored)
        if (!decoded.readable || typeof decoded.value !== 'object' || decoded.value === null) return
        const again = encodeValue(decoded.value, tagOf(stored))
        // Reading alone must never look like a change; JSON may be spelt otherwise.
        if (again.tag !== 'j') expect(seal(again).subarray(7)).toEqual(payloadOf(stored))
        expect(again.tag).toBe(tagOf(stored))
      }),
      { numRuns },
    )
  })

  it('what is encrypted is either what was sealed, or unavailable', () => {
    const cipher = makeCipher({ keys: [{ id: 'k', key: Buffer.alloc(32, 7) }] })
    const plain = encodeValue('a secret')
    const good = cipher.seal(key, '.a', plain)
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), bytes, (at, byte, end, more) => {
        const damaged = Buffer.concat([good.subarray(0, end), more])
        if (at < damaged.length) damaged[at] = byte
        const found = cipher.open(key, '.a', damaged)
        // Without the tag E it is a plain value; and the etag is nobody's secret.
        if (found === undefined || tagOf(damaged) !== 'E') return
        expect([found, damaged.subarray(7)]).toStrictEqual([plain, good.subarray(7)])
      }),
      { numRuns },
    )
  })
})

describe('whatever the fields of a record', () => {
  it('reading gives its state, or an error of the format', () => {
    fc.assert(
      fc.property(fields, (record) => {
        const reading = orFormatError(() => readRecord(record, 1_700_000_000_000))
        if (reading?.state !== 'alive') return
        expect([record.has('@c'), record.has('@x'), reading.attributes.has('__proto__')]).toEqual([true, false, false])
        expect(Array.isArray(reading.principal?.roles ?? [])).toBe(true)
      }),
      { numRuns },
    )
  })

  it('a request reads all, changes one, and touches nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fields, async (record) => {
        const store = memoryStore()
        await store.create(key, record, 60_000)
        const sessions = createSessions({ store, onError: () => {} })
        try {
          const opened = await sessions.open({ headers: { cookie: `JSESSIONID=${id}` } })
          const { session } = opened
          for (const name of Object.keys(session)) orFormatError(() => session.get(name))
          const copy = { ...(orFormatError(() => session.toJSON()) ?? {}) } as { admin?: unknown }
          if (!record.has('.admin')) expect(copy.admin).toBeUndefined()
          session.set('mark', 1)
          await opened.commit()
          for (const [name, before] of (await store.load(key))?.fields ?? []) {
            if (name !== '.mark' && name !== '@v') expect([name, before]).toEqual([name, record.get(name)])
          }
        } catch (error) {
          expect(error).toBeInstanceOf(SessionError)
          expect(['session-format', 'session-value']).toContain((error as SessionError).code)
        }
        await sessions.close()
      }),
      { numRuns },
    )
  })
})

describe('JSON that nests too deeply to be written again', () => {
  it('is unavailable by itself', async () => {
    const store = memoryStore()
    const deep = seal({ tag: 'j', payload: Buffer.from('['.repeat(20_000) + ']'.repeat(20_000)) })
    await store.create(key, record({ deep, a: sealed(1) }), 60_000)
    const sessions = createSessions({ store })
    const opened = await sessions.open({ headers: { cookie: `JSESSIONID=${id}` } })
    expect(() => opened.session.deep).toThrow(/"deep" has a value of type "j" that cannot be read here/)
    opened.session.a = 2
    await opened.commit()
    expect((await store.load(key))?.fields.get('.deep')).toEqual(deep)
    await sessions.close()
  })
})

describe('whatever the Cookie header', () => {
  const part = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom(
      ...['JSESSIONID', 'JSESSIONID_v0', '=', ';', '; ', ',', '"', '__proto__', '%00', `${id}`, '.route'],
    ),
    fc.constantFrom(newId(), newId(), '\u0000', '\r\nSet-Cookie: a=b', '9'.repeat(15), 'ü', '='.repeat(9)),
  )
  const header = fc.array(part, { maxLength: 10 }).map((parts) => parts.join(''))

  it('no id in it is adopted, and what is set in answer is one well-formed cookie', async () => {
    const store = memoryStore()
    const sessions = createSessions({ store })
    await fc.assert(
      fc.asyncProperty(header, async (cookie) => {
        const request = { headers: { cookie } }
        const opened = await sessions.open(request)
        expect(opened.session.isNew).toBe(true)
        opened.session.set('a', 1)
        await opened.commit()
        const [line, ...more] = sessions.cookiesFor(request, opened)
        const given = /^JSESSIONID=([\w-]{32}); Path=\/; HttpOnly; SameSite=Lax$/.exec(line ?? '')?.[1]
        expect([typeof given, more]).toEqual(['string', []])
        expect(cookie).not.toContain(given)
      }),
      { numRuns },
    )
    expect(await store.load(key)).toBeUndefined()
    await sessions.close()
  })
})

describe('whatever Redis replies', () => {
  const timeouts = { connectMs: 1_000, loadMs: 250, commitMs: 250 }
  /** Over the budget: for a busy machine. */
  const slackMs = 2_000
  /** At work at the same time: most of it is waiting. */
  const servers: DamagedRedis[] = []

  beforeAll(async () => {
    for (let i = 0; i < 6; i += 1) servers.push(await startDamagedRedis())
  })
  afterAll(() => Promise.all(servers.map((server) => server.close())))

  /** With a store of its own, that has not given up the server yet. */
  async function answered<T>(
    server: DamagedRedis,
    damages: readonly Damage[],
    rude: boolean,
    work: (store: SessionStore) => Promise<T>,
  ): Promise<T> {
    server.rude = rude
    server.answer(damages)
    const store = redisStore({ url: server.url, namespace: 'test', timeouts })
    try {
      for (let i = 0; i < 500 && !rude && store.health().state === 'down'; i += 1) await sleep(4)
      return await work(store)
    } finally {
      await store.close()
    }
  }

  const text = fc.oneof(
    fc.constantFrom('OK', 'QUEUED', 'done', 'dead', 'conflict', '@c', '@x', '@f', '1.1', '.a'),
    fc.string(),
  )
  const scalar = fc.oneof(
    fc.integer().map((number) => `:${number}\r\n`),
    text.map((string) => `$${Buffer.byteLength(string)}\r\n${string}\r\n`),
    text.map((string) => `+${string.replace(/[\r\n]/g, '')}\r\n`),
    fc.constantFrom('_\r\n', '$-1\r\n', '*-1\r\n', '#t\r\n', ',nan\r\n', ',1.5\r\n', '(12345678901234567890\r\n'),
    fc.constantFrom(
      '-ERR no\r\n',
      '-LOADING wait\r\n',
      '-READONLY no\r\n',
      '-NOSCRIPT no\r\n',
      '-MOVED 1 :1\r\n',
      '-OOM\r\n',
    ),
  )
  const list = fc
    .tuple(fc.constantFrom('*', '%', '~', '>'), fc.array(scalar, { maxLength: 6 }))
    .map(([kind, items]) => `${kind}${kind === '%' ? Math.floor(items.length / 2) : items.length}\r\n${items.join('')}`)
  const nested = fc
    .array(fc.oneof(scalar, list), { maxLength: 8 })
    .map((items) => `*${items.length}\r\n${items.join('')}`)
  const garbage = fc.constantFrom(
    '*99999999\r\n',
    '$99999999\r\nx',
    '\r\n\r\n',
    '?\r\n',
    ':x\r\n',
    '$-7\r\n',
    '*1\r\n*1\r\n*1\r\n',
  )
  const damage: fc.Arbitrary<Damage> = fc.oneof(
    { arbitrary: fc.oneof(scalar, list, nested).map(buffer), weight: 80 },
    { arbitrary: garbage.map(buffer), weight: 10 },
    { arbitrary: bytes, weight: 5 },
    { arbitrary: fc.constant<Damage>('close'), weight: 4 },
    { arbitrary: fc.constant<Damage>('silence'), weight: 1 },
  )

  const calls: Readonly<Record<string, (store: SessionStore) => Promise<unknown>>> = {
    load: (store) => store.load(key),
    create: (store) => store.create(key, record({ a: sealed(1) }), 1_000),
    createOwned: (store) => store.create(key, record({ a: sealed(1) }), 1_000, 'owner'),
    commit: (store) =>
      store.commit(key, { set: new Map([['.a', sealed(1)]]), remove: ['.b'] }, 1_000, { owner: 'owner' }),
    update: (store) => store.update(key, { field: '.a', etag: '', value: sealed(1) }, 1_000),
    destroy: (store) => store.destroy(key, 'owner'),
    rotate: (store) =>
      store.rotate(
        { from: key, to: 'other', set: new Map(), remove: [], tombstone: 'r:other', keepAttributes: true, owner: 'o' },
        1_000,
      ),
    touch: (store) => store.touch(key, 1_000),
    destroyAllOf: (store) => store.destroyAllOf('owner'),
    lock: (store) => store.lock(key, 'holder', 1_000),
    unlock: (store) => store.unlock(key, 'holder'),
    list: (store) => store.list({ limit: 5 }),
  }

  it(
    'every call gives an answer or session-unavailable, in time',
    async () => {
      const call = fc.tuple(
        fc.constantFrom(...Object.keys(calls)),
        fc.array(damage, { minLength: 1, maxLength: 9 }),
        fc.integer({ min: 1, max: 100 }),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 6, size: 'max' }), async (several) => {
          await Promise.all(
            several.map(async ([name, damages, chance], i) => {
              let tookMs = 0
              const failure = await answered(servers[i]!, damages, chance === 1, async (store) => {
                const startedAt = performance.now()
                try {
                  await calls[name]!(store)
                  return undefined
                } catch (error) {
                  return error
                } finally {
                  tookMs = performance.now() - startedAt
                }
              })
              expect(tookMs).toBeLessThan(timeouts.connectMs + timeouts.commitMs * 10 + slackMs)
              if (failure === undefined) return
              expect(failure).toBeInstanceOf(SessionError)
              expect(['session-unavailable', 'session-conflict', 'session-gone']).toContain(
                (failure as SessionError).code,
              )
            }),
          )
        }),
        { numRuns: Math.ceil(numRuns / 15) },
      )
    },
    patienceMs,
  )

  it(
    'no request adopts the id that it came with',
    async () => {
      const given = fc.array(damage, { minLength: 1, maxLength: 6 })
      await fc.assert(
        fc.asyncProperty(fc.array(given, { minLength: 1, maxLength: 6, size: 'max' }), async (several) => {
          await Promise.all(
            several.map((damages, i) =>
              answered(servers[i]!, damages, false, async (store) => {
                const sessions = createSessions({ store, onError: () => {} })
                const request = { headers: { cookie: `JSESSIONID=${id}` } }
                try {
                  const opened = await sessions.open(request)
                  opened.session.set('a', 1)
                  await opened.commit()
                  expect(sessions.cookiesFor(request, opened).join()).not.toContain(id)
                } catch (error) {
                  expect(error).toBeInstanceOf(SessionError)
                }
              }),
            ),
          )
        }),
        { numRuns: Math.ceil(numRuns / 15) },
      )
    },
    patienceMs,
  )

  it('has been asked', () => {
    let answers = 0
    for (const { answered } of servers) answers += answered
    expect(answers).toBeGreaterThan(20)
  })
})

describe('whatever is on the disk of LMDB', () => {
  const dir = mkdtempSync(join(tmpdir(), 'baton-fuzz-'))
  const timeouts = { connectMs: 5_000, loadMs: 5_000, commitMs: 5_000 }
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  const damagedRecord = fc.oneof(
    bytes,
    fc.tuple(fields, fc.nat(400), fc.nat(255), fc.nat(400)).map(([record, at, byte, end]) => {
      const packed = packRecord(record, Date.now() + 60_000)
      if (at < packed.length) packed[at] = byte
      return packed.subarray(0, end)
    }),
  )

  it(
    'every call gives an answer or an error of ours, the store goes on, and others are not concerned',
    async () => {
      const store = lmdbStore({ path: dir, namespace: 'test', timeouts })
      const raw = open<Buffer, string>({ path: dir, encoding: 'binary', noSubdir: false })
      const healthy = hashOfId(newId())
      await store.create(healthy, record({ a: sealed(1) }), 60_000)
      await fc.assert(
        fc.asyncProperty(damagedRecord, async (stored) => {
          await raw.put(`test:s:${key}`, stored)
          for (const call of [
            () => store.load(key),
            () => store.commit(key, { set: new Map([['.a', sealed(1)]]), remove: [] }, 60_000),
            () => store.update(key, { field: '.a', etag: '', value: sealed(1) }, 60_000),
            () => store.list({}),
            () => store.count(),
            () => store.destroy(key),
          ]) {
            await call().catch((error: unknown) => expect(error).toBeInstanceOf(SessionError))
          }
          orSessionError(() => store.peek?.(key))
          const found = await store.load(healthy)
          expect(found?.fields.get('.a')?.subarray(7)).toEqual(payloadOf(sealed(1)))
        }),
        { numRuns },
      )
      await raw.close()
      await store.close()
    },
    patienceMs,
  )
})

function orFormatError<T>(action: () => T): T | undefined {
  return orSessionError(action, 'session-format')
}

function orSessionError<T>(action: () => T, code?: string): T | undefined {
  try {
    return action()
  } catch (error) {
    expect(error).toBeInstanceOf(SessionError)
    if (code !== undefined) expect((error as SessionError).code).toBe(code)
    return undefined
  }
}

function buffer(text: string): Buffer {
  return Buffer.from(text)
}
