import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { makeCipher } from '../src/format/cipher.ts'
import { decodePayload, decodeValue, encodeValue, etagOf, seal, tagOf } from '../src/format/value.ts'

const key = 'eaHM1I4ILOp7VLqB0VGLGH'
const otherKey = 'zWwffR3GcX1jcdJkeRDKcb'
const old = { id: '2025', key: randomBytes(32) }
const current = { id: '2026', key: randomBytes(32) }
const cipher = makeCipher({ keys: [current, old] })
const cart = encodeValue({ cart: ['tea'], note: 'grüße' })

describe('encrypted values', () => {
  it('come back as they were, whatever their type, and show nothing of it', () => {
    for (const value of [
      'secret tea',
      '',
      42,
      2 ** 40,
      1.5,
      true,
      new Date(0),
      Buffer.from('secret tea'),
      { tea: 1 },
      null,
    ]) {
      const sealed = cipher.seal(key, '.a', encodeValue(value))
      expect(tagOf(sealed)).toBe('E')
      expect(sealed.includes('tea')).toBe(false)
      const plain = cipher.open(key, '.a', sealed)
      expect(plain && decodePayload(plain.tag, plain.payload)).toStrictEqual({ readable: true, value })
    }
  })

  it('are laid out as the format says', () => {
    const sealed = cipher.seal(key, '.a', cart)
    expect(sealed.toString('latin1', 0, 7)).toMatch(/^E[\w-]{6}$/)
    expect(sealed.subarray(7, 12)).toStrictEqual(Buffer.concat([Buffer.of(4), Buffer.from('2026')]))
    expect(sealed).toHaveLength(1 + 6 + 1 + 4 + 12 + 1 + cart.payload.length + 16)
  })

  it('differ at each write, in etag and nonce', () => {
    const writes = Array.from({ length: 500 }, () => cipher.seal(key, '.a', cart))
    expect(new Set(writes.map(etagOf)).size).toBe(500)
    expect(new Set(writes.map((sealed) => sealed.toString('hex', 12, 24))).size).toBe(500)
  })

  it('are read by any key of the list, and written by the first', () => {
    const before = makeCipher({ keys: [old] })
    expect(cipher.open(key, '.a', before.seal(key, '.a', cart))).toStrictEqual(cart)
    expect(before.open(key, '.a', cipher.seal(key, '.a', cart))).toBeUndefined()
  })

  it('cannot be read with another key of the same name', () => {
    const stranger = makeCipher({ keys: [{ id: '2026', key: randomBytes(32) }] })
    expect(stranger.open(key, '.a', cipher.seal(key, '.a', cart))).toBeUndefined()
  })

  it('cannot be moved to another attribute or session', () => {
    const sealed = cipher.seal(key, '.a', cart)
    expect(cipher.open(key, '.a', sealed)).toStrictEqual(cart)
    expect(cipher.open(key, '.b', sealed)).toBeUndefined()
    expect(cipher.open(otherKey, '.a', sealed)).toBeUndefined()
  })

  it('cannot be read with a bit changed, but for those of the etag, nor cut short or made longer', () => {
    const sealed = cipher.seal(key, '.a', cart)
    for (let at = 7; at < sealed.length; at += 1) {
      const damaged = Buffer.from(sealed)
      damaged[at] = (damaged[at] ?? 0) ^ 1
      expect(cipher.open(key, '.a', damaged)).toBeUndefined()
    }
    for (let end = 0; end < sealed.length; end += 1) {
      expect(cipher.open(key, '.a', sealed.subarray(0, end))).toBeUndefined()
    }
    expect(cipher.open(key, '.a', Buffer.concat([sealed, Buffer.of(0)]))).toBeUndefined()
  })

  it('keep a type that is opaque here, as when a session moves to a new key', () => {
    const java = { tag: 'J', payload: Buffer.from('aced0005', 'hex') }
    expect(cipher.open(otherKey, '.a', cipher.seal(otherKey, '.a', java))).toStrictEqual(java)
  })
})

describe('values that are not encrypted', () => {
  it('are read, so that an app can begin to encrypt while sessions live', () => {
    expect(cipher.open(key, '.a', seal(cart))).toStrictEqual(cart)
  })

  it('are still written where that is asked for, and encrypted ones are read, while other nodes lack the keys', () => {
    const early = makeCipher({ keys: [current], plaintext: 'write' })
    const written = early.seal(key, '.a', cart)
    expect([tagOf(written), decodeValue(written)]).toEqual([
      'j',
      { readable: true, value: { cart: ['tea'], note: 'grüße' } },
    ])
    expect(early.open(key, '.a', written)).toStrictEqual(cart)
    expect(early.open(key, '.a', cipher.seal(key, '.a', cart))).toStrictEqual(cart)
  })

  it('are refused where that is asked for', () => {
    const strict = makeCipher({ keys: [current], plaintext: 'refuse' })
    expect(strict.open(key, '.a', seal(cart))).toBeUndefined()
    expect(strict.open(key, '.a', cipher.seal(key, '.a', cart))).toStrictEqual(cart)
  })
})

describe('keys', () => {
  it('are given as bytes, hex or base64', () => {
    const bytes = randomBytes(32)
    const sealed = makeCipher({ keys: [{ id: 'k', key: bytes }] }).seal(key, '.a', cart)
    for (const form of [bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')]) {
      expect(makeCipher({ keys: [{ id: 'k', key: form }] }).open(key, '.a', sealed)).toStrictEqual(cart)
    }
  })

  it.each([
    ['no keys', []],
    ['a short key', [{ id: 'k', key: randomBytes(16) }]],
    ['a key of 16 bytes in base64', [{ id: 'k', key: randomBytes(16).toString('base64') }]],
    ['a pass phrase', [{ id: 'k', key: 'a pass phrase of exactly forty-three characters' }]],
    ['no key', [{ id: 'k', key: undefined as unknown as string }]],
    ['the key where its name belongs', [{ id: randomBytes(32).toString('base64'), key: 'k' }]],
    ['two keys of one name', [current, current]],
  ])('%s: a clear error that holds no key', (_what, keys) => {
    const error = errorOf(() => makeCipher({ keys }))
    expect(error).toMatchObject({ code: 'session-options', message: expect.stringMatching(/^encryption\.keys/) })
    const shown = `${inspect(error)} ${JSON.stringify(error)}`
    for (const text of keys.flatMap((entry) => [entry.id, String(entry.key)])) {
      if (text.length > 10) expect(shown).not.toContain(text)
    }
  })

  it('are not printed with the cipher', () => {
    const shown = inspect(cipher, { depth: 9, showHidden: true }) + JSON.stringify(cipher)
    expect(shown).not.toContain(current.key.toString('base64').slice(0, 8))
    expect(shown).not.toContain(current.key.toString('hex').slice(0, 8))
  })
})

function errorOf(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('did not throw')
}
