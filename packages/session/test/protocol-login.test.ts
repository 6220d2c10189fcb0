import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { SessionError } from '../src/errors.ts'
import { hashOfId } from '../src/id.ts'
import { ownerHash } from '../src/owner.ts'
import type { Session } from '../src/session.ts'
import { createSessions } from '../src/sessions.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { type Cluster, startCluster, unavailable, withCode } from './protocol-client.ts'

let cluster: Cluster
afterEach(() => cluster?.close())

describe('log out everywhere', () => {
  it('ends every session of the user on all nodes, keeps the one asked for, and leaves other users alone', async () => {
    cluster = startCluster()
    const [phone, laptop, here, bob] = [cluster.visitor(), cluster.visitor(), cluster.visitor(), cluster.visitor()]
    for (const each of [phone, laptop, here]) await each.request(0, (session) => session.login('ann'))
    await bob.request(1, (session) => session.login('bob'))
    const ended = await here.request(1, (session) => cluster.nodes[1]!.destroyAllOf('ann', { except: session }))
    expect(ended).toBe(2)
    for (const each of [phone, laptop]) expect(await userOf(each)).toBeUndefined()
    expect([await userOf(here), await userOf(bob)]).toEqual(['ann', 'bob'])
  })

  it.each<[string, (session: Session, n: number) => unknown]>([
    ['assigns', (session, n) => session.set('n', n)],
    ['updates', (session, n) => session.update('n', () => n)],
  ])('finds a session that nothing was due for, because it %s more often than a touch is', async (_, write) => {
    const store = memoryStore({ sweepIntervalMs: 10 })
    const sessions = createSessions({ store, maxInactiveInterval: 1 })
    const opened = await sessions.open({ headers: {} })
    await opened.session.login('ann')
    const cookie = sessions.cookiesFor({ headers: {} }, opened)[0]!.split(';')[0]!
    // The entry of the login is swept after two intervals.
    for (const until = performance.now() + 2_300; performance.now() < until; await sleep(20)) {
      const again = await sessions.open({ headers: { cookie } })
      await write(again.session, performance.now())
      await again.commit()
    }
    expect(await sessions.destroyAllOf('ann')).toBe(1)
    await sessions.close()
  })

  it('a login that the store sees afterwards counts', async () => {
    cluster = startCluster()
    const late = cluster.visitor()
    cluster.disturb = async (method) => {
      if (method !== 'create') return
      cluster.disturb = undefined
      await cluster.nodes[1]!.destroyAllOf('ann')
    }
    await late.request(0, (session) => session.login('ann'))
    expect(await userOf(late)).toBe('ann')
    expect(await cluster.nodes[1]!.destroyAllOf('ann')).toBe(1)
    expect(await userOf(late)).toBeUndefined()
  })

  it.each(['create', 'rotate'])('a login that the store ends in the midst of %s sets no cookie', async (step) => {
    cluster = startCluster()
    const visitor = cluster.visitor()
    if (step === 'rotate') {
      await visitor.request(0, (session) => {
        session.cart = ['tea']
      })
    }
    const before = visitor.cookie
    cluster.disturb = (method) => {
      if (method === step) throw new SessionError('session-gone', 'logged out everywhere meanwhile')
    }
    await visitor.request(0, async (session) => {
      await expect(session.login('ann')).rejects.toMatchObject({ code: 'session-gone', status: 409 })
      expect(session.principal).toBeUndefined()
      // The session that moved is gone from both places: what follows is dropped, and begins no other.
      if (step === 'rotate') session.late = true
    })
    expect([visitor.lines, visitor.cookie]).toEqual([[], before])
    expect(cluster.reported).toEqual(step === 'rotate' ? [withCode('session-gone')] : [])
  })

  it('a write of a request that had the session before revives nothing, and says so', async () => {
    cluster = startCluster()
    const ann = cluster.visitor()
    await ann.request(0, (session) => session.login('ann'))
    await ann.request(0, async (session) => {
      await cluster.nodes[1]!.destroyAllOf('ann')
      session.cart = ['late']
    })
    expect(ann.lines).toEqual([])
    expect(cluster.reported).toEqual([withCode('session-gone')])
    expect(cluster.nodes[0]!.metrics.snapshot().droppedWrites).toBe(1)
    expect(await userOf(ann)).toBeUndefined()
  })

  it('names users in the store by a hash that depends on the secret', () => {
    cluster = startCluster()
    expect(ownerHash('one')('ann')).toMatch(/^[\w-]{22}$/)
    expect(ownerHash('one')('ann')).not.toBe(ownerHash('two')('ann'))
  })
})

describe('the rotation at login', () => {
  it('three requests at once with the old id: only the login sets a cookie, and it stays logged in', async () => {
    cluster = startCluster()
    const jar = cluster.visitor()
    await jar.request(0, (session) => {
      session.cart = ['tea']
    })
    const old = jar.cookie
    const before = [cluster.visitor(old), cluster.visitor(old)]
    let loggedIn: Promise<void> | undefined
    const late = before.map((visitor, node) =>
      visitor.request(node, async (session) => {
        loggedIn ??= jar.request(1, (own) => own.login('ann'))
        await loggedIn
        session.late = true
      }),
    )
    await Promise.all(late)
    expect(before.map(({ lines }) => lines)).toEqual([[], []])
    expect(await userOf(jar)).toBe('ann')
    const attributes = await jar.request(0, (session) => session.toJSON())
    expect(attributes).toEqual({ cart: ['tea'] })
    expect((await cluster.store.load(hashOfId(old!)))!.fields.has('.late')).toBe(false)
  })

  it('hands nothing of the user before to the next one, not even what the same request has changed', async () => {
    cluster = startCluster()
    const visitor = cluster.visitor()
    await visitor.request(0, async (session) => {
      await session.login('ann')
      session.cart = ['tea']
    })
    await visitor.request(1, async (session) => {
      ;(session.cart as string[]).push('jam')
      session.address = 'of ann'
      await session.login('bob')
      expect({ ...session }).toEqual({})
      session.lang = 'de'
    })
    expect(await visitor.request(0, (session) => session.toJSON())).toEqual({ lang: 'de' })
  })

  it('objects that the app holds stay the session’s own, before and after', async () => {
    cluster = startCluster()
    const visitor = cluster.visitor()
    await visitor.request(0, async (session) => {
      const cart = ['tea']
      session.cart = cart
      await session.login('ann')
      cart.push('jam')
      expect(session.cart).toBe(cart)
    })
    expect(await visitor.request(1, (session) => session.cart)).toEqual(['tea', 'jam'])
  })

  it('objects that were changed before a login are changed after it as well', async () => {
    cluster = startCluster()
    const visitor = cluster.visitor()
    await visitor.request(0, (session) => {
      session.cart = ['tea']
    })
    await visitor.request(0, async (session) => {
      const cart = session.cart as string[]
      cart.push('jam')
      await session.login('ann')
      cart.push('salt')
      expect(session.cart).toBe(cart)
    })
    expect(await visitor.request(1, (session) => session.cart)).toEqual(['tea', 'jam', 'salt'])
  })

  it('what is assigned or deleted while the session moves is written to the new one', async () => {
    cluster = startCluster()
    const visitor = cluster.visitor()
    await visitor.request(0, (session) => {
      Object.assign(session, { a: 1, b: 1, c: 1 })
    })
    await visitor.request(0, async (session) => {
      cluster.disturb = (method) => {
        if (method !== 'rotate') return
        delete session.a
        session.b = 2
        session.d = 2
      }
      await session.login('ann')
    })
    expect(await visitor.request(1, (session) => session.toJSON())).toEqual({ b: 2, c: 1, d: 2 })
  })

  it('with a store that fails, logs nobody in and leaves the cookie alone', async () => {
    cluster = startCluster()
    const visitor = cluster.visitor()
    await visitor.request(0, (session) => {
      session.cart = ['tea']
    })
    const before = visitor.cookie
    cluster.disturb = (method) => {
      if (method === 'rotate') throw unavailable()
    }
    await expect(visitor.request(0, (session) => session.login('ann'))).rejects.toEqual(withCode('session-unavailable'))
    cluster.disturb = undefined
    expect([visitor.cookie, await userOf(visitor)]).toEqual([before, undefined])
  })
})

describe('a logout that fails', () => {
  it('is not answered as if it had worked, even where the app did not wait for it', async () => {
    cluster = startCluster()
    const visitor = cluster.visitor()
    await visitor.request(0, (session) => session.login('ann'))
    cluster.disturb = (method) => {
      if (method === 'destroy') throw unavailable()
    }
    const answer = visitor.request(0, (session) => {
      void session.destroy()
    })
    await expect(answer).rejects.toEqual(withCode('session-unavailable'))
    cluster.disturb = undefined
    expect(await userOf(visitor)).toBe('ann')
  })
})

describe('deadlines', () => {
  it('the absolute one ends a session however busy it is, and bounds what the store keeps', async () => {
    cluster = startCluster({ absoluteTimeout: 1, maxInactiveInterval: '30m' })
    const visitor = cluster.visitor()
    await visitor.request(0, (session) => {
      session.cart = ['tea']
    })
    const stored = await cluster.store.load(hashOfId(visitor.cookie!))
    expect(stored!.fields.has('@A')).toBe(true)
    expect(stored!.ttlMs).toBeLessThanOrEqual(1_000)
    await expect
      .poll(() => visitor.request(1, (session) => Object.keys(session).length), { interval: 100, timeout: 5_000 })
      .toBe(0)
  })

  it('a login begins the absolute one anew; regenerate does not', async () => {
    cluster = startCluster({ absoluteTimeout: '8h' })
    const visitor = cluster.visitor()
    await visitor.request(0, (session) => {
      session.cart = ['tea']
    })
    const deadline = async () => Number((await cluster.store.load(hashOfId(visitor.cookie!)))!.fields.get('@A'))
    const first = await deadline()
    await new Promise((resolve) => setTimeout(resolve, 5))
    await visitor.request(0, (session) => session.regenerate())
    expect(await deadline()).toBe(first)
    await visitor.request(0, (session) => session.login('ann'))
    expect(await deadline()).toBeGreaterThan(first)
  })

  it('of a session may be its own, which later requests keep', async () => {
    cluster = startCluster()
    const visitor = cluster.visitor()
    await visitor.request(0, (session) => {
      session.cart = ['tea']
    })
    await visitor.request(0, (session) => {
      session.maxInactiveInterval = 60
    })
    expect(await visitor.request(1, (session) => session.maxInactiveInterval)).toBe(60)
    expect((await cluster.store.load(hashOfId(visitor.cookie!)))!.ttlMs).toBeLessThanOrEqual(60_000)
    for (const wrong of [0, 1.5, -1, Number.NaN, '60']) {
      await visitor.request(0, (session) => {
        expect(() => Reflect.set(session, 'maxInactiveInterval', wrong)).toThrow(/whole seconds/)
      })
    }
  })
})

function userOf(visitor: ReturnType<Cluster['visitor']>): Promise<string | undefined> {
  return visitor.request(1, (session) => session.principal?.name)
}
