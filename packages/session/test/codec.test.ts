import { describe, expect, it } from 'vitest'
import { makeCipher } from '../src/format/cipher.ts'
import { readRecord } from '../src/format/record.ts'
import { decodePayload, decodeValue, encodeValue, etagOf, payloadOf, seal, tagOf } from '../src/format/value.ts'
import { hashOfId, idOfCookie, newId } from '../src/id.ts'
import { ownerHash } from '../src/owner.ts'
import { redisKeys } from '../src/stores/redis-keys.ts'
import { fixture, meant } from './fixtures.ts'

interface ValueFixture {
  name: string
  hex: string
  readOnly?: boolean
  meaning: { tag: string; value?: unknown; opaque?: boolean }
}
interface RecordFixture {
  name: string
  nowMs: number
  fields: Record<string, string>
  meaning: { state: string; principal?: unknown; attributes?: string[]; createdAtMs?: number; maxInactiveMs?: number }
}
interface EncryptedFixtures {
  keys: { id: string; hex: string }[]
  values: {
    name: string
    key: string
    field: string
    hex: string
    meaning: { tag?: string; value?: unknown; payload?: string; refusable?: boolean; unavailable?: boolean }
  }[]
}
interface OwnerFixture {
  user: string
  userSecret: string
  owner: string
  list: string
  epoch: string
}
interface IdFixture {
  cookie: string
  id: string | null
  hash?: string
}

const values = fixture<ValueFixture[]>('values')
const readable = values.filter(({ meaning }) => meaning.opaque !== true)
const opaque = values.filter(({ meaning }) => meaning.opaque === true)

describe('values of format 1', () => {
  it.each(readable)('$name is read', ({ hex, meaning }) => {
    const bytes = Buffer.from(hex, 'hex')
    expect(tagOf(bytes)).toBe(meaning.tag)
    expect(etagOf(bytes)).toBe('Ab3_-9')
    expect(decodeValue(bytes)).toStrictEqual({ readable: true, value: meant(meaning.value) })
  })

  it.each(readable.filter(({ readOnly }) => readOnly !== true))('$name is written', ({ hex, meaning }) => {
    const bytes = Buffer.from(hex, 'hex')
    const sealed = seal(encodeValue(meant(meaning.value), meaning.tag))
    expect(tagOf(sealed)).toBe(meaning.tag)
    expect(etagOf(sealed)).toMatch(/^[\w-]{6}$/)
    expect(payloadOf(sealed).toString('hex')).toBe(payloadOf(bytes).toString('hex'))
  })

  it.each(opaque)('$name is opaque', ({ hex, meaning }) => {
    expect(decodeValue(Buffer.from(hex, 'hex'))).toStrictEqual({ readable: false, tag: meaning.tag })
  })

  it('a number keeps the type it had, where it fits', () => {
    expect(encodeValue(1).tag).toBe('i')
    expect(encodeValue(1, 'l').tag).toBe('l')
    expect(encodeValue(1, 'd').tag).toBe('d')
    expect(encodeValue(2 ** 31, 'i').tag).toBe('l')
    expect(encodeValue(1.5, 'l').tag).toBe('d')
    expect(encodeValue(2 ** 53, 'l').tag).toBe('d')
    expect(encodeValue(5n).tag).toBe('l')
  })

  it("an instant beyond JavaScript's calendar is opaque here", () => {
    const payload = Buffer.alloc(8)
    payload.writeBigInt64BE(8_640_000_000_000_001n)
    expect(decodeValue(seal({ tag: 't', payload }))).toStrictEqual({ readable: false, tag: 't' })
  })

  it('refuses what no tag can hold, and says what fits', () => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    for (const value of [() => {}, Symbol('s'), circular, 2n ** 63n, undefined]) {
      expect(() => encodeValue(value)).toThrow(/does not fit into a session attribute; store strings/)
    }
  })

  it('a key named __proto__ reaches no prototype', () => {
    const bytes = seal({ tag: 'j', payload: Buffer.from('{"a":{"__proto__":{"admin":true}}}') })
    const decoded = decodeValue(bytes) as { value: { a: Record<string, unknown> } }
    expect(decoded.value.a.admin).toBeUndefined()
    expect(Object.keys(decoded.value.a)).toEqual([])
  })
})

describe('encrypted values of format 1', () => {
  const { keys, values } = fixture<EncryptedFixtures>('encrypted')
  const given = keys.map(({ id, hex }) => ({ id, key: hex }))
  const cipher = makeCipher({ keys: given })
  const strict = makeCipher({ keys: given, plaintext: 'refuse' })

  it.each(values)('$name', ({ key, field, hex, meaning }) => {
    const bytes = Buffer.from(hex, 'hex')
    const plain = cipher.open(key, field, bytes)
    if (meaning.unavailable === true) {
      expect(plain).toBeUndefined()
      return
    }
    expect(plain?.tag).toBe(meaning.tag)
    if (meaning.payload !== undefined) expect(plain?.payload.toString('hex')).toBe(meaning.payload)
    else
      expect(plain && decodePayload(plain.tag, plain.payload)).toStrictEqual({
        readable: true,
        value: meant(meaning.value),
      })
    expect(strict.open(key, field, bytes)).toStrictEqual(meaning.refusable === true ? undefined : plain)
  })
})

describe('owners', () => {
  it.each(fixture<OwnerFixture[]>('owners'))('$user, by $userSecret', ({ user, userSecret, owner, list, epoch }) => {
    expect(ownerHash(userSecret)(user)).toBe(owner)
    const keys = redisKeys('fx')
    expect([keys.list(owner), keys.epoch(owner)]).toEqual([list, epoch])
  })
})

describe('records of format 1', () => {
  it.each(fixture<RecordFixture[]>('records'))('$name', ({ fields, nowMs, meaning }) => {
    const record = new Map(Object.entries(fields).map(([field, hex]) => [field, Buffer.from(hex, 'hex')]))
    if (meaning.state === 'refused') {
      expect(() => readRecord(record, nowMs)).toThrow(expect.objectContaining({ code: 'session-format', status: 503 }))
      return
    }
    const reading = readRecord(record, nowMs)
    if (reading.state !== 'alive') {
      expect(reading).toStrictEqual(meaning)
      return
    }
    const { attributes, principal, ...rest } = reading
    const named = { ...rest, principal: principal ?? null, attributes: [...attributes.keys()].sort() }
    expect(named).toStrictEqual(meaning)
  })
})

describe('ids', () => {
  it.each(fixture<IdFixture[]>('ids'))('cookie $cookie', ({ cookie, id, hash }) => {
    expect(idOfCookie(cookie) ?? null).toBe(id)
    if (id !== null) expect(hashOfId(id)).toBe(hash)
  })

  it('new ids are of the format, and differ', () => {
    const ids = new Set(Array.from({ length: 1000 }, newId))
    expect(ids.size).toBe(1000)
    for (const id of ids) expect(idOfCookie(id)).toBe(id)
  })
})
