import { afterEach, describe, expect, it } from 'vitest'
import { stampCookie } from '../src/cookie.ts'
import { hashOfId, newId } from '../src/id.ts'
import { makeReadiness } from '../src/readiness.ts'
import { type Cluster, startCluster, unavailable, withCode } from './protocol-client.ts'

let cluster: Cluster
afterEach(() => cluster?.close())

describe('a value that is good for once', () => {
  it('goes to exactly one of many that ask for it on all nodes', async () => {
    cluster = startCluster()
    const visitor = await begun({ token: 'secret', other: 1 })
    const got = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        cluster.visitor(visitor.cookie).request(i % 2, (session) => session.consume('token')),
      ),
    )
    expect(got.filter((value) => value !== undefined)).toEqual(['secret'])
    expect(await visitor.request(0, (session) => session.toJSON())).toEqual({ other: 1 })
  })

  it('asks the store nothing where there is none, and takes what the same request has assigned', async () => {
    cluster = startCluster()
    const visitor = await begun({ other: 1 })
    cluster.calls.length = 0
    expect(await visitor.request(0, (session) => session.consume('token'))).toBeUndefined()
    expect(cluster.calls).toEqual(['load'])
    const taken = await visitor.request(0, (session) => {
      session.token = 'new'
      return session.consume('token')
    })
    expect(taken).toBe('new')
    expect(await visitor.request(1, (session) => 'token' in session)).toBe(false)
  })

  it('that cannot be read here stays where it is', async () => {
    cluster = startCluster()
    const visitor = await begun({})
    const java = Buffer.from('JAbCdEf\xac\xed', 'latin1')
    const key = hashOfId(visitor.cookie!)
    await cluster.store.commit(key, { set: new Map([['.token', java]]), remove: [] }, 60_000)
    const asked = visitor.request(0, (session) => session.consume('token'))
    await expect(asked).rejects.toEqual(withCode('session-format'))
    expect((await cluster.store.load(key))!.fields.get('.token')).toEqual(java)
  })
})

describe('the lock', () => {
  it('lets one request at a time in, each of which sees what the one before has written', async () => {
    cluster = startCluster()
    const visitor = await begun({ n: 0 })
    let inside = 0
    let most = 0
    await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        cluster.visitor(visitor.cookie).request(i % 2, async (session) => {
          await session.lock({ waitMs: 10_000 })
          inside += 1
          most = Math.max(most, inside)
          const n = session.n as number
          await new Promise((resolve) => setTimeout(resolve, 2))
          session.n = n + 1
          await session.save()
          inside -= 1
        }),
      ),
    )
    expect([most, await visitor.request(0, (session) => session.n)]).toEqual([1, 8])
  })

  it('is never passed over: who waits for too long is answered 503, and changes nothing', async () => {
    cluster = startCluster()
    const visitor = await begun({ n: 0 })
    await visitor.request(0, async (session) => {
      await session.lock()
      const other = cluster.visitor(visitor.cookie).request(1, async (own) => {
        await own.lock({ waitMs: 30 })
        own.n = 1
      })
      await expect(other).rejects.toMatchObject({ code: 'session-locked', status: 503 })
    })
    expect(await visitor.request(0, (session) => session.n)).toBe(0)
  })

  it('fences: what is written after the lease has run out and another took over is refused', async () => {
    cluster = startCluster()
    const visitor = await begun({ n: 0 })
    const slow = visitor.request(0, async (session) => {
      await session.lock({ leaseMs: 20 })
      await cluster.visitor(visitor.cookie).request(1, async (own, opened) => {
        await own.lock({ waitMs: 5_000 })
        own.n = 'of the other'
        await opened.commit()
        // Still held when the slow one writes.
        session.n = 'late'
        await expect(session.save()).rejects.toEqual(withCode('session-conflict'))
      })
      delete session.n
      await session.reload()
    })
    await slow
    expect(await visitor.request(0, (session) => session.n)).toBe('of the other')
  })
})

describe('limits', () => {
  const limits = { attributeBytes: 200, sessionBytes: 500, attributes: 5 }

  it.each([
    ['an attribute', { big: 'x'.repeat(300) }, /attribute "big" takes 307 bytes, and 200 are allowed/],
    ['the session', { a: 'x'.repeat(180), b: 'x'.repeat(180), c: 'x'.repeat(180) }, /takes \d+ bytes, and 500 are/],
    ['their number', { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 }, /has 6 attributes, and 5 are allowed/],
  ])('of %s refuse the commit with both sizes, and nothing is stored', async (_, attributes, message) => {
    cluster = startCluster({ limits })
    const visitor = await begun({ small: 1 })
    cluster.calls.length = 0
    const answer = visitor.request(0, (session) => {
      delete session.small
      Object.assign(session, attributes)
    })
    await expect(answer).rejects.toMatchObject({ code: 'session-too-large', message: expect.stringMatching(message) })
    expect(cluster.calls).toEqual(['load'])
    expect(await visitor.request(0, (session) => session.toJSON())).toEqual({ small: 1 })
  })

  it('never refuse what makes a session smaller', async () => {
    cluster = startCluster({}, 1)
    const visitor = await begun({ a: 'x'.repeat(190), b: 'x'.repeat(300), c: 'x'.repeat(300) })
    const other = startCluster({ limits }, 1)
    const { fields } = (await cluster.store.load(hashOfId(visitor.cookie!)))!
    await other.store.create(hashOfId(visitor.cookie!), fields, 60_000)
    const same = other.visitor(visitor.cookie)
    await same.request(0, (session) => {
      session.a = 'short'
    })
    expect(await same.request(0, (session) => session.a)).toBe('short')
    await other.close()
  })

  it('hold for update and for the beginning of a session as well', async () => {
    cluster = startCluster({ limits })
    const visitor = await begun({ a: 1 })
    const updated = visitor.request(0, (session) => session.update('a', () => 'x'.repeat(300)))
    await expect(updated).rejects.toEqual(withCode('session-too-large'))
    await expect(begun({ a: 'x'.repeat(300) })).rejects.toEqual(withCode('session-too-large'))
  })
})

describe('what a session says of itself', () => {
  it('is new until the browser brings its id, and knows when it began', async () => {
    cluster = startCluster()
    const visitor = cluster.visitor()
    await visitor.request(0, async (session) => {
      expect([session.isNew, session.createdAt, session.available]).toEqual([true, undefined, true])
      session.a = 1
      await session.save()
      expect(session.isNew).toBe(true)
      expect(Date.now() - session.createdAt!.getTime()).toBeLessThan(5_000)
    })
    await visitor.request(1, (session) => {
      expect([session.isNew, session.createdAt instanceof Date]).toEqual([false, true])
    })
  })

  it('a new interval alone begins no session', async () => {
    cluster = startCluster()
    const visitor = cluster.visitor()
    await visitor.request(0, (session) => {
      session.maxInactiveInterval = 60
    })
    expect([visitor.cookie, cluster.calls]).toEqual([undefined, []])
  })
})

describe('with callbacks, as express-session has them', () => {
  it('save, reload, regenerate and destroy call back once, after they are done', async () => {
    cluster = startCluster()
    const visitor = await begun({ a: 1 })
    const before = visitor.cookie
    await visitor.request(0, async (session) => {
      session.a = 2
      expect(await calledBack((callback) => session.save(callback))).toEqual([])
      session.a = 3
      expect(await calledBack((callback) => session.reload(callback))).toEqual([])
      expect(session.a).toBe(2)
      expect(await calledBack((callback) => session.regenerate(callback))).toEqual([])
    })
    expect(visitor.cookie).not.toBe(before)
    await visitor.request(0, async (session) => {
      expect(await calledBack((callback) => session.destroy(callback))).toEqual([])
    })
    expect(visitor.cookie).toBeUndefined()
  })

  it('tell what went wrong', async () => {
    cluster = startCluster()
    const visitor = await begun({ a: 1 })
    await visitor.request(0, async (session) => {
      cluster.disturb = (method) => {
        if (method === 'commit') throw unavailable()
      }
      session.a = 2
      expect(await calledBack((callback) => session.save(callback))).toEqual([withCode('session-unavailable')])
      cluster.disturb = undefined
    })
  })

  it('regenerate leaves a session that has ended behind, so that a login over it works', async () => {
    cluster = startCluster()
    const visitor = await begun({ a: 1 })
    const dead = visitor.cookie
    await visitor.request(0, (session) => session.destroy())
    const stale = cluster.visitor(dead)
    await stale.request(0, async (session) => {
      expect(await calledBack((callback) => session.regenerate(callback))).toEqual([])
      session.passport = { user: 'ann' }
    })
    expect(stale.cookie).not.toBe(dead)
    expect(await stale.request(1, (session) => session.passport)).toEqual({ user: 'ann' })
  })
})

describe('routes', () => {
  it('an optional one works without the store: reads are empty, writes are refused, the cookie is left alone', async () => {
    cluster = startCluster()
    const visitor = await begun({ a: 1 })
    const before = visitor.cookie
    cluster.disturb = () => {
      throw unavailable()
    }
    await visitor.request(
      0,
      async (session) => {
        expect([session.available, session.a, session.principal, Object.keys(session)]).toEqual([
          false,
          undefined,
          undefined,
          [],
        ])
        expect(() => {
          session.a = 2
        }).toThrow(withCode('session-unavailable') as Error)
        for (const write of [
          () => session.login('ann'),
          () => session.update('a', () => 2),
          () => session.consume('a'),
          () => session.lock(),
          () => session.destroy(),
          () => session.regenerate(),
        ]) {
          await expect(write()).rejects.toEqual(withCode('session-unavailable'))
        }
      },
      { mode: 'optional' },
    )
    expect([visitor.lines, visitor.cookie]).toEqual([[], before])
    await expect(visitor.request(0, () => 1)).rejects.toEqual(withCode('session-unavailable'))
    cluster.disturb = undefined
    expect(await visitor.request(0, (session) => session.a, { mode: 'optional' })).toBe(1)
  })

  it('many requests at once touch a session once', async () => {
    cluster = startCluster({ maxInactiveInterval: '30m' }, 1)
    const visitor = await begun({ a: 1 })
    await cluster.store.touch(hashOfId(visitor.cookie!), 60_000)
    cluster.calls.length = 0
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    cluster.disturb = (method) => (method === 'touch' ? held : undefined)
    await Promise.all(Array.from({ length: 10 }, () => cluster.visitor(visitor.cookie).request(0, () => {})))
    release()
    expect(cluster.calls.filter((method) => method === 'touch')).toHaveLength(1)
  })
})

describe('for operators', () => {
  it('sessions are counted and listed, without anything to take one over with', async () => {
    cluster = startCluster()
    const ann = await begun({ a: 1 })
    await ann.request(0, (session) => session.login('ann'))
    await begun({ b: 1 })
    const [sessions] = cluster.nodes
    expect(await sessions!.count()).toBe(2)
    const all = await everyOne(sessions!.list())
    expect(all.map(({ user }) => user).sort()).toEqual(['ann', undefined])
    const [one, ...more] = await everyOne(sessions!.list({ user: 'ann' }))
    expect(more).toEqual([])
    expect(one).toEqual({
      key: hashOfId(ann.cookie!).slice(0, 8),
      user: 'ann',
      createdAt: expect.any(Date),
      expiresAt: expect.any(Date),
      bytes: expect.any(Number),
    })
    expect(JSON.stringify(all)).not.toContain(ann.cookie)
  })

  it('a process stays ready through an outage, and one that starts in an outage is ready after the grace', async () => {
    let state: 'up' | 'down' = 'down'
    const health = () => ({ state, sinceMs: 0 })
    const patient = makeReadiness(health, 60_000)
    expect(patient().ready).toBe(false)
    state = 'up'
    expect(patient().ready).toBe(true)
    state = 'down'
    expect(patient()).toEqual({ ready: true, store: { state: 'down', sinceMs: 0 } })
    expect(makeReadiness(health, 0)().ready).toBe(true)
  })
})

describe('cookies', () => {
  it('the id is found among others, whatever they are called', async () => {
    cluster = startCluster()
    const visitor = await begun({ a: 1 })
    const [sessions] = cluster.nodes
    for (const [header, found] of [
      [`JSESSIONID=${visitor.cookie}`, true],
      [`a=b;JSESSIONID=${visitor.cookie};c=d`, true],
      [`XJSESSIONID=${newId()}; JSESSIONID = ${visitor.cookie}`, true],
      [`JSESSIONIDX=${newId()}; a=JSESSIONID; JSESSIONID=${visitor.cookie}.node-1`, true],
      [`XJSESSIONID=${visitor.cookie}`, false],
      [`a="JSESSIONID=${visitor.cookie}"`, false],
      ['JSESSIONID', false],
      ['JSESSIONID=', false],
    ] as const) {
      const { session } = await sessions!.open({ headers: { cookie: header } })
      expect([header, session.a === 1]).toEqual([header, found])
    }
  })

  it('stamps take turns, so that the largest is right whichever answer comes last', () => {
    const stamp = stampCookie({ name: 'SID' }, 10_000)
    const lines = [7, 8, 9].map((version) => stamp.set(version, { secure: false }))
    expect(lines[0]).toBe('SID_v3=7; Max-Age=10; Path=/; HttpOnly; SameSite=Lax')
    const header = [2, 0, 1].map((i) => lines[i]!.split(';')[0]).join('; ')
    expect(stamp.read(header)).toBe(9)
    expect(stamp.read('SID=x; SID_v0=nonsense; SID_v1=-4')).toBeUndefined()
    expect(stamp.read(undefined)).toBeUndefined()
  })
})

async function begun(attributes: Record<string, unknown>) {
  const visitor = cluster.visitor()
  await visitor.request(0, async (session) => {
    Object.assign(session, attributes)
    if (Object.keys(attributes).length === 0) session.begun = true
  })
  return visitor
}

async function everyOne<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** With what it was called: [] for nothing. */
function calledBack(start: (callback: (error?: unknown) => void) => void): Promise<unknown[]> {
  return new Promise((resolve) => start((...args) => resolve(args)))
}
