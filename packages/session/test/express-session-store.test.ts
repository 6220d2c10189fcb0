import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'cookie'
import express from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { expressSession } from '../src/express.ts'
import { expressSessionStore } from '../src/express-session-store.ts'
import { encodeValue, seal } from '../src/format/value.ts'
import { hashOfId, newId } from '../src/id.ts'
import { createSessions } from '../src/sessions.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { serve, type TestApp } from './app.ts'
import { record } from './describe-session-store.ts'
import { type PeerApp, type PeerHandler, startExpressSession } from './peers/express-session-app.ts'
import { idIn, session, unsign } from './peers/express-session-module.ts'
import { meeting } from './peers/meeting.ts'
import { visitor } from './peers/visitor.ts'
import { watchedStore } from './peers/watched-store.ts'

const apps: TestApp[] = []
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

describe('a request on express-session', () => {
  it('writes only the attributes that it changed', async () => {
    const { app, written, origin } = await shop()
    const client = visitor(origin)
    await client.get('/set?name=a&value=1')
    await client.get('/set?name=b&value=2')
    expect(written.at(-1)).toEqual(['.b'])
    await client.get('/push?value=x')
    await client.get('/push?value=y')
    expect(written.at(-1)).toEqual(['.list'])
    await client.get('/delete?name=a')
    expect(written.at(-1)).toEqual(['-.a'])
    expect((await client.get('/read')).body).toBe('{"b":"2","list":["x","y"]}')
    expect(app.errors).toEqual([])
  })

  it('that changes nothing writes nothing, with resave as well', async () => {
    const { watched, origin } = await shop({ resave: true })
    const client = visitor(origin)
    await client.get('/set?name=a&value=1')
    watched.calls.length = 0
    await client.get('/read')
    expect(watched.calls).toEqual(['load'])
  })

  it('loses nothing of what parallel requests assign to other attributes', async () => {
    const { origin } = await shop()
    const client = visitor(origin)
    await client.get('/set?name=start&value=1')
    const names = Array.from({ length: 50 }, (_, i) => `n${i}`)
    // All of them have loaded before the first one saves.
    await Promise.all(names.map((name) => client.get(`/slow-set?name=${name}&value=1&all=50`)))
    const read = JSON.parse((await client.get('/read')).body) as object
    expect(Object.keys(read).sort()).toEqual(['start', ...names].sort())
  })

  it('that saves after a logout revives nothing', async () => {
    const { store, reported, origin } = await shop()
    const client = visitor(origin)
    await client.get('/set?name=user&value=ann')
    const sid = idIn(client.jar)
    const slow = client.get('/slow-set?name=late&value=1&all=2')
    await visitor(origin, client.jar).get('/slow-destroy?all=2')
    expect((await slow).status).toBe(200)
    expect(await store.get(sid)).toBeNull()
    expect(reported.map(String).join()).toMatch(/dropped what was assigned to "late"/)
    expect((await visitor(origin, client.jar).get('/read')).body).toBe('{}')
  })

  it('that has a session in memory since before a logout revives nothing, however often it saves', async () => {
    const { store } = await shop()
    await store.set('some sid', { cookie: {}, user: 'ann' })
    const early = (await store.get('some sid'))!
    const late = (await store.get('some sid'))!
    await store.destroy('some sid')
    early.user = 'bob'
    await store.set('some sid', early)
    await store.touch('some sid', late)
    expect(await store.get('some sid')).toBeNull()
  })

  it('takes an error of the store for an error: 503, no cookie, and the session is there when it is back', async () => {
    const { app, watched, origin } = await shop()
    const client = visitor(origin)
    await client.get('/set?name=a&value=1')
    watched.disturb = () => Promise.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' }))
    const answer = await client.get('/read')
    expect([answer.status, answer.setCookies]).toEqual([503, []])
    expect(app.errors).toMatchObject([{ code: 'session-unavailable' }])
    watched.disturb = () => undefined
    expect((await client.get('/read')).body).toBe('{"a":"1"}')
  })

  it('begins its answer before it has saved, as with any store, unless the app waits for save', async () => {
    const { watched, origin } = await shop()
    const client = visitor(origin)
    await client.get('/set?name=a&value=1')
    let release = () => {}
    watched.disturb = (method) => {
      if (method !== 'commit') return undefined
      return new Promise((resolve) => {
        release = resolve
      })
    }
    const headers = { cookie: `connect.sid=${client.jar.get('connect.sid')}` }
    const early = await fetch(`${origin}/redirect?n=1`, { headers, redirect: 'manual' })
    expect([early.status, watched.calls.at(-1)]).toEqual([303, 'commit'])
    release()
    await early.text()
    const commits = watched.calls.filter((call) => call === 'commit').length
    let hasAnswered = false
    const late = fetch(`${origin}/redirect?n=2&save`, { headers, redirect: 'manual' }).then((response) => {
      hasAnswered = true
      return response
    })
    await expect.poll(() => watched.calls.filter((call) => call === 'commit').length).toBe(commits + 1)
    expect(hasAnswered).toBe(false)
    release()
    expect((await late).status).toBe(303)
  })

  it('regenerates: the old id is dead for good, the new one is new', async () => {
    const { store, origin } = await shop()
    const client = visitor(origin)
    await client.get('/set?name=a&value=1')
    const old = idIn(client.jar)
    await client.get('/regenerate')
    expect(idIn(client.jar)).not.toBe(old)
    await expect(store.set(old, { cookie: {}, a: 2 })).rejects.toMatchObject({ code: 'session-gone' })
    expect(await store.get(old)).toBeNull()
    expect((await client.get('/read')).body).toBe('{"fresh":true}')
  })
})

describe('a session in the store', () => {
  it('can be read and changed by our own adapters, and theirs by express-session', async () => {
    const inner = memoryStore()
    const { origin } = await shop({}, inner)
    const client = visitor(origin)
    await client.get('/set?name=user&value=ann')
    const sessions = createSessions({ store: inner, onError: () => {} })
    const ours = express().use(expressSession(sessions))
    ours.get('/', (req, res) => {
      const before = JSON.stringify(req.session)
      req.session.byOurs = [1]
      res.end(before)
    })
    const oursApp = await started(serve(ours))
    const answer = await visitor(oursApp.origin, [['JSESSIONID', idIn(client.jar)]]).get('/')
    expect([answer.body, answer.setCookies]).toEqual(['{"user":"ann"}', []])
    expect((await client.get('/read')).body).toBe('{"user":"ann","byOurs":[1]}')
    await client.get('/destroy')
    expect((await visitor(oursApp.origin, [['JSESSIONID', idIn(client.jar)]]).get('/')).body).toBe('{}')
    await sessions.close()
  })

  it('that our own adapters began has a cookie for express-session', async () => {
    const { inner, store } = await shop()
    const id = newId()
    await inner.create(hashOfId(id), record({ a: seal(encodeValue('x')) }), 60_000)
    expect(await store.get(id)).toEqual({ a: 'x', cookie: { originalMaxAge: null, expires: null } })
  })

  it('keeps what express-session cannot hold: values of other tags, large integers, an attribute named cookie', async () => {
    const { inner, store } = await shop()
    const java = Buffer.from('JAbCdEf\xac\xed\x00\x05', 'latin1')
    const kept = { profile: java, big: seal(encodeValue(2n ** 60n)), cookie: seal(encodeValue('biscuit')) }
    const id = newId()
    await inner.create(hashOfId(id), record({ ...kept, a: seal(encodeValue(1)) }), 60_000)
    const loaded = (await store.get(id))!
    expect(Object.keys(loaded)).toEqual(['a', 'cookie'])
    loaded.a = 2
    await store.set(id, loaded)
    const { fields } = (await inner.load(hashOfId(id)))!
    expect(Object.entries(kept).map(([name, bytes]) => fields.get(`.${name}`)?.equals(bytes))).toEqual([
      true,
      true,
      true,
    ])
    expect(await store.get(id)).toMatchObject({ a: 2 })
  })

  it('keeps dates and bytes what they are, and leaves out what JSON would', async () => {
    const { store } = await shop()
    const at = new Date()
    await store.set('sid', { cookie: {}, at, bytes: Buffer.from([1, 0]), run() {}, nothing: undefined })
    const loaded = (await store.get('sid'))!
    expect(loaded).toEqual({ cookie: {}, at, bytes: Buffer.from([1, 0]) })
    loaded.at = undefined
    await store.set('sid', loaded)
    expect(Object.keys((await store.get('sid'))!)).toEqual(['bytes', 'cookie'])
  })

  it('is encrypted, limited and ended as the options say, as everywhere', async () => {
    const inner = memoryStore()
    const options = { store: inner, encryption: { keys: [{ id: 'k1', key: randomBytes(32) }] }, absoluteTimeout: '1m' }
    const store = expressSessionStore(session, { ...options, limits: { attributeBytes: 1000 } })
    await store.set('sid', { cookie: {}, secret: 'tea' })
    const { fields, ttlMs } = (await inner.load(hashOfId('sid')))!
    expect([fields.get('.secret')?.toString('latin1', 0, 1), fields.has('@A')]).toEqual(['E', true])
    expect(ttlMs).toBeLessThanOrEqual(60_000)
    const loaded = (await store.get('sid'))!
    expect(loaded.secret).toBe('tea')
    loaded.secret = 'x'.repeat(2_000)
    await expect(store.set('sid', loaded)).rejects.toMatchObject({ code: 'session-too-large' })
    expect(await store.get('sid')).toMatchObject({ secret: 'tea' })
    await store.touch('sid', loaded)
    expect((await inner.load(hashOfId('sid')))!.ttlMs).toBeLessThanOrEqual(60_000)
  })

  it('has one of any id, and shows none', async () => {
    const { inner, store } = await shop()
    const sids = ['1', 'sess:ann@example.org', 'ü/\n"; %', 'x'.repeat(500), '__proto__']
    for (const sid of sids) await store.set(sid, { cookie: {}, sid })
    for (const sid of sids) expect(await store.get(sid)).toMatchObject({ sid })
    const ids = await store.ids()
    expect(new Set(ids)).toEqual(new Set(sids.map((sid) => `#${hashOfId(sid)}`)))
    expect(await store.get(ids[0]!)).toBeNull()
    await store.destroy(ids[0]!)
    expect([await store.length(), await inner.count()]).toEqual([4, 4])
  })

  it('lives as long as its cookie says, and everybody knows', async () => {
    const { inner, store, watched } = await shop()
    const cookie = { originalMaxAge: 7_200_000, expires: new Date(Date.now() + 7_200_000), path: '/' }
    await store.set('sid', { cookie, a: 1 })
    const { fields, ttlMs } = (await inner.load(hashOfId('sid')))!
    expect(fields.get('@m')?.toString()).toBe('7200')
    expect(Math.round(ttlMs / 1000)).toBe(7200)
    expect(fields.get('@j.cookie')?.toString()).toBe('{"originalMaxAge":7200000,"path":"/"}')
    const loaded = (await store.get('sid'))!
    expect(loaded.cookie).toMatchObject({ originalMaxAge: 7_200_000, expires: expect.any(Date) })
    // As express-session counts it back from the date.
    watched.calls.length = 0
    await store.set('sid', Object.assign(loaded, { cookie: { ...cookie, originalMaxAge: 7_199_999 } }))
    expect(watched.calls).toEqual([])
  })

  it('whose user another adapter logged in is found by log-out-everywhere, however often it is written', async () => {
    const inner = memoryStore({ sweepIntervalMs: 10 })
    const { store } = await shop({}, inner)
    const sessions = createSessions({ store: inner, maxInactiveInterval: 1 })
    const opened = await sessions.open({ headers: {} })
    await opened.session.login('ann')
    const [, sid] = /=([^;]+)/.exec(sessions.cookiesFor({ headers: {} }, opened)[0]!)!
    // The entry of the login is swept after two intervals.
    for (const until = performance.now() + 2_300; performance.now() < until; await sleep(20)) {
      const loaded = (await store.get(sid!))!
      const cookie = { originalMaxAge: 1_000, expires: new Date(Date.now() + 1_000) }
      await store.set(sid!, Object.assign(loaded, { cookie, n: performance.now() }))
    }
    expect(await sessions.destroyAllOf('ann')).toBe(1)
    expect(await store.get(sid!)).toBeNull()
    await sessions.close()
  })

  it('is extended only when more than 5 % of its life has passed', async () => {
    const { watched, inner, store } = await shop()
    await store.set('sid', { cookie: {}, a: 1 })
    watched.calls.length = 0
    await store.touch('sid', (await store.get('sid'))!)
    expect(watched.calls).toEqual(['load'])
    await inner.touch(hashOfId('sid'), 1_700_000)
    await store.touch('sid', (await store.get('sid'))!)
    expect(watched.calls).toEqual(['load', 'load', 'touch'])
  })
})

describe('for apps that move from express-session to our adapter', () => {
  it('a few lines take over the sessions that are under way', async () => {
    const inner = memoryStore()
    const { origin } = await shop({}, inner)
    const client = visitor(origin)
    await client.get('/set?name=user&value=ann')

    const sessions = createSessions({ store: inner, onError: () => {} })
    const moved = express()
    // As in docs/sessions-differences.md.
    moved.use((req, _res, next) => {
      const cookies = parse(req.headers.cookie ?? '')
      const signed = cookies['connect.sid']
      const id = signed?.startsWith('s:') && unsign(signed.slice(2), 'keyboard cat')
      if (id && cookies.JSESSIONID === undefined) req.headers.cookie += `; JSESSIONID=${id}`
      next()
    })
    moved.use(expressSession(sessions))
    moved.get('/', (req, res) => res.json(req.session))
    moved.get('/login', async (req, res) => {
      await req.session.login('ann')
      res.json(req.session)
    })
    const app = await started(serve(moved))
    const there = visitor(app.origin, client.jar)
    expect((await there.get('/')).body).toBe('{"user":"ann"}')
    expect((await there.get('/login')).cookie('JSESSIONID')).toBeDefined()
    expect((await there.get('/')).body).toBe('{"user":"ann"}')
    const forged = visitor(app.origin, [['connect.sid', `${client.jar.get('connect.sid')?.slice(0, -2)}xx`]])
    expect((await forged.get('/')).body).toBe('{}')
    await sessions.close()
  })
})

describe('the store as an object', () => {
  it('is an event emitter, and gives promises where there is no callback', async () => {
    const { store } = await shop()
    expect(store).toBeInstanceOf(session.Store)
    let heard = 0
    store.on('connect', () => {
      heard += 1
    })
    store.emit('connect')
    expect(heard).toBe(1)
    await store.set('sid', { cookie: {} })
    expect(await new Promise((resolve) => store.get('sid', (...args) => resolve(args)))).toMatchObject([null, {}])
  })

  it('reports what fails where nobody waits for it', async () => {
    const { watched, store, reported } = await shop()
    watched.disturb = () => Promise.reject(new Error('away'))
    store.destroy('sid').catch(() => {})
    await expect.poll(() => reported.map(String)).toEqual(['Error: away'])
  })

  it('says what it needs', () => {
    const wrong = { resave: false } as unknown as typeof session
    expect(() => expressSessionStore(wrong, { store: 'memory:' })).toThrow(/write expressSessionStore\(session/)
    expect(() => expressSessionStore(session, { store: 'memcached:' })).toThrow(/"memcached"/)
  })
})

async function shop(options: object = {}, inner = memoryStore()) {
  const reported: Error[] = []
  const watched = watchedStore(inner)
  const written: string[][] = []
  const counted = Object.assign(Object.create(watched.store) as typeof watched.store, {
    commit: (...[key, change, ttlMs, more]: Parameters<typeof inner.commit>) => {
      written.push([...change.set.keys(), ...change.remove.map((field) => `-${field}`)])
      return watched.store.commit(key, change, ttlMs, more)
    },
  })
  const store = expressSessionStore(session, { store: counted, onError: (error) => reported.push(error) })
  const app = (await started(startExpressSession({ store, ...options }, shopRoutes()))) as PeerApp
  return { app, origin: app.origin, store, inner, watched, written, reported }
}

function shopRoutes(): Record<string, PeerHandler> {
  const room = meeting()
  const done = (res: ServerResponse) => (error?: unknown) => void res.end(error === undefined ? 'done' : String(error))
  const set: PeerHandler = (req, res) => {
    req.session[req.query.name!] = req.query.value
    res.end('done')
  }
  return {
    '/set': set,
    '/slow-set': async (req, res) => {
      await room.meet(Number(req.query.all))
      await room.inTurn(res)
      return set(req, res)
    },
    '/push': (req, res) => {
      req.session.list ??= []
      ;(req.session.list as unknown[]).push(req.query.value)
      res.end('done')
    },
    '/delete': (req, res) => {
      delete req.session[req.query.name!]
      res.end('done')
    },
    '/read': (req, res) => {
      const { cookie: _, ...rest } = req.session
      res.end(JSON.stringify(rest))
    },
    '/destroy': (req, res) => req.session.destroy(done(res)),
    '/slow-destroy': async (req, res) => {
      const { session } = req
      await room.somebody()
      session.destroy(async () => {
        await room.meet(Number(req.query.all))
        res.end('done')
      })
    },
    '/redirect': (req, res) => {
      const go = () => {
        const body = 'See /'
        res.writeHead(303, { Location: '/', 'Content-Length': body.length })
        res.end(body)
      }
      req.session.n = req.query.n
      if (req.query.save === undefined) go()
      else req.session.save(go)
    },
    '/regenerate': (req, res) =>
      req.session.regenerate(() => {
        req.session.fresh = true
        res.end('done')
      }),
  }
}

async function started<A extends TestApp>(app: Promise<A>): Promise<A> {
  apps.push(await app)
  return app
}
