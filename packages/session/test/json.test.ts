import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copyJson, isSameJson } from '../src/format/json.ts'
import { parseJson } from '../src/format/value.ts'

describe('shortcuts around JSON', () => {
  it('a copy is equal, and shares nothing', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const original = parseJson(text)
        const copy = copyJson(original)
        expect(copy).toStrictEqual(original)
        expect(isSameJson(copy, original)).toBe(true)
        if (typeof original === 'object' && original !== null) expect(copy).not.toBe(original)
      }),
    )
  })

  it('what is called the same is written the same, but for the order of keys', () => {
    const shape = fc.letrec((tie) => ({
      value: fc.oneof(fc.constantFrom<unknown>(0, -0, 1, '', 'a', null, true, undefined, Number.NaN), tie('tree')),
      tree: fc.oneof(
        { maxDepth: 3 },
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'toString', '0'), tie('value'), { maxKeys: 3, noNullPrototype: true }),
        fc.constantFrom<unknown>(new Date(0), new Map([['a', 1]]), { toJSON: () => 1 }),
      ),
    })).tree
    fc.assert(
      fc.property(shape, shape, (value, other) => {
        for (const one of [value, other]) {
          const original = parseJson(JSON.stringify(other))
          if (isSameJson(one, original)) expect(parseJson(JSON.stringify(one))).toStrictEqual(original)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    ['a property more', { a: 1, b: 2 }, '{"a":1}'],
    ['a property less', {}, '{"a":1}'],
    ['one that is inherited', {}, '{"toString":null}'],
    ['another value', { a: { b: [1, 3] } }, '{"a":{"b":[1,2]}}'],
    ['an element more', [1, 2], '[1]'],
    ['an element less', [1], '[1,2]'],
    ['an array for an object', [], '{}'],
    ['an object for an array', {}, '[]'],
    ['nothing for an object', null, '{}'],
    ['a date', { at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    ['an object of a class', Object.assign(Object.create({ toJSON: () => 2 }), { a: 1 }), '{"a":1}'],
    ['a way of its own to be written', { a: 1, toJSON: () => 2 }, '{"a":1}'],
  ])('sees %s', (_what, value, text) => {
    expect(isSameJson(value, parseJson(text))).toBe(false)
  })

  it('takes another order of keys for the same, and leaves what nests too deeply to others', () => {
    expect(isSameJson({ b: 1, a: 2 }, parseJson('{"a":2,"b":1}'))).toBe(true)
    const depth = 100_000
    const text = '['.repeat(depth) + ']'.repeat(depth)
    expect(isSameJson(parseJson(text), parseJson(text))).toBe(false)
    expect(() => copyJson(parseJson(text))).toThrow(RangeError)
  })
})
