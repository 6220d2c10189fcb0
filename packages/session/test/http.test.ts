import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashOfId, newId } from '../src/id.ts'
import type { SessionAttributes } from '../src/session.ts'
import { createSessions, type Sessions } from '../src/sessions.ts'
import { unavailable } from '../src/stores/deadline.ts'
import { lmdbStore } from '../src/stores/lmdb.ts'
import type { SessionStore } from '../src/stores/store.ts'
import { adapters, type Routes, serve, type TestApp } from './app.ts'
import { browser } from './client.ts'
import { record, sealed } from './describe-session-store.ts'

interface Attributes extends SessionAttributes {
  cart?: string[]
  count?: number
}

describe.each(Object.keys(adapters) as (keyof typeof adapters)[])('%s', (adapter) => {
  const dir = mkdtempSync(join(tmpdir(), 'baton-http-'))
  const timeouts = { connectMs: 5_000, loadMs: 5_000, commitMs: 5_000 }
  const lmdb = lmdbStore({ path: dir, namespace: 'test', timeouts })
  const reported: Error[] = []
  /** What the store was asked, and what a test makes of it. */
  const calls: string[] = []
  let disturb: (method: string) => Promise<void> | undefined = () => undefined
  const store = disturbed(lmdb, (method) => {
    calls.push(method)
    return disturb(method)
  })
  let sessions: Sessions
  let app: TestApp

  beforeAll(async () => {
    sessions = createSessions({ store, timeouts, trustProxy: true, onError: (error) => reported.push(error) })
    app = await serve(adapters[adapter](sessions, routes))
  })
  afterAll(async () => {
    await app.close()
    await sessions.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('sets no cookie and asks the store nothing for a visitor who holds nothing', async () => {
    calls.length = 0
    const answer = await browser(app.origin).get('/read')
    expect([answer.status, answer.setCookie, answer.body]).toEqual([200, [], '{}'])
    expect(calls).toEqual([])
  })

  it('begins a session with the first attribute, under a cookie that scripts cannot read', async () => {
    const visitor = browser(app.origin)
    const answer = await visitor.get('/add?item=tea')
    expect(answer.setCookie).toHaveLength(1)
    expect(answer.setCookie[0]).toMatch(/^JSESSIONID=[\w-]{32}; Path=\/; HttpOnly; SameSite=Lax$/)
    const again = await visitor.get('/read')
    expect([again.body, again.setCookie]).toEqual(['{"cart":["tea"]}', []])
  })

  it('marks the cookie Secure when the trusted balancer says https', async () => {
    const answer = await browser(app.origin).get('/add?item=tea', { 'x-forwarded-proto': 'https, http' })
    expect(answer.setCookie[0]).toMatch(/; Secure/)
  })

  it('never adopts an id that it does not know', async () => {
    const foreign = newId()
    const visitor = browser(app.origin, foreign)
    expect((await visitor.get('/read')).setCookie).toEqual([])
    await visitor.get('/add?item=tea')
    expect(visitor.cookie).not.toBe(foreign)
    expect(await lmdb.load(hashOfId(foreign))).toBeUndefined()
  })

  it('accepts its id with the route that Tomcat appends', async () => {
    const visitor = browser(app.origin)
    await visitor.get('/add?item=tea')
    expect((await browser(app.origin, `${visitor.cookie}.web-1`).get('/read')).body).toBe('{"cart":["tea"]}')
  })

  it('sees a change in place, and writes only what changed', async () => {
    const visitor = browser(app.origin)
    await visitor.get('/add?item=tea')
    calls.length = 0
    await visitor.get('/add?item=jam')
    expect(calls).toEqual(['load', 'commit'])
    calls.length = 0
    expect((await visitor.get('/read')).body).toBe('{"cart":["tea","jam"]}')
    expect(calls).toEqual(['load'])
  })

  it('keeps what it cannot read, byte for byte, and says so only where it is read', async () => {
    const id = newId()
    const java = Buffer.from('JAbCdEf\xac\xed\x00\x05', 'latin1')
    const long = Buffer.from('lAbCdEf0000000z', 'latin1')
    await lmdb.create(hashOfId(id), record({ profile: java, count: long, plain: sealed(1) }), 60_000)
    const visitor = browser(app.origin, id)
    expect((await visitor.get('/keys')).body).toBe('profile,count,plain')
    expect((await visitor.get('/profile')).body).toMatch(/cannot be read here; it is kept as it is/)
    await visitor.get('/set-count?n=7')
    const fields = (await lmdb.load(hashOfId(id)))!.fields
    expect(fields.get('.profile')).toEqual(java)
    expect(fields.get('.count')?.toString('latin1', 0, 1)).toBe('l')
    expect(fields.get('.count')?.readBigInt64BE(7)).toBe(7n)
  })

  it('deletes an attribute that is deleted or undefined', async () => {
    const visitor = browser(app.origin)
    await visitor.get('/add?item=tea')
    await visitor.get('/set-count?n=1')
    await visitor.get('/forget')
    expect((await visitor.get('/read')).body).toBe('{}')
  })

  describe('login', () => {
    it('changes the id, keeps the cart, and ends the old id', async () => {
      const visitor = browser(app.origin)
      await visitor.get('/add?item=tea')
      const before = visitor.cookie
      await visitor.get('/login?user=ann')
      expect(visitor.cookie).not.toBe(before)
      expect((await visitor.get('/who')).body).toBe('ann admin ["tea"]')
      const old = browser(app.origin, before)
      expect((await old.get('/who')).body).toBe('nobody - null')
      expect((await lmdb.load(hashOfId(before!)))!.fields.get('@x')?.toString()).toBe(`r:${hashOfId(visitor.cookie!)}`)
    })

    it('of somebody else does not hand over what the user before had', async () => {
      const visitor = browser(app.origin)
      await visitor.get('/login?user=ann')
      await visitor.get('/add?item=tea')
      await visitor.get('/login?user=ann')
      expect((await visitor.get('/who')).body).toBe('ann admin ["tea"]')
      await visitor.get('/login?user=bob')
      expect((await visitor.get('/who')).body).toBe('bob admin null')
    })

    it('a request that still has the old id changes nothing and gets no cookie', async () => {
      const visitor = browser(app.origin)
      await visitor.get('/add?item=tea')
      const late = browser(app.origin, visitor.cookie)
      await visitor.get('/login?user=ann')
      reported.length = 0
      const answer = await late.get('/add?item=late')
      expect([answer.status, answer.setCookie]).toEqual([200, []])
      expect(reported.map((error) => error.message)).toEqual([
        expect.stringMatching(/^dropped what was assigned to "cart"/),
      ])
      expect((await visitor.get('/who')).body).toBe('ann admin ["tea"]')
    })

    it('with an id that has ended begins a new session', async () => {
      const visitor = browser(app.origin)
      await visitor.get('/login?user=ann')
      const other = browser(app.origin, visitor.cookie)
      await visitor.get('/logout')
      expect((await other.get('/login?user=ann')).setCookie).toHaveLength(1)
      expect((await other.get('/who')).body).toBe('ann admin null')
    })

    it('regenerate changes the id and keeps everything else', async () => {
      const visitor = browser(app.origin)
      await visitor.get('/login?user=ann')
      const before = visitor.cookie
      await visitor.get('/add?item=tea')
      await visitor.get('/regenerate')
      expect(visitor.cookie).not.toBe(before)
      expect((await visitor.get('/who')).body).toBe('ann admin ["tea"]')
    })
  })

  it('destroy ends the session everywhere and clears the cookie', async () => {
    const visitor = browser(app.origin)
    await visitor.get('/login?user=ann')
    const copy = browser(app.origin, visitor.cookie)
    const answer = await visitor.get('/logout')
    expect(answer.setCookie).toEqual(['JSESSIONID=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax'])
    expect((await copy.get('/who')).body).toBe('nobody - null')
    expect((await copy.get('/logout')).setCookie).toEqual([])
  })

  it('what is assigned after destroy begins a new session', async () => {
    const visitor = browser(app.origin)
    await visitor.get('/login?user=ann')
    const before = visitor.cookie
    await visitor.get('/logout-and-say-bye')
    expect(visitor.cookie).not.toBe(before)
    expect((await visitor.get('/read')).body).toBe('{"flash":"bye"}')
  })

  it('destroy of what a login has replaced meanwhile leaves the cookie of that login alone', async () => {
    const visitor = browser(app.origin)
    await visitor.get('/add?item=tea')
    const slow = browser(app.origin, visitor.cookie).get('/logout-slowly')
    await sleep(50)
    await visitor.get('/login?user=ann')
    expect((await slow).setCookie).toEqual([])
    expect((await visitor.get('/who')).body).toBe('ann admin ["tea"]')
  })

  it('updates in parallel are exact, and take turns instead of colliding', async () => {
    const visitor = browser(app.origin)
    await visitor.get('/login?user=ann')
    calls.length = 0
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => browser(app.origin, visitor.cookie).get('/count')),
    )
    expect(answers.map(({ body }) => Number(body)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
    expect(calls.filter((method) => method === 'update').length).toBeLessThanOrEqual(40)
  })

  it('a slow writer does not revive a session that was logged out meanwhile', async () => {
    const visitor = browser(app.origin)
    await visitor.get('/login?user=ann')
    const slow = browser(app.origin, visitor.cookie).get('/add-slowly')
    await sleep(50)
    await visitor.get('/logout')
    const answer = await slow
    expect([answer.status, answer.setCookie]).toEqual([200, []])
    expect((await browser(app.origin, visitor.cookie).get('/who')).body).toBe('nobody - null')
  })

  describe('no byte of the answer leaves before the commit is done', () => {
    it.each([
      '/implicit',
      '/stream',
      '/pipe',
      '/redirect',
      '/head-then-body',
      '/flush',
      '/no-content',
      '/own-cookies',
      '/own-cookies-listed',
    ])('%s', async (path) => {
      let committed = false
      disturb = (method) =>
        method === 'create'
          ? sleep(60).then(() => {
              committed = true
            })
          : undefined
      const firstByte = rawFirstByte(app.origin, path)
      await firstByte
      expect(committed).toBe(true)
      disturb = () => undefined
      const answer = await browser(app.origin).get(path)
      expect({ path, status: answer.status, body: answer.body, cookies: answer.setCookie.length }).toEqual({
        path,
        ...expected[path],
      })
    })

    it('HEAD commits and sets the cookie as well', async () => {
      const visitor = browser(app.origin)
      const answer = await visitor.send('HEAD', '/implicit')
      expect([answer.status, answer.body, answer.setCookie.length]).toEqual([200, '', 1])
      expect((await visitor.get('/read')).body).toBe('{"cart":["tea"]}')
    })

    it('to the app a held answer looks like a sent one', async () => {
      expect(JSON.parse((await browser(app.origin).get('/looks')).body)).toEqual({
        writeGave: false,
        headersSent: true,
        lateHeader: 'ERR_HTTP_HEADERS_SENT',
        status: 'unchanged',
        drained: true,
        wroteCallback: true,
      })
    })

    it('what a stream changes after its headers is written before its end', async () => {
      const visitor = browser(app.origin)
      await visitor.get('/add?item=tea')
      expect((await visitor.get('/change-in-stream')).body).toBe('onetwo')
      expect((await visitor.get('/read')).body).toBe('{"cart":["tea","streamed"]}')
    })

    it('what is assigned between two held calls is written as well', async () => {
      const visitor = browser(app.origin)
      expect((await visitor.get('/change-while-held')).body).toBe('onetwothree')
      expect((await visitor.get('/read')).body).toBe('{"a":1,"b":2,"c":3}')
    })

    it('an invalid header that was held is the app’s mistake: 500, reported, and the process lives', async () => {
      reported.length = 0
      const answer = await browser(app.origin).get('/invalid-header')
      expect([answer.status, answer.setCookie]).toEqual([500, []])
      expect(reported.map((error) => (error as NodeJS.ErrnoException).code)).toEqual(['ERR_INVALID_CHAR'])
    })

    it('a client that goes away meanwhile changes nothing: the commit is made, the process lives', async () => {
      const visitor = browser(app.origin)
      await visitor.get('/add?item=tea')
      let committing: () => void = () => {}
      const begun = new Promise<void>((resolve) => {
        committing = resolve
      })
      disturb = (method) => {
        if (method !== 'commit') return undefined
        committing()
        return sleep(60)
      }
      const { hostname, port } = new URL(app.origin)
      const socket = connect(Number(port), hostname)
      socket.write(`GET /stream HTTP/1.1\r\nHost: x\r\nCookie: JSESSIONID=${visitor.cookie}\r\n\r\n`)
      await begun
      socket.destroy()
      disturb = () => undefined
      await expect.poll(async () => JSON.parse((await visitor.get('/read')).body).seen).toBe(true)
    })

    it('save writes at once, also after the headers', async () => {
      const visitor = browser(app.origin)
      await visitor.get('/add?item=tea')
      expect((await visitor.get('/save')).body).toBe('saved ["tea","saved"]')
    })
  })

  describe('an error is not absence', () => {
    it('503 with Retry-After when loading fails, the cookie untouched', async () => {
      const visitor = browser(app.origin)
      await visitor.get('/add?item=tea')
      disturb = () => Promise.reject(unavailable('the store is away'))
      const answer = await visitor.get('/read')
      disturb = () => undefined
      expect([answer.status, answer.headers['retry-after'], answer.setCookie]).toEqual([503, '1', []])
      expect((await visitor.get('/read')).body).toBe('{"cart":["tea"]}')
    })

    it.each(['/implicit', '/stream', '/pipe', '/redirect', '/own-cookies'])(
      '503 when the commit fails, and nothing of the answer: %s',
      async (path) => {
        disturb = (method) => (method === 'create' ? Promise.reject(unavailable('the store is away')) : undefined)
        const answer = await browser(app.origin).get(path)
        disturb = () => undefined
        expect([answer.status, answer.headers['retry-after'], answer.setCookie]).toEqual([503, '1', []])
        expect(answer.headers.location).toBeUndefined()
        expect(answer.body).toMatch(/^Your session cannot be reached at the moment/)
      },
    )

    it('a login that cannot be stored logs nobody in', async () => {
      const visitor = browser(app.origin)
      disturb = () => Promise.reject(unavailable('the store is away'))
      const answer = await visitor.get('/login?user=ann')
      disturb = () => undefined
      expect([answer.status, answer.setCookie]).toEqual([503, []])
    })

    it('a value that cannot be stored is the app’s mistake: 500, reported', async () => {
      reported.length = 0
      const answer = await browser(app.origin).get('/circular')
      expect([answer.status, answer.setCookie]).toEqual([500, []])
      expect(reported.map((error) => error.message)).toEqual([expect.stringMatching(/JSON cannot hold/)])
    })
  })

  it('touches only when more than 5 % of the interval has passed', async () => {
    const [fresh, old] = [newId(), newId()]
    await lmdb.create(hashOfId(fresh), record({ cart: sealed(['tea']) }), 1_800_000)
    await lmdb.create(hashOfId(old), record({ cart: sealed(['tea']) }), 1_800_000 * 0.94)
    calls.length = 0
    await browser(app.origin, fresh).get('/read')
    expect(calls).toEqual(['load'])
    await browser(app.origin, old).get('/read')
    expect(calls).toEqual(['load', 'load', 'touch'])
    await expect.poll(async () => (await lmdb.load(hashOfId(old)))!.ttlMs).toBeGreaterThan(1_799_000)
  })

  it('ids are in no error', async () => {
    const id = newId()
    const fields = record({})
    fields.set('@f', Buffer.from('2.2'))
    await lmdb.create(hashOfId(id), fields, 60_000)
    const answer = await browser(app.origin, id).get('/read')
    expect([answer.status, answer.body.includes(id), answer.setCookie]).toEqual([503, false, []])
  })

  const routes: Routes = {
    '/read': (session, res) => res.end(JSON.stringify(session)),
    '/keys': (session, res) => res.end(Object.keys(session).join()),
    '/profile': (session, res) => {
      try {
        res.end(String(session.profile))
      } catch (error) {
        res.end(String(error))
      }
    },
    '/add': (session, res, req) => {
      const { cart } = session as Attributes
      const item = query(req, 'item')
      if (cart === undefined) session.cart = [item]
      else cart.push(item)
      res.end()
    },
    '/add-slowly': async (session, res) => {
      await sleep(200)
      session.cart = ['late']
      res.end()
    },
    '/set-count': (session, res, req) => {
      session.count = Number(query(req, 'n'))
      res.end()
    },
    '/forget': (session, res) => {
      delete session.cart
      session.count = undefined
      res.end()
    },
    '/login': async (session, res, req) => {
      await session.login(query(req, 'user'), { roles: ['admin'] })
      res.end()
    },
    '/regenerate': async (session, res) => {
      await session.regenerate()
      res.end()
    },
    '/who': ({ principal, cart }, res) =>
      res.end(`${principal?.name ?? 'nobody'} ${principal?.roles ?? '-'} ${JSON.stringify(cart ?? null)}`),
    '/logout': async (session, res) => {
      await session.destroy()
      res.end()
    },
    '/logout-slowly': async (session, res) => {
      await sleep(200)
      await session.destroy()
      session.flash = 'never'
      res.end()
    },
    '/count': async (session, res) => {
      const count = await session.update('count', (current) => (typeof current === 'number' ? current : 0) + 1)
      res.end(String(count))
    },
    '/logout-and-say-bye': async (session, res) => {
      await session.destroy()
      session.flash = 'bye'
      res.end()
    },
    '/implicit': (session, res) => {
      session.cart = ['tea']
      res.end('done')
    },
    '/stream': (session, res) => {
      session.cart = ['tea']
      session.seen = true
      res.write('one')
      res.write('two', () => res.end('three'))
    },
    '/change-while-held': (session, res) => {
      session.a = 1
      res.write('one')
      session.b = 2
      res.write('two')
      session.c = 3
      res.end('three')
    },
    '/invalid-header': (session, res) => {
      session.cart = ['tea']
      res.writeHead(200, { 'X-Bad': 'line\nbreak' })
      res.end('never')
    },
    '/pipe': async (session, res) => {
      session.cart = ['tea']
      await pipeline(Readable.from(Array.from({ length: 50 }, () => 'x'.repeat(4096))), res)
    },
    '/redirect': (session, res) => {
      session.cart = ['tea']
      res.writeHead(303, { Location: '/' }).end()
    },
    '/head-then-body': (session, res) => {
      session.cart = ['tea']
      res.writeHead(201, 'Made', { 'X-A': '1' })
      setImmediate(() => res.end('made'))
    },
    '/flush': (session, res) => {
      session.cart = ['tea']
      res.flushHeaders()
      res.end('flushed')
    },
    '/no-content': (session, res) => {
      session.cart = ['tea']
      res.writeHead(204).end()
    },
    '/own-cookies': (session, res) => {
      session.cart = ['tea']
      res.writeHead(200, { 'set-cookie': ['a=1', 'b=2'] })
      res.end()
    },
    '/own-cookies-listed': (session, res) => {
      session.cart = ['tea']
      res.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end()
    },
    '/looks': async (session, res) => {
      session.cart = ['tea']
      const seen: Record<string, unknown> = {}
      const drained = new Promise((resolve) => res.once('drain', () => resolve(true)))
      const wrote = new Promise((resolve) => {
        seen.writeGave = res.write(' ', () => resolve(true))
      })
      seen.headersSent = res.headersSent
      try {
        res.setHeader('X-Late', '1')
      } catch (error) {
        seen.lateHeader = (error as NodeJS.ErrnoException).code
      }
      res.statusCode = 500
      seen.status = 'unchanged'
      seen.drained = await drained
      seen.wroteCallback = await wrote
      res.end(JSON.stringify(seen))
    },
    '/change-in-stream': (session, res) => {
      res.write('one')
      ;(session as Attributes).cart?.push('streamed')
      res.end('two')
    },
    '/save': async (session, res) => {
      res.flushHeaders()
      ;(session as Attributes).cart?.push('saved')
      await session.save()
      res.end(`saved ${JSON.stringify(session.cart)}`)
    },
    '/circular': (session, res) => {
      const circular: Record<string, unknown> = {}
      circular.self = circular
      session.circular = circular
      res.end('never')
    },
  }
})

const expected: Record<string, { status: number; body: string; cookies: number }> = {
  '/implicit': { status: 200, body: 'done', cookies: 1 },
  '/stream': { status: 200, body: 'onetwothree', cookies: 1 },
  '/pipe': { status: 200, body: 'x'.repeat(50 * 4096), cookies: 1 },
  '/redirect': { status: 303, body: '', cookies: 1 },
  '/head-then-body': { status: 201, body: 'made', cookies: 1 },
  '/flush': { status: 200, body: 'flushed', cookies: 1 },
  '/no-content': { status: 204, body: '', cookies: 1 },
  '/own-cookies': { status: 200, body: '', cookies: 3 },
  '/own-cookies-listed': { status: 200, body: '', cookies: 3 },
}

function query(req: { url?: string | undefined }, name: string): string {
  return new URL(req.url ?? '/', 'http://x').searchParams.get(name) ?? ''
}

/** The same store, each call announced to `before`, which may delay it or make it fail. */
function disturbed(store: SessionStore, before: (method: string) => Promise<void> | undefined): SessionStore {
  return new Proxy(store, {
    get(target, name) {
      // Every read is a load here, as with a store that is not on this host.
      if (name === 'peek') return undefined
      if (name === 'health') return Reflect.get(target, name)
      const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>
      return async (...args: unknown[]) => {
        await before(String(name))
        return method(...args)
      }
    },
  })
}

function rawFirstByte(origin: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin)
    const socket = connect(Number(port), hostname, () => socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`))
    socket.once('data', () => {
      socket.destroy()
      resolve()
    })
    socket.on('error', reject)
  })
}
