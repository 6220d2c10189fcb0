import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readRecord } from '../src/format/record.ts'
import { decodeValue, encodeValue, etagOf, payloadOf, seal, tagOf } from '../src/format/value.ts'
import { hashOfId, idOfCookie, newId } from '../src/id.ts'

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

function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8')) as T
}

/** The fixtures' notation for what JSON cannot say. */
function meant(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const [kind, text] = Object.entries(value)[0] ?? []
  if (kind === '$bigint') return BigInt(text)
  if (kind === '$number') return Number(text)
  if (kind === '$date') return new Date(text)
  if (kind === '$hex') return Buffer.from(text, 'hex')
  return value
}
