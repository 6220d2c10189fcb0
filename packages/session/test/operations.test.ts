import { createClient, RESP_TYPES } from 'redis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hashOfId } from '../src/id.ts'
import { expiryOf, packRecord, unpackRecord } from '../src/stores/local-record.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { redisStore } from '../src/stores/redis.ts'
import type { SessionStore } from '../src/stores/store.ts'
import { fixture } from './fixtures.ts'
import {
  type Entries,
  type Entry,
  type OperationFixture,
  type OperationFixtures,
  type Pattern,
  type Played,
  play,
} from './operations.ts'
import { hasRedis, startRedis, type TestRedis } from './redis-server.ts'

const fixtures = fixture<OperationFixtures>('operations')
const timeouts = { connectMs: 5_000, loadMs: 5_000, commitMs: 5_000 }
/** How late a test may look. */
const toleranceMs = 10_000

describe.skipIf(!hasRedis)('operations on Redis, as the fixtures have them', () => {
  let redis: TestRedis
  let store: SessionStore
  let raw: ReturnType<typeof rawClient>

  beforeAll(async () => {
    redis = await startRedis()
    store = redisStore({ url: redis.url, namespace: fixtures.namespace, timeouts })
    raw = rawClient(redis.url)
    await raw.connect()
  })
  afterAll(async () => {
    raw?.destroy()
    await store?.close()
    await redis?.stop()
  })
  beforeEach(async () => {
    await raw.sendCommand(['FLUSHALL'])
  })

  it.each(fixtures.operations)('$name', async (operation) => {
    await put(operation.before)
    const played = await play(fixtures, operation, { store, put })
    await expectPlayed(played, operation, await found())
  })

  async function put(entries: Entries): Promise<void> {
    for (const [key, entry] of Object.entries(entries)) {
      await raw.sendCommand(['DEL', key])
      for (const [field, hex] of Object.entries(entry?.fields ?? {})) {
        await raw.sendCommand(['HSET', key, field, Buffer.from(String(hex), 'hex')])
      }
      for (const [member, leftMs] of Object.entries(entry?.members ?? {})) {
        await raw.sendCommand(['ZADD', key, String(Date.now() + leftMs), member])
      }
      if (entry?.value !== undefined) await raw.sendCommand(['SET', key, entry.value])
      if (entry?.ttlMs !== undefined) await raw.sendCommand(['PEXPIRE', key, String(entry.ttlMs)])
    }
  }

  async function found(): Promise<Map<string, Found>> {
    const found = new Map<string, Found>()
    for (const key of await ask<Buffer[]>(['KEYS', '*'])) {
      const name = key.toString()
      const ttlMs = await ask<number>(['PTTL', name])
      const type = String(await ask<string>(['TYPE', name]))
      if (type === 'hash') {
        const flat = pairs(await ask<Buffer[]>(['HGETALL', name]))
        found.set(name, { ttlMs, fields: new Map(flat) })
      } else if (type === 'zset') {
        const flat = pairs(await ask<Buffer[]>(['ZRANGE', name, '0', '-1', 'WITHSCORES']))
        found.set(name, {
          ttlMs,
          members: new Map(flat.map(([member, score]) => [member, Number(score) - Date.now()])),
        })
      } else {
        found.set(name, { ttlMs, value: String(await ask<Buffer>(['GET', name])) })
      }
    }
    return found
  }

  async function ask<T>(command: string[]): Promise<T> {
    return (await raw.sendCommand(command)) as T
  }
})

describe('operations on a local store, as the fixtures have them', () => {
  const { namespace } = fixtures
  // Lists and epochs have a layout of their own there.
  const isRecord = (key: string) => key.startsWith(`${namespace}:s:`)
  const ofRecords = fixtures.operations.filter(({ before }) => Object.keys(before).every(isRecord))

  it.each(ofRecords)('$name', async (operation) => {
    const shared = new Map<string, Buffer>()
    const store = memoryStore({ shared, namespace })
    const put = async (entries: Entries) => {
      for (const [key, entry] of Object.entries(entries)) {
        shared.delete(key)
        const fields = Object.entries(entry?.fields ?? {}).map(([name, hex]) => [name, bytesOf(hex)] as const)
        if (entry !== null) shared.set(key, packRecord(new Map(fields), Date.now() + (entry.ttlMs ?? 0)))
      }
    }
    await put(operation.before)
    const played = await play(fixtures, operation, { store, put })
    const found = [...shared].filter(([key]) => isRecord(key))
    await expectPlayed(
      played,
      { ...operation, after: Object.fromEntries(Object.entries(operation.after).filter(([key]) => isRecord(key))) },
      new Map(found.map(([key, bytes]) => [key, { fields: unpackRecord(bytes), ttlMs: expiryOf(bytes) - Date.now() }])),
    )
    await store.close()
  })
})

interface Found {
  readonly ttlMs: number
  readonly fields?: ReadonlyMap<string, Buffer>
  readonly members?: ReadonlyMap<string, number>
  readonly value?: string
}

async function expectPlayed(played: Played, operation: OperationFixture, found: Map<string, Found>): Promise<void> {
  for (const [outcome, wanted] of played.given) expect(outcome).toStrictEqual(wanted)
  const line = played.cookies.find((cookie) => cookie.startsWith('JSESSIONID=')) ?? ''
  const id = /^JSESSIONID=([\w-]+);/.exec(line)?.[1]
  expect(id !== undefined ? 'new' : line === '' ? 'none' : 'cleared').toBe(operation.cookie)
  expect(played.reported).toHaveLength(operation.dropped === true ? 1 : 0)
  const next = id === undefined ? 'none' : hashOfId(id)

  // Whatever a late write left there: no reader takes it for a session.
  for (const key of operation.dead ?? []) {
    const fields = found.get(key)?.fields
    expect(fields?.has('@c') === true && !fields.has('@x')).toBe(false)
    found.delete(key)
  }
  const wanted = new Map(Object.entries(operation.after).map(([key, entry]) => [named(key, next), entry]))
  expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort())
  for (const [key, entry] of wanted) expectEntry(found.get(key), entry, next)
}

function expectEntry(found: Found | undefined, wanted: Entry | null, next: string): void {
  if (found === undefined || wanted === null) throw new Error('not there')
  const wantedFields = Object.entries(wanted.fields ?? {})
  expect([...(found.fields?.keys() ?? [])].sort()).toEqual(wantedFields.map(([field]) => field).sort())
  for (const [field, value] of wantedFields) expectValue(field, found.fields?.get(field), value, next)
  expect([...(found.members?.keys() ?? [])].sort()).toEqual(
    Object.keys(wanted.members ?? {})
      .map((member) => named(member, next))
      .sort(),
  )
  for (const [member, leftMs] of Object.entries(wanted.members ?? {})) {
    expectAbout(found.members?.get(named(member, next)), leftMs)
  }
  expect(found.value).toBe(wanted.value)
  if (wanted.ttlMs !== undefined) expectAbout(found.ttlMs, wanted.ttlMs)
}

function expectValue(field: string, found: Buffer | undefined, wanted: string | Pattern, next: string): void {
  const bytes = found ?? Buffer.alloc(0)
  if (typeof wanted === 'string') {
    expect(`${field} ${bytes.toString('hex')}`).toBe(`${field} ${wanted}`)
  } else if ('written' in wanted) {
    expect(bytes.toString('latin1', 0, 7)).toMatch(new RegExp(`^${wanted.written}(?!Ab3_-9)[\\w-]{6}$`))
    expect(`${field} ${bytes.toString('hex', 7)}`).toBe(`${field} ${wanted.payload}`)
  } else if ('text' in wanted) {
    expect(bytes.toString()).toBe(named(wanted.text, next))
  } else if ('lock' in wanted) {
    const [holder, expiry] = bytes.toString().split(':')
    expect(holder).toMatch(/^[\w-]{10,}$/)
    expectAbout(Number(expiry) - Date.now(), wanted.lock)
  } else {
    expectAbout(Number(bytes.toString()) - Date.now(), 'nowPlusMs' in wanted ? wanted.nowPlusMs : 0)
  }
}

function expectAbout(found: number | undefined, wanted: number): void {
  expect(found).toBeLessThanOrEqual(wanted + 5)
  expect(found).toBeGreaterThan(wanted - toleranceMs)
}

function named(text: string, next: string): string {
  return text.replace('$new', next)
}

function bytesOf(value: string | Pattern): Buffer {
  return Buffer.from(String(value), 'hex')
}

function pairs(flat: readonly Buffer[]): [string, Buffer][] {
  const found: [string, Buffer][] = []
  for (let at = 0; at + 1 < flat.length; at += 2) found.push([flat[at]!.toString(), flat[at + 1]!])
  return found
}

function rawClient(url: string) {
  return createClient({ url, RESP: 2, commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } } })
}
