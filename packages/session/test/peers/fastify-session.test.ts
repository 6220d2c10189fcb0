import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { expressSessionStore } from '../../src/express-session-store.ts'
import { newId } from '../../src/id.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { TestApp } from '../app.ts'
import { describeOurAdapter } from './describe-our-adapter.ts'
import { idIn } from './express-session-module.ts'
import {
  type FastifyPeerHandler,
  type FastifySessionOptions,
  fastifySession,
  startFastifySession,
} from './fastify-session-app.ts'
import { meeting } from './meeting.ts'
import { visitor } from './visitor.ts'
import { watchedStore } from './watched-store.ts'

// What @fastify/session's own tests expect of it, with our store behind it; and by our adapter for Fastify.

const apps: TestApp[] = []
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

describeOurAdapter('fastify')

describe('@fastify/session on our store', () => {
  it('keeps what a session holds from request to request', async () => {
    const { origin } = await start({}, { '/': count })
    const client = visitor(origin)
    expect([await body(client, '/'), await body(client, '/'), await body(client, '/')]).toEqual(['1', '2', '3'])
    expect(await body(visitor(origin), '/')).toBe('1')
  })

  it('loses nothing of what parallel requests set, though it saves every session at every request', async () => {
    const { origin } = await start({}, { '/set': setLate(20), '/read': read })
    const client = visitor(origin)
    await client.post('/set', { start: 1, all: 1 })
    const names = Array.from({ length: 20 }, (_, i) => `n${i}`)
    await Promise.all(names.map((name) => client.post('/set', { [name]: 1 })))
    const session = JSON.parse(await body(client, '/read')) as object
    expect(names.filter((name) => !(name in session))).toEqual([])
  })

  it('revives nothing by a save that comes after a logout', async () => {
    const { origin, store, reported } = await start({}, { '/set': setLate(2), '/out': out(2), '/': count })
    const client = visitor(origin)
    await client.get('/')
    const id = idIn(client.jar, 'sessionId')
    const late = client.post('/set', { late: 1 })
    await visitor(origin, client.jar).get('/out')
    expect((await late).status).toBe(200)
    expect(await store.get(id)).toBeNull()
    expect(reported.map(String).join()).toMatch(/dropped what was assigned to "late"/)
  })

  it('writes nothing for a request that changes nothing, rolling or not', async () => {
    for (const rolling of [true, false]) {
      const { origin, calls } = await start({ rolling }, { '/': count, '/read': read })
      const client = visitor(origin)
      await client.get('/')
      calls.length = 0
      const answer = await client.get('/read')
      expect(calls).toEqual(['load'])
      expect(answer.setCookies).toHaveLength(rolling ? 1 : 0)
    }
  })

  it('hands JSON, and what is enumerated there, nothing of ours', async () => {
    const { origin } = await start({}, { '/': count, '/json': ({ session }) => JSON.stringify(session) })
    const client = visitor(origin)
    await client.get('/')
    expect(Object.keys(JSON.parse(await body(client, '/json')) as object).sort()).toEqual(['cookie', 'n'])
  })

  it('begins a new session for an id that is unknown, forged, or expired', async () => {
    const { origin, store, calls } = await start({ cookie: { secure: false, maxAge: 60 } }, { '/': count })
    const client = visitor(origin)
    await client.get('/')
    const id = idIn(client.jar, 'sessionId')
    await expect.poll(() => store.length()).toBe(0)
    expect(await body(client, '/')).toBe('1')
    expect(idIn(client.jar, 'sessionId')).not.toBe(id)
    calls.length = 0
    expect(await body(visitor(origin, [['sessionId', `${newId()}.forged`]]), '/')).toBe('1')
    expect(calls).toEqual(['create'])
  })

  it('begins none for who holds nothing, unless it is asked to', async () => {
    for (const saveUninitialized of [true, false]) {
      const { origin, store } = await start({ saveUninitialized }, { '/': () => 'hello' })
      const answer = await visitor(origin).get('/')
      expect([answer.setCookies.length, await store.length()]).toEqual(saveUninitialized ? [1, 1] : [0, 0])
    }
  })

  it('lives as long as its cookie', async () => {
    const cookie = { secure: false, maxAge: 7_200_000 }
    const { origin, inner } = await start({ cookie }, { '/': count })
    const answer = await visitor(origin).get('/')
    expect(new Date(answer.cookie('sessionId')?.expires ?? 0).getTime() - Date.now()).toBeGreaterThan(7_190_000)
    const [entry] = (await inner.list({})).entries
    expect([entry?.meta.get('@m')?.toString(), Math.ceil((entry?.ttlMs ?? 0) / 1000)]).toEqual(['7200', 7200])
  })

  it('keeps the options of one session: its own maxAge counts from then on', async () => {
    const cookie = { secure: false, maxAge: 60_000 }
    const { origin, inner } = await start(
      { cookie },
      {
        '/remember': ({ session }) => {
          session.options({ maxAge: 7_200_000 })
          session.n = 1
          return 'done'
        },
        '/age': ({ session }) => String(session.cookie.originalMaxAge),
      },
    )
    const client = visitor(origin)
    await client.get('/age')
    await client.get('/remember')
    expect(await body(client, '/age')).toBe('7200000')
    const [entry] = (await inner.list({})).entries
    expect(entry?.ttlMs).toBeGreaterThan(7_000_000)
  })

  it('ends at a date that does not move', async () => {
    const expires = new Date(Date.now() + 7_200_000)
    const { origin, inner, calls } = await start({ cookie: { secure: false, expires } }, { '/': count, '/read': read })
    const client = visitor(origin)
    await client.get('/')
    await sleep(20)
    calls.length = 0
    await client.get('/read')
    expect(calls).toEqual(['load'])
    const [entry] = (await inner.list({})).entries
    expect(Math.abs(Date.now() + (entry?.ttlMs ?? 0) - expires.getTime())).toBeLessThan(50)
  })

  it('destroys, regenerates, reloads and saves', async () => {
    const { origin, store } = await start(
      {},
      {
        '/': count,
        '/destroy': async (request) => {
          await request.session.destroy()
          return String(request.session)
        },
        '/regenerate': async (request) => {
          request.session.lost = 1
          await request.session.regenerate(['n'])
          return JSON.stringify([request.session.n, request.session.lost ?? null])
        },
        '/reload': async (request) => {
          const loaded = (await store.get(request.session.sessionId))!
          await store.set(request.session.sessionId, Object.assign(loaded, { n: 100 }))
          request.session.mine = 1
          await request.session.reload()
          return JSON.stringify([request.session.n, request.session.mine ?? null])
        },
        '/save': async (request) => {
          request.session.n = 7
          await request.session.save()
          return String((await store.get(request.session.sessionId))?.n)
        },
      },
    )
    const client = visitor(origin)
    await client.get('/')
    const first = idIn(client.jar, 'sessionId')
    expect(await body(client, '/regenerate')).toBe('[1,null]')
    expect(idIn(client.jar, 'sessionId')).not.toBe(first)
    expect(await store.get(first)).toBeNull()
    expect(await body(client, '/reload')).toBe('[100,null]')
    expect(await body(client, '/save')).toBe('7')
    expect(await body(client, '/')).toBe('8')
    expect(await body(client, '/destroy')).toBe('null')
    expect(await store.length()).toBe(0)
  })

  it('reloads what has ended as an empty session, under an id that nothing can be saved under', async () => {
    const { origin, store } = await start(
      {},
      {
        '/': count,
        '/reload': async (request) => {
          await store.destroy(request.session.sessionId)
          await request.session.reload()
          request.session.back = 1
          return 'done'
        },
      },
    )
    const client = visitor(origin)
    await client.get('/')
    const answer = await client.get('/reload')
    expect([answer.status, answer.setCookies, await store.length()]).toEqual([409, [], 0])
  })

  it('hands errors of the store to the app: 503, no cookie, and the session is there when it is back', async () => {
    const { origin, watched, errors } = await start({}, { '/': count, '/read': read })
    const client = visitor(origin)
    await client.get('/')
    for (const method of ['load', 'commit']) {
      watched.disturb = (name) =>
        name === method ? Promise.reject(Object.assign(new Error('gone'), { code: 'ENOENT' })) : undefined
      const answer = await client.get('/')
      expect([answer.status, answer.setCookies]).toEqual([503, []])
    }
    expect(errors).toMatchObject([{ code: 'session-unavailable' }, { code: 'session-unavailable' }])
    watched.disturb = () => undefined
    expect(await body(client, '/')).toBe('2')
  })
})

const count: FastifyPeerHandler = ({ session }) => {
  session.n = Number(session.n ?? 0) + 1
  return String(session.n)
}

const read: FastifyPeerHandler = ({ session }) => JSON.stringify(session)

const room = meeting()

/** All of them have loaded before the first one saves. */
function setLate(all: number): FastifyPeerHandler {
  return async ({ session, body }, reply) => {
    const { all: mine = all, ...attributes } = body as { all?: number }
    await room.meet(mine)
    await room.inTurn(reply.raw)
    Object.assign(session, attributes)
    return 'done'
  }
}

function out(all: number): FastifyPeerHandler {
  return async ({ session }) => {
    await room.somebody()
    await session.destroy()
    await room.meet(all)
    return 'done'
  }
}

async function body(client: ReturnType<typeof visitor>, path: string): Promise<string> {
  return (await client.get(path)).body
}

async function start(options: FastifySessionOptions, routes: Record<string, FastifyPeerHandler>) {
  const inner = memoryStore()
  const watched = watchedStore(inner)
  const reported: Error[] = []
  const store = expressSessionStore(fastifySession, { store: watched.store, onError: (error) => reported.push(error) })
  const app = await startFastifySession({ store, ...options }, routes)
  apps.push(app)
  return { origin: app.origin, errors: app.errors, store, inner, watched, calls: watched.calls, reported }
}
