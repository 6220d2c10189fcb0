import { describe, expect, it } from 'vitest'
import { packRecord, unpackRecord } from '../src/stores/local-record.ts'
import { PackedFields } from '../src/stores/packed-fields.ts'

const fields = new Map(
  ['@c', '@f', '', '.', '.ü', '.Ã¼', '.a', '.aa', '.ab', '.😀', '.empty', '.long'].map((name, i) => [
    name,
    name === '.empty' ? Buffer.alloc(0) : Buffer.alloc(name === '.long' ? 70_000 : 3, i + 1),
  ]),
)

describe('a packed record', () => {
  it('gives each of its fields, and no other, before and after it is unpacked', () => {
    for (const unpackFirst of [false, true]) {
      const packed = new PackedFields(packRecord(fields, 1))
      if (unpackFirst) expect(packed.size).toBe(fields.size)
      for (const [name, value] of fields) {
        expect([name, packed.get(name)?.equals(value), packed.has(name)]).toEqual([name, true, true])
      }
      for (const name of ['@x', '@', 'c', '.b', '.é', '.Ã', '.aaa', '\u00c3', '.\ud83d']) {
        expect([name, packed.get(name), packed.has(name)]).toEqual([name, undefined, false])
      }
    }
  })

  it('finds names whose characters look like the bytes of another one', () => {
    // U+00C3 U+00BC, which are the bytes of ü in UTF-8.
    const packed = new PackedFields(packRecord(new Map([['ü', Buffer.from('u')]]), 1))
    expect([packed.get('Ã¼'), packed.get('ü')?.toString()]).toEqual([undefined, 'u'])
  })

  it('is a map to whoever takes it as one', () => {
    const packed = new PackedFields(packRecord(fields, 1))
    expect(new Map(packed)).toEqual(fields)
    expect([...packed.keys()]).toEqual([...fields.keys()])
    expect([...packed.values()]).toEqual([...fields.values()])
    expect([...packed.entries()]).toEqual([...fields])
    const seen = new Map<string, Buffer>()
    packed.forEach((value, name) => {
      seen.set(name, value)
    })
    expect(seen).toEqual(unpackRecord(packRecord(fields, 1)))
  })
})
