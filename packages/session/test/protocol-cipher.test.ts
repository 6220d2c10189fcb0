import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { hashOfId } from '../src/id.ts'
import { type Cluster, startCluster, withCode } from './protocol-client.ts'

let cluster: Cluster
afterEach(() => cluster.close())

const keys = [{ id: 'new', key: randomBytes(32) }]

describe('a session with encrypted values', () => {
  it('works as any other, and its values are nowhere in the store', async () => {
    cluster = startCluster({ encryption: { keys } })
    const visitor = cluster.visitor()
    await visitor.request(0, (session) => {
      Object.assign(session, { card: 'of ann', cart: ['tea'], n: 1 })
    })
    await visitor.request(1, async (session) => {
      ;(session.cart as string[]).push('jam')
      await session.update('n', (n) => (n as number) + 1)
    })
    expect(await visitor.request(0, (session) => session.toJSON())).toEqual({
      card: 'of ann',
      cart: ['tea', 'jam'],
      n: 2,
    })
    const { fields } = (await cluster.store.load(hashOfId(visitor.cookie!)))!
    expect(Buffer.concat([...fields.values()]).includes('ann')).toBe(false)
    expect(fields.get('.card')!.toString('latin1', 0, 1)).toBe('E')
  })

  it('reading writes nothing', async () => {
    cluster = startCluster({ encryption: { keys } })
    const visitor = cluster.visitor()
    await visitor.request(0, (session) => {
      Object.assign(session, { cart: ['tea'], at: new Date(5), s: 's' })
    })
    cluster.calls.length = 0
    await visitor.request(1, (session) => void session.toJSON())
    expect(cluster.calls).toEqual(['load'])
  })

  it('moves to a new id with everything, also what others write meanwhile', async () => {
    cluster = startCluster({ encryption: { keys } })
    const visitor = cluster.visitor()
    await visitor.request(0, (session) => {
      Object.assign(session, { a: 'a', cart: ['tea'] })
    })
    const old = visitor.cookie
    await visitor.request(0, async (session) => {
      const cart = session.cart as string[]
      session.own = 'own'
      cluster.disturb = async (method) => {
        if (method !== 'rotate') return
        cluster.disturb = undefined
        await cluster.visitor(old).request(1, (other) => {
          other.theirs = 'theirs'
        })
      }
      await session.login('ann')
      cart.push('jam')
      expect(session.cart).toBe(cart)
    })
    expect(await visitor.request(1, (session) => session.toJSON())).toEqual({
      a: 'a',
      cart: ['tea', 'jam'],
      own: 'own',
      theirs: 'theirs',
    })
  })

  it('never undoes, by moving, what another request wrote since this one read', async () => {
    cluster = startCluster({ encryption: { keys } })
    const visitor = cluster.visitor()
    await visitor.request(0, (session) => {
      Object.assign(session, { cart: ['tea'] })
    })
    const old = visitor.cookie
    await visitor.request(0, async (session) => {
      void session.cart
      await cluster.visitor(old).request(1, (other) => {
        other.cart = ['tea', 'of the other']
      })
      // A write of its own, so that versions alone look as if nothing had happened.
      session.own = 1
      await session.save()
      await session.login('ann')
    })
    expect(await visitor.request(1, (session) => session.cart)).toEqual(['tea', 'of the other'])
  })

  it('a value under a key that is not known here is unavailable alone', async () => {
    cluster = startCluster({ encryption: { keys: [{ id: 'other', key: randomBytes(32) }] } })
    const visitor = cluster.visitor()
    await visitor.request(0, (session) => {
      session.secret = 's'
    })
    const stored = (await cluster.store.load(hashOfId(visitor.cookie!)))!
    await cluster.close()
    cluster = startCluster({ encryption: { keys } })
    await cluster.store.create(hashOfId(visitor.cookie!), stored.fields, 60_000)
    const here = cluster.visitor(visitor.cookie)
    await here.request(0, (session) => {
      expect(() => session.secret).toThrow(withCode('session-format') as Error)
      session.plain = 1
    })
    expect((await cluster.store.load(hashOfId(visitor.cookie!)))!.fields.get('.secret')).toEqual(
      stored.fields.get('.secret'),
    )
  })
})
