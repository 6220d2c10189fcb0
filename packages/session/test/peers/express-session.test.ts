import { afterEach, describe, expect, it } from 'vitest'
import { expressSessionStore } from '../../src/express-session-store.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { TestApp } from '../app.ts'
import { type PeerHandler, startExpressSession } from './express-session-app.ts'
import { type ExpressSessionOptions, type PeerSession, session, sign } from './express-session-module.ts'
import { visitor } from './visitor.ts'
import { watchedStore } from './watched-store.ts'

// What express-session's own tests expect of it, with our store behind it.

const apps: TestApp[] = []
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

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
    const [{ key }] = (await inner.list({})).entries as [{ key: string }]
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
      const [{ key }] = (await inner.list({})).entries as [{ key: string }]
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

describe('express-session on our store, with its methods', () => {
  it('destroy: ends the session', async () => {
    const { origin, store } = await start({}, (req, res) => {
      req.session.a = 1
      if (req.query.out === undefined) res.end()
      else req.session.destroy((error) => res.end(String([error, req.session])))
    })
    const client = visitor(origin)
    await client.get('/')
    expect((await client.get('/?out')).body).toBe(',')
    expect(await store.get(idIn(client.jar))).toBeNull()
  })

  it('regenerate: ends the session, and begins an empty one', async () => {
    const { origin, store } = await start({}, (req, res) => {
      if (req.query.anew === undefined) {
        req.session.a = 1
        return res.end()
      }
      const { id } = req.session
      return req.session.regenerate(() => {
        req.session.b = 2
        res.end(String(req.session.id === id))
      })
    })
    const client = visitor(origin)
    await client.get('/')
    const old = idIn(client.jar)
    expect((await client.get('/?anew')).body).toBe('false')
    expect(await store.get(old)).toBeNull()
    expect(Object.keys((await store.get(idIn(client.jar)))!)).toEqual(['b', 'cookie'])
  })

  it('reload: takes what the store has, and what it had in memory is gone', async () => {
    const { origin, store } = await start({}, async (req, res) => {
      if (req.query.by === undefined) {
        req.session.url = 'first'
        return res.end()
      }
      const loaded = (await store.get(req.session.id))!
      loaded.url = 'by another'
      await store.set(req.session.id, loaded)
      req.session.mine = 1
      return req.session.reload((error) => res.end(String([error, req.session.url, req.session.mine])))
    })
    const client = visitor(origin)
    await client.get('/')
    expect((await client.get('/?by')).body).toBe(',by another,')
    expect(await store.get(idIn(client.jar))).toMatchObject({ url: 'by another' })
  })

  it('reload: fails where the session has ended meanwhile', async () => {
    const { origin, store } = await start({}, async (req, res) => {
      req.session.a = 1
      if (req.query.end === undefined) return res.end()
      await store.destroy(req.session.id)
      return req.session.reload((error) => res.end(String(error)))
    })
    const client = visitor(origin)
    await client.get('/')
    expect((await client.get('/?end')).body).toBe('Error: failed to load session')
  })

  it('save: has saved when it calls back, and leaves nothing to save at the end', async () => {
    for (const saveUninitialized of [false, true]) {
      const { origin, store, calls } = await start({ saveUninitialized }, (req, res) => {
        req.session.hit = req.query.n ?? true
        req.session.save(async (error) => {
          res.end(JSON.stringify([error ?? null, (await store.get(req.session.id))?.hit]))
        })
      })
      const client = visitor(origin)
      expect((await client.get('/')).body).toBe('[null,true]')
      expect(calls).toEqual(['create', 'load'])
      calls.length = 0
      expect((await client.get('/?n=2')).body).toBe('[null,"2"]')
      expect(calls).toEqual(['load', 'commit', 'load'])
    }
  })

  it('save, twice and more: each writes what came since', async () => {
    const { origin, store } = await start({}, (req, res) => {
      req.session.a = 1
      req.session.save(() => {
        req.session.b = 2
        req.session.save(() => {
          delete req.session.a
          res.end()
        })
      })
    })
    const client = visitor(origin)
    await client.get('/')
    expect(Object.keys((await store.get(idIn(client.jar)))!)).toEqual(['b', 'cookie'])
  })

  it('touch: begins the maxAge of the cookie anew', async () => {
    const { origin } = await start({ cookie: { maxAge: 2_000 } }, (req, res) => {
      req.session.a ??= 1
      const before = req.session.cookie.expires as Date
      req.session.touch()
      res.end(String((req.session.cookie.expires as Date).getTime() >= before.getTime()))
    })
    expect((await visitor(origin).get('/')).body).toBe('true')
  })
})

describe('express-session on our store, with its cookie', () => {
  it('lives as long as the browser by default, and is set once', async () => {
    const { origin } = await start({}, count)
    const client = visitor(origin)
    const answer = await client.get('/')
    expect(answer.cookie('connect.sid')).toEqual({ value: expect.any(String), path: '/', httponly: '' })
    expect((await client.get('/')).setCookies).toEqual([])
  })

  it('has the attributes that were asked for, in later requests as well', async () => {
    const cookie = { httpOnly: false, domain: 'example.org', sameSite: 'strict', priority: 'high', partitioned: true }
    const { origin } = await start({ cookie, rolling: true }, count)
    const client = visitor(origin)
    const first = (await client.get('/')).setCookies[0]
    expect(first).toMatch(/; Domain=example.org; Path=\/; Priority=High; Partitioned; SameSite=Strict$|SameSite=Strict/)
    expect((await client.get('/')).setCookies[0]?.replace(/^[^;]*/, '')).toBe(first?.replace(/^[^;]*/, ''))
  })

  it('keeps its originalMaxAge through all requests', async () => {
    const { origin } = await start({ cookie: { maxAge: 2_000 } }, (req, res) => {
      req.session.a ??= 1
      res.end(String(req.session.cookie.originalMaxAge))
    })
    const client = visitor(origin)
    const [first, second, third] = [await client.get('/'), await client.get('/'), await client.get('/')]
    expect(Math.abs(Number(first.body) - 2_000)).toBeLessThan(5)
    expect([second.body, third.body]).toEqual([first.body, first.body])
  })

  it('takes a maxAge that the app changes, for good, and so does the session', async () => {
    const { origin, inner } = await start({ cookie: { maxAge: 2_000 } }, (req, res) => {
      req.session.a ??= 1
      if (req.query.age !== undefined) req.session.cookie.maxAge = Number(req.query.age)
      res.end(String(req.session.cookie.originalMaxAge))
    })
    const client = visitor(origin)
    await client.get('/')
    await client.get('/?age=5000000')
    expect(Number((await client.get('/')).body)).toBeGreaterThan(4_999_000)
    const [entry] = (await inner.list({})).entries
    expect(entry?.ttlMs).toBeGreaterThan(4_900_000)
    expect(entry?.meta.get('@m')?.toString()).toBe('5000')
  })

  it('takes a date, or none', async () => {
    const { origin } = await start({ cookie: { maxAge: 2_000 } }, (req, res) => {
      req.session.a ??= 1
      if (req.query.date === 'none') req.session.cookie.expires = null
      if (req.query.date === 'far') req.session.cookie.expires = new Date(Date.now() + 600_000)
      res.end()
    })
    expect((await visitor(origin).get('/?date=none')).cookie('connect.sid')?.expires).toBeUndefined()
    const far = (await visitor(origin).get('/?date=far')).cookie('connect.sid')?.expires ?? ''
    expect(new Date(far).getTime() - Date.now()).toBeGreaterThan(590_000)
  })

  it('stands beside the cookies of the app', async () => {
    const { origin } = await start({}, (req, res) => {
      req.session.a = 1
      res.setHeader('Set-Cookie', 'one=1')
      res.writeHead(200, { 'X-Other': 'x' })
      res.end()
    })
    const answer = await visitor(origin).get('/')
    expect([answer.cookie('one')?.value, answer.cookie('connect.sid')?.value]).toEqual(['1', expect.any(String)])
  })
})

describe('express-session on our store, when the store fails', () => {
  it.each([
    ['load', '/', 503],
    ['commit', '/?n=2', 200],
    ['touch', '/', 200],
    ['destroy', '/?out', 200],
  ])('hands the error of a %s to the app', async (method, path, status) => {
    const { origin, watched, inner, errors } = await start({ unset: 'destroy' }, (req, res) => {
      req.session.n ??= 1
      if (req.query.n !== undefined) req.session.n = req.query.n
      if (req.query.out !== undefined) req.session = null as unknown as PeerSession
      res.end()
    })
    const client = visitor(origin)
    await client.get('/')
    const [{ key }] = (await inner.list({})).entries as [{ key: string }]
    await inner.touch(key, 1_000_000)
    watched.disturb = (name) => (name === method ? Promise.reject(new Error(`no ${method}`)) : undefined)
    const answer = await client.get(path)
    expect([answer.setCookies, errors.map(String)]).toEqual([[], [`Error: no ${method}`]])
    // Whether the answer can still say so is up to express-session, which begins it before it saves.
    expect([status, 500]).toContain(answer.status)
  })
})

const count: PeerHandler = (req, res) => {
  req.session.count = Number(req.session.count ?? 0) + 1
  res.end(String(req.session.count))
}

async function start(options: ExpressSessionOptions, handler: PeerHandler) {
  const inner = memoryStore()
  const watched = watchedStore(inner)
  const store = expressSessionStore(session, { store: watched.store })
  const app = await startExpressSession({ store, ...options }, handler)
  apps.push(app)
  const { calls } = watched
  return { origin: app.origin, errors: app.errors, store, inner, watched, calls }
}

function idIn(jar: Map<string, string>, name = 'connect.sid'): string {
  return decodeURIComponent(jar.get(name) ?? '').replace(/^s:(.*)\.[^.]*$/, '$1')
}
