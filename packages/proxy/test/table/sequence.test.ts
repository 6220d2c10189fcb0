import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sequenceBound, smoothSequence } from '../../src/table/sequence.ts'

const weights = (options: { max: number; nodes: number }) =>
  fc.array(fc.integer({ min: 1, max: options.max }), { minLength: 1, maxLength: options.nodes })

it("picks in nginx' order", () => {
  expect(letters([5, 1, 1])).toBe('aabacaa')
  expect(letters([1, 1, 1])).toBe('abc')
  expect(letters([3, 2])).toBe('ababa')
})

it('is one period of the smooth algorithm for any weights that fit', () => {
  fc.assert(
    fc.property(weights({ max: 40, nodes: 12 }), (list) => {
      const sequence = smoothSequence(list).picks
      const classic = classicPicks(list, 2 * sequence.length)
      expect([...sequence, ...sequence]).toEqual(classic)
    }),
  )
})

it('gives every node its exact share where the weights fit', () => {
  fc.assert(
    fc.property(weights({ max: 300, nodes: 20 }), (list) => {
      const sequence = smoothSequence(list).picks
      const total = list.reduce((sum, weight) => sum + weight, 0)
      list.forEach((weight, i) => {
        expect(sequence.filter((pick) => pick === i).length * total).toBe(weight * sequence.length)
      })
    }),
  )
})

it('gives what is owed first, and is periodic again soon', () => {
  const first = smoothSequence([1, 1, 1], [2, -1, -1])
  expect([...first.picks]).toEqual([0, 0, 0])
  expect(first.periodic).toBe(false)
  expect(first.owed(3).map(Math.round)).toEqual([0, 0, 0])
  const second = smoothSequence([1, 1, 1], first.owed(3))
  expect([...second.picks].sort()).toEqual([0, 1, 2])
  expect(second.periodic).toBe(true)
})

it('is short where weights have a common divisor', () => {
  expect(smoothSequence([1000, 500, 500]).picks).toHaveLength(4)
})

it('stays within its bound, and near every share, however great the weights', () => {
  fc.assert(
    fc.property(weights({ max: 1_000_000, nodes: 50 }), (list) => {
      const sequence = smoothSequence(list).picks
      expect(sequence.length).toBeLessThanOrEqual(sequenceBound(list.length))
      const total = list.reduce((sum, weight) => sum + weight, 0)
      list.forEach((weight, i) => {
        const picks = sequence.filter((pick) => pick === i).length
        expect(picks).toBeGreaterThan(0)
        expect(Math.abs(picks / sequence.length - weight / total)).toBeLessThan(0.005)
      })
    }),
    { numRuns: 30 },
  )
})

it('keeps 1,000 nodes of unlike weights within 8,192 slots', () => {
  const list = Array.from({ length: 1000 }, (_, i) => 1 + ((i * 7919) % 1009))
  const sequence = smoothSequence(list).picks
  expect(sequence.length).toBeLessThanOrEqual(8192)
  expect(new Set(sequence).size).toBe(1000)
})

function letters(list: readonly number[]): string {
  return Array.from(smoothSequence(list).picks, (i) => 'abcdef'[i]).join('')
}

/** As nginx does it, one pick at a time. */
function classicPicks(list: readonly number[], count: number): readonly number[] {
  const peers = list.map((weight) => ({ weight, current: 0 }))
  const total = list.reduce((sum, weight) => sum + weight, 0)
  return Array.from({ length: count }, () => {
    for (const peer of peers) peer.current += peer.weight
    const best = peers.reduce((a, b) => (b.current > a.current ? b : a))
    best.current -= total
    return peers.indexOf(best)
  })
}
