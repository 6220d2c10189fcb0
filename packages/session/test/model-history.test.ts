import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type History, makeHistory } from './model-history.ts'
import type { Operation } from './model-state.ts'

/** In milliseconds. */
const ttlMs = 15
const create: Operation = { kind: 'create', key: 0, set: new Map([['@c', '1']]), owned: true }

describe('the history of a log-out-everywhere that ends nothing', () => {
  it('is explained where the session was ended by another, and another one was made in its place', async () => {
    const history = makeHistory({ sessions: 1, isCached: false })
    done(history, create, 'true')
    const all = history.begin({ kind: 'destroyAllOf', except: undefined }, 1)
    done(history, { kind: 'destroy', key: 0 }, 'true')
    // It may shorten the life of the tombstone.
    done(history, { kind: 'touch', key: 0, ttlMs }, 'ok')
    await sleep(2 * ttlMs)
    done(history, create, 'true')
    expect(() => history.end(all, '0')).not.toThrow()
  })

  it('is not explained where the session is alive all the time', () => {
    const history = makeHistory({ sessions: 1, isCached: false })
    done(history, create, 'true')
    const all = history.begin({ kind: 'destroyAllOf', except: undefined }, 1)
    done(history, { kind: 'touch', key: 0, ttlMs: 60_000 }, 'ok')
    expect(() => history.end(all, '0')).toThrow(/nothing explains this answer to .*destroyAllOf/)
  })
})

function done(history: History, op: Operation, reply: string): void {
  history.end(history.begin(op, 0), reply)
}
