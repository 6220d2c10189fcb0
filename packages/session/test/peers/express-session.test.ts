import { afterEach, describe, expect, it } from 'vitest'
import { describeOurAdapter } from './describe-our-adapter.ts'
import type { PeerHandler } from './express-session-app.ts'
import { idIn, type PeerSession, sign } from './express-session-module.ts'
import { count, start, stopApps } from './express-session-on-our-store.ts'
import { visitor } from './visitor.ts'

// What express-session's own tests expect of it, with our store behind it; and by our adapter for Express.

afterEach(stopApps)

describeOurAdapter('express')

describe('express-session on our store, for a browser', () => {
  it('begins a session, finds it again, and gives each browser its own', async () => {
    const { origin } = await start({}, count)
    const [one, other] = [visitor(origin), visitor(origin)]
    expect((await one.get('/')).body).toBe('1')
    expect((await one.get('/')).body).toBe('2')
    expect((await other.get('/')).body).toBe('1')
    expect(one.jar.get('connect.sid')).not.toBe(other.jar.get('connect.sid'))
  })

  it('gives a new id where the store does not know the one that it got', async () => {
    const { origin, calls } = await start({ saveUninitialized: true }, (req, res) => res.end(req.session.id))
    const unknown = `s:${sign('was-never-there', 'keyboard cat')}`
    const answer = await visitor(origin, [['connect.sid', encodeURIComponent(unknown)]]).get('/')
    expect(answer.body).not.toBe('was-never-there')
    expect(calls).toEqual(['load', 'create'])
  })

  it('asks the store nothing about an id with a wrong signature, or none', async () => {
    const { origin, calls } = await start({}, (_req, res) => res.end())
    await visitor(origin, [['connect.sid', encodeURIComponent(`s:${sign('id', 'other')}`)]]).get('/')
    await visitor(origin, [['connect.sid', 'id']]).get('/')
    expect(calls).toEqual([])
  })

  it('begins anew where the session has expired', async () => {
    const { origin, store } = await start({ cookie: { maxAge: 60 } }, count)
    const client = visitor(origin)
    const [first] = [(await client.get('/')).cookie('connect.sid')?.value]
    await expect.poll(() => store.length()).toBe(0)
    const again = await client.get('/')
    expect([again.body, again.cookie('connect.sid')?.value === first]).toEqual(['1', false])
  })

  it('hides an attribute named like a method, and keeps it', async () => {
    const { origin, store } = await start({}, count)
    const client = visitor(origin)
    await client.get('/')
    const sid = idIn(client.jar)
    const loaded = (await store.get(sid))!
    loaded.save = 'nope'
    await store.set(sid, loaded)
    expect((await client.get('/')).body).toBe('2')
    expect(await store.get(sid)).toMatchObject({ save: 'nope', count: 2 })
  })

  it('has the attributes and the cookie to enumerate, and nothing else', async () => {
    const { origin } = await start({}, (req, res) => {
      req.session.a ??= 1
      res.end(Object.keys(req.session).join())
    })
    const client = visitor(origin)
    expect((await client.get('/')).body).toBe('cookie,a')
    expect((await client.get('/')).body.split(',').sort().join()).toBe('a,cookie')
  })

  it('saves nothing under an id that is none', async () => {
    const { origin, store } = await start({}, (req, res) => {
      req.sessionID = (() => {}) as unknown as string
      req.session.a = 1
      res.end()
    })
    const answer = await visitor(origin).get('/')
    expect([answer.status, answer.setCookies, await store.length()]).toEqual([200, [], 0])
  })

  it.each<[string, PeerHandler]>([
    ['a body', (_req, res) => res.end('body')],
    ['none', (_req, res) => res.end()],
    ['null', (_req, res) => res.end(null)],
    [
      'several writes',
      (_req, res) => {
        res.write('one, ')
        res.end('two')
      },
    ],
    [
      'a length',
      (_req, res) => {
        res.setHeader('Content-Length', '4')
        res.end('body')
      },
    ],
    [
      'two ends',
      (_req, res) => {
        res.end('one')
        res.end('two')
      },
    ],
  ])('has saved the session when an answer with %s has ended', async (_what, end) => {
    const { origin, store } = await start({}, (req, res) => {
      req.session.a = 1
      return end(req, res)
    })
    const client = visitor(origin)
    await client.get('/')
    expect(await store.get(idIn(client.jar))).toMatchObject({ a: 1 })
  })

  it('has no session while the app says that the store is disconnected, and has it again', async () => {
    const { origin, store } = await start({}, (req, res) => res.end(typeof req.session))
    const client = visitor(origin)
    store.emit('disconnect')
    expect((await client.get('/')).body).toBe('undefined')
    store.emit('connect')
    expect((await client.get('/')).body).toBe('object')
  })
})

describe('express-session on our store, with its options', () => {
  it('genid: names the session', async () => {
    const genid = () => 'an id: ü.%;'
    const { origin, store } = await start({ genid }, count)
    const client = visitor(origin)
    await client.get('/')
    expect((await client.get('/')).body).toBe('2')
    expect(await store.get('an id: ü.%;')).toMatchObject({ count: 2 })
  })

  it('name and secret: sign the cookie with the first, read it with all', async () => {
    const { origin } = await start({ name: 'sid', secret: ['new', 'old'] }, count)
    const client = visitor(origin)
    await client.get('/')
    const id = idIn(client.jar, 'sid')
    expect(decodeURIComponent(client.jar.get('sid')!)).toBe(`s:${sign(id, 'new')}`)
    client.jar.set('sid', encodeURIComponent(`s:${sign(id, 'old')}`))
    expect((await client.get('/')).body).toBe('2')
  })

  it('rolling: sets the cookie at each answer, and not by default', async () => {
    for (const rolling of [false, true]) {
      const { origin } = await start({ rolling }, (req, res) => {
        req.session.a ??= 1
        res.end()
      })
      const client = visitor(origin)
      await client.get('/')
      expect((await client.get('/')).setCookies).toHaveLength(rolling ? 1 : 0)
    }
  })

  it('rolling: a cookie with a maxAge lives on, and the session with it', async () => {
    const { origin, store, inner } = await start({ rolling: true, cookie: { maxAge: 2_000 } }, count)
    const client = visitor(origin)
    await client.get('/')
    const { key } = (await inner.list({})).entries[0]!
    await inner.touch(key, 1_000)
    const before = (await store.get(idIn(client.jar)))!.cookie as { expires: Date }
    expect((await client.get('/')).cookie('connect.sid')?.expires).toBeDefined()
    const after = (await store.get(idIn(client.jar)))!.cookie as { expires: Date }
    expect(after.expires.getTime()).toBeGreaterThan(before.expires.getTime() + 500)
  })

  it('resave: an unmodified session is not written, whatever it says; only its life is extended', async () => {
    for (const resave of [false, true]) {
      const { origin, calls, inner } = await start({ resave }, (req, res) => {
        req.session.a ??= 1
        res.end()
      })
      const client = visitor(origin)
      await client.get('/')
      calls.length = 0
      await client.get('/')
      expect(calls).toEqual(['load'])
      const { key } = (await inner.list({})).entries[0]!
      await inner.touch(key, 1_000_000)
      await client.get('/')
      expect(calls).toEqual(['load', 'load', 'touch'])
    }
  })

  it('resave false: still saves what was modified, in depth, and under the name cookie', async () => {
    const { origin, store } = await start({}, (req, res) => {
      req.session.user ??= { cookie: 'none' }
      if (req.query.cookie !== undefined) (req.session.user as { cookie: string }).cookie = req.query.cookie
      res.end()
    })
    const client = visitor(origin)
    await client.get('/')
    await client.get('/?cookie=oats')
    expect(await store.get(idIn(client.jar))).toMatchObject({ user: { cookie: 'oats' } })
  })

  it('saveUninitialized: begins a session for everybody, or only for who holds something', async () => {
    for (const saveUninitialized of [false, true]) {
      const { origin, store, calls } = await start({ saveUninitialized }, (_req, res) => res.end())
      const answer = await visitor(origin).get('/')
      expect([answer.setCookies.length, await store.length()]).toEqual(saveUninitialized ? [1, 1] : [0, 0])
      expect(calls).not.toContain('touch')
    }
  })

  it('unset: null keeps the session by default, and destroys it when that is asked for', async () => {
    for (const unset of ['keep', 'destroy']) {
      const { origin, store } = await start({ unset }, (req, res) => {
        if (req.query.out === undefined) req.session.a = 1
        else req.session = null as unknown as PeerSession
        res.end()
      })
      const client = visitor(origin)
      await client.get('/')
      expect((await client.get('/?out')).setCookies).toEqual([])
      expect(await store.length()).toBe(unset === 'keep' ? 1 : 0)
    }
  })

  it('secure: sets no cookie on plain HTTP, and believes the proxy only when it is told to', async () => {
    const https = { 'X-Forwarded-Proto': 'https, http' }
    for (const [proxy, expected] of [
      [true, 1],
      [false, 0],
      [undefined, 0],
    ] as const) {
      const { origin } = await start({ proxy, cookie: { secure: true } }, count)
      expect((await visitor(origin).get('/', https)).setCookies).toHaveLength(expected)
      expect((await visitor(origin).get('/')).setCookies).toHaveLength(0)
    }
  })

  it('secure and sameSite auto: follow the connection, and stay with the session', async () => {
    const { origin, store } = await start({ proxy: true, cookie: { secure: 'auto', sameSite: 'auto' } }, count)
    const [plain, tls] = [visitor(origin), visitor(origin)]
    expect((await plain.get('/')).setCookies[0]).toMatch(/HttpOnly; SameSite=Lax$/)
    expect((await tls.get('/', { 'X-Forwarded-Proto': 'https' })).setCookies[0]).toMatch(/; Secure; SameSite=None$/)
    expect((await store.get(idIn(tls.jar)))!.cookie).toMatchObject({ secure: true, sameSite: 'none' })
  })

  it('path: has no session outside of it', async () => {
    const { origin, calls } = await start({ cookie: { path: '/shop' } }, (req, res) => res.end(typeof req.session))
    expect((await visitor(origin).get('/')).body).toBe('undefined')
    expect((await visitor(origin).get('/shop/cart')).body).toBe('object')
    expect(calls).toEqual([])
  })

  it('cookie as a function: asks it for each new session', async () => {
    const { origin } = await start(
      { cookie: (req: { url: string }) => ({ path: '/', maxAge: req.url === '/long' ? 60_000 : 2_000 }) },
      (req, res) => {
        req.session.a ??= 1
        res.end(String(req.session.cookie.originalMaxAge))
      },
    )
    const client = visitor(origin)
    expect(Number((await client.get('/long')).body)).toBeGreaterThan(50_000)
    expect(Number((await client.get('/')).body)).toBeGreaterThan(50_000)
    expect(Number((await visitor(origin).get('/')).body)).toBeLessThanOrEqual(2_000)
  })
})
