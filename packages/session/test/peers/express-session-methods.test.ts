import { afterEach, describe, expect, it } from 'vitest'
import { idIn, type PeerSession } from './express-session-module.ts'
import { count, start, stopApps } from './express-session-on-our-store.ts'
import { visitor } from './visitor.ts'

// What express-session's own tests expect of its session's methods and cookie, with our store behind it.

afterEach(stopApps)

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
    expect(Math.abs(Number(second.body) - Number(first.body))).toBeLessThan(5)
    expect(third.body).toBe(second.body)
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
    const { key } = (await inner.list({})).entries[0]!
    await inner.touch(key, 1_000_000)
    watched.disturb = (name) => (name === method ? Promise.reject(new Error(`no ${method}`)) : undefined)
    const answer = await client.get(path)
    expect([answer.setCookies, errors.map(String)]).toEqual([[], [`Error: no ${method}`]])
    // Whether the answer can still say so is up to express-session, which begins it before it saves.
    expect([status, 500]).toContain(answer.status)
  })
})
